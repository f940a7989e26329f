"""Deficits of intraday margin from their first measurement to their end, in compiled loops.

Source: FINRA Rule 4210(a)(19), (d)(2)(C) and (d)(2)(D).
"""

import numpy as np
from numba import njit

from margin_assets.kernels.intraday.intraday import MARGIN_ACCOUNT, NO_RULE, IntradayRules
from margin_assets.kernels.intraday.intraday_register import (
    ENLARGED,
    EXPIRED,
    FAILED,
    FROZEN,
    OPENED,
    RELEASED,
    SATISFIED,
    UNKNOWN,
    Changes,
    Entries,
    Moment,
    Register,
    Today,
)
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.money import PPM
from margin_assets.kernels.rules.instants import UNSET

_MOST_EQUITY = 10**12  # cents: above it the dollar limit decides, and the product still fits


@inner(**BORROWS, forceinline=True)
def _emit(register: Register, row: int, kind: int, at: int, changes: Changes) -> None:
    n = changes.taken[0]
    changes.account[n] = register.account[row]
    changes.day[n] = register.day[row]
    changes.kind[n] = kind
    changes.at[n] = at
    changes.amount[n] = register.amount[row]
    changes.taken[0] = n + 1


@inner(**BORROWS, forceinline=True)
def is_de_minimis(amount: int, equity: int, rules: IntradayRules) -> bool:
    """Whether a deficit (cents) is not above the lesser of 5% of equity and $1,000."""
    if amount > rules.de_minimis:
        return False
    return amount * PPM <= min(max(equity, 0), _MOST_EQUITY) * rules.de_minimis_equity


@inner(**BORROWS, forceinline=True)
def is_live(register: Register, row: int) -> bool:
    """Whether a deficit is outstanding, or freezes though it has expired."""
    open_still = register.expired_at[row] == UNSET or register.is_frozen[row]
    return register.satisfied_at[row] == UNSET and open_still


@inner(**BORROWS, forceinline=True)
def _credited(deposits: int, level: int, base: int) -> int:
    is_known = level != UNKNOWN and base != UNKNOWN
    return max(deposits, level - base if is_known else 0, 0)


@njit(**OWNS)
def credited(deposits: Int64Array, level: Int64Array, base: Int64Array) -> Int64Array:
    """What is credited to each deficit, cents: the greater of net deposits and the level's rise."""
    found = np.empty(len(deposits), dtype=np.int64)
    for row in range(len(found)):
        found[row] = _credited(deposits[row], level[row], base[row])
    return found


@inner(**BORROWS, forceinline=True)
def _satisfy(register: Register, row: int, at: int, changes: Changes) -> None:
    credit = _credited(register.deposits[row], register.level[row], register.base[row])
    if credit < register.amount[row]:
        return
    register.satisfied_at[row] = at
    register.live[register.account[row]] -= 1
    _emit(register, row, SATISFIED, at, changes)
    if register.is_frozen[row]:
        register.is_frozen[row] = False
        register.freeze_until[row] = at
        _emit(register, row, RELEASED, at, changes)


@njit(**BORROWS)
def measure(register: Register, entries: Entries, today: Today, changes: Changes) -> None:
    """Takes entries of one business day, in order: opens, enlarges and follows deficits."""
    for i in range(len(entries.account)):
        a = entries.account[i]
        is_subject = entries.rule[i] != NO_RULE
        if entries.is_reducing[i] and is_subject:
            register.reduced_on[a] = today.day
        counts = entries.is_reducing[i] or today.rules.price_falls_count
        if is_subject and counts and register.reduced_on[a] == today.day and entries.level[i] < 0:
            _record(register, entries, i, today, changes)
        if register.live[a] > 0:
            _follow(register, entries, i, today, changes)


@inner(**BORROWS)
def _record(register: Register, entries: Entries, i: int, today: Today, changes: Changes) -> None:
    """Opens the day's deficit or enlarges it; of equal ones the lower equity and worse input."""
    shortfall = -entries.level[i]
    row = register.newest[entries.account[i]]
    if row < 0 or register.day[row] != today.day:
        row = _open(register, entries, i, today)
        register.amount[row] = shortfall
        _emit(register, row, OPENED, entries.point[i], changes)
    elif shortfall > register.amount[row]:
        register.amount[row] = shortfall
        register.measured_at[row] = entries.point[i]
        register.equity[row] = entries.equity[i]
        register.is_known[row] = entries.is_known[i]
        register.rule[row] = entries.rule[i]
        register.due[row] = today.day + _due_after(entries.rule[i], today.rules)
        _emit(register, row, ENLARGED, entries.point[i], changes)
    elif shortfall == register.amount[row]:
        register.equity[row] = min(register.equity[row], entries.equity[i])
        register.is_known[row] &= entries.is_known[i]
    if entries.is_reducing[i]:
        register.at_transactions[row] = max(register.at_transactions[row], shortfall)
    register.is_de_minimis[row] = is_de_minimis(
        register.amount[row], register.equity[row], today.rules
    )


