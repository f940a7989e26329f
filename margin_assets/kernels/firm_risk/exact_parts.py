"""Sums over many accounts that stay exact: those that could leave 64 bits are taken in parts."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from margin_assets.kernels.numeric.arrays import Int64Array

_FITS = 4.0e18
"""A sum whose parts are no larger together fits 64 bits, whatever a double misses of it."""

Sums = tuple[npt.NDArray[np.int64], ...]
"""Sums of whole numbers; of Python's where they do not fit 64 bits."""
Summed = tuple[Sums, float]
"""Sums over some accounts, and a bound of each of them."""


def in_parts(accounts: Int64Array, summed: Callable[[Int64Array], Summed]) -> Sums:
    """Sums over accounts, exact whatever their size: halves of them are summed where they must."""
    sums, bound = summed(accounts)
    if bound <= _FITS or len(accounts) < 2:
        return sums
    middle = len(accounts) // 2
    low, high = (in_parts(part, summed) for part in (accounts[:middle], accounts[middle:]))
    return tuple(one.astype(object) + other for one, other in zip(low, high, strict=True))
