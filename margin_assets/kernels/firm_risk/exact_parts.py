"""Sums over many accounts that stay exact: those that could leave 64 bits are taken in parts."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from margin_assets.kernels.numeric.arrays import Int64Array

_FITS = 4.0e18
"""A sum whose parts are no larger together fits 64 bits, whatever a double misses of it."""

Sums = tuple[npt.NDArray[np.int64], ...]
"""Sums of whole numbers; of Python's where they do not fit 64 bits."""
Summed = tuple[Sums, float]
"""Sums over some accounts, and a bound of each of them."""


def in_parts(accounts: Int64Array, summed: Callable[[Int64Array], Summed]) -> Summed:
    """Sums over accounts, exact whatever their size: halves of them are summed where they must."""
    found = summed(accounts)
    if found[1] <= _FITS or len(accounts) < 2:
        return found
    middle = len(accounts) // 2
    return together([in_parts(part, summed) for part in (accounts[:middle], accounts[middle:])])


def together(parts: Sequence[Summed]) -> Summed:
    """Sums over several parts, at least one, and a bound of each."""
    bound = sum(part[1] for part in parts)
    columns = zip(*(part[0] for part in parts), strict=True)
    if bound <= _FITS:
        return tuple(np.sum(column, axis=0) for column in columns), bound
    return tuple(sum(one.astype(object) for one in column) for column in columns), bound
