"""What each rule asks of accounts, sorted by place, as demands of the book of calls."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.book.book import CASH, PORTFOLIO
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.book.states import INDETERMINATE
from margin_assets.kernels.book.terms import first_instant
from margin_assets.kernels.calls.call_rules import (
    CASH_DEBIT,
    HOUSE,
    MAINTENANCE,
    PORTFOLIO_MARGIN,
    day_of,
)
from margin_assets.kernels.calls.free_riding import CashAccount
from margin_assets.kernels.calls.open_calls import CONSEQUENCE, Demand, demand
from margin_assets.kernels.day_trading.pattern_rows import MET, UNMET
from margin_assets.kernels.enforcement.rungs import CALL, Ladder
from margin_assets.kernels.intraday.intraday_register import Register
from margin_assets.kernels.numeric.arrays import BoolArray, Int8Array, Int64Array
from margin_assets.kernels.numeric.money import instants
from margin_assets.kernels.reg_t.reg_t_calls import Calls
from margin_assets.kernels.rules.instants import NEVER, UNSET
from margin_assets.kernels.rules.timelines import BusinessDays
from schemas.reg_t import CALL_STATES

_EPOCH = date(1970, 1, 1)
_LAPSED = (CALL_STATES.index("waived"), CALL_STATES.index("lapsed"))
_SELLING = CALL_STATES.index("liquidation_due")


class Called(NamedTuple):
    """What the ladder's call asks of accounts by each rule, cents; they add up to it."""

    owed: dict[int, Int64Array]
    """By kind of call."""
    consequence: Int64Array
    is_known: BoolArray


def of_ladder(
    accounts: Int64Array, account_type: Int8Array, figures: Figures, ladder: Ladder
) -> Called:
    """Splits the deficiency of accounts in call: the regulatory requirement's part, and the rest.

    `account_type` is of these accounts alone. What only the house asks for is a house call.
    """
    equity, governing = figures.equity[accounts], figures.governing[accounts]
    is_cash, is_portfolio = account_type == CASH, account_type == PORTFOLIO
    by_rule = np.where(
        is_portfolio, figures.portfolio_margin[accounts], figures.maintenance[accounts]
    )
    regulatory = np.where(is_cash, governing, np.minimum(by_rule, governing))
    is_called = ladder.margin_status[accounts] == CALL
    short = np.where(is_called, np.maximum(governing - equity, 0), 0)
    ruled = np.minimum(short, np.maximum(regulatory - equity, 0))
    return Called(
        owed={
            CASH_DEBIT: np.where(is_cash, ruled, 0),
            MAINTENANCE: np.where(is_cash | is_portfolio, 0, ruled),
            PORTFOLIO_MARGIN: np.where(is_portfolio, ruled, 0),
            HOUSE: short - ruled,
        },
        consequence=np.select(
            [ladder.is_liquidating[accounts], ladder.is_overdue[accounts]],
            [CONSEQUENCE["liquidation"], CONSEQUENCE["close_only"]],
            CONSEQUENCE["none"],
        ),
        is_known=figures.states[accounts] & INDETERMINATE == 0,
    )


def of_reg_t(calls: Calls, days: BusinessDays, accounts: Int64Array, at: int) -> Demand:
    """What Regulation T asks of accounts: all that they owe on its calls, by the first one due."""
    rows = np.flatnonzero(np.isin(calls.account, accounts) & (calls.owed > 0))
    asked = _summed(accounts, calls.account[rows], calls.owed[rows], at)
    last = np.flatnonzero((calls.ended_at == at) & np.isin(calls.status, _LAPSED))
    is_selling = np.isin(accounts, calls.account[rows[calls.status[rows] == _SELLING]])
    return asked._replace(
        legal_due=_first(accounts, calls.account[rows], days.ends[calls.due[rows]]),
        is_unmet=np.isin(accounts, calls.account[last]),
        consequence=np.where(is_selling, CONSEQUENCE["liquidation"], CONSEQUENCE["none"]),
    )


def of_intraday(register: Register, days: BusinessDays, accounts: Int64Array, at: int) -> Demand:
    """What intraday margin asks of accounts: the sum of their deficits, by the first one due."""
    used = int(register.used[0])
    is_theirs = np.isin(register.account[:used], accounts)
    is_open = (register.satisfied_at[:used] == UNSET) & (register.expired_at[:used] == UNSET)
    rows = np.flatnonzero(is_theirs & is_open)
    whose = register.account[rows]
    asked = _summed(accounts, whose, register.amount[rows], at)
    frozen, theirs = (
        np.flatnonzero(is_theirs & register.is_frozen[:used]),
        np.flatnonzero(is_theirs),
    )
    is_frozen = np.isin(accounts, register.account[frozen])
    expired_at = _last(accounts, register.account[theirs], register.expired_at[theirs])
    satisfied_at = _last(accounts, register.account[theirs], register.satisfied_at[theirs])
    return asked._replace(
        house_due=_first(accounts, whose, days.ends[register.due[rows]]),
        legal_due=_first(accounts, whose, days.ends[register.fifth[rows]]),
        is_unmet=expired_at > satisfied_at,
        consequence=np.where(is_frozen, CONSEQUENCE["freeze"], CONSEQUENCE["none"]),
        consequence_until=_last(accounts, register.account[frozen], register.freeze_until[frozen]),
    )


