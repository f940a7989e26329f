"""Intraday margin: numbers, who is measured by what rule, and the order of transactions.

Source: FINRA Rule 4210(a)(17) to (19), (d)(2) and (g)(1)(K), in force since 2026-06-04.
"""

from datetime import date
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.book.book import PORTFOLIO, REG_T
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.numeric.arrays import BoolArray, Int8Array, Int64Array
from margin_assets.kernels.numeric.money import CENTS, PPM
from margin_assets.kernels.rules.timelines import timeline_rules
from margin_assets.rulebooks import in_force, remembered, versions
from schemas.intraday import RULES

NO_RULE = -1
MARGIN_ACCOUNT, PORTFOLIO_MARGIN = range(len(RULES))


class IntradayRules(NamedTuple):
    """Money in cents, rates in ppm, times in microseconds, days as counts or days since 1970."""

    price_falls_count: bool
    equal_times_are_simultaneous: bool
    day_ends_after_close: int
    only_at_day_end: bool
    expires_after: int
    prompt_after: int
    portfolio_due_after: int
    failures: int
    window: int
    """Calendar days, the last one among them."""
    de_minimis_equity: int
    de_minimis: int
    frozen_after: int
    frozen_days: int
    portfolio_equity: int
    first_day: int
    last_switch: int


def rulebook_of(section: str, on: date) -> date:
    """Latest intraday rulebook by a day that has a section; the first that has it before that."""
    held = [v for v in versions("intraday") if section in in_force("intraday", v).numbers]
    return max((version for version in held if version <= on), default=held[0])


@remembered
def intraday_rules(on: date) -> IntradayRules:
    """Numbers of the intraday margin rulebook in force on a day."""
    version = rulebook_of("deficit", on)
    numbers = in_force("intraday", version).numbers
    deficit, practice = numbers["deficit"], numbers["practice"]
    satisfaction, freeze = numbers["satisfaction"], numbers["freeze"]
    epoch = date(1970, 1, 1)
    return IntradayRules(
        price_falls_count=bool(deficit["price_falls_count"]),
        equal_times_are_simultaneous=bool(deficit["equal_times_are_simultaneous"]),
        day_ends_after_close=int(deficit["day_ends_minutes_after_close"]) * 60_000_000,
        only_at_day_end=bool(satisfaction["only_at_day_end"]),
        expires_after=int(satisfaction["expires_business_days"]),
        prompt_after=int(practice["prompt_business_days"]),
        portfolio_due_after=timeline_rules(on).portfolio_due,
        failures=int(practice["failures"]),
        window=int(practice["window_days"]),
        de_minimis_equity=round(practice["de_minimis_equity"] * PPM),
        de_minimis=round(practice["de_minimis_usd"] * CENTS),
        frozen_after=int(freeze["unmet_business_days"]),
        frozen_days=int(freeze["calendar_days"]),
        portfolio_equity=round(numbers["portfolio_margin"]["equity_below_usd"] * CENTS),
        first_day=(rulebook_of("deficit", date.min) - epoch).days,
        last_switch=(numbers["phase_in"]["ends"] - epoch).days,
    )


def governing_rules(
    account_type: Int8Array, equity: Int64Array, is_switched: BoolArray, rules: IntradayRules
) -> Int8Array:
    """Rule by which each account is measured: an index of `schemas.intraday.RULES`, or -1.

    A portfolio-margin account is measured while its equity (cents) is under $5m; a cash account
    never.
    """
    small = (account_type == PORTFOLIO) & (equity < rules.portfolio_equity)
    found = np.where(account_type == REG_T, MARGIN_ACCOUNT, np.where(small, PORTFOLIO_MARGIN, -1))
    return np.where(is_switched, found, NO_RULE).astype(np.int8)


def levels(account_type: Int8Array, figures: Figures, accounts: Int64Array) -> Int64Array:
    """Intraday margin level (a)(17) of accounts by place, cents.

    Equity less the regulatory requirement, never the house's.
    """
    reg_t = figures.reg_t_equity[accounts] - figures.maintenance[accounts]
    portfolio = figures.net_liquidation[accounts] - figures.portfolio_margin[accounts]
    level: Int64Array = np.where(account_type[accounts] == PORTFOLIO, portfolio, reg_t)
    return level


def opens(before: Int64Array, change: Int64Array) -> BoolArray:
    """Whether each change of a position opens or increases it, or turns it round.

    A purchase other than to cover, a short sale, an option written. Not a closing trade, and not
    one that leaves the position flat.
    """
    after = before + change
    return (np.abs(after) > np.abs(before)) | (np.sign(before) * np.sign(after) < 0)


def trades_reduce(is_opening: BoolArray, before: Int64Array, after: Int64Array) -> BoolArray:
    """Whether each trade is IML-reducing: by its kind, or by the levels (cents) around it.

    Both levels are struck at the same prices. Source: FINRA Rule 4210(a)(18).
    """
    return is_opening | (after < before)


class Order(NamedTuple):
    """Transactions in the order of application: their places, and each one's step."""

    place: Int64Array
    step: Int64Array
    """From 0 in each account; what shares a step is applied before the account is measured."""


def worst_order(
    account: Int64Array,
    event_time: Int64Array,
    is_reducing: BoolArray,
    tie: Int64Array,
    rules: IntradayRules,
) -> Order:
    """Order of transactions that shows the highest deficit where their order is not known.

    By account and event time; of equal times the IML-reducing first; `tie`, different for each
    transaction, decides the rest. Source: FINRA Rule 4210(d)(2)(B).
    """
    place = np.lexsort((tie, ~is_reducing, event_time, account)).astype(np.int64)
    whose, when = account[place], event_time[place]
    first = np.ones(len(place), dtype=np.bool_)
    first[1:] = whose[1:] != whose[:-1]
    starts = first.copy()
    starts[1:] |= (when[1:] != when[:-1]) | (not rules.equal_times_are_simultaneous)
    number = np.cumsum(starts)
    begins = np.maximum.accumulate(np.where(first, number, 0))
    return Order(place, (number - begins).astype(np.int64))
