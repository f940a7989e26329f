"""Which rules refuse an order, and what is missing."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.book.book import CASH, PORTFOLIO, REG_T
from margin_assets.kernels.book.states import INDETERMINATE
from margin_assets.kernels.enforcement.minimum import minimum_equity
from margin_assets.kernels.intraday.intraday import (
    NO_RULE,
    governing_rules,
    intraday_rules,
    trades_reduce,
)
from margin_assets.kernels.pretrade.legs import AFTER, BEFORE, Legs, cash_after
from margin_assets.kernels.pretrade.scene import Scene
from margin_assets.kernels.pretrade.sides import Side, Tried


class DayTrading(NamedTuple):
    """What the pattern day trader rule leaves of an account's day, cents; None is not known."""

    buying_power: int | None
    commitment: int | None
    """Largest cost of what was opened today and still open, the order's own on top."""


class Against(NamedTuple):
    """What stands against an account besides its figures; amounts in cents."""

    balance: int = 0
    owed: int = 0
    """Of its Regulation T book: `balance` may be negative, `owed` is on calls."""
    is_close_only: bool = False
    is_reduce_only: bool = False
    is_frozen: bool = False
    is_cash_only: bool = False
    is_switched: bool = False
    """Whether intraday margin measures it."""
    settled_funds: int | None = None
    """Of a cash account without delayed payment; None where it has it."""
    day_trading: DayTrading | None = None
    """None where it is not designated, or the rule no longer applies to it."""


class Reason(NamedTuple):
    """Why an order is refused, with what is missing in cents where that is an amount."""

    code: str
    rule: str
    short_by: int | None = None


def reasons(
    scene: Scene,
    tried: Tried,
    sides: tuple[Side, Side],
    against: Against,
    entry: int | None,
) -> Iterator[Reason]:
    """Every rule that refuses the order, the restrictions first."""
    after = sides[AFTER]
    if after.states & INDETERMINATE:
        yield Reason("indeterminate", RULES["indeterminate"])
    yield from _restrictions(tried, sides, against)
    yield from _in_advance(scene, tried, against)
    yield from _shortfalls(scene, tried, sides)
    if entry is not None and entry < 0 and after.available is not None and after.available < 0:
        yield Reason("regulation_t", RULES["regulation_t"], -after.available)
    yield from _intraday(scene, tried, sides, against)
    yield from _day_trading(against.day_trading, is_opening=not tried.only_reduces)


def _restrictions(tried: Tried, sides: tuple[Side, Side], against: Against) -> Iterator[Reason]:
    before, after = sides
    if against.is_close_only and not tried.only_reduces:
        yield Reason("close_only", RULES["close_only"])
    if against.is_reduce_only and after.regulatory >= before.regulatory:
        yield Reason("reduce_only", RULES["reduce_only"])
    if _takes_credit(tried):
        if against.is_frozen:
            yield Reason("freeze", RULES["freeze"])
        if against.is_cash_only:
            yield Reason("cash_only", RULES["cash_only"])


def _in_advance(scene: Scene, tried: Tried, against: Against) -> Iterator[Reason]:
    """What the purchases of an order lack that may not be paid later; its sales pay for none."""
    if against.settled_funds is None:
        return
    is_buy = tried.legs.quantity > 0
    bought = Legs(*(column[is_buy] for column in tried.legs))
    left = cash_after(against.settled_funds, bought, scene.series)
    if is_buy.any() and left < 0:
        yield Reason("cash_in_advance", RULES["cash_in_advance"], -left)


def _takes_credit(tried: Tried) -> bool:
    """Whether the order creates or increases a short position or a debit."""
    end = tried.held + tried.legs.quantity
    is_shorter = bool(((end < 0) & (end < tried.held)).any())
    cash = tried.book.cash
    return is_shorter or bool(cash[AFTER] < 0 and cash[AFTER] < cash[BEFORE])


def _shortfalls(scene: Scene, tried: Tried, sides: tuple[Side, Side]) -> Iterator[Reason]:
    """What equity or cash would lack; an order that only reduces may leave less lacking."""
    (before, after), kind = sides, tried.book.account_type[BEFORE]
    is_cure = tried.only_reduces and after.excess >= before.excess
    if after.excess < 0 and not is_cure:
        by_house = after.equity >= after.regulatory
        yield Reason("excess", RULES["house"] if by_house else _BY_TYPE[kind], -after.excess)
    if kind == CASH and after.cash < 0 and after.cash < before.cash:
        yield Reason("cash_account", RULES["cash_account"], -after.cash)
    least = int(minimum_equity(tried.book, tried.figures, scene.rules, AFTER))
    if not tried.only_reduces and after.equity < least:
        yield Reason("minimum_equity", RULES["minimum_equity"], least - after.equity)


def _intraday(
    scene: Scene, tried: Tried, sides: tuple[Side, Side], against: Against
) -> Iterator[Reason]:
    """An order that reduces the intraday margin level below zero makes a deficit."""
    before, after = sides
    if before.level is None or after.level is None or after.level >= 0:
        return
    switched = np.full(2, against.is_switched)
    rules = intraday_rules(scene.on)
    rule = governing_rules(tried.book.account_type, tried.figures.equity, switched, rules)
    opening, level = (np.array([x]) for x in (not tried.only_reduces, before.level))
    if rule[AFTER] != NO_RULE and trades_reduce(opening, level, np.array([after.level]))[0]:
        yield Reason("intraday_margin", RULES["intraday_margin"], -after.level)


def _day_trading(found: DayTrading | None, *, is_opening: bool) -> Iterator[Reason]:
    if found is None or not is_opening:
        return
    if found.buying_power is None or found.commitment is None:
        yield Reason("day_trading_unknown", RULES["day_trading_buying_power"])
    elif found.commitment > found.buying_power:
        over = found.commitment - found.buying_power
        yield Reason("day_trading_buying_power", RULES["day_trading_buying_power"], over)


RULES = {
    "indeterminate": "House policy: what is not known is refused",
    "close_only": "House policy: close-only restriction",
    "reduce_only": "FINRA Rule 4210(g)(10)(A); house policy on minimum equity",
    "freeze": "FINRA Rule 4210(d)(2)(D)",
    "cash_only": "FINRA Rule 4210(f)(8)(B)",
    "cash_in_advance": "Regulation T, 12 CFR 220.8(c)(1) and (a)(1)(i)",
    "house": "House policy: add-ons",
    "cash_account": "Regulation T, 12 CFR 220.8(a)",
    "minimum_equity": "FINRA Rule 4210(b)(4), (g)(4)",
    "regulation_t": "Regulation T, 12 CFR 220.4(c)",
    "intraday_margin": "FINRA Rule 4210(d)(2)",
    "day_trading_buying_power": "FINRA Rule 4210(f)(8)(B)",
}
"""Citation of each reason; that of `excess` is by the type of the account."""
_BY_TYPE = {
    CASH: "Regulation T, 12 CFR 220.8",
    REG_T: "FINRA Rule 4210(c), (e), (f)",
    PORTFOLIO: "FINRA Rule 4210(g)",
}