@inner(**BORROWS, forceinline=True)
def _due_after(rule: int, rules: IntradayRules) -> int:
    return rules.prompt_after if rule == MARGIN_ACCOUNT else rules.portfolio_due_after


@inner(**BORROWS)
def _open(register: Register, entries: Entries, i: int, today: Today) -> int:
    row = register.used[0]
    a = entries.account[i]
    register.used[0] = row + 1
    register.account[row] = a
    register.day[row] = today.day
    register.due[row] = today.day + _due_after(entries.rule[i], today.rules)
    register.fifth[row] = today.day + today.rules.frozen_after
    register.fifteenth[row] = today.day + today.rules.expires_after
    register.rule[row] = entries.rule[i]
    register.at_transactions[row] = 0
    register.first_at[row] = entries.point[i]
    register.measured_at[row] = entries.point[i]
    register.equity[row] = entries.equity[i]
    register.is_known[row] = entries.is_known[i]
    register.base[row] = UNKNOWN
    register.level[row] = UNKNOWN
    register.deposits[row] = 0
    register.satisfied_at[row] = UNSET
    register.expired_at[row] = UNSET
    register.failed_at[row] = UNSET
    register.freeze_from[row] = UNSET
    register.freeze_until[row] = UNSET
    register.is_frozen[row] = False
    register.previous[row] = register.newest[a]
    register.newest[a] = row
    register.live[a] += 1
    return row


@inner(**BORROWS)
def _follow(register: Register, entries: Entries, i: int, today: Today, changes: Changes) -> None:
    """Brings an account's live deficits up to an entry; the day's own only its level."""
    row = register.newest[entries.account[i]]
    left = register.live[entries.account[i]]
    while left > 0:
        if is_live(register, row):
            left -= 1
            register.level[row] = entries.level[i] if entries.is_known[i] else UNKNOWN
            if register.day[row] < today.day:
                register.deposits[row] += entries.net_deposit[i]
                if not today.rules.only_at_day_end:
                    _satisfy(register, row, entries.point[i], changes)
        row = register.previous[row]


@njit(**BORROWS)
def end_day(register: Register, now: Moment, rules: IntradayRules, changes: Changes) -> None:
    """Strikes the level of the day's deficits, tests all, finds failures, freezes.

    A deficit freezes its account if it is unmet at its fifth business day's end and the account
    has so many failures in the window, those of this moment among them.
    """
    for row in now.live:
        if register.base[row] == UNKNOWN:
            register.base[row] = register.level[row]
        _satisfy(register, row, now.at, changes)
    for row in now.live:
        is_late = _is_unmet(register, row) and register.due[row] == now.day
        if is_late and not register.is_de_minimis[row]:
            register.failed_at[row] = now.at
            _emit(register, row, FAILED, now.at, changes)
    for row in now.live:
        is_fifth = _is_unmet(register, row) and register.fifth[row] == now.day
        if is_fifth and _failures(register, row, now) >= rules.failures:
            _freeze(register, row, now, changes)


@inner(**BORROWS)
def _freeze(register: Register, row: int, now: Moment, changes: Changes) -> None:
    register.freeze_from[row] = now.at
    register.freeze_until[row] = now.free_at
    register.is_frozen[row] = True
    _emit(register, row, FROZEN, now.at, changes)


@inner(**BORROWS, forceinline=True)
def _is_unmet(register: Register, row: int) -> bool:
    """Whether a margin account's deficit is outstanding: (d)(2) leaves portfolio margin out."""
    is_open = register.satisfied_at[row] == UNSET and register.expired_at[row] == UNSET
    return is_open and register.rule[row] == MARGIN_ACCOUNT


@inner(**BORROWS)
def _failures(register: Register, row: int, now: Moment) -> int:
    count = 0
    row = register.newest[register.account[row]]
    while row >= 0:
        count += register.failed_at[row] != UNSET and register.due[row] >= now.window_from
        row = register.previous[row]
    return count


@njit(**BORROWS)
def pass_time(register: Register, now: Moment, ends: Int64Array, changes: Changes) -> None:
    """Expires deficits just after their last day's end, and releases freezes whose time is up."""
    for row in now.live:
        if not is_live(register, row):
            continue
        if register.expired_at[row] == UNSET and ends[register.fifteenth[row]] < now.at:
            register.expired_at[row] = ends[register.fifteenth[row]]
            _emit(register, row, EXPIRED, register.expired_at[row], changes)
        if register.is_frozen[row] and register.freeze_until[row] <= now.at:
            register.is_frozen[row] = False
            _emit(register, row, RELEASED, register.freeze_until[row], changes)
        if not is_live(register, row):
            register.live[register.account[row]] -= 1


@njit(**BORROWS)
def link(register: Register) -> None:
    """Joins each account's deficits, which stand by account and day, and counts the live ones."""
    for row in range(register.used[0]):
        a = register.account[row]
        register.previous[row] = register.newest[a]
        register.newest[a] = row
        register.live[a] += is_live(register, row)
