"""Rows of closes as securities: what counts, where one ends, and what was wrong with the rest.

A ticker that is silent for long, or jumps like a split that nobody told of, is another security
from then on: its holders are settled and no return joins the two.
"""

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.backtest.faults import Fault
from margin_assets.backtest.history.document import Cut, Document
from margin_assets.backtest.history.reading import Rows
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.numeric.money import MICRO
from margin_assets.kernels.rules.backtest_rules import BacktestRules

_RATIOS = (*range(2, 11), 15, 20)
"""New shares for an old one, or the other way, that splits come in."""


class Segment(NamedTuple):
    """One security: its rows, by place of their session."""

    symbol: str
    """The ticker; of one that ended before another took it, with its last day."""
    ticker: str
    places: Int64Array
    close: Int64Array
    """Micro-dollars."""
    file: tuple[str, ...]
    file_row: Int64Array
    end: Cut | None
    """Why it ended, where that is known."""
    is_ended: bool


class Clean(NamedTuple):
    """Rows that count, and what was wrong."""

    rows: pl.DataFrame
    faults: list[Fault]


def clean(rows: Rows, days: list[date]) -> Clean:
    """Closes above 0 on sessions, one a symbol and day, with the `place` of their session."""
    places = pl.DataFrame(
        {"day": days, "place": np.arange(len(days))}, schema={"day": pl.Date, "place": pl.Int64}
    )
    found = rows.closes.join(places, on="day", how="left", maintain_order="left")
    is_bad = ~(pl.col("close") > 0.0) | ~pl.col("close").is_finite()
    kept = found.filter(~is_bad & pl.col("place").is_not_null())
    many = pl.len().over("symbol", "day") > 1
    agree = pl.col("close").n_unique().over("symbol", "day") == 1
    first = pl.col("file_row").cum_count().over("symbol", "day") == 1
    faults = [
        *_told(found.filter(is_bad), "price_not_above_0", "no price on that day"),
        *_told(found.filter(pl.col("place").is_null()), "no_session", "row not counted"),
        *_told(kept.filter(many & agree & first), "day_twice", "one of the equal rows counts"),
        *_told(kept.filter(many & ~agree & first), "day_twice_and_different", "no price that day"),
    ]
    return Clean(kept.filter(agree & first).sort("symbol", "place"), faults)


def _told(rows: pl.DataFrame, fault: str, treatment: str) -> Iterator[Fault]:
    for symbol, day in rows.sort("symbol", "day").select("symbol", "day").iter_rows():
        yield Fault(symbol, day, fault, treatment)


def segments(
    cleaned: Clean, splits: dict[str, Int64Array], document: Document, rules: BacktestRules
) -> tuple[list[Segment], list[Fault]]:
    """The securities that rows come to, sorted by symbol, and what was wrong with the rows.

    Args:
        cleaned: Rows that count.
        splits: Places of the sessions of each ticker's splits.
        document: With the cuts that are known.
        rules: How long a gap and how large a jump may be.
    """
    found: list[Segment] = []
    faults = list(cleaned.faults)
    # A file ends where its last session does; who is silent for long before then has ended.
    last = int(cleaned.rows["place"].to_numpy().max(initial=0))
    for (ticker,), rows in cleaned.rows.group_by("symbol", maintain_order=True):
        name = str(ticker)
        cuts = sorted((cut for cut in document.cut if cut.symbol == name), key=lambda c: c.last)
        starts, wrong = _starts(rows, splits.get(name, np.zeros(0, np.int64)), cuts, rules)
        faults += wrong
        parts = np.split(np.arange(rows.height), starts)
        for part in parts:
            follows = part[-1] + 1 < rows.height
            found.append(_segment(rows[part.tolist()], cuts, last, rules, follows=follows))
    for segment in found:
        faults += _ending(segment, cleaned.rows)
    return sorted(found, key=lambda one: one.symbol), faults


def _segment(
    rows: pl.DataFrame, cuts: list[Cut], last: int, rules: BacktestRules, *, follows: bool
) -> Segment:
    ticker, end_day = rows["symbol"][0], rows["day"][-1]
    places = rows["place"].to_numpy().astype(np.int64)
    is_ended = follows or last - int(places[-1]) > rules.gap_sessions
    after = [cut for cut in cuts if rows["day"][0] <= cut.last]
    return Segment(
        symbol=f"{ticker}@{end_day}" if follows else ticker,
        ticker=ticker,
        places=places,
        close=np.rint(rows["close"].to_numpy() * MICRO).astype(np.int64),
        file=tuple(rows["file"].to_list()),
        file_row=rows["file_row"].to_numpy().astype(np.int64),
        end=after[0] if after and is_ended and end_day <= after[0].last else None,
        is_ended=is_ended,
    )


def _starts(
    rows: pl.DataFrame, splits: Int64Array, cuts: list[Cut], rules: BacktestRules
) -> tuple[Int64Array, list[Fault]]:
    """Rows at which another security begins under a ticker, and what was wrong there."""
    places, days = rows["place"].to_numpy(), rows["day"].to_list()
    close = rows["close"].to_numpy()
    gap = np.diff(places) > rules.gap_sessions
    # A split on a day without a row counts at the next row.
    is_split = np.searchsorted(splits, places[1:], "right") > np.searchsorted(
        splits, places[:-1], "right"
    )
    jump = ~gap & ~is_split & _like_splits(close, rules)
    known = np.zeros(len(gap), dtype=np.bool_)
    for cut in cuts:
        known |= np.array([a <= cut.last < b for a, b in pairwise(days)], dtype=np.bool_)
    ticker = rows["symbol"][0]
    faults = [
        Fault(ticker, days[n + 1], "split_without_factor", "another security from that day on")
        for n in np.flatnonzero(jump & ~known)
    ] + [
        Fault(ticker, days[n + 1], "gap", "another security from that day on")
        for n in np.flatnonzero(gap & ~known)
    ]
    return np.flatnonzero(gap | jump | known) + 1, faults


def _like_splits(close: FloatArray, rules: BacktestRules) -> np.ndarray:
    """Which moves from one row to the next are large and as good as a ratio of whole numbers."""
    ratio = close[:-1] / close[1:]
    size = np.maximum(ratio, 1.0 / ratio)
    is_large = size > 1.0 / (1.0 - rules.split_jump)
    near = np.min([np.abs(size / whole - 1.0) for whole in _RATIOS], axis=0, initial=np.inf)
    return np.asarray(is_large & (near < rules.split_tolerance))


def _ending(segment: Segment, rows: pl.DataFrame) -> Iterator[Fault]:
    if not segment.is_ended:
        return
    day = rows.filter(
        (pl.col("symbol") == segment.ticker) & (pl.col("place") == int(segment.places[-1]))
    )["day"][0]
    if segment.end is None:
        yield Fault(segment.symbol, day, "ends_unexplained", "holders get the last close")
        return
    got = "the last close" if segment.end.worth is None else f"{segment.end.worth:g} USD a share"
    yield Fault(segment.symbol, day, "ends", f"{segment.end.reason}; holders get {got}")
