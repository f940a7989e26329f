"""The monitor: walks the grid points of a cycle, evaluates who is touched, climbs the ladder."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import numpy as np
import polars as pl

from margin_assets.kernels.book.book import REG_T, Book
from margin_assets.kernels.book.figures import Figures, empty_figures, with_room
from margin_assets.kernels.book.series import Series, sizes
from margin_assets.kernels.corporate.dividends import Entry
from margin_assets.kernels.corporate.exercises import are_holders, leg_effects, share_legs
from margin_assets.kernels.enforcement.ladder import climb, set_deadlines
from margin_assets.kernels.enforcement.rungs import NEVER, UNSET, Evaluated, Ladder, empty_ladder
from margin_assets.kernels.firm_risk.issuer_map import IssuerMap, largest_positions
from margin_assets.kernels.intraday.intraday import levels
from margin_assets.kernels.margin.house import charge_house
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.margin.revaluation import restrikes, revalue
from margin_assets.kernels.margin.settlement import settled
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import MICRO, instant
from margin_assets.kernels.options.valuation import rescanned
from margin_assets.kernels.reg_t.sma import RegTFigures, mixed_excess, reg_t_figures
from margin_assets.kernels.rules.grid import day_of, grid_point, new_york_day, rules_at
from margin_assets.kernels.rules.overlay_rules import overlay_rules
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.rules.timelines import Calendar
from margin_assets.kernels.securities.positions import held_terms, with_marks
from margin_assets.live.books.actions import ActionMonitor
from margin_assets.live.books.bounds import spared
from margin_assets.live.books.calls import CallMonitor, Valued, moves_of
from margin_assets.live.books.day_trades import DayTradeMonitor
from margin_assets.live.books.dividends import DividendMonitor
from margin_assets.live.books.intraday import IntradayMonitor, reducing
from margin_assets.live.books.outcomes import Outcomes
from margin_assets.live.books.plans import PlanMonitor, Tables
from margin_assets.live.books.reg_t import RegTMonitor
from margin_assets.live.books.reg_t_entries import Firm, exercise_entries, noted
from margin_assets.live.books.restating import Restating
from margin_assets.live.books.settling import SettlementMonitor
from margin_assets.live.firm.decisions import (
    decisions_of,
    enforcement_frame,
    identified,
    ladder_arrays,
    numbered,
)
from margin_assets.live.firm.whole import WholeFirm
from margin_assets.live.state.holdings import Holdings
from margin_assets.live.state.market import Market
from margin_assets.live.state.ticks import Ticks, by_point, points_of, rows_by_point

_NOBODY: Int64Array = np.zeros(0, dtype=np.int64)
Events = Mapping[str, pl.DataFrame]
"""Rows by feed (fills as `effects`), each with its grid `point`, in order of application."""


class Monitor:
    """State of the firm at the last evaluated grid point, and how to move it on."""

    def __init__(self, calendar: Calendar, restating: Restating, tables: Tables) -> None:
        """`tables` are those of the last sealed cycle: what is not in memory is looked up there."""
        days = calendar.days
        self.intraday = IntradayMonitor(days)
        self.reg_t = RegTMonitor(days, restating)
        self.market = Market(calendar.times)
        self.holdings = Holdings()
        self.actions = ActionMonitor(calendar, self.holdings, self.market)
        self.dividends = DividendMonitor(self.holdings)
        self.day_trades = DayTradeMonitor(days, self.holdings, self.market)
        self.outcomes = Outcomes()
        self.whole = WholeFirm(self.market, self.holdings, self.outcomes)
        self.calls = CallMonitor(days, self.holdings, self.outcomes)
        self.plans = PlanMonitor(self.calls, self.holdings, self.market, tables)
        self.settling = SettlementMonitor(self.holdings, self.market, calendar.times, tables)
        restating.settled_now = self.settling.told
        restating.accrued_now = self.dividends.made
        self.ladder = empty_ladder(0)
        self.last_point: int | None = None
        self._day: date | None = None
        self._rules: Rules | None = None
        self._figures: Figures | None = None
        self._is_valued = np.zeros(0, dtype=np.bool_)
        """Accounts whose figures hold at the last evaluated grid point."""
        self._lacks_house = np.zeros(0, dtype=np.bool_)
        """Accounts revalued without the house's add-ons since."""
        self._changed: list[Int64Array] = []
        self._ticks: dict[int, Ticks] = {}
        """Prices of the run at work, by grid point."""

    def run(self, events: Events, end: int) -> pl.DataFrame:
        """Evaluates every grid point up to `end` and returns the decisions, in order."""
        self._make_room(events)
        self._changed = []
        self.day_trades.take(events)
        self.plans.begin(events)
        self.settling.begin(events)
        before = [column.copy() for column in self.ladder]
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
        for now, then in zip(self.ladder, before, strict=True):
            self._changed.append(np.flatnonzero(now != then))
        return numbered(decided)

    def changed(self) -> Int64Array:
        """Accounts whose own state the last run changed or decided about; marks aside."""
        return np.unique(np.concatenate(self._changed)).astype(np.int64)

    def _next_by_time(self) -> int:
        interval = self.rules(self.point).grid_interval
        due = min(
            int(self.ladder.deadline.min(initial=NEVER)),
            self.market.next_opening(),
            self.market.next_turn(),
            self.intraday.next_deadline(),
            self.settling.next_due(),
            self.actions.next_due(self.point),
        )
        # A deadline acts at the first grid point at or after it.
        return due if due == NEVER else grid_point(due, interval)

    def _make_room(self, events: Events) -> None:
        for frame in events.values():
            if "symbol" in frame.columns:
                self.market.add(frame["symbol"])
            if "account_id" in frame.columns:
                self.grow(self.holdings.add(frame["account_id"]))

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

    def _step(self, point: int, changed: Mapping[str, pl.DataFrame]) -> Iterator[pl.DataFrame]:
        rules = self.rules(point)
        self.plans.book.pass_time(point)
        touched = self._apply(point, changed, rules)
        if rules is not self._rules:
            touched = np.arange(len(self.holdings.accounts), dtype=np.int64)
            self._rules = rules
        self.last_point = point
        if not len(touched):
            return
        book, figures = self._valued(touched, point)
        self._add_house(touched, figures)
        kept = spared(self.market, self.holdings, self.ladder, figures, (point, touched))
        at = Evaluated(point, touched, kept)
        steps = climb(book, figures, rules, self.ladder, at)
        self._strike_calls(point, touched, Valued(book, figures, self.ladder, rules), changed)
        self.plans.lapse(point, self.ladder)
        if len(steps.account):
            self._changed.append(steps.account)
            decisions = decisions_of(point, steps, figures, book)
            yield identified(decisions, self.holdings.accounts.all, point)

    def _strike_calls(
        self, point: int, touched: Int64Array, now: Valued, changed: Mapping[str, pl.DataFrame]
    ) -> None:
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
        everyone = np.arange(len(self.holdings.accounts), dtype=np.int64)
        unvalued = everyone[~self._is_valued[everyone]]
        if len(unvalued):
            self._add_house(unvalued, self._revalue(unvalued, point))
        self.calls.end_day(point, everyone, self.reg_t, self.day_trades)
        return everyone

    def figures(self) -> Figures:
        """Figures of every account, by place, as of the last evaluated grid point."""
        point = self.point
        figures = self._room(point)
        # An account that nothing has valued yet is no account that is worth nothing.
        unvalued = np.flatnonzero(~self._is_valued).astype(np.int64)
        if len(unvalued):
            self._revalue(unvalued, point)
        # Accounts that were only measured, for intraday margin or Regulation T.
        self._add_house(np.flatnonzero(self._lacks_house), figures)
        return figures

    def firm_risk(self) -> pl.DataFrame:
        """The `firm_risk` frame as of the last evaluated grid point."""
        return self.whole.risk(*self._firm())

    def issuers(self) -> IssuerMap | None:
        """What is lost in the largest issuers, by scenario, as of the last evaluated grid point."""
        return self.whole.issuers(*self._firm())

    def largest_positions(self) -> Int64Array:
        """The largest position of each account, cents, as of the last evaluated grid point."""
        market, rules = self.market, self.rules(self.point)
        series = market.series(self.point, rules)
        return largest_positions(self.holdings.book(sizes(series)), series, rules)

    def firm_tables(self) -> dict[str, pl.DataFrame]:
        """The tables of the whole firm of a cycle that ends at the last evaluated grid point."""
        return self.whole.frames(*self._firm())

    def _firm(self) -> tuple[Figures, tuple[Book, Series], Rules, int]:
        point, everyone = self.point, np.arange(len(self.holdings.accounts), dtype=np.int64)
        found = self._struck_again(self.figures(), point)
        return found, self._arrays(point, everyone), self.rules(point), point

    def _struck_again(self, figures: Figures, point: int) -> Figures:
        """Figures with what no decision asks for: portfolio margin of options after each move."""
        book, series = self._arrays(point, _NOBODY)
        options = restrikes(book, series)
        if not len(options):
            return figures
        owner = np.repeat(np.arange(len(book.cash)), np.diff(book.offsets))
        holders = np.unique(owner[np.isin(book.series, options)]).astype(np.int64)
        found = Figures._make(column.copy() for column in figures)
        rules, book = self.rules(point), self._arrays(point, holders)[0]
        values = rescanned(self.market.values, series, rules, options)
        revalue(book, series, rules, values, (holders, found))
        self._add_house(holders, found)
        return found

    def _revalue(self, accounts: Int64Array, point: int) -> Figures:
        return self._valued(accounts, point)[1]

    def _valued(self, accounts: Int64Array, point: int) -> tuple[Book, Figures]:
        """Figures of accounts, made now, and the book as it counts for them."""
        rules, figures = self.rules(point), self._room(point)
        book, series = self._arrays(point, accounts)
        self._is_valued[accounts] = self._lacks_house[accounts] = True
        return book, revalue(book, series, rules, self.market.values, (accounts, figures))

    def _room(self, point: int) -> Figures:
        """Figures with room for every account; those known stay while the scenarios do."""
        rules, count, held = self.rules(point), len(self.holdings.accounts), self._figures
        if held is None or held.pnl.shape[1] != len(rules.stress_moves):
            held = empty_figures(0, rules)
            self._is_valued = self._lacks_house = np.zeros(0, dtype=np.bool_)
        new = np.zeros(count - len(held.states), dtype=np.bool_)
        self._is_valued = np.concatenate([self._is_valued, new])
        self._lacks_house = np.concatenate([self._lacks_house, new])
        self._figures = with_room(held, count)
        return self._figures

    def _reg_t_figures(self, accounts: Int64Array) -> RegTFigures:
        """Where accounts stand under Regulation T at the last evaluated grid point."""
        point = self.point
        self._room(point)
        stale = accounts[~self._is_valued[accounts]]
        if len(stale):
            self._revalue(stale, point)
        return reg_t_figures(
            *self._arrays(point, accounts), self.rules(point), self._room(point), accounts
        )

    def _pass_days(self, until: int) -> None:
        """Closes of sessions and ends of days before an instant, for what lasts days."""
        ends, first = self.reg_t.book.days.ends, self.reg_t.passed
        if self.calls.is_on and self.calls.has_begun and first != UNSET:
            # One day after the other: what its end asks for is a call of that instant.
            passing = ends[
                np.searchsorted(ends, first, side="right") : np.searchsorted(ends, until)
            ]
            for end in passing.tolist():
                self.calls.book.pass_time(end - 1)
                moved = self._pass_to(end + 1)
                self.calls.end_day(end, moved, self.reg_t, self.day_trades)
            self.calls.book.pass_time(until - 1)
        self._pass_to(until)

    def _pass_to(self, until: int) -> Int64Array:
        """Passes closes and ends of days before an instant; returns whom they moved."""
        kinds = self.holdings.account_type
        moved = [*self.reg_t.pass_days(until, kinds, self._reg_t_figures)]
        moved += self.day_trades.pass_days(until, self._reg_t_figures)
        self._changed.extend(moved)
        return np.unique(np.concatenate([_NOBODY, *moved])).astype(np.int64)

    def _add_house(self, accounts: Int64Array, figures: Figures) -> None:
        """House add-ons of the accounts just revalued, where an overlay is switched on."""
        self._lacks_house[accounts] = False
        if not len(accounts) or not overlay_rules(day_of(self.point)).enabled:
            return
        era = self.margined(accounts)
        charge = era.governed.charge
        place = self.holdings.accounts.places(era.accounts["account_id"])
        charge_house(figures, place, charge)

    def _arrays(self, point: int, accounts: Int64Array) -> tuple[Book, Series]:
        """Series as they stand, and the book as it counts for some accounts."""
        market, rules = self.market, self.rules(point)
        series = market.series(point, rules)
        book = self.holdings.book(sizes(series))
        return settled(book, series, rules, lambda: market.values, accounts), series

    def _apply(self, point: int, changed: Mapping[str, pl.DataFrame], rules: Rules) -> Int64Array:
        """Takes everything that counts from a point; returns the accounts it touches."""
        market, holdings = self.market, self.holdings
        carried = self.actions.carry(point, rules)
        acted = self._derive(point, *self.actions.act(point))
        symbols, accounts = self._take_terms(point, changed, rules)
        symbols, accounts = [*symbols, carried], [*accounts, acted]
        moved = market.with_options(np.unique(np.concatenate(symbols)))
        market.reprice(moved, point, rules)
        self.whole.reprice(moved)
        accounts += self._enter(point, changed, moved)
        accounts += self._rework(point, changed)
        accounts += self._settle(point, changed)
        if self.intraday.is_on(point):
            accounts.append(self.intraday.close(point))
        self.plans.fill(point)
        due = np.flatnonzero(self.ladder.deadline <= point)
        self._changed.extend(accounts)
        holders = holdings.holders(moved, len(market.symbols))
        touched = np.unique(np.concatenate([*accounts, due, holders])).astype(np.int64)
        self.reg_t.touch(touched)
        return touched

    def _rework(self, point: int, changed: Mapping[str, pl.DataFrame]) -> list[Int64Array]:
        """Takes opening balances, and what late rows change; returns whose they are."""
        accounts = []
        if "opening_cash" in changed:
            accounts.append(self.holdings.apply_cash(changed["opening_cash"]))
        if "derived" in changed:
            accounts.append(self._derive(point, changed["derived"], ()))
        if "accruals" in changed:
            told = changed["accruals"].select(Entry._fields).iter_rows()
            accounts.append(self.dividends.accrue(point, (Entry(*row) for row in told)))
        return accounts

    def _derive(self, point: int, effects: pl.DataFrame, accruals: Iterable[Entry]) -> Int64Array:
        """Takes what happens to positions beside trades; returns whose they are.

        It is no transaction: nothing is measured, and no memorandum account is entered.
        """
        moved = _NOBODY
        if effects.height:
            market = self.market
            single = np.full(effects.height, MICRO, dtype=np.int64)
            moved = self.holdings.apply_effects(effects, market.symbols, market.class_group, single)
        return np.union1d(moved, self.dividends.accrue(point, accruals)).astype(np.int64)

    def _enter(
        self, point: int, changed: Mapping[str, pl.DataFrame], moved: Int64Array
    ) -> list[Int64Array]:
        """Takes transactions, and enters them into special memorandum accounts."""
        take = self._transact if self.intraday.is_on(point) else self._take
        if not ("effects" in changed or "cash_movements" in changed):
            return take(point, changed, moved)
        series = self.market.series(point, self.rules(point))
        firm = Firm(self.holdings, series, self.market.symbols)
        found = noted(point, changed, firm, self.reg_t.book.owed)
        before = self._mixed_excess(found.others, point)
        accounts = take(point, changed, moved)
        gained = self._mixed_excess(found.others, point) - before
        self.reg_t.enter(point, found, gained, self.holdings.accounts)
        return accounts

    def _settle(self, point: int, changed: Mapping[str, pl.DataFrame]) -> list[Int64Array]:
        """Takes what is exercised, assigned and expires: no trade of a day or an order.

        What an account's long options come to is entered into its SMA, and may reduce the level
        that intraday margin measures; an assignment does neither.
        """
        holdings, market, found = self.holdings, self.market, []
        ticked = self._ticks[point].place if point in self._ticks else _NOBODY
        for rows, is_taken_back, told in self.settling.steps(point, changed, ticked):
            effects = leg_effects(rows, np.full(rows.height, point, dtype=np.int64))
            if is_taken_back.any():
                undone = rows.filter(is_taken_back)
                effects = holdings.with_sales_undone(effects, undone, market.symbols)
            single = np.full(effects.height, MICRO, dtype=np.int64)
            accounts = np.unique(holdings.accounts.places(rows["account_id"]))
            is_measured = self.intraday.is_on(point)
            if is_measured:
                before = levels(holdings.account_type, self._revalue(accounts, point), accounts)
            self._enter_exercised(point, rows.filter(are_holders(rows, told)))
            holdings.apply_effects(effects, market.symbols, market.class_group, single)
            found.append(accounts)
            if is_measured:
                figures = self._revalue(accounts, point)
                falls = levels(holdings.account_type, figures, accounts) < before
                owners = holdings.accounts.places(
                    rows.filter(pl.col("contracts") < 0)["account_id"]
                )
                seen = accounts, falls & np.isin(accounts, owners), np.zeros_like(accounts)
                found.append(self.intraday.enter(point, seen, holdings, figures))
        return found

    def _enter_exercised(self, point: int, rows: pl.DataFrame) -> None:
        """Enters what exercised options buy and sell into special memorandum accounts."""
        if rows.height:
            legs = share_legs(rows, np.full(rows.height, point, dtype=np.int64))
            series = self.market.series(point, self.rules(point))
            firm = Firm(self.holdings, series, self.market.symbols)
            self.reg_t.book.enter(exercise_entries(point, legs, firm))

    def _mixed_excess(self, accounts: Int64Array, point: int) -> Int64Array:
        """Excess of accounts at the prices of a grid point, by the groups of the mixed pass."""
        return mixed_excess(self._revalue(accounts, point), accounts) if len(accounts) else accounts

    def _take_terms(
        self, point: int, changed: Mapping[str, pl.DataFrame], rules: Rules
    ) -> tuple[list[Int64Array], list[Int64Array]]:
        """Takes all but transactions; returns the symbols and the accounts that it touches."""
        market, holdings = self.market, self.holdings
        symbols = [market.age(point, rules), market.turn(point), self._turn_of_day(point)]
        accounts: list[Int64Array] = []
        if "instruments" in changed:
            symbols.append(market.apply_instruments(changed["instruments"]))
            holdings.regroup(market.class_group)
            sized = holdings.size(market.symbols, market.multiplier, market.is_known)
            # Entered as single units: their multiplier was not known.
            self.reg_t.book.forfeit(point, sized)
            accounts.append(sized)
        if "option_adjustments" in changed:
            symbols.append(market.apply_adjustments(changed["option_adjustments"]))
            holdings.regroup(market.class_group)
        if "rates" in changed:
            symbols.append(market.apply_rates(changed["rates"]))
        if "betas" in changed:
            symbols.append(market.apply_betas(changed["betas"]))
        if "volatilities" in changed:
            symbols.append(market.apply_volatilities(changed["volatilities"]))
        if point in self._ticks:
            symbols.append(market.apply_prices(self._ticks[point], point, rules))
            symbols.append(self.actions.land(symbols[-1], point, rules))
        if "effects" in changed:
            symbols.append(market.apply_fills(changed["effects"], point, rules))
        if "accounts" in changed:
            accounts.append(holdings.apply_accounts(changed["accounts"]))
        self._note(changed)
        if "desk_actions" in changed:
            accounts.append(self._act(point, changed["desk_actions"]))
        return symbols, accounts

    def _note(self, changed: Mapping[str, pl.DataFrame]) -> None:
        """Takes what no account's figure rests on: nobody is touched."""
        if "volumes" in changed:
            self.market.apply_volumes(changed["volumes"])
        if "limits" in changed:
            self.whole.apply_limits(changed["limits"])

    def _act(self, point: int, acts: pl.DataFrame) -> Int64Array:
        """Does what people ask for; returns the accounts that it touches."""
        self.whole.acknowledge(point, acts)
        self.plans.act(point, acts, self.ladder)
        return self.calls.act(point, acts, self.ladder, self.reg_t)

    def _take(
        self, point: int, changed: Mapping[str, pl.DataFrame], _moved: Int64Array
    ) -> list[Int64Array]:
        """Takes transactions all at once; returns whose they are."""
        market, holdings, accounts = self.market, self.holdings, []
        if "cash_movements" in changed:
            accounts.append(holdings.apply_cash(changed["cash_movements"]))
            if self.actions.register:
                self.dividends.pay(point, changed["cash_movements"])
        if "effects" in changed:
            effects = changed["effects"]
            accounts.append(
                holdings.apply_effects(
                    effects,
                    market.symbols,
                    market.class_group,
                    market.traded_multiplier(effects),
                )
            )
            holdings.remember_unsized(effects, market.symbols, market.is_known)
        return accounts

    def _transact(
        self, point: int, changed: Mapping[str, pl.DataFrame], moved: Int64Array
    ) -> list[Int64Array]:
        """Takes transactions one at a time in each account and measures after each."""
        intraday, holdings, market = self.intraday, self.holdings, self.market
        steps = intraday.steps(changed, holdings, market.symbols, point)
        watched = intraday.watched(point, holdings.holders(moved, len(market.symbols)))
        dealing = [step.accounts for step in steps]
        first = np.unique(np.concatenate([watched, *dealing])).astype(np.int64)
        found: list[Int64Array] = []
        if len(first):
            figures = self._revalue(first, point)
            quiet = np.zeros(len(watched), dtype=np.int64)
            seen = (watched, quiet.astype(np.bool_), quiet)
            found.append(intraday.enter(point, seen, holdings, figures))
        for step in steps:
            before = levels(holdings.account_type, figures, step.accounts)
            found += self._take(point, step.rows, moved)
            figures = self._revalue(step.accounts, point)
            after = levels(holdings.account_type, figures, step.accounts)
            seen = (step.accounts, reducing(step, before, after), step.net_deposit)
            found.append(intraday.enter(point, seen, holdings, figures))
        if "effects" in changed:
            holdings.remember_prices(changed["effects"], market.symbols, market.class_group)
        return found

    def _turn_of_day(self, point: int) -> Int64Array:
        """Symbols whose last day has come nearer: all that have one, at a new day's first point."""
        day = new_york_day(point)
        if day == self._day:
            return np.zeros(0, dtype=np.int64)
        self._day = day
        return self.market.dated()

    def resume(self) -> None:
        """Values everything again after a saved state was loaded, as of its grid point."""
        point = self.point
        self._day = new_york_day(point)
        self.market.turn(point)
        self.market.reprice(self.market.options(), point, self.rules(point))

    def load_ladder(self, state: pl.DataFrame, point: int) -> None:
        """Takes a saved `enforcement_state`; its accounts must be known."""
        place = self.holdings.accounts.places(state["account_id"])
        saved = ladder_arrays(state)
        for name in Ladder._fields:
            getattr(self.ladder, name)[place] = getattr(saved, name)
        set_deadlines(self.rules(point), self.ladder, point)

    def load_calls(self, saved: pl.DataFrame, point: int, *, has_begun: bool) -> None:
        """Takes saved `margin_calls`; all else must be loaded before."""
        self.calls.load(saved, point, has_begun=has_begun)
        called = np.unique(self.calls.book.calls.account)
        if len(called):
            book, figures = self._valued(called, point)
            self._add_house(called, figures)
            rules = self.rules(point)
            self.calls.refresh(point, Valued(book, figures, self.ladder, rules))
            set_deadlines(rules, self.ladder, point)

    def desk_tables(self) -> dict[str, pl.DataFrame]:
        """Versions of calls and plans, outcomes of acts, settlements, since asked for last."""
        found = {"margin_calls": self.calls.book.take(), "desk_outcomes": self.outcomes.take()}
        found |= self.plans.take() | {"accrued_dividends": self.dividends.take()}
        found["settlements"] = self.settling.take()
        return {name: frame for name, frame in found.items() if frame.height}

    def margined(self, of: Int64Array | None = None) -> Margined:
        """Positions and accounts (some of them) as of the last evaluated grid point.

        Their book, series and option values are those that decided there.
        """
        point, market, holdings = self.point, self.market, self.holdings
        rules = self.rules(point)
        accounts = holdings.account_state(of).with_columns(as_of=instant(point))
        owned = holdings.holdings(market.symbols, of).with_columns(place=holdings.places(of))
        held = held_terms(owned, market.terms(point), point)
        whose = holdings.accounts.places(accounts["account_id"])
        series = market.series(point, rules)
        book = holdings.book(sizes(series), (whose, held["place"].to_numpy()))
        positions = with_marks(held.drop("place"), book, series, rules)
        return Margined.of_arrays((positions, accounts), (book, series), market.values, rules)

    def enforcement_state(self, of: Int64Array | None = None) -> pl.DataFrame:
        """The `enforcement_state` frame (of some accounts) as of the last grid point."""
        frame = enforcement_frame(self.ladder, self.holdings.accounts.all, of)
        return frame.with_columns(as_of=instant(self.point)).sort("account_id")

    def intraday_tables(self, of: Int64Array | None = None) -> dict[str, pl.DataFrame]:
        """The tables of intraday margin, and of the rule before it (of some accounts)."""
        found = self.intraday.frames(self.holdings.accounts.all, instant(self.point), of)
        rows = self.day_trades.frame(of)
        return found | {"pattern_day_traders": rows.with_columns(as_of=instant(self.point))}

    def reg_t_tables(self, of: Int64Array | None = None) -> dict[str, pl.DataFrame]:
        """The tables of Regulation T (of some accounts) as of the last grid point."""
        chosen = np.arange(len(self.holdings.accounts)) if of is None else of
        is_asked = self.reg_t.book.has_row(self.holdings.account_type == REG_T)
        places = chosen[is_asked[chosen]]
        rules, names = self.rules(self.point), self.holdings.accounts.all
        now = self._reg_t_figures(places)
        found = {
            "special_memorandum_accounts": self.reg_t.memoranda(names, places, now, rules),
            "reg_t_calls": self.reg_t.calls(names, of),
        }
        return {
            name: frame.with_columns(as_of=instant(self.point)) for name, frame in found.items()
        }
