"""Margin calls in the live day: the book of calls, fed from the monitor's books and figures."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.calls.call_book import CallBook
from margin_assets.kernels.calls.call_frames import Extension
from margin_assets.kernels.calls.call_rules import (
    AGED,
    DAY_TRADING,
    INTRADAY,
    MINIMUM_EQUITY,
    OF_FIGURES,
    REG_T,
    call_rules,
    day_end,
    day_of,
    dues,
)
from margin_assets.kernels.calls.demands import of_day_trading, of_intraday, of_ladder, of_reg_t
from margin_assets.kernels.calls.open_calls import Demand, demand
from margin_assets.kernels.enforcement.ladder import set_deadlines
from margin_assets.kernels.enforcement.minimum import equity_shortfalls
from margin_assets.kernels.enforcement.rungs import CALL, Ladder
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import to_scaled
from margin_assets.kernels.rules.instants import UNSET
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.rules.timelines import BusinessDays
from margin_assets.live.books.day_trades import DayTradeMonitor
from margin_assets.live.books.intraday import IntradayMonitor
from margin_assets.live.books.outcomes import Outcomes
from margin_assets.live.books.reg_t import RegTMonitor
from margin_assets.live.state.holdings import Holdings
from margin_assets.live.state.names import NOBODY, united

EXTEND = "call_extend"
ACTS = (EXTEND,)
"""Kinds of acts that count here."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TRANSFERS = ("deposit", "withdrawal")


class Valued(NamedTuple):
    """Figures as of a grid point, the book behind them, the ladder and the rules."""

    book: Book
    figures: Figures
    ladder: Ladder
    rules: Rules


class Moves(NamedTuple):
    """What accounts did at a grid point: deposits less withdrawals (cents), cash, trades."""

    paying: Int64Array
    paid: Int64Array
    moving: Int64Array
    trading: Int64Array


NO_MOVES = Moves(NOBODY, NOBODY, NOBODY, NOBODY)


def moves_of(changed: Mapping[str, pl.DataFrame], holdings: Holdings) -> Moves:
    """The transactions of a grid point."""
    if not ("effects" in changed or "cash_movements" in changed):
        return NO_MOVES
    trading = moving = paying = paid = NOBODY
    if "effects" in changed:
        trading = _owners(changed["effects"], holdings)
    if "cash_movements" in changed:
        moved = changed["cash_movements"]
        moving = _owners(moved, holdings)
        transfers = moved.filter(pl.col("kind").is_in(_TRANSFERS))
        paying = holdings.accounts.of(transfers, "account_id")
        paid = to_scaled(transfers["amount"])
    return Moves(paying, paid, np.union1d(moving, trading), trading)


def _owners(rows: pl.DataFrame, holdings: Holdings) -> Int64Array:
    return united(len(holdings.accounts), holdings.accounts.of(rows, "account_id"))


