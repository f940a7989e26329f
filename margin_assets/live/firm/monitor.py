"""The monitor: walks the grid points of a cycle, evaluates who is touched, climbs the ladder."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
import polars as pl

from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.book.series import Series
from margin_assets.kernels.enforcement.ladder import climb
from margin_assets.kernels.enforcement.rungs import Evaluated, Ladder, empty_ladder
from margin_assets.kernels.firm_risk.issuer_map import IssuerMap
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instant
from margin_assets.kernels.rules.grid import grid_point, new_york_day, rules_at
from margin_assets.kernels.rules.instants import NEVER, UNSET
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.rules.timelines import Calendar
from margin_assets.live.books.bounds import spared
from margin_assets.live.books.calls import Valued, moves_of
from margin_assets.live.books.plans import Tables
from margin_assets.live.books.restating import Restating
from margin_assets.live.firm.book_tables import desk_frames, intraday_frames, reg_t_frames
from margin_assets.live.firm.climbed import Climbed
from margin_assets.live.firm.decisions import (
    decisions_of,
    enforcement_frame,
    identified,
    numbered,
)
from margin_assets.live.firm.intake import Intake
from margin_assets.live.firm.parts import Parts
from margin_assets.live.firm.transactions import Rows, Transactions
from margin_assets.live.state.names import NOBODY, united, without
from margin_assets.live.state.ticks import Ticks, by_point, points_of, rows_by_point

Events = Mapping[str, pl.DataFrame]
"""Rows by feed (fills as `effects`), each with its grid `point`, in order of application."""
Reworked = Callable[[int, Rows], Rows]
"""Rows of a grid point, told again where the run at work has settled options before it."""


def _as_landed(_point: int, changed: Rows) -> Rows:
    return changed


class Monitor:
    """State of the firm at the last evaluated grid point, and how to move it on."""

    def __init__(self, calendar: Calendar, restating: Restating, tables: Tables) -> None:
        """`tables` are those of the last sealed cycle: what is not in memory is looked up there."""
        self.parts = parts = Parts(calendar, restating, tables)
        self.market, self.holdings, self.valuation = parts.market, parts.holdings, parts.valuation
        self.intraday, self.reg_t, self.day_trades = parts.intraday, parts.reg_t, parts.day_trades
        self.actions, self.dividends = parts.actions, parts.dividends
        self.calls, self.plans, self.settling = parts.calls, parts.plans, parts.settling
        self.whole, self.outcomes = parts.whole, parts.outcomes
        self._intake, self._transactions = Intake(parts), Transactions(parts)
        self.ladder = empty_ladder(0)
        self._climbed = Climbed(self.ladder)
        self.last_point: int | None = None
        self._rules: Rules | None = None
        self.reworked: Reworked = _as_landed
        self._changed: list[Int64Array] = []
        self._ticks: dict[int, Ticks] = {}
        """Prices of the run at work, by grid point."""
        self._known = NOBODY
        """Accounts that were valued at the grid point at work and that nothing moved since."""

    def run(self, events: Events, end: int) -> pl.DataFrame:
        """Evaluates every grid point up to `end` and returns the decisions, in order."""
        self.grow(self._intake.make_room(events))
        events = self._intake.carrying(events)
        self._changed = []
        self.day_trades.take(events)
        self.plans.begin(events)
        self.settling.begin(events)
        self._climbed = Climbed(self.ladder)
        slices = {feed: rows_by_point(frame) for feed, frame in events.items() if feed != "prices"}
        self._ticks = by_point(events["prices"], self.market.symbols) if "prices" in events else {}
        kinds: list[Mapping[int, object]] = [*slices.values(), self._ticks]
        points = np.unique(np.concatenate([np.zeros(0, np.int64), *map(points_of, kinds)]))
        decided: list[pl.DataFrame] = []
        pending = list(points[points <= end][::-1].tolist())
        while True:
            point = min(pending[-1] if pending else NEVER, self._next_by_time())
            self._pass_days(min(point, end + 1))
            if point > end:
                break
            if pending and pending[-1] == point:
                pending.pop()
            changed = {feed: part[point] for feed, part in slices.items() if point in part}
            decided.extend(self._step(point, changed))
        self.last_point = end
        self.plans.book.pass_time(end)
        self.settling.pass_time(end)
        if self.calls.is_on:
            self.calls.book.pass_time(end)
        self._changed += self._climbed.moved()
        return numbered(decided)

    def changed(self) -> Int64Array:
        """Accounts whose own state the last run changed or decided about; marks aside."""
        return united(len(self.holdings.accounts), *self._changed)

    def _next_by_time(self) -> int:
        interval = self.rules(self.point).grid_interval
        due = min(
            int(self.ladder.deadline.min(initial=NEVER)),
            self.market.prices.next_opening(),
            self.market.next_turn(),
            self.intraday.next_deadline(),
            self.settling.next_due(),
            self.actions.next_due(self.point),
        )
        # A deadline acts at the first grid point at or after it.
        return due if due == NEVER else grid_point(due, interval)

    def grow(self, accounts: int) -> None:
        """Gives new accounts their place on the ladder."""
        if accounts:
            self.intraday.grow(accounts)
            self.reg_t.grow(accounts)
            self.day_trades.grow(accounts)
            self.calls.grow(accounts)
            new = empty_ladder(accounts)
            self.ladder = Ladder._make(
                np.concatenate([getattr(self.ladder, name), getattr(new, name)])
                for name in Ladder._fields
            )

    @property
    def point(self) -> int:
        """Last evaluated grid point; before the first the epoch, when nothing has happened."""
        return self.last_point or 0

    def rules(self, point: int) -> Rules:
        """Rulebooks in force at a grid point."""
        return rules_at(point)

    def _step(self, point: int, changed: Rows) -> Iterator[pl.DataFrame]:
        rules = self.rules(point)
        self.plans.book.pass_time(point)
        changed = self.reworked(point, changed)
        touched = self._apply(point, changed, rules)
        if rules is not self._rules:
            touched = self._everyone()
            self._rules = rules
        self.last_point = point
        if not len(touched):
            return
        self._climbed.note(touched)
        book, figures = self.valuation.valued(touched, point, self._known)
        self.valuation.add_house(touched, figures, point)
        kept = spared(self.market, self.holdings, self.ladder, figures, (point, touched))
        at = Evaluated(point, touched, kept)
        steps = climb(book, figures, rules, self.ladder, at)
        self._strike_calls(point, touched, Valued(book, figures, self.ladder, rules), changed)
        self.plans.lapse(point, self.ladder)
        if len(steps.account):
            self._changed.append(steps.account)
            decisions = decisions_of(point, steps, figures, book)
            yield identified(decisions, self.holdings.accounts.all, point)

    def _strike_calls(self, point: int, touched: Int64Array, now: Valued, changed: Rows) -> None:
        """Margin calls as the ladder, intraday margin and time leave them at a grid point."""
        if not self.calls.is_on:
            return
        if not self.calls.has_begun:
            touched = self._begin_calls(point)
        self.calls.strike(point, touched, now, moves_of(changed, self.holdings))
        self.calls.has_begun = True
        self.calls.strike_intraday(point, touched, self.intraday)
        self.calls.book.pass_time(point)

    def _begin_calls(self, point: int) -> Int64Array:
        """Asks every account, at the first grid point of a plan that knows of calls."""
        everyone = self._everyone()
        self._climbed.note(everyone)
        unvalued = everyone[~self.valuation.is_valued[everyone]]
        if len(unvalued):
            self.valuation.add_house(unvalued, self.valuation.revalue(unvalued, point), point)
        self.calls.end_day(point, everyone, self.reg_t, self.day_trades)
        return everyone

    def figures(self) -> Figures:
        """Figures of every account, by place, as of the last evaluated grid point."""
        return self.valuation.everyone(self.point)

    def margined(self, of: Int64Array | None = None) -> Margined:
        """Positions and accounts (some of them) as of the last evaluated grid point."""
        return self.valuation.margined(self.point, of)

    def firm_risk(self) -> pl.DataFrame:
        """The `firm_risk` frame as of the last evaluated grid point."""
        return self.whole.risk(*self._firm())

    def issuers(self) -> IssuerMap | None:
        """What is lost in the largest issuers, by scenario, as of the last evaluated grid point."""
        return self.whole.issuers(*self._firm())

    def firm_tables(self) -> dict[str, pl.DataFrame]:
        """The tables of the whole firm of a cycle that ends at the last evaluated grid point."""
        return self.whole.frames(*self._firm())

    def _firm(self) -> tuple[Figures, tuple[Book, Series], Rules, int]:
        point = self.point
        found = self.valuation.struck_again(self.figures(), point)
        self.whole.note(self.valuation.take_changed())
        arrays = self.valuation.arrays(point, self._everyone())
        return found, arrays, self.rules(point), point

    def _everyone(self) -> Int64Array:
        return np.arange(len(self.holdings.accounts), dtype=np.int64)

    def _pass_days(self, until: int) -> None:
        """Closes of sessions and ends of days before an instant, for what lasts days."""
        ends, first = self.reg_t.book.days.ends, self.reg_t.passed
        if self.calls.is_on and self.calls.has_begun and first != UNSET:
            # One day after the other: what its end asks for is a call of that instant.
            passing = ends[
                np.searchsorted(ends, first, side="right") : np.searchsorted(ends, until)
            ]
            self.parts.free_rides.begin(passing)
            for end in passing.tolist():
                self.calls.book.pass_time(end - 1)
                moved = self._pass_to(end + 1)
                self.calls.end_day(end, moved, self.reg_t, self.day_trades)
                self.parts.free_rides.end_day(end)
            self.calls.book.pass_time(until - 1)
        self._pass_to(until)

    def _pass_to(self, until: int) -> Int64Array:
        """Passes closes and ends of days before an instant; returns whom they moved."""
        kinds = self.holdings.account_type
        asked = partial(self.valuation.reg_t, point=self.point)
        moved = [*self.reg_t.pass_days(until, kinds, asked)]
        moved += self.day_trades.pass_days(until, asked)
        self._changed.extend(moved)
        return np.unique(np.concatenate([NOBODY, *moved])).astype(np.int64)

    def _apply(self, point: int, changed: Rows, rules: Rules) -> Int64Array:
        """Takes everything that counts from a point; returns the accounts it touches."""
        market, ticks, trades = self.market, self._ticks.get(point), self._transactions
        carried = self.actions.carry(point, rules)
        acted = trades.derive(point, *self.actions.act(point))
        symbols, accounts = self._intake.take(point, changed, ticks, rules)
        if "desk_actions" in changed:
            self._climbed.note(self._everyone())
            accounts.append(self._intake.act(point, changed["desk_actions"], self.ladder))
        decided = self.settling.decide(point, ticks)
        moved = market.with_options(np.unique(np.concatenate([*symbols, carried, decided])))
        market.reprice(moved, point, rules)
        self.whole.reprice(moved)
        accounts += [acted, *trades.enter(point, changed, moved)]
        accounts += trades.rework(point, changed)
        accounts += trades.settle(point, changed, ticks)
        if self.intraday.is_on(point):
            accounts.append(self.intraday.close(point))
        self.plans.fill(point)
        due = np.flatnonzero(self.ladder.deadline <= point)
        self._changed.extend(accounts)
        holders = self.holdings.positions.holders(moved, len(market.symbols))
        count = len(self.holdings.accounts)
        touched = united(count, *accounts, due, holders)
        self._known = without(count, trades.valued, *accounts)
        self.reg_t.touch(touched)
        return touched

    def resume(self) -> None:
        """Values everything again after a saved state was loaded, as of its grid point."""
        point = self.point
        self._intake.day = new_york_day(point)
        self.market.turn(point)
        self.settling.pass_time(point)
        self.settling.decide(point)
        self.market.reprice(self.market.options(), point, self.rules(point))

    def desk_tables(self) -> dict[str, pl.DataFrame]:
        """Versions of calls and plans, outcomes of acts, settlements, since asked for last."""
        return desk_frames(self.parts)

    def enforcement_state(self, of: Int64Array | None = None) -> pl.DataFrame:
        """The `enforcement_state` frame (of some accounts) as of the last grid point."""
        frame = enforcement_frame(self.ladder, self.holdings.accounts.all, of)
        return frame.with_columns(as_of=instant(self.point)).sort("account_id")

    def intraday_tables(self, of: Int64Array | None = None) -> dict[str, pl.DataFrame]:
        """The tables of intraday margin, and of the rule before it (of some accounts)."""
        return intraday_frames(self.parts, self.point, of)

    def reg_t_tables(self, of: Int64Array | None = None) -> dict[str, pl.DataFrame]:
        """The tables of Regulation T (of some accounts) as of the last grid point."""
        return reg_t_frames(self.parts, self.point, of)
