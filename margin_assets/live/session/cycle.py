"""One cycle as a pure step: state and plan in, frames of every table out."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from margin_assets.kernels.book.deciding import without_values
from margin_assets.kernels.book.delivered_terms import as_listed
from margin_assets.kernels.book.last_fills import with_places
from margin_assets.kernels.corporate.exercises import leg_fills, settlement_frame
from margin_assets.kernels.corporate.openings import opened
from margin_assets.kernels.margin.tables import tables_over
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import to_instants
from margin_assets.lake.ledger.cycles import Plan
from margin_assets.lake.store.division import Division
from margin_assets.live.acceptance.accepting import Acceptor, Firm, Taken
from margin_assets.live.acceptance.held import HeldRows
from margin_assets.live.acceptance.late_books import LateBooks, Moved, Worked
from margin_assets.live.acceptance.planned_files import OpenFile
from margin_assets.live.books import calls, plans
from margin_assets.live.books.restating import DAYS
from margin_assets.live.firm.house_limits import ACKNOWLEDGE
from margin_assets.live.firm.monitor import Monitor
from margin_assets.live.firm.rates import RatesMonitor
from margin_assets.live.session import large_state
from margin_assets.live.session.computed import Begin, Computed, stamped
from margin_assets.live.session.divided import divided
from margin_assets.live.session.large_state import LargeState
from margin_assets.live.session.shards import Bounds, Part, StateShards
from margin_assets.rulebooks import in_force, versions
from schemas import empty_feed

OFTEN_EMPTY = frozenset(
    {
        "house_requirements",
        "intraday_deficits",
        "intraday_state",
        "pattern_day_traders",
        "reg_t_calls",
        "special_memorandum_accounts",
    }
)
BESIDE = ("stock_record",)
"""Feeds that change nothing: what they say is compared by date."""
_MOVES = {"fills", "opening_balances"}
_WORKED = {"effects", "derived", "accruals"}
DATED = ("option_adjustments", "betas", "volatilities", "volumes")


class CycleRunner:
    """Runs plans over the state they follow on: accept, then evaluate, then shape the tables."""

    def __init__(self, monitor: Monitor, acceptor: Acceptor, held: HeldRows) -> None:
        self.monitor = monitor
        self.rates = RatesMonitor(monitor.whole)
        self.acceptor = acceptor
        self.held = held
        self.late_books = LateBooks(acceptor.journal, monitor.actions.register)
        monitor.reworked = self._reworked
        self._fills = empty_feed("fills"), 0
        """Fills of the cycle at work, and the place of the first."""
        self.pending: dict[str, pl.DataFrame] = {}
        """Rows of dates that have not come, by feed."""
        self.shards = StateShards(Bounds(**in_force("lake", versions("lake")[-1]).numbers["state"]))
        self._fills_landed = 0
        """Fills since the session began: the place of the next one."""
        self.ever_written: set[str] = set()
        """Tables that are often empty and have had a row."""

    def accept(self, manifest: dict[str, Any], open_file: OpenFile) -> Taken:
        """Rows that count, by feed, with quarantine rows and a report of every file."""
        rules = self.monitor.rules(self.monitor.point)
        monitor = self.monitor
        known = monitor.market, monitor.actions
        firm = Firm(monitor.last_point, rules.grid_interval, *known)
        taken = self.acceptor.accept(manifest, open_file, firm, self.held)
        if "order_fills" in taken.frames:
            self.monitor.plans.link(taken.frames["order_fills"])
        return taken

    def compute(self, feeds: dict[str, pl.DataFrame], plan: Plan, begin: Begin) -> Computed:
        """Evaluates the grid points the rows cover, and shapes the tables as of the last one.

        Nothing is evaluated, and the rows are held, while more of their delivery is to come.
        """
        cycle, manifest = plan.cycle, plan.manifest
        held_since = self.held.since
        ready = self.held.pass_on(feeds, manifest)
        if ready is None:
            return Computed({}, _instant(self.monitor.last_point))
        self._heed(manifest)
        division = Division.of(manifest)
        events, end = self._events(ready)
        if end is None:
            return self._flag(cycle, begin)
        events = divided(events, division)
        beside = {name: events[name] for name in ("accruals",) if name in events}
        mine = {name: division.part(rows) for name, rows in (ready | beside).items()}
        self.monitor.reg_t.restating.begin(mine, events.get("effects"), held_since)
        self.monitor.parts.free_rides.take(mine.get("fills"))
        of_rates = self.rates.taken_out(events)
        if not division.is_first:
            of_rates = {}
        frames, names = self._decided(events, end), self.monitor.holdings.accounts.all
        changed = np.union1d(self.monitor.changed(), self._newly_flagged())
        part = self.shards.choose(names, changed, end)
        frames |= self.rates.frames(of_rates, end) | self.monitor.firm_tables()
        frames = stamped(frames, cycle)
        begin(frames)
        if part.places is None and len(names) > large_state.MOST_AT_ONCE:
            return replace(_computed(frames, end, part), large=self._large(cycle))
        return _computed(frames | self._state(part.places, cycle, begin), end, part)

    def _decided(self, events: dict[str, pl.DataFrame], end: int) -> dict[str, pl.DataFrame]:
        """Tables of what the grid points up to `end` bring, of the accounts that it happens to."""
        decisions = self.monitor.run(events, end)
        frames = {"enforcement_decisions": decisions} if decisions.height else {}
        frames |= self.monitor.desk_tables()
        ended = self.monitor.reg_t.take_ended(self.monitor.holdings.accounts.all)
        return frames | ({DAYS: ended} if ended.height else {})

    def _heed(self, manifest: dict[str, Any]) -> None:
        """Switches on what the plan at work knows of."""
        # A plan from before margin calls had a life, or liquidation plans, decides without them.
        self.monitor.calls.is_on = "calls" in manifest["rulebooks"]
        self.monitor.plans.is_on = "liquidation" in manifest["rulebooks"]
        self.monitor.parts.free_rides.is_on = "cash_account" in manifest["rulebooks"]
        self.monitor.settling.is_on = "expiry" in manifest["rulebooks"]
        self.shards.heed(manifest)
        self.monitor.plans.book.has_recalls = manifest.get(plans.PLANS, 1) >= plans.WITH_RECALLS

    def _flag(self, cycle: int, begin: Begin) -> Computed:
        """Nothing to evaluate: the rows of accounts whose flag changed, as of the last point."""
        changed, end = self._newly_flagged(), self.monitor.last_point
        if end is None or not len(changed):
            return Computed({}, _instant(end))
        part = self.shards.choose(self.monitor.holdings.accounts.all, changed, end)
        return _computed(self._state(part.places, cycle, begin), end, part)

    def _newly_flagged(self) -> Int64Array:
        """Places of known accounts whose flag changed since they were last asked for."""
        refusals, known = self.acceptor.refusals, self.monitor.holdings.accounts
        places = sorted(known.place(name) for name in refusals.changed if name in known)
        refusals.changed = set()
        return np.array(places, dtype=np.int64)

    def is_behind(self) -> bool:
        """Whether rows of the state are older than the last evaluated grid point."""
        return self.held.since is None and self.shards.is_behind(self.monitor.last_point)

    def settle(self, cycle: int, begin: Begin) -> Computed:
        """Shapes the state tables of the shards longest behind, and evaluates nothing."""
        end = self.monitor.point
        part = self.shards.settle(end)
        return _computed(self._state(part.places, cycle, begin), end, part)

    def _large(self, cycle: int) -> LargeState:
        """The state tables of everybody, to be shaped some accounts at a time."""
        most, names = large_state.MOST_AT_ONCE, self.monitor.holdings.accounts.series
        order = names.arg_sort().to_numpy().astype(np.int64)
        in_order = [np.sort(order[at : at + most]) for at in range(0, len(order), most)]
        may_lack = OFTEN_EMPTY - self.ever_written
        for places in in_order:
            # What is counted when it is asked for first must not be by two threads at once.
            self.monitor.day_trades.count(places)

        def shaped(places: Int64Array) -> dict[str, pl.DataFrame]:
            frames: dict[str, pl.DataFrame] = {}
            for part in self._shaped(places):
                frames |= stamped(part, cycle)
            return frames

        return LargeState(shaped, in_order, self.shards.parts(most), frozenset(may_lack))

    def _state(self, of: Int64Array | None, cycle: int, begin: Begin) -> dict[str, pl.DataFrame]:
        frames: dict[str, pl.DataFrame] = {}
        # A table that has never had a row is not written again and again.
        may_lack = OFTEN_EMPTY - self.ever_written
        for shaped in self._shaped(of):
            has = {n: f for n, f in shaped.items() if f.height or n not in may_lack}
            ready = stamped(has, cycle)
            begin(ready)
            frames |= ready
        self.note_written(frames)
        return frames

    def note_written(self, names: Iterable[str]) -> None:
        """Tables of the state are written by the cycle at work."""
        self.ever_written |= OFTEN_EMPTY & set(names)

    def _shaped(self, of: Int64Array | None) -> Iterator[dict[str, pl.DataFrame]]:
        """The state tables, as soon as each is shaped."""
        era = self.monitor.margined(of)
        positions = without_values(as_listed(era.positions))
        yield {"positions": positions, "account_state": era.accounts}
        # The kernels that Dagster runs by business date.
        for name, frame in tables_over((era,)):
            is_summary = name == "margin_summary"
            yield {name: self.acceptor.refusals.flagged(frame) if is_summary else frame}
        yield {"enforcement_state": self.monitor.enforcement_state(of)}
        yield self.monitor.intraday_tables(of)
        yield self.monitor.reg_t_tables(of)

    def _events(self, feeds: dict[str, pl.DataFrame]) -> tuple[dict[str, pl.DataFrame], int | None]:
        feeds = {n: f for n, f in feeds.items() if n not in BESIDE}
        timed = {n: f for n, f in feeds.items() if n not in _MOVES} | self._moves(feeds)
        if "desk_actions" in timed:
            acts = timed["desk_actions"].filter(pl.col("kind").is_in(self._kinds()))
            feeds, timed = feeds | {"desk_actions": acts}, timed | {"desk_actions": acts}
        ends = [f["point"].max() for n, f in feeds.items() if n not in DATED and f.height]
        ends += [f.filter("is_late")["point"].max() for n, f in feeds.items() if n in DATED]
        known = [int(str(end)) for end in ends if end is not None]
        end = max(known) if known else None
        for feed in DATED:
            self._hold_back(feed, timed, end)
        return {n: _ordered(f) for n, f in timed.items() if f.height}, end

    def _moves(self, feeds: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        """Events of what moves positions: fills, opening balances, and actions on both."""
        if "corporate_actions" in feeds:
            self.monitor.actions.learn(feeds["corporate_actions"])
        if not self.monitor.actions.register and not _MOVES & feeds.keys():
            return {}
        fills, last = feeds.get("fills", empty_feed("fills")), self.monitor.last_point
        balances = opened(feeds.get("opening_balances"))
        effects = self.acceptor.journal.effects(fills, last, balances.fills)
        moved = Moved(fills, balances.fills, effects, balances.effects)
        worked = self.late_books.worked(moved, last)
        self._fills = fills, self._fills_landed
        self._fills_landed += fills.height
        return self._told(worked) | {"opening_cash": balances.cash}

    def _told(self, worked: Worked) -> dict[str, pl.DataFrame]:
        effects = with_places(worked.effects, *self._fills)
        found = {"effects": effects, "derived": worked.derived, "accruals": worked.accruals}
        return {name: frame for name, frame in found.items() if frame.height}

    def _reworked(self, point: int, changed: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        """Rows of a grid point, late ones told again after what this cycle has settled."""
        if not self.late_books.is_late(point):
            return dict(changed)
        settled = self.monitor.settling.told()
        legs = leg_fills(settlement_frame(settled), settled["settled_at"].to_numpy())
        worked = self.late_books.again(point, legs)
        if worked is None:
            return dict(changed)
        told = {name: _ordered(frame) for name, frame in self._told(worked).items()}
        return {n: f for n, f in changed.items() if n not in _WORKED} | told

    def _kinds(self) -> tuple[str, ...]:
        """Acts that count at a grid point under the plan at work."""
        return (*calls.ACTS, ACKNOWLEDGE, *(plans.ACTS if self.monitor.plans.is_on else ()))

    def _hold_back(self, feed: str, timed: dict[str, pl.DataFrame], end: int | None) -> None:
        """Rows of a date that the day has not come to wait for it."""
        parts = [f for f in (self.pending.get(feed), timed.pop(feed, None)) if f is not None]
        if not any(part.height for part in parts):
            return
        rows = pl.concat(parts, how="diagonal")
        due = pl.lit(value=False) if end is None else pl.col("point") <= end
        timed[feed] = rows.filter(due)
        self.pending[feed] = rows.filter(~due)


def _computed(frames: dict[str, pl.DataFrame], end: int, part: Part) -> Computed:
    accounts = None if part.places is None else len(part.places)
    return Computed(frames, _instant(end), part.shards, accounts)


def _ordered(frame: pl.DataFrame) -> pl.DataFrame:
    by = ["point", *(["event_time"] if "event_time" in frame.columns else [])]
    # A sort copies millions of rows that nearly always stand in order.
    is_ordered = all(frame[name].is_sorted() for name in by)
    return frame if is_ordered else frame.sort(by, maintain_order=True)


def _instant(point: int | None) -> datetime | None:
    if point is None:
        return None
    found: datetime = to_instants(np.array([point], dtype=np.int64)).item()
    return found