class CallMonitor:
    """Every account's margin calls, once a plan knows of them."""

    def __init__(self, days: BusinessDays, holdings: Holdings, outcomes: Outcomes) -> None:
        self.book = CallBook(days, holdings.accounts.all)
        self.is_on = False
        """Whether the plan at work has calls: one from before them has none."""
        self.has_begun = False
        """Whether every account has been asked."""
        self._holdings = holdings
        self.outcomes = outcomes

    def grow(self, accounts: int) -> None:
        """Gives new accounts their places."""
        self.book.grow(accounts)

    def act(self, point: int, acts: pl.DataFrame, ladder: Ladder, reg_t: RegTMonitor) -> Int64Array:
        """Does what people ask for, in order; returns the accounts it touches."""
        touched = list(self._extensions(point, acts.filter(pl.col("kind") == EXTEND), reg_t))
        accounts = np.unique(np.array(touched, dtype=np.int64))
        self._hold(ladder, accounts)
        return accounts

    def _extensions(self, point: int, acts: pl.DataFrame, reg_t: RegTMonitor) -> Iterator[int]:
        for act in acts.iter_rows(named=True):
            until, found = _until(act["details"]), self.book.find(act["subject"])
            refusal: str | None = "its details name no instant `until`"
            if until is not None:
                by = Extension(act["actor"], act["action_id"])
                refusal = self.book.extend(act["subject"], point, until, by)
            self.outcomes.note(point, act, refusal)
            if refusal is None and found is not None:
                if found.kind == REG_T:
                    reg_t.book.extend(found.account, day_of(self.book.days, until or point))
                yield found.account

    def strike(self, point: int, accounts: Int64Array, now: Valued, moves: Moves) -> None:
        """Strikes the calls that follow from the figures of accounts; at first, of all of them."""
        ladder = now.ladder
        is_asked = (ladder.margin_status[accounts] == CALL) | ladder.minimum_call[accounts]
        places = accounts[is_asked | self.book.has_open(OF_FIGURES, accounts)]
        if not len(places):
            return
        for kind, asked in self._demands(point, places, now, moves).items():
            self.book.strike(kind, point, asked)
        if self._hold(ladder, places):
            set_deadlines(now.rules, ladder, point)

    def strike_intraday(self, at: int, accounts: Int64Array, intraday: IntradayMonitor) -> None:
        """Strikes the calls of intraday margin."""
        if intraday.book is None:
            return
        register = intraday.book.register
        is_asked = (register.live[accounts] > 0) | self.book.has_open((INTRADAY,), accounts)
        places = accounts[is_asked]
        if len(places):
            asked = of_intraday(register, self.book.days, places, at)
            self.book.strike(INTRADAY, at, asked)

    def end_day(
        self, at: int, accounts: Int64Array, reg_t: RegTMonitor, day_trades: DayTradeMonitor
    ) -> None:
        """Strikes the calls that follow from the end of a business day, of accounts it moved."""
        days = self.book.days
        self.book.strike(REG_T, at, of_reg_t(reg_t.book.calls, days, accounts, at))
        rows = day_trades.book.special_calls()
        whose = np.union1d(rows["account"].to_numpy(), self.book.who(DAY_TRADING))
        if len(whose):
            self.book.strike(DAY_TRADING, at, of_day_trading(rows, days, whose, at))

    def load(self, saved: pl.DataFrame, point: int, *, has_begun: bool) -> None:
        """Takes the versions saved up to a grid point."""
        self.book.load(saved, self._holdings.accounts.places, point)
        self.has_begun = has_begun

    def refresh(self, point: int, now: Valued) -> None:
        """Takes what is owed as of the grid point of a saved state, and the extensions."""
        places = self.book.who(*OF_FIGURES)
        if len(places):
            for kind, asked in self._demands(point, places, now, NO_MOVES).items():
                self.book.refresh(kind, asked)
            self._hold(now.ladder, places)

    def _demands(
        self, point: int, places: Int64Array, now: Valued, moves: Moves
    ) -> dict[int, Demand]:
        called = of_ladder(places, self._holdings.account_type[places], now.figures, now.ladder)
        lacking = equity_shortfalls(now.book, now.figures, now.rules, places)
        low = np.where(now.ladder.minimum_call[places], lacking, 0)
        paid = np.zeros(len(places), dtype=np.int64)
        is_theirs = np.isin(moves.paying, places)
        np.add.at(paid, np.searchsorted(places, moves.paying[is_theirs]), moves.paid[is_theirs])
        # The ladder's clock; calls from before the book began are as old as it says.
        since = now.ladder.call_opened[places]
        found = {}
        for kind, owed in {**called.owed, MINIMUM_EQUITY: low}.items():
            first = point if self.has_begun else np.where(since == UNSET, point, since)
            opened = self.book.opened_at(kind, places, first)
            clock = opened if kind == MINIMUM_EQUITY else np.where(since == UNSET, opened, since)
            found[kind] = demand(places, owed, opened)._replace(
                house_due=self._house_due(kind, clock, now.rules),
                legal_due=dues(self.book.days, kind, opened, self.book.extended(kind, places)),
                is_known=called.is_known,
                deposits=paid,
                has_moved=np.isin(places, moves.moving),
                has_traded=np.isin(places, moves.trading),
            )
            if kind != MINIMUM_EQUITY:
                found[kind] = found[kind]._replace(consequence=called.consequence)
        return found

    def _house_due(self, kind: int, opened: Int64Array, rules: Rules) -> Int64Array:
        """The firm's own deadline: the ladder's, that of the minimum in business days."""
        if kind != MINIMUM_EQUITY:
            return opened + rules.overdue_after
        days = self.book.days
        ends = {}
        for at in np.unique(opened).tolist():
            policy = call_rules(days.date_of(day_of(days, at)))
            ends[at] = day_end(days, at, policy.minimum_equity_due)
        return np.array([ends[at] for at in opened.tolist()], dtype=np.int64)

    def _hold(self, ladder: Ladder, accounts: Int64Array) -> bool:
        """Tells the ladder to when calls are extended; returns whether that is another instant."""
        held = self.book.held_until(AGED, accounts)
        is_other = bool((ladder.held_until[accounts] != held).any())
        ladder.held_until[accounts] = held
        return is_other


def _until(details: str | None) -> int | None:
    """The instant `until` of an act's details; None where it names none."""
    try:
        at = datetime.fromisoformat(json.loads(details or "")["until"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return None if at.tzinfo is None else (at - _EPOCH) // timedelta(microseconds=1)
