"""The enforcement ladder: call, restriction, liquidation and minimum equity, each on its own.

One step takes the figures of some accounts at a grid point and says what changed. Source: house
policy as the product's semantics, section 6, by way of the house rulebook.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from margin_assets.kernels.book import CASH, INDETERMINATE, PORTFOLIO, Book, Int8Array, Int64Array
from margin_assets.kernels.compiled import BORROWS
from margin_assets.kernels.figures import Figures
from margin_assets.kernels.money import rate_line
from margin_assets.kernels.rules import Rules

DIMENSIONS = ("margin_status", "restriction", "liquidation", "minimum_equity")
MARGIN_STATUS, RESTRICTION, LIQUIDATION, MINIMUM_EQUITY = range(4)
STATES = (("ok", "warning", "call"), ("none", "close_only"), ("none", "triggered"), ("ok", "call"))
OK, WARNING, CALL = range(3)
REASONS = (
    "excess_recovered",
    "excess_below_warning_level",
    "deficiency",
    "call_cured",
    "stress",
    "overdue_call",
    "deficiency_persists",
    "equity_exhausted",
    "equity_below_minimum",
    "equity_at_minimum",
)
(
    RECOVERED,
    LOW_EXCESS,
    DEFICIENCY,
    CURED,
    STRESS,
    OVERDUE,
    PERSISTS,
    EXHAUSTED,
    BELOW_MINIMUM,
    AT_MINIMUM,
) = range(len(REASONS))
NEVER = np.iinfo(np.int64).max
UNSET = -1


class Ladder(NamedTuple):
    """Where each account stands. Instants in microseconds, `UNSET` when there is none."""

    margin_status: Int8Array
    call_opened: Int64Array
    is_stressed: npt.NDArray[np.bool_]
    is_overdue: npt.NDArray[np.bool_]
    stress_clear: Int64Array
    is_liquidating: npt.NDArray[np.bool_]
    minimum_call: npt.NDArray[np.bool_]
    deadline: Int64Array
    """Next instant at which time alone may decide; `NEVER` if none."""


class Steps(NamedTuple):
    """Changes of state in the order they were decided: one entry a decision."""

    account: Int64Array
    dimension: Int8Array
    before: Int8Array
    after: Int8Array
    reason: Int8Array
    tightens: Int8Array
    """1 where a state or a reason comes, 0 where it goes."""
    call_opened: Int64Array


def empty_ladder(accounts: int) -> Ladder:
    """Accounts that nothing has happened to."""
    return Ladder(
        margin_status=np.zeros(accounts, dtype=np.int8),
        call_opened=np.full(accounts, UNSET, dtype=np.int64),
        is_stressed=np.zeros(accounts, dtype=np.bool_),
        is_overdue=np.zeros(accounts, dtype=np.bool_),
        stress_clear=np.full(accounts, UNSET, dtype=np.int64),
        is_liquidating=np.zeros(accounts, dtype=np.bool_),
        minimum_call=np.zeros(accounts, dtype=np.bool_),
        deadline=np.full(accounts, NEVER, dtype=np.int64),
    )


def climb(
    book: Book, figures: Figures, rules: Rules, ladder: Ladder, at: tuple[int, Int64Array]
) -> Steps:
    """Moves the given accounts' states to a grid point, in place, and returns what changed.

    `at` is the grid point and the accounts evaluated there. An indeterminate account may be
    tightened, never relaxed.
    """
    point, accounts = at
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
    taken = _climb(book, figures, rules, ladder, accounts, point, steps)
    return Steps._make(column[:taken] for column in steps)


@njit(**BORROWS, nogil=True)
def _climb(
    book: Book,
    figures: Figures,
    rules: Rules,
    ladder: Ladder,
    accounts: Int64Array,
    point: int,
    steps: Steps,
) -> int:
    n = 0
    for a in accounts:
        is_known = figures.states[a] & INDETERMINATE == 0
        excess = figures.equity[a] - figures.governing[a]
        n = _margin_status(book, figures, rules, ladder, a, point, is_known, excess, steps, n)
        n = _stress(book, figures, rules, ladder, a, point, is_known, excess, steps, n)
        n = _overdue(rules, ladder, a, point, excess, steps, n)
        n = _liquidation(figures, rules, ladder, a, point, excess, steps, n)
        n = _minimum_equity(book, figures, rules, ladder, a, is_known, steps, n)
        ladder.deadline[a] = _deadline(rules, ladder, a, point)
    return n


@njit(**BORROWS)
def _emit(
    steps: Steps,
    n: int,
    a: int,
    dimension: int,
    before: int,
    after: int,
    reason: int,
    tightens: int,
    opened: int,
) -> int:
    steps.account[n] = a
    steps.dimension[n] = dimension
    steps.before[n] = before
    steps.after[n] = after
    steps.reason[n] = reason
    steps.tightens[n] = tightens
    steps.call_opened[n] = opened
    return n + 1


@njit(**BORROWS)
def gross_value(figures: Figures, a: int) -> int:
    """Gross market value of account a: all that is long and all that is short."""
    securities = figures.long_value[a] + figures.short_value[a]
    return securities + figures.long_options[a] + figures.short_options[a]


@njit(**BORROWS)
def _wanted_status(is_cash: bool, before: int, excess: int, gross: int, rules: Rules) -> int:
    """Status that the excess alone asks for: a warning starts below one level, ends at another."""
    if excess < 0:
        return CALL
    if is_cash:
        return OK
    level = rules.warning_ends if before == WARNING else rules.warning_below
    return WARNING if excess < rate_line(gross, level) else OK


@njit(**BORROWS)
def _margin_status(
    book: Book,
    figures: Figures,
    rules: Rules,
    ladder: Ladder,
    a: int,
    point: int,
    is_known: bool,
    excess: int,
    steps: Steps,
    n: int,
) -> int:
    before = ladder.margin_status[a]
    gross = gross_value(figures, a)
    after = _wanted_status(book.account_type[a] == CASH, before, excess, gross, rules)
    if after == before or (after < before and not is_known):
        return n
    if after == CALL:
        ladder.call_opened[a] = point
        reason = DEFICIENCY
    elif before == CALL:
        reason = CURED
    else:
        reason = LOW_EXCESS if after == WARNING else RECOVERED
    ladder.margin_status[a] = after
    opened = ladder.call_opened[a]
    n = _emit(steps, n, a, MARGIN_STATUS, before, after, reason, after > before, opened)
    if before == CALL:
        n = _end_call(ladder, a, steps, n)
    return n


@njit(**BORROWS)
def _end_call(ladder: Ladder, a: int, steps: Steps, n: int) -> int:
    """A cured call takes its own restriction and its liquidation with it."""
    opened = ladder.call_opened[a]
    if ladder.is_overdue[a]:
        ladder.is_overdue[a] = False
        after = 1 if ladder.is_stressed[a] else 0
        n = _emit(steps, n, a, RESTRICTION, 1, after, OVERDUE, 0, opened)
    if ladder.is_liquidating[a]:
        ladder.is_liquidating[a] = False
        n = _emit(steps, n, a, LIQUIDATION, 1, 0, CURED, 0, opened)
    ladder.call_opened[a] = UNSET
    return n


@njit(**BORROWS)
def _stress(
    book: Book,
    figures: Figures,
    rules: Rules,
    ladder: Ladder,
    a: int,
    point: int,
    is_known: bool,
    excess: int,
    steps: Steps,
    n: int,
) -> int:
    """Close-only while underwater in a restricting scenario, and for a time after."""
    is_underwater = False
    if book.account_type[a] != CASH:
        for j in range(len(rules.restricting)):
            if rules.restricting[j]:
                is_underwater = is_underwater or excess + figures.pnl[a, j] < 0
    other = ladder.is_overdue[a]
    if is_underwater:
        ladder.stress_clear[a] = UNSET
        if not ladder.is_stressed[a]:
            ladder.is_stressed[a] = True
            before = 1 if other else 0
            n = _emit(steps, n, a, RESTRICTION, before, 1, STRESS, 1, ladder.call_opened[a])
        return n
    if not ladder.is_stressed[a]:
        return n
    if ladder.stress_clear[a] == UNSET:
        ladder.stress_clear[a] = point
    if is_known and point >= ladder.stress_clear[a] + rules.stress_release_after:
        ladder.is_stressed[a] = False
        ladder.stress_clear[a] = UNSET
        after = 1 if other else 0
        n = _emit(steps, n, a, RESTRICTION, 1, after, STRESS, 0, ladder.call_opened[a])
    return n


@njit(**BORROWS)
def _overdue(
    rules: Rules, ladder: Ladder, a: int, point: int, excess: int, steps: Steps, n: int
) -> int:
    """Close-only for a call that is open too long and still deficient."""
    if ladder.is_overdue[a] or ladder.margin_status[a] != CALL or excess >= 0:
        return n
    if point < ladder.call_opened[a] + rules.overdue_after:
        return n
    ladder.is_overdue[a] = True
    before = 1 if ladder.is_stressed[a] else 0
    return _emit(steps, n, a, RESTRICTION, before, 1, OVERDUE, 1, ladder.call_opened[a])


@njit(**BORROWS)
def _liquidation(
    figures: Figures,
    rules: Rules,
    ladder: Ladder,
    a: int,
    point: int,
    excess: int,
    steps: Steps,
    n: int,
) -> int:
    """Triggered by exhausted equity at once, or by a large deficiency of an old call."""
    if ladder.is_liquidating[a] or ladder.margin_status[a] != CALL or excess >= 0:
        return n
    is_old = point >= ladder.call_opened[a] + rules.liquidation_after
    is_large = -excess > rate_line(figures.governing[a], rules.liquidation_deficiency)
    if figures.equity[a] <= 0:
        reason = EXHAUSTED
    elif is_old and is_large:
        reason = PERSISTS
    else:
        return n
    ladder.is_liquidating[a] = True
    return _emit(steps, n, a, LIQUIDATION, 0, 1, reason, 1, ladder.call_opened[a])


@njit(**BORROWS)
def minimum_equity(book: Book, figures: Figures, rules: Rules, a: int) -> int:
    """Minimum equity of an account in cents, by 4210(b)(4) and (g)(4); 0 where none applies.

    An account that neither borrows nor is short has none; a purchase never needs more than its
    cost; a short sale needs the whole amount.
    """
    kind = book.account_type[a]
    if kind == CASH or book.offsets[a] == book.offsets[a + 1]:
        return 0
    if kind == PORTFOLIO:
        return rules.portfolio_minimum
    has_short = False
    for i in range(book.offsets[a], book.offsets[a + 1]):
        has_short = has_short or book.quantity[i] < 0
    if has_short:
        return rules.margin_minimum
    return min(rules.margin_minimum, figures.long_value[a]) if book.cash[a] < 0 else 0


@njit(**BORROWS)
def _minimum_equity(
    book: Book,
    figures: Figures,
    rules: Rules,
    ladder: Ladder,
    a: int,
    is_known: bool,
    steps: Steps,
    n: int,
) -> int:
    least = minimum_equity(book, figures, rules, a)
    is_below = least > 0 and figures.equity[a] < least
    if is_below == ladder.minimum_call[a] or not (is_below or is_known):
        return n
    ladder.minimum_call[a] = is_below
    opened = ladder.call_opened[a]
    if is_below:
        return _emit(steps, n, a, MINIMUM_EQUITY, 0, 1, BELOW_MINIMUM, 1, opened)
    return _emit(steps, n, a, MINIMUM_EQUITY, 1, 0, AT_MINIMUM, 0, opened)


@njit(**BORROWS)
def set_deadlines(rules: Rules, ladder: Ladder, point: int) -> None:
    """Finds every account's next deadline after a grid point, as on loading a saved state."""
    for a in range(len(ladder.deadline)):
        ladder.deadline[a] = _deadline(rules, ladder, a, point)


@njit(**BORROWS)
def _deadline(rules: Rules, ladder: Ladder, a: int, point: int) -> int:
    due = NEVER
    if ladder.margin_status[a] == CALL:
        opened = ladder.call_opened[a]
        if not ladder.is_overdue[a] and opened + rules.overdue_after > point:
            due = min(due, opened + rules.overdue_after)
        if not ladder.is_liquidating[a] and opened + rules.liquidation_after > point:
            due = min(due, opened + rules.liquidation_after)
    if ladder.is_stressed[a] and ladder.stress_clear[a] != UNSET:
        release = ladder.stress_clear[a] + rules.stress_release_after
        if release > point:
            due = min(due, release)
    return due
