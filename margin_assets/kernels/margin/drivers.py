"""What each position adds to the two requirements: where portfolio margin and Reg T differ."""

import numpy as np
import polars as pl

from margin_assets.kernels.book.book import Book, taken
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.book.states import NOT_PROVEN
from margin_assets.kernels.margin.grouping_gaps import has_large_group
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.margin.revaluation import revalue
from margin_assets.kernels.numeric.money import to_decimal

MOST_POSITIONS = 500
"""Positions of one account whose parts are told: each costs the account without it once more."""
Amounts = np.ndarray[tuple[int, int], np.dtype[np.int64]]


def drivers(era: Margined) -> pl.DataFrame:
    """What each position of one account adds to its Reg T and portfolio-margin requirement, USD.

    It is what the whole account requires less what it would without the position, each
    requirement set against net liquidation; negative for a hedge. Sorted by the size of the
    difference, then symbol. Nothing is told where `why_not_told` names a reason.
    """
    positions, count = era.positions, era.positions.height
    if why_not_told(era) is not None:
        return _rows(positions.clear(), np.zeros((2, 0), dtype=np.int64))
    others = _each_left_out(era.book, count)
    without = revalue(others, era.series, era.rules, era.values)
    return _rows(positions, _required(era.figures) - _required(without))


def why_not_told(era: Margined) -> str | None:
    """Why nothing is told of an account's positions; None if it is.

    What differs between two groupings that are not proven is how far each search came.
    """
    if era.positions.height > MOST_POSITIONS:
        return "too_many_positions"
    if int(era.figures.states[0]) & NOT_PROVEN:
        return "grouping_not_proven"
    return "class_group_too_large" if has_large_group(era) else None


def _required(figures: Figures) -> Amounts:
    """Both requirements against net liquidation: that, less what remains free."""
    reg_t = figures.net_liquidation - (figures.reg_t_equity - figures.maintenance)
    return np.stack([reg_t, figures.portfolio_margin])


def _each_left_out(book: Book, count: int) -> Book:
    """A book of as many accounts as there are positions, each without one of them."""
    others = [np.delete(np.arange(count), i) for i in range(count)]
    places = np.concatenate([np.zeros(0, dtype=np.int64), *others]).astype(np.int64)
    the_account = np.zeros(count, dtype=np.int64)
    return taken(book, places, the_account, np.full(count, count - 1, dtype=np.int64))


def _rows(positions: pl.DataFrame, amounts: Amounts) -> pl.DataFrame:
    return (
        positions.select(
            "symbol",
            reg_t=to_decimal(amounts[0].copy(), 2),
            portfolio_margin=to_decimal(amounts[1].copy(), 2),
            size=pl.Series(np.abs(amounts[0] - amounts[1])),
        )
        .sort("size", "symbol", descending=[True, False], maintain_order=True)
        .drop("size")
    )
