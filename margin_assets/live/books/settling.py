"""Expiring options in the live day: reports taken at their grid points, the rest by the rule."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.corporate.exercises import (
    ASSIGNED,
    EXERCISED,
    EXPIRED,
    NOT_SETTLED,
    changes,
    in_full,
    in_the_money,
    is_exact,
    settlement_frame,
    told_before,
)
from margin_assets.kernels.corporate.expiry_rules import expiry_rules
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.numeric.money import instants, to_scaled
from margin_assets.kernels.rules.expiry import SessionTimes
from margin_assets.kernels.rules.instants import NEVER
from margin_assets.live.books.deciding import DecidingValues
from margin_assets.live.books.settlement_inputs import (
    NOTHING_SETTLED,
    UNKNOWN,
    SettlementInputs,
    Tables,
)
from margin_assets.live.state.holdings import Holdings
from margin_assets.live.state.market import Market
from margin_assets.live.state.names import NOBODY
from margin_assets.live.state.ticks import Ticks

_OUTCOME = {"exercise": EXERCISED, "assignment": ASSIGNED, "expiry": EXPIRED}
_SIDE = {"exercise": -1, "assignment": 1, "expiry": 0}
_MOVERS = ("effects", "exercises")
_POSITION = ("account_id", "symbol")


class Settled(NamedTuple):
    """Rows of `SETTLED`, and which of them take back what the rule had settled."""

    rows: pl.DataFrame
    is_taken_back: pl.Series
    before: pl.Series
    """Contracts told before of the lot of each row."""


class _Held(NamedTuple):
    """Positions in options, one entry a position."""

    account: Int64Array
    symbol: Int64Array
    quantity: Int64Array


class SettlementMonitor:
    """What is exercised, assigned and expires, once a plan knows of it."""

    def __init__(
        self, holdings: Holdings, market: Market, times: SessionTimes, tables: Tables
    ) -> None:
        self.is_on = False
        """Whether the plan at work settles: one from before it leaves what has ended waiting."""
        self._inputs = SettlementInputs(market, times, tables)
        self._deciding = DecidingValues(market, self._inputs)
        self._holdings = holdings
        self._market = market
        self._passed = -1
        """Instant up to which the rule has settled what is due."""
        self._waiting: Int64Array | None = None
        """Symbols that are due and held still; None where that is not known."""
        self._next_of, self._next = np.zeros(0, dtype=np.int64), NEVER
        """The dues of which the next one is known, and that."""
        self._rows: list[pl.DataFrame] = []

    def begin(self, events: Mapping[str, pl.DataFrame]) -> None:
        """Takes the prices of a run."""
        self._inputs.begin(events.get("prices"))

    def pass_time(self, point: int) -> None:
        """A run ended at a grid point, or what it left was loaded."""
        self._inputs.begin(None)
        self._passed = max(self._passed, point)
        if not self.is_on:
            self._waiting = None

    def decide(self, point: int, ticks: Ticks | None = None) -> Int64Array:
        """Takes the values that decide what waits; returns the options that one changes."""
        if not self.is_on or not len(self._market.options()):
            return NOBODY
        return self._deciding.take(point, self._passed, ticks)

    def next_due(self) -> int:
        """Next instant at which the rule settles options; `NEVER` if none."""
        if not self.is_on or not len(self._market.options()):
            return NEVER
        due = self._inputs.windows().due
        if due is not self._next_of or self._next <= self._passed:
            self._next_of, self._next = due, int(due[due > self._passed].min(initial=NEVER))
        return self._next

    def told(self) -> pl.DataFrame:
        """Rows of `SETTLED` that are in no table yet."""
        return pl.concat([NOTHING_SETTLED, *self._rows])

    def take(self) -> pl.DataFrame:
        """They as rows of `settlements`, without cycle; then they are forgotten."""
        if not self._rows:
            return NOTHING_SETTLED
        found, self._rows = settlement_frame(self.told()), []
        return found

    def steps(
        self, point: int, changed: Mapping[str, pl.DataFrame], ticked: Int64Array
    ) -> Iterator[Settled]:
        """What is settled at a grid point: of reports, then by the rule.

        What the rule settles follows from what is held once reports are applied. `ticked`: places
        of the symbols that have a price at the point.
        """
        if not self.is_on:
            return
        if "exercises" in changed:
            rows, before = self._reported(point, changed["exercises"])
            nothing = pl.Series([False] * rows.height, dtype=pl.Boolean)
            yield from self._noted(Settled(rows, nothing, before))
        due = self._due(point, changed, ticked)
        if len(due):
            yield from self._noted(self._by_rule(point, due))

    def _noted(self, settled: Settled) -> Iterator[Settled]:
        if settled.rows.height:
            self._rows.append(settled.rows)
            yield settled

    def _due(
        self, point: int, changed: Mapping[str, pl.DataFrame], ticked: Int64Array
    ) -> Int64Array:
        """Symbols that the rule may have to settle at a point."""
        if not len(self._market.options()):
            return np.zeros(0, dtype=np.int64)
        due, symbols = self._inputs.windows().due, self._market.symbols
        if self._waiting is None:
            held = np.unique(self._holdings.positions.series).astype(np.int64)
            self._waiting = held[due[held] <= self._passed]
        asked = [np.flatnonzero((due > self._passed) & (due <= point))]
        asked += [symbols.places(changed[name]["symbol"]) for name in _MOVERS if name in changed]
        if "instruments" in changed:
            asked.append(np.flatnonzero(due <= point))
        asked.append(self._waiting[np.isin(self._market.underlying[self._waiting], ticked)])
        self._passed = max(self._passed, point)
        found = np.unique(np.concatenate(asked)).astype(np.int64)
        return found[due[found] <= point]

    def _by_rule(self, point: int, due: Int64Array) -> Settled:
        """What is held still of symbols that are due, by exercise by exception.

        A lot is all that the rule ever settled of a position: what lands after it makes it another.
        """
        held = self._positions(due)
        if not len(held.account):
            self._wait(due, held.symbol)
            none = pl.Series([], dtype=pl.Boolean)
            return Settled(NOTHING_SETTLED, none, none.cast(pl.Int64))
        names = self._names(held.symbol).unique().to_list()
        told = self._inputs.told(names, self.told()).filter("settled_by_rule")
        terms, value = self._inputs.terms(held.symbol), self._value(held.symbol, told, point)
        threshold = self._thresholds(held.symbol, terms.pays_cash)
        is_known = (value != UNKNOWN) & (threshold != UNKNOWN) & is_exact(terms, held.quantity)
        self._wait(due, np.unique(held.symbol[~is_known]))
        held = _Held._make(column[is_known] for column in held)
        terms, value = self._inputs.terms(held.symbol), value[is_known]
        threshold = threshold[is_known]
        named = pl.DataFrame(
            {"account_id": self._owners(held.account), "symbol": self._names(held.symbol)}
        )
        contracts = _before(named, told) - held.quantity
        delivers = in_the_money(terms, value) >= threshold
        side = np.where(contracts < 0, EXERCISED, ASSIGNED)
        lots = named.with_columns(
            exercise_id=pl.lit(None, pl.String),
            outcome=pl.Series(np.where(delivers, side, EXPIRED), dtype=pl.String),
            settled_by_rule=pl.lit(value=True),
            event_time=pl.Series(self._inputs.windows().due[held.symbol], dtype=pl.Int64),
            contracts=pl.Series(contracts, dtype=pl.Int64),
            settlement_value=pl.Series(value, dtype=pl.Int64),
        )
        rows = changes(in_full(lots, terms, point), told)
        before = told_before(rows, told)
        return Settled(rows, before * rows["contracts"] < 0, before)

    def _value(self, symbol: Int64Array, told: pl.DataFrame, point: int) -> Int64Array:
        """Settlement value of each symbol; the one that the rule once went by stands."""
        stated = dict(told.select("symbol", "settlement_value").iter_rows())
        found = np.array([stated.get(n, UNKNOWN) for n in self._names(symbol)], dtype=np.int64)
        is_asked = found == UNKNOWN
        found[is_asked] = self._inputs.values(symbol[is_asked], point)
        return found

    def _wait(self, due: Int64Array, left: Int64Array) -> None:
        """Of the symbols that were due some are left, for want of a value."""
        assert self._waiting is not None  # noqa: S101 (set by _due)
        self._waiting = np.union1d(np.setdiff1d(self._waiting, due), left).astype(np.int64)

    def _reported(self, point: int, reports: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
        """What reports take out of positions, each as it stands at a grid point.

        With the contracts that were told before of the lot of each row.
        """
        named = reports.with_columns(
            lot=pl.coalesce("corrects_exercise_id", "exercise_id"),
            at=pl.Series(instants(reports["event_time"])),
        )
        told = self._inputs.told(named["symbol"].unique().to_list(), self.told())
        lots = told.group_by(lot="exercise_id").agg(
            last=pl.col("event_time").max(), before=pl.col("contracts").sum()
        )
        standing = (
            named.sort("at", "exercise_id", maintain_order=True)
            .unique("lot", keep="last", maintain_order=True)
            .join(lots, on="lot", how="left", maintain_order="left")
            .filter(pl.col("last").fill_null(0) <= pl.col("at"))
        )
        symbol = self._market.symbols.places(standing["symbol"])
        terms = self._inputs.terms(symbol)
        contracts = self._sides(standing, symbol, told) * to_scaled(standing["quantity"])
        stated = to_scaled(standing["settlement_value"].fill_null(0))
        stated = np.where(standing["settlement_value"].is_null(), UNKNOWN, stated)
        value = self._inputs.paid_by(stated, symbol, standing["at"].to_numpy(), point)
        outcome = standing["kind"].replace_strict(_OUTCOME, return_dtype=pl.String)
        lacks = (outcome != EXPIRED).to_numpy() & terms.pays_cash & (value == UNKNOWN)
        lacks |= ~is_exact(terms, contracts) | terms.underlying.is_null().to_numpy()
        rows = standing.select("account_id", "symbol", exercise_id="lot", event_time="at")
        rows = rows.with_columns(
            outcome=outcome.set(pl.Series(lacks), NOT_SETTLED),
            settled_by_rule=pl.lit(value=False),
            contracts=pl.Series(np.where(lacks, 0, contracts), dtype=pl.Int64),
            settlement_value=pl.Series(value, dtype=pl.Int64),
        )
        found = changes(in_full(rows, terms, point), told)
        return found, told_before(found, told)

    def _sides(self, reports: pl.DataFrame, symbol: Int64Array, told: pl.DataFrame) -> Int64Array:
        """Sign of what each report changes: longs are exercised, shorts assigned.

        What expires leaves the side that is held once the others have left, the rule's own
        settlement aside.
        """
        account = self._holdings.accounts.places(reports["account_id"])
        held = self._holdings.held_before(account, symbol, np.zeros(len(symbol), dtype=np.int64))
        by_rule = _before(reports.select(_POSITION), told.filter("settled_by_rule"))
        before = reports["before"].fill_null(0).to_numpy()
        fixed = reports["kind"].replace_strict(_SIDE, return_dtype=pl.Int64).to_numpy()
        side = np.where(before != 0, np.sign(before), fixed)
        moved = np.where(side != 0, side * to_scaled(reports["quantity"]) - before, 0)
        beside = pl.Series(moved).to_frame("moved").hstack(reports.select(_POSITION))
        gone = beside.select(pl.col("moved").sum().over(_POSITION)).to_series().to_numpy()
        found: Int64Array = np.where(side != 0, side, -np.sign(held - by_rule + gone))
        return found

    def _positions(self, symbols: Int64Array) -> _Held:
        held = self._holdings.positions
        chosen = np.zeros(len(self._market.symbols), dtype=np.bool_)
        chosen[symbols] = True
        at = np.flatnonzero(chosen[held.series])
        symbol = held.series[at].astype(np.int64)
        return _Held(held.account[at], symbol, held.quantity[at])

    def _names(self, symbol: Int64Array) -> pl.Series:
        return self._market.symbols.series.gather(symbol)

    def _owners(self, account: Int64Array) -> pl.Series:
        return self._holdings.accounts.series.gather(account)

    def _thresholds(self, symbol: Int64Array, pays_cash: BoolArray) -> Int64Array:
        """What each option has to be in the money by, micro-dollars a unit; or `UNKNOWN`."""
        days = self._market.static_terms["expires_at"].gather(symbol).dt.date()
        rules = [expiry_rules(day) for day in days]
        told = [
            rule.index_threshold if in_cash else rule.threshold
            for rule, in_cash in zip(rules, pays_cash.tolist(), strict=True)
        ]
        return np.array([UNKNOWN if t is None else t for t in told], dtype=np.int64)


def _before(positions: pl.DataFrame, told: pl.DataFrame) -> Int64Array:
    """Contracts that rows of `SETTLED` have moved of each position."""
    sums = told.group_by(_POSITION).agg(pl.col("contracts").sum())
    joined = positions.join(sums, on=_POSITION, how="left", maintain_order="left")
    found: Int64Array = joined["contracts"].fill_null(0).to_numpy()
    return found
