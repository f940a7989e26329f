"""A history as arrays by session and security: what the day loop reads."""

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from margin_assets.backtest.faults import BacktestError, Fault
from margin_assets.backtest.history.actions import Actions, actions_by_ticker, actions_of
from margin_assets.backtest.history.bars import Bars, Sessions, bars_of
from margin_assets.backtest.history.chain import Chain, chain_of
from margin_assets.backtest.history.document import Described, Document
from margin_assets.backtest.history.reading import Rows, read_rows
from margin_assets.backtest.history.segments import Segment, clean, segments
from margin_assets.calendar import sessions
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.numeric.money import MICRO, PPM
from margin_assets.kernels.rules.backtest_rules import BacktestRules, backtest_rules

BEFORE = -1
"""Age of a price that has not been yet."""


class Contracts(NamedTuple):
    """Options among the columns of a history, from one column on."""

    first: int
    terms: pl.DataFrame
    """As those of the chain, by column."""
    underlying: Int64Array
    """Column of what each is written on."""
    since: Int64Array
    """Session of the first quote of each."""


class History(NamedTuple):
    """Sessions down, securities across."""

    document: Document
    history_id: str
    days: tuple[date, ...]
    opens: Int64Array
    closes: Int64Array
    """Instants, microseconds."""
    symbols: tuple[str, ...]
    asset_class: tuple[str, ...]
    class_group: tuple[str, ...]
    price: Int64Array
    """Last close, micro-dollars; 0 before the first."""
    age: npt.NDArray[np.int32]
    """Sessions since that close; `BEFORE` before the first."""
    total: FloatArray
    """Index of total return; stands where there is no row, NaN before the first."""
    splits: Actions
    dividends: Actions
    last: Int64Array
    """Session of the last row of a security that ends; beyond all sessions for one that lives."""
    worth: Int64Array
    """Micro-dollars a share that its holders get."""
    beta: FloatArray
    """By month: on the benchmark, known before its first session; NaN with too few returns."""
    month: Int64Array
    """Month of each session, from 0."""
    rate: FloatArray
    """Yield a year known on each session; NaN where none is."""
    bars: Bars
    """Prices between openings and closes, where they were asked for."""
    rows: pl.DataFrame
    """The rows that count, with their origin."""
    faults: tuple[Fault, ...]
    chain: Chain | None = None
    """Options that a book may hold, where they were asked for."""
    contracts: Contracts | None = None
    """Options that are columns behind the other securities; None of a book without any."""


def history_of(
    described: Described, *, with_bars: bool = False, with_options: bool = False
) -> History:
    """Reads a history and lays it out, its bars and options too where they are asked for.

    Raises:
        BacktestError: It has no row that counts, or not its benchmark, or not what is asked for.
    """
    rows = read_rows(described, with_bars=with_bars, with_options=with_options)
    return built(rows, described.document)


def built(rows: Rows, document: Document) -> History:
    """Rows as arrays; the same rows and document give the same arrays.

    Raises:
        BacktestError: No row counts, or the benchmark has none.
    """
    known = sessions()
    first, end = _range(known.days, rows.closes["day"], document)
    days = known.days[first:end]
    rules = backtest_rules(days[-1])
    splits, dividends = _splits_and_dividends(rows.actions, days)
    found, faults = _securities(rows, splits, (days, document, rules))
    told_splits = actions_of(found, splits, PPM)
    told_dividends = actions_of(found, dividends, MICRO)
    faults += _without_actions(found, {*splits, *dividends}, document)
    price, age = prices_of(found, len(days))
    total, month = totals_of(price, age, told_splits, told_dividends), _months(days)
    symbols = tuple(segment.symbol for segment in found)
    origins, times = origins_of(found, days), (known.opens[first:end], known.closes[first:end])
    bars, wrong = bars_of(rows.bars, Sessions(*times, origins, price, told_splits))
    chain, unquoted = (None, []) if rows.quotes is None else chain_of(rows.quotes, days, splits)
    return History(
        document=document,
        history_id=_identity(rows, document, rules),
        days=tuple(days),
        opens=times[0],
        closes=times[1],
        symbols=symbols,
        asset_class=tuple(document.class_of(segment.ticker) for segment in found),
        class_group=tuple(_group_of(segment, document) for segment in found),
        price=price,
        age=age,
        total=total,
        splits=told_splits,
        dividends=told_dividends,
        last=np.array([s.places[-1] if s.is_ended else len(days) for s in found], np.int64),
        worth=np.array([_worth(s) for s in found], np.int64),
        beta=_betas(total, age, symbols.index(document.benchmark), month, rules),
        month=month,
        rate=_rates(rows.yields, days),
        bars=bars,
        rows=origins,
        faults=(*faults, *wrong, *unquoted),
        chain=chain,
    )


def _splits_and_dividends(actions: pl.DataFrame, days: list[date]) -> list[dict[str, pl.DataFrame]]:
    """Actions of each of the two kinds by ticker."""
    kinds = ("split", "dividend")
    return [actions_by_ticker(actions.filter(pl.col("kind") == kind), days) for kind in kinds]


def _securities(
    rows: Rows, splits: dict[str, pl.DataFrame], at: tuple[list[date], Document, BacktestRules]
) -> tuple[list[Segment], list[Fault]]:
    """What the rows come to, in the order of a book's positions: by class group, then symbol."""
    days, document, rules = at
    places = {ticker: told["place"].to_numpy() for ticker, told in splits.items()}
    found, faults = segments(clean(rows, days), places, document, rules)
    found.sort(key=lambda segment: (_group_of(segment, document), segment.symbol))
    if document.benchmark not in {segment.symbol for segment in found}:
        raise BacktestError(f"history {document.name}: benchmark {document.benchmark} has no rows")
    return found, faults