def of_day_trading(rows: pl.DataFrame, days: BusinessDays, accounts: Int64Array, at: int) -> Demand:
    """What special calls of day trading ask of accounts: `PatternBook.special_calls`."""
    status = pl.col("special_call_status")
    called = rows.filter(status != MET)
    left = (called["special_call"] - called["special_call_paid"]).clip(lower_bound=0)
    whose, due = called["account"].to_numpy(), called["special_call_due"].to_numpy()
    unmet = rows.filter(status == UNMET)
    # Restricted to the end of a day in New York: to the start of the next.
    after = (unmet["cash_only_until"] + 1).cast(pl.Int32).cast(pl.Date)
    is_cash_only = np.isin(accounts, unmet["account"].to_numpy())
    until = _last(accounts, unmet["account"].to_numpy(), instants(first_instant(after)))
    return _summed(accounts, whose, left.to_numpy(), at)._replace(
        legal_due=_first(accounts, whose, days.ends[due]),
        is_unmet=~np.isin(accounts, rows.filter(status == MET)["account"].to_numpy()),
        consequence=np.where(is_cash_only, CONSEQUENCE["cash_only"], CONSEQUENCE["none"]),
        consequence_until=until,
    )


def of_free_riding(
    stands: Sequence[CashAccount], days: BusinessDays, accounts: Int64Array, at: int
) -> Demand:
    """What cash accounts sold unpaid asks of them, as they stand at the end of a business day.

    Until when it is paid the freeze does not apply; after that nothing lifts it before its end.
    Source: 12 CFR 220.8(c)(1) and (2)(i).
    """
    on = days.date_of(day_of(days, at))
    freezing = [[ride for ride in stand.rides if ride.freezes(on)] for stand in stands]
    due = [min((r.due_on for r in rides), default=None) for rides in freezing]
    # Frozen to the end of a day in New York: to the start of the next.
    after = [until and until + timedelta(days=1) for until in _untils(stands, on)]
    is_frozen = np.array([bool(rides) for rides in freezing], dtype=np.bool_)
    owed = np.array([sum(ride.unpaid for ride in rides) for rides in freezing], dtype=np.int64)
    return demand(accounts, owed, np.full(len(accounts), at, dtype=np.int64))._replace(
        legal_due=np.array([UNSET if d is None else _ends(days, d) for d in due], dtype=np.int64),
        is_unmet=np.array([_was_unpaid(stand, on) for stand in stands], dtype=np.bool_),
        consequence=np.where(is_frozen, CONSEQUENCE["cash_in_advance"], CONSEQUENCE["none"]),
        consequence_until=instants(first_instant(pl.Series(after, dtype=pl.Date))),
    )


def _untils(stands: Sequence[CashAccount], on: date) -> list[date | None]:
    return [stand.frozen_until(on) for stand in stands]


def _was_unpaid(stand: CashAccount, on: date) -> bool:
    """Whether the freeze that ended last ended by its time, not by a payment."""
    over = [ride for ride in stand.rides if not ride.freezes(on)]
    last = max(over, key=lambda ride: ride.paid_on or ride.frozen_until, default=None)
    return last is not None and last.paid_on is None


def _ends(days: BusinessDays, on: date) -> int:
    return int(days.ends[np.searchsorted(days.days, (on - _EPOCH).days)])


def _summed(accounts: Int64Array, whose: Int64Array, amount: Int64Array, at: int) -> Demand:
    owed = np.zeros(len(accounts), dtype=np.int64)
    np.add.at(owed, np.searchsorted(accounts, whose), amount)
    return demand(accounts, owed, np.full(len(accounts), at, dtype=np.int64))


def _first(accounts: Int64Array, whose: Int64Array, at: Int64Array) -> Int64Array:
    """The earliest of what each account has; `UNSET` where it has none."""
    found = np.full(len(accounts), NEVER, dtype=np.int64)
    np.minimum.at(found, np.searchsorted(accounts, whose), at)
    return np.where(found == NEVER, UNSET, found)


def _last(accounts: Int64Array, whose: Int64Array, at: Int64Array) -> Int64Array:
    """The latest of what each account has; `UNSET` where it has none."""
    found = np.full(len(accounts), UNSET, dtype=np.int64)
    np.maximum.at(found, np.searchsorted(accounts, whose), at)
    return found
