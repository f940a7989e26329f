"""Which rule calls, by when each call is due, and how far it can be extended."""

from datetime import date
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.rules.instants import UNSET
from margin_assets.kernels.rules.timelines import BusinessDays, timeline_rules
from margin_assets.rulebooks import in_force, remembered

NO_CALL = "no open call has this id"
"""Why an act on a call is refused that is not there."""


class Caller(NamedTuple):
    """A rule that calls."""

    call_type: str
    citation: str
    is_struck_by_figures: bool
    """Whether the figures of a grid point strike it: then it is known what met it."""


CALLERS = (
    Caller("reg_t", "Regulation T, 12 CFR 220.4(c)", is_struck_by_figures=False),
    Caller("maintenance", "FINRA Rule 4210(c), (f)(6)", is_struck_by_figures=True),
    Caller("house", "House policy", is_struck_by_figures=True),
    Caller("portfolio_margin", "FINRA Rule 4210(g)(10)(A)", is_struck_by_figures=True),
    Caller("minimum_equity", "FINRA Rule 4210(b)(4), (g)(4)", is_struck_by_figures=True),
    Caller("intraday", "FINRA Rule 4210(d)(2)", is_struck_by_figures=False),
    Caller("day_trading", "FINRA Rule 4210(f)(8)(B)", is_struck_by_figures=False),
    Caller("reg_t", "Regulation T, 12 CFR 220.8(b)", is_struck_by_figures=True),
    Caller("free_riding", "Regulation T, 12 CFR 220.8(c)", is_struck_by_figures=False),
)
(
    REG_T,
    MAINTENANCE,
    HOUSE,
    PORTFOLIO_MARGIN,
    MINIMUM_EQUITY,
    INTRADAY,
    DAY_TRADING,
    CASH_DEBIT,
    FREE_RIDING,
) = range(len(CALLERS))
"""The last two: what a cash account owes, and what it sold before it had paid for it."""
OF_FIGURES = (CASH_DEBIT, MAINTENANCE, PORTFOLIO_MARGIN, HOUSE, MINIMUM_EQUITY)
"""Struck by the figures of a grid point."""
AGED = (CASH_DEBIT, MAINTENANCE, PORTFOLIO_MARGIN, HOUSE)
"""Made by the ladder's call, whose age restricts the account."""
PAYMENTS = (REG_T, CASH_DEBIT)
"""Due by the end of a payment period, which an extension makes longer."""


class CallRules(NamedTuple):
    """The firm's policy: a share in parts per million, and numbers of business days."""

    restruck_share: int
    minimum_equity_due: int
    house_extension: int
    reg_t_extension: int


@remembered
def call_rules(on: date) -> CallRules:
    """Numbers of the calls rulebook in force on a day."""
    numbers = in_force("calls", on).numbers
    extension = numbers["extension"]
    return CallRules(
        restruck_share=round(numbers["strike"]["restruck_share"] * 1_000_000),
        minimum_equity_due=int(numbers["minimum_equity"]["due_business_days"]),
        house_extension=int(extension["house_business_days"]),
        reg_t_extension=int(extension["reg_t_business_days"]),
    )


def day_of(days: BusinessDays, at: int) -> int:
    """Business day of an instant, by its index."""
    return int(np.searchsorted(days.ends, at))


def day_end(days: BusinessDays, at: int, business_days: int) -> int:
    """End of the business day so many after the one of an instant, at most of the last known."""
    return int(days.ends[min(day_of(days, at) + business_days, len(days.ends) - 1)])


def legal_due(days: BusinessDays, kind: int, at: int) -> int:
    """The rule's deadline of a call made by the ladder at an instant; `UNSET` where it has none.

    Source: 12 CFR 220.8(b), the payment period; 4210(f)(6), at most fifteen business days;
    4210(g)(10)(A), three.
    """
    on = days.date_of(day_of(days, at))
    rules = timeline_rules(on)
    if kind == CASH_DEBIT:
        return day_end(days, at, rules.payment_period)
    if kind == MAINTENANCE:
        return day_end(days, at, rules.maintenance_latest)
    if kind == PORTFOLIO_MARGIN:
        return day_end(days, at, rules.portfolio_due)
    return UNSET


def latest_extension(days: BusinessDays, kind: int, opened_at: int) -> int:
    """To when a call can be extended at most; `UNSET` where its rule knows no extension.

    The firm's own clock goes as far as the rule's deadline, or as the firm's policy for a call of
    the house. A payment period of Regulation T is extended itself, as far as that policy goes.
    """
    policy = call_rules(days.date_of(day_of(days, opened_at)))
    if kind in PAYMENTS:
        period = timeline_rules(days.date_of(day_of(days, opened_at))).payment_period
        return day_end(days, opened_at, period + policy.reg_t_extension)
    if kind == HOUSE:
        return day_end(days, opened_at, policy.house_extension)
    return legal_due(days, kind, opened_at)


def dues(days: BusinessDays, kind: int, opened_at: Int64Array, extended: Int64Array) -> Int64Array:
    """`legal_due` of many calls; a payment period is as long as it was extended."""
    known = {at: legal_due(days, kind, at) for at in np.unique(opened_at).tolist()}
    found = np.array([known[at] for at in opened_at.tolist()], dtype=np.int64)
    return np.maximum(found, extended) if kind in PAYMENTS else found
