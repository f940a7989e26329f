"""What every day of a run reads: terms, marks and changes of price of a history."""

from typing import NamedTuple

import numpy as np

from margin_assets.backtest.engine.contracts import (
    NO_VALUE,
    Ends,
    bare_series,
    ends_of,
    implied,
    marked,
    worth_of,
)
from margin_assets.backtest.history.actions import price_at_opening
from margin_assets.backtest.history.building import BEFORE, Contracts, History
from margin_assets.backtest.policy import Policy
from margin_assets.kernels.backtest.days import UNKNOWN, Paths
from margin_assets.kernels.book.series import FRESH, MISSING, STALE, UNUSABLE, Series, unmodelled
from margin_assets.kernels.numeric.arrays import FloatArray, Int8Array, Int64Array
from margin_assets.kernels.rules.backtest_rules import BacktestRules, backtest_rules
from margin_assets.kernels.rules.rules import Rules


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
    ends: Ends | None
    """Of the contracts; None of a history without any."""
    order: Int64Array
    """Securities as a book has its positions: by class group, then symbol."""

    def with_states(self, series: Series, states: Int8Array, rules: Rules) -> Series:
        """Series with other states of its prices, and the volatilities that they then imply."""
        contracts, other = self.history.contracts, series._replace(price_state=states)
        if contracts is None:
            return other
        above = other.underlying_state.copy()
        above[contracts.first :] = states[contracts.underlying]
        return implied(unmodelled(other._replace(underlying_state=above)), contracts, rules)

    def at_close(self, place: int, rules: Rules) -> Moment:
        """A close: the last prices up to it."""
        history = self.history
        known = (history.price[place], history.age[place], self.total[place])
        return self._moment(int(history.closes[place]), (place, place + 1), known, rules)

    def at_opening(self, place: int, rules: Rules, point: int | None = None) -> Moment:
        """An opening: the closes before are a session older, and splits are out of them.

        Args:
            place: Session.
            rules: Of the day.
            point: A later instant at which no more is known.
        """
        history = self.history
        price = price_at_opening(history.price, history.splits, place)
        known = (price, self._older(place), self.total[place - 1])
        # Betas are those of the close before: the month's own are known at its first close.
        at = int(history.opens[place]) if point is None else point
        return self._moment(at, (place - 1, place), known, rules)

    def at_bar(self, number: int, rules: Rules, point: int | None = None) -> Moment:
        """The end of a bar, or an instant after it: of what has none yet the close before."""
        history, bars = self.history, self.history.bars
        place, is_there = int(bars.place[number]), bars.is_there[number]
        age = np.where(is_there, 0, self._older(place))
        # Of what has a bar the close of its session is above 0.
        share = bars.price[number] / np.where(is_there, history.price[place], 1)
        total = np.where(is_there, self.total[place] * share, self.total[place - 1])
        known = (bars.price[number], age, total)
        at = int(bars.instant[number]) if point is None else point
        return self._moment(at, (place, place), known, rules)

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
        (place, following), (price, age, total), history = at, known, self.history
        series = self.series._replace(
            price=price,
            price_state=price_state(age, rules),
            beta=history.beta[history.month[place]],
        )
        if history.contracts is not None:
            # Contracts have the terms of the session that has begun.
            today = int(np.searchsorted(history.closes, point))
            static = bare_series(history, point, today, rules)
            rate = float(history.rate[today])
            series = marked(static, series, (history.contracts, rate), rules)
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
    ends = None if history.contracts is None else ends_of(history, history.contracts)
    if history.contracts is not None and ends is not None:
        _end(total, history, history.contracts, ends)
    changes = tuple(_changes(history, total, days) for days in counting.horizons)
    return Ground(
        history,
        counting,
        bare_series(history, int(history.closes[0]), 0, policy.on(history.days[0]).rules),
        total,
        changes,
        settled,
        _crises(history, counting),
        ends,
        _order(history),
    )


def _order(history: History) -> Int64Array:
    keys = zip(history.class_group, history.symbols, strict=True)
    return np.array([n for _, n in sorted((key, n) for n, key in enumerate(keys))], dtype=np.int64)


def _end(total: FloatArray, history: History, contracts: Contracts, ends: Ends) -> None:
    """Brings contracts to what they are worth at their end, from the session after it on."""
    worth = worth_of(history, contracts, ends)
    for number in np.flatnonzero(worth != NO_VALUE).tolist():
        session, column = int(ends.session[number]), contracts.first + number
        if history.price[session, column] > 0:
            total[session + 1 :, column] *= worth[number] / history.price[session, column]


def _settled(history: History, policy: Policy) -> Int64Array:
    """The session on which the last price is no longer usable."""
    count = len(history.days)
    found = np.full(len(history.symbols), count, dtype=np.int64)
    for security in np.flatnonzero(history.last < count):
        last = int(history.last[security])
        day = history.days[min(last + 1, count - 1)]
        found[security] = last + policy.on(day).rules.unusable_after + 1
    return np.minimum(found, count)


def _changes(history: History, total: FloatArray, days: int) -> Int64Array:
    """What a unit gains until so many sessions later, dividends included; rounded once.

    Of a contract without a quote on both days nothing is known, unless it has ended in between.
    """
    price = history.price
    found = np.full(price.shape, UNKNOWN, dtype=np.int64)
    growth = np.ones((max(len(price) - days, 0), price.shape[1]))
    known = total[:-days] > 0.0  # not so of what has no price yet, nor of what is worth nothing
    np.divide(total[days:], total[:-days], out=growth, where=known)
    gained = np.rint(price[:-days] * (growth - 1.0)).astype(np.int64)
    if history.contracts is not None:
        options = slice(history.contracts.first, None)
        is_quoted = history.age[:, options] == 0
        has_moved = is_quoted[days:] | (total[days:, options] != total[:-days, options])
        known[:, options] &= is_quoted[:-days] & has_moved
    found[:-days][known] = gained[known]
    return found


def _crises(history: History, counting: BacktestRules) -> Int64Array:
    found = np.zeros(len(history.days), dtype=np.int64)
    for number, crisis in enumerate(counting.crises, 1):
        within = [crisis.first <= day <= crisis.last for day in history.days]
        found[np.array(within) & (found == 0)] = number
    return found
