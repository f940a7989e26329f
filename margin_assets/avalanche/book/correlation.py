"""The correlation of a book: as stated, else of its history, mended where it is none."""

import numpy as np

from margin_assets.avalanche.book.faults import BookError
from margin_assets.avalanche.book.history import DECAY, History
from margin_assets.avalanche.book.reading import Tables
from margin_assets.kernels.avalanche.market.correlations import is_positive, mended
from margin_assets.kernels.avalanche.market.residuals import unit_variance
from margin_assets.kernels.initial_margin.historical import filtered
from margin_assets.kernels.numeric.arrays import FloatArray


def correlation_of(
    tables: Tables, history: History, factors: tuple[str, ...], *, is_needed: bool
) -> tuple[FloatArray, list[str]]:
    """[factor, factor], positive semidefinite, and what was done to make it so.

    Args:
        tables: Of the book.
        history: Of its factors; used where the table `correlation` is empty.
        factors: Their ids.
        is_needed: Whether the run draws from it: then every pair must be known.

    Raises:
        BookError: A pair that is needed is not known, or a pair is stated in two ways.
    """
    count = len(factors)
    if tables["correlation"].height:
        found = _stated(tables, factors)
    elif history.dates and not history.lacking(list(range(count))):
        standard = unit_variance(filtered(history.daily, DECAY).residuals)
        found = np.einsum("df,dg->fg", standard, standard) / len(standard)
        np.fill_diagonal(found, 1.0)
    elif count > 1 and is_needed:
        raise BookError(
            [f"correlation: {factors[0]!r} with {factors[1]!r} is not stated, nor in a history"]
        )
    else:
        told = ["no correlation is stated: factors are taken as independent"] if count > 1 else []
        return np.eye(count), told
    if is_positive(found):
        return found, []
    return mended(found), ["correlation is not positive semidefinite: mended by its eigenvalues"]


def _stated(tables: Tables, factors: tuple[str, ...]) -> FloatArray:
    place = {factor: number for number, factor in enumerate(factors)}
    found = np.full((len(factors), len(factors)), np.nan)
    np.fill_diagonal(found, 1.0)
    faults = []
    for one, other, rho in tables["correlation"].select("factor_id", "other_id", "rho").rows():
        i, j = place[one], place[other]
        if not np.isnan(found[i, j]) and found[i, j] != rho:
            faults.append(f"correlation: {one!r} with {other!r} is {found[i, j]} and {rho}")
        found[i, j] = found[j, i] = rho
    faults += [
        f"correlation: {factors[i]!r} with {factors[j]!r} is not stated"
        for i, j in zip(*np.nonzero(np.isnan(found)), strict=True)
        if i < j
    ]
    if faults:
        raise BookError(faults)
    return found
