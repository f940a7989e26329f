"""The enforcement ladder: call, restriction, liquidation and minimum equity, each on its own.

One step takes the figures of some accounts at a grid point and says what changed. Source: house
policy as the product's semantics, section 6, by way of the house rulebook. Levels are compared
exactly, never rounded first.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from margin_assets.kernels.book.book import CASH, Book
from margin_assets.kernels.book.figures import Figures, gross_value
from margin_assets.kernels.book.states import INDETERMINATE
from margin_assets.kernels.enforcement.liquidation import acts_at, liquidation_reason, open_call
from margin_assets.kernels.enforcement.minimum import minimum_equity
from margin_assets.kernels.enforcement.rungs import (
    AT_MINIMUM,
    BELOW_MINIMUM,
    CALL,
    CURED,
    DEFICIENCY,
    LIQUIDATION,
    LOW_EXCESS,
    MARGIN_STATUS,
    MINIMUM_EQUITY,
    OK,
    OVERDUE,
    RECOVERED,
    RESTRICTION,
    STRESS,
    WARNING,
    Evaluated,
    Ladder,
    Steps,
)
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, inner
from margin_assets.kernels.numeric.money import share_order
from margin_assets.kernels.rules.instants import NEVER, UNSET
from margin_assets.kernels.rules.rules import Rules


class _Firm(NamedTuple):
    """What every step reads, and the states that it moves."""

    book: Book
    figures: Figures
    rules: Rules
    ladder: Ladder


class _Case(NamedTuple):
    """An account at a grid point."""

    a: int
    point: int
    is_known: bool
    excess: int
    is_underwater: bool
    """Whether a restricting scenario leaves less than the requirement held."""


class _Step(NamedTuple):
    """One row of `Steps`."""

    account: int
    dimension: int
    before: int
    after: int
    reason: int
    tightens: int
    call_opened: int


def climb(book: Book, figures: Figures, rules: Rules, ladder: Ladder, at: Evaluated) -> Steps:
    """Moves the given accounts' states to a grid point, in place, and returns what changed.

    An indeterminate account may be tightened, never relaxed.
    """
    point, accounts, spared = at
    is_spared = np.isin(accounts, spared)
    room = 6 * len(accounts)
    steps = Steps(
        account=np.empty(room, dtype=np.int64),
        dimension=np.empty(room, dtype=np.int8),
        before=np.empty(room, dtype=np.int8),
        after=np.empty(room, dtype=np.int8),
        reason=np.empty(room, dtype=np.int8),
        tightens=np.empty(room, dtype=np.int8),
        call_opened=np.empty(room, dtype=np.int64),
    )
    firm = _Firm(book, figures, rules, ladder)
    taken = _climb(firm, accounts, is_spared, point, steps)
    return Steps._make(column[:taken] for column in steps)


@njit(**BORROWS, nogil=True)
def _climb(
    firm: _Firm,
    accounts: Int64Array,
    is_spared: npt.NDArray[np.bool_],
    point: int,
    steps: Steps,
) -> int:
    n, ladder = 0, firm.ladder
    for k in range(len(accounts)):
        case = _case(firm, accounts[k], point)
        n = _margin_status(firm, case, steps, n)
        # What begins comes before what ends, so that no state between is `none`.
        n = _begin_stress(ladder, case, steps, n)
        n = _begin_overdue(firm.rules, ladder, case, steps, n)
        n = _end_call(ladder, case.a, steps, n)
        n = _end_stress(firm.rules, ladder, case, steps, n)
        if not is_spared[k]:
            n = _liquidation(firm, case, steps, n)
        n = _minimum_equity(firm, case, steps, n)
        ladder.deadline[case.a] = _deadline(firm.rules, ladder, case.a, point)
    return n


@inner(**BORROWS)
def _case(firm: _Firm, a: int, point: int) -> _Case:
    book, figures, rules, _ = firm
    is_known = figures.states[a] & INDETERMINATE == 0
    excess = figures.equity[a] - figures.governing[a]
    return _Case(a, point, is_known, excess, _is_underwater(book, figures, rules, a, excess))


@inner(**BORROWS)
def _emit(steps: Steps, n: int, step: _Step) -> int:
    steps.account[n] = step.account
    steps.dimension[n] = step.dimension
    steps.before[n] = step.before
    steps.after[n] = step.after
    steps.reason[n] = step.reason
    steps.tightens[n] = step.tightens
    steps.call_opened[n] = step.call_opened
    return n + 1


@inner(**BORROWS)
def _wanted_status(is_cash: bool, before: int, excess: int, gross: int, rules: Rules) -> int:
    """Status that the excess alone asks for: a warning starts below one level, ends at another."""
    if excess < 0:
        return CALL
    if is_cash:
        return OK
    level = rules.warning_ends if before == WARNING else rules.warning_below
    return WARNING if share_order(excess, gross, level) < 0 else OK


@inner(**BORROWS)
def _margin_status(firm: _Firm, case: _Case, steps: Steps, n: int) -> int:
    a, ladder = case.a, firm.ladder
    before = ladder.margin_status[a]
    gross, is_cash = gross_value(firm.figures, a), firm.book.account_type[a] == CASH
    after = _wanted_status(is_cash, before, case.excess, gross, firm.rules)
    if after == before or (after < before and not case.is_known):
        return n
    if after == CALL:
        ladder.call_opened[a] = case.point
        reason = DEFICIENCY
    elif before == CALL:
        reason = CURED
    else:
        reason = LOW_EXCESS if after == WARNING else RECOVERED
    ladder.margin_status[a] = after
    opened = ladder.call_opened[a]
    return _emit(steps, n, _Step(a, MARGIN_STATUS, before, after, reason, after > before, opened))


@inner(**BORROWS)
def _is_underwater(book: Book, figures: Figures, rules: Rules, a: int, excess: int) -> bool:
    """Whether a restricting scenario leaves less than the requirement held."""
    if book.account_type[a] == CASH:
        return False
    for j in range(len(rules.restricting)):
        if rules.restricting[j] and excess + figures.pnl[a, j] < 0:
            return True
    return False


@inner(**BORROWS)
def _begin_stress(ladder: Ladder, case: _Case, steps: Steps, n: int) -> int:
    """Close-only while underwater in a restricting scenario, and for a time after."""
    a = case.a
    if not case.is_underwater:
        return n
    ladder.stress_clear[a] = UNSET
    if ladder.is_stressed[a]:
        return n
    ladder.is_stressed[a] = True
    before = 1 if ladder.is_overdue[a] else 0
    return _emit(steps, n, _Step(a, RESTRICTION, before, 1, STRESS, 1, open_call(ladder, a)))


@inner(**BORROWS)
def _begin_overdue(rules: Rules, ladder: Ladder, case: _Case, steps: Steps, n: int) -> int:
    """Close-only for a call that is open too long and still deficient."""
    a = case.a
    opened = open_call(ladder, a)
    if opened == UNSET or ladder.is_overdue[a] or case.excess >= 0:
        return n
    if case.point < acts_at(ladder, a, opened, rules.overdue_after):
        return n
    ladder.is_overdue[a] = True
    before = 1 if ladder.is_stressed[a] else 0
    return _emit(steps, n, _Step(a, RESTRICTION, before, 1, OVERDUE, 1, opened))


@inner(**BORROWS)
def _end_call(ladder: Ladder, a: int, steps: Steps, n: int) -> int:
    """A cured call takes its own restriction and its liquidation with it."""
    opened = ladder.call_opened[a]
    if opened == UNSET or ladder.margin_status[a] == CALL:
        return n
    if ladder.is_overdue[a]:
        ladder.is_overdue[a] = False
        after = 1 if ladder.is_stressed[a] else 0
        n = _emit(steps, n, _Step(a, RESTRICTION, 1, after, OVERDUE, 0, opened))
    if ladder.is_liquidating[a]:
        ladder.is_liquidating[a] = False
        n = _emit(steps, n, _Step(a, LIQUIDATION, 1, 0, CURED, 0, opened))
    ladder.call_opened[a] = UNSET
    return n


@inner(**BORROWS)
def _end_stress(rules: Rules, ladder: Ladder, case: _Case, steps: Steps, n: int) -> int:
    a = case.a
    if case.is_underwater or not ladder.is_stressed[a]:
        return n
    if ladder.stress_clear[a] == UNSET:
        ladder.stress_clear[a] = case.point
    if not case.is_known or case.point < ladder.stress_clear[a] + rules.stress_release_after:
        return n
    ladder.is_stressed[a] = False
    ladder.stress_clear[a] = UNSET
    after = 1 if ladder.is_overdue[a] else 0
    return _emit(steps, n, _Step(a, RESTRICTION, 1, after, STRESS, 0, ladder.call_opened[a]))


@inner(**BORROWS)
def _liquidation(firm: _Firm, case: _Case, steps: Steps, n: int) -> int:
    a, ladder = case.a, firm.ladder
    opened = open_call(ladder, a)
    if opened == UNSET or ladder.is_liquidating[a]:
        return n
    old_at = acts_at(ladder, a, opened, firm.rules.liquidation_after)
    reason = liquidation_reason(firm.figures, firm.rules, a, old_at, case.point)
    if reason == UNSET:
        return n
    ladder.is_liquidating[a] = True
    return _emit(steps, n, _Step(a, LIQUIDATION, 0, 1, reason, 1, opened))


@inner(**BORROWS)
def _minimum_equity(firm: _Firm, case: _Case, steps: Steps, n: int) -> int:
    a, ladder = case.a, firm.ladder
    least = minimum_equity(firm.book, firm.figures, firm.rules, a)
    is_below = least > 0 and firm.figures.equity[a] < least
    if is_below == ladder.minimum_call[a] or not (is_below or case.is_known):
        return n
    ladder.minimum_call[a] = is_below
    opened = ladder.call_opened[a]
    if is_below:
        return _emit(steps, n, _Step(a, MINIMUM_EQUITY, 0, 1, BELOW_MINIMUM, 1, opened))
    return _emit(steps, n, _Step(a, MINIMUM_EQUITY, 1, 0, AT_MINIMUM, 0, opened))


@njit(**BORROWS)
def set_deadlines(rules: Rules, ladder: Ladder, point: int) -> None:
    """Finds every account's next deadline after a grid point, as on loading a saved state."""
    for a in range(len(ladder.deadline)):
        ladder.deadline[a] = _deadline(rules, ladder, a, point)


@inner(**BORROWS)
def _deadline(rules: Rules, ladder: Ladder, a: int, point: int) -> int:
    due = NEVER
    if ladder.margin_status[a] == CALL:
        opened = ladder.call_opened[a]
        overdue = acts_at(ladder, a, opened, rules.overdue_after)
        if not ladder.is_overdue[a] and overdue > point:
            due = min(due, overdue)
        old = acts_at(ladder, a, opened, rules.liquidation_after)
        if not ladder.is_liquidating[a] and old > point:
            due = min(due, old)
    if ladder.is_stressed[a] and ladder.stress_clear[a] != UNSET:
        release = ladder.stress_clear[a] + rules.stress_release_after
        if release > point:
            due = min(due, release)
    return due
