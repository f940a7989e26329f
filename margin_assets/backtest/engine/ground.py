"""What every day of a run reads: terms, marks and changes of price of a history."""

from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.backtest.history.actions import price_at_opening
from margin_assets.backtest.history.building import BEFORE, History
from margin_assets.backtest.policy import Policy
from margin_assets.calendar import sessions
from margin_assets.kernels.backtest.days import UNKNOWN, Paths
from margin_assets.kernels.book.series import FRESH, MISSING, STALE, UNUSABLE, Series, series_of
from margin_assets.kernels.book.terms import INSTRUMENT_COLUMNS, instrument_terms
from margin_assets.kernels.numeric.arrays import FloatArray, Int8Array, Int64Array
from margin_assets.kernels.numeric.money import instant
from margin_assets.kernels.rules.backtest_rules import BacktestRules, backtest_rules
from margin_assets.kernels.rules.rules import Rules

_MARKS: dict[str, pl.DataType | type[pl.DataType]] = {
    "last_price": pl.Decimal(38, 6),
    "underlying_price": pl.Decimal(38, 6),
    "beta": pl.Float64,
    "volatility_annual": pl.Float64,
    "risk_free_rate": pl.Float64,
    "implied_volatility": pl.Float64,
    "underlying_price_state": pl.String,
}


class Moment(NamedTuple):
    """An instant at which a book is valued."""

    point: int
    """Microseconds."""
    place: int
    """Session up to which returns are known."""
    series: Series
    paths: Paths
    """What is to come, were nobody to act."""


class Ground(NamedTuple):
    """A history as the day loop reads it."""

    history: History
    counting: BacktestRules
    series: Series
    """Terms of the securities; price, state and beta are those of no day."""
    total: FloatArray
    """Of the history, with what holders got at the end of a security."""
    changes: tuple[Int64Array, ...]
    """By horizon: [session, security], micro-dollars until then; `UNKNOWN` past the end."""
    settled: Int64Array
    """Session on which holders of what ended are settled; beyond all for what lives."""
    crisis: Int64Array
    """Crisis of each session, from 1; 0 for none."""

    def at_close(self, place: int, rules: Rules) -> Moment:
        """A close: the last prices up to it."""
        history = self.history
        known = (history.price[place], history.age[place], self.total[place])
        return self._moment(int(history.closes[place]), (place, place + 1), known, rules)

    def at_opening(self, place: int, rules: Rules) -> Moment:
        """An opening: the closes before are a session older, and splits are out of them."""
        history = self.history
        price = price_at_opening(history.price, history.splits, place)
        known = (price, self._older(place), self.total[place - 1])
        # Betas are those of the close before: the month's own are known at its first close.
        return self._moment(int(history.opens[place]), (place - 1, place), known, rules)

    def at_bar(self, number: int, rules: Rules) -> Moment:
        """The end of a bar: of what has none yet the close before."""
        history, bars = self.history, self.history.bars
        place, is_there = int(bars.place[number]), bars.is_there[number]
        age = np.where(is_there, 0, self._older(place))
        # Of what has a bar the close of its session is above 0.
        share = bars.price[number] / np.where(is_there, history.price[place], 1)
        total = np.where(is_there, self.total[place] * share, self.total[place - 1])
        known = (bars.price[number], age, total)
        return self._moment(int(bars.instant[number]), (place, place), known, rules)

    def _older(self, place: int) -> np.ndarray:
        age = self.history.age[place - 1]
        return np.where(age == BEFORE, BEFORE, age + 1)

    def _moment(
        self,
        point: int,
        at: tuple[int, int],
        known: tuple[Int64Array, np.ndarray, FloatArray],
        rules: Rules,
    ) -> Moment:
        (place, following), (price, age, total) = at, known
        series = self.series._replace(
            price=price,
            price_state=price_state(age, rules),
            beta=self.history.beta[self.history.month[place]],
        )
        later = self.total[following : following + self.counting.left_alone]
        return Moment(point, place, series, Paths(price, total, later))


def price_state(age: np.ndarray, rules: Rules) -> Int8Array:
    """State of each price by its age in sessions, as the live monitor has it."""
    state = np.full(len(age), FRESH, dtype=np.int8)
    state[age > rules.stale_after] = STALE
    state[age > rules.unusable_after] = UNUSABLE
    state[age == BEFORE] = MISSING
    return state


def ground_of(history: History, policy: Policy) -> Ground:
    """A history with what a run under a policy asks of it."""
    counting = backtest_rules(history.days[-1])
    settled = _settled(history, policy)
    total = history.total.copy()
    for security in np.flatnonzero(settled < len(history.days)):
        got = history.worth[security] / history.price[history.last[security], security]
        total[settled[security] :, security] *= got
    changes = tuple(_changes(history.price, total, days) for days in counting.horizons)
    return Ground(
        history,
        counting,
        _series(history, policy),
        total,
        changes,
        settled,
        _crises(history, counting),
    )


def _settled(history: History, policy: Policy) -> Int64Array:
    """The session on which the last price is no longer usable."""
    count = len(history.days)
    found = np.full(len(history.symbols), count, dtype=np.int64)
    for security in np.flatnonzero(history.last < count):
        last = int(history.last[security])
        day = history.days[min(last + 1, count - 1)]
        found[security] = last + policy.on(day).rules.unusable_after + 1
    return np.minimum(found, count)


def _changes(price: Int64Array, total: FloatArray, days: int) -> Int64Array:
    """What a unit gains until so many sessions later, dividends included; rounded once."""
    found = np.full(price.shape, UNKNOWN, dtype=np.int64)
    growth = np.ones((max(len(price) - days, 0), price.shape[1]))
    known = total[:-days] > 0.0  # not so of what has no price yet, nor of what is worth nothing
    np.divide(total[days:], total[:-days], out=growth, where=known)
    gained = np.rint(price[:-days] * (growth - 1.0)).astype(np.int64)
    found[:-days][known] = gained[known]
    return found


def _crises(history: History, counting: BacktestRules) -> Int64Array:
    found = np.zeros(len(history.days), dtype=np.int64)
    for number, crisis in enumerate(counting.crises, 1):
        within = [crisis.first <= day <= crisis.last for day in history.days]
        found[np.array(within) & (found == 0)] = number
    return found


def _series(history: History, policy: Policy) -> Series:
    """The securities' terms by way of their instrument rows, as live ones come."""
    symbols = pl.Series("symbol", history.symbols, dtype=pl.String)
    known = {
        "symbol": symbols,
        "asset_class": pl.Series(history.asset_class, dtype=pl.String),
        "class_group": pl.Series(history.class_group, dtype=pl.String),
        "leverage": pl.Series([1.0] * len(symbols)),
        "marginable": pl.Series([True] * len(symbols)),
    }
    instruments = pl.DataFrame(known).with_columns(
        pl.lit(None, kind).alias(name)
        for name, kind in INSTRUMENT_COLUMNS.items()
        if name not in known
    )
    terms = instrument_terms(symbols, instruments, sessions().times)
    at = int(history.closes[0])
    frame = terms.with_columns(
        *(pl.lit(None, kind).alias(name) for name, kind in _MARKS.items()),
        price_state=pl.lit("missing"),
        as_of=instant(at),
    )
    return series_of(frame, policy.on(history.days[0]).rules)