def _group_of(segment: Segment, document: Document) -> str:
    return document.group_of(segment.ticker) or segment.symbol


def _without_actions(found: list[Segment], told: set[str], document: Document) -> list[Fault]:
    return [
        Fault(s.symbol, None, "no_factors", "its closes have no splits and no dividends")
        for s in found
        if not document.adjusted and s.ticker not in told
    ]


def _range(days: list[date], asked: pl.Series, document: Document) -> tuple[int, int]:
    if asked.is_empty():
        raise BacktestError(f"history {document.name} has no rows")
    bounds = np.array([asked.min(), asked.max()], dtype="datetime64[D]")
    known = np.array(days, dtype="datetime64[D]")
    first, end = np.searchsorted(known, bounds[0]), np.searchsorted(known, bounds[1], "right")
    if first >= end:
        raise BacktestError(f"history {document.name} has no row on a session")
    return int(first), int(end)


def prices_of(found: list[Segment], days: int) -> tuple[Int64Array, npt.NDArray[np.int32]]:
    """Last close of each security by session, and its age."""
    price = np.zeros((days, len(found)), dtype=np.int64)
    age = np.full((days, len(found)), BEFORE, dtype=np.int32)
    for number, segment in enumerate(found):
        at = np.searchsorted(segment.places, np.arange(days), side="right") - 1
        is_there = at >= 0
        price[is_there, number] = segment.close[at[is_there]]
        age[is_there, number] = (np.arange(days) - segment.places[np.maximum(at, 0)])[is_there]
    return price, age


def totals_of(
    price: Int64Array, age: npt.NDArray[np.int32], splits: Actions, dividends: Actions
) -> FloatArray:
    """Index of total return: 1 at the first close, dividends of a share held before included."""
    ratio, paid = np.ones(price.shape), np.zeros(price.shape)
    np.multiply.at(ratio, (splits.place, splits.security), splits.value / PPM)
    np.add.at(paid, (dividends.place, dividends.security), dividends.value.astype(np.float64))
    growth = np.ones(price.shape)
    had = age[:-1] != BEFORE
    growth[1:][had] = ((price[1:] * ratio[1:] + paid[1:]) / np.maximum(price[:-1], 1))[had]
    total: FloatArray = np.cumprod(growth, axis=0).astype(np.float64)
    total[age == BEFORE] = np.nan
    return total


def returns_of(total: FloatArray, age: npt.NDArray[np.int32]) -> FloatArray:
    """Daily returns; NaN unless both days have a row."""
    found = np.full(total.shape, np.nan)
    both = (age[1:] == 0) & (age[:-1] == 0)
    found[1:][both] = (total[1:] / total[:-1] - 1.0)[both]
    return found


def _months(days: list[date]) -> Int64Array:
    numbers = np.array([day.year * 12 + day.month for day in days], dtype=np.int64)
    return np.cumsum(np.diff(numbers, prepend=numbers[0]) != 0)


def _betas(
    total: FloatArray,
    age: npt.NDArray[np.int32],
    benchmark: int,
    month: Int64Array,
    rules: BacktestRules,
) -> FloatArray:
    """Covariance with the benchmark over its variance, on the returns before each month."""
    returns = returns_of(total, age)
    firsts = np.searchsorted(month, np.arange(month[-1] + 1))
    found = np.full((len(firsts), total.shape[1]), np.nan)
    for m, first in enumerate(firsts):
        window = returns[max(first - rules.beta_sessions, 0) : first]
        market = window[:, benchmark]
        both = ~np.isnan(window) & ~np.isnan(market)[:, None]
        count = both.sum(axis=0)
        enough = count >= rules.beta_least
        share = np.maximum(count, 1)
        x, y = np.where(both, window, 0.0), np.where(both, market[:, None], 0.0)
        dx, dy = x - x.sum(axis=0) / share, y - y.sum(axis=0) / share
        dx, dy = np.where(both, dx, 0.0), np.where(both, dy, 0.0)
        variance = (dy * dy).sum(axis=0)
        enough &= variance > 0.0
        found[m, enough] = np.round((dx * dy).sum(axis=0)[enough] / variance[enough], 4)
    found[:, benchmark] = 1.0
    return found


def _rates(yields: pl.DataFrame, days: list[date]) -> FloatArray:
    """The last yield told before each session."""
    known = yields.unique("day", keep="last", maintain_order=True).sort("day")
    at = np.searchsorted(
        known["day"].to_numpy().astype("datetime64[D]"), np.array(days, dtype="datetime64[D]")
    )
    rate = np.append(np.nan, known["rate"].to_numpy())
    return rate[at]


def _worth(segment: Segment) -> int:
    if segment.end is not None and segment.end.worth is not None:
        return round(segment.end.worth * MICRO)
    return int(segment.close[-1])


def origins_of(found: list[Segment], days: Sequence[date], first: int = 0) -> pl.DataFrame:
    """Rows of securities with their origin; the columns of the securities begin at one."""
    parts = [
        pl.DataFrame(
            {
                "symbol": [segment.symbol] * len(segment.places),
                "business_date": [days[place] for place in segment.places],
                "place": segment.places,
                "security": [number] * len(segment.places),
                "close": segment.close,
                "file": segment.file,
                "file_row": segment.file_row,
            }
        )
        for number, segment in enumerate(found, first)
    ]
    return pl.concat(parts)


def _identity(rows: Rows, document: Document, rules: BacktestRules) -> str:
    told = json.dumps([rows.files, document.model_dump(mode="json"), rules], default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:32]
