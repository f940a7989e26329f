"""Deposits that a pattern day trader may not take out yet.

Funds paid in to meet the rule's minimum equity or its calls stay for two business days after the
day of the deposit, FINRA Rule 4210(f)(8)(B)(iv). No feed tells what a deposit was for, so each one
is held; what was withdrawn meanwhile is told beside it, and judged by nobody.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from margin_assets.kernels.numeric.money import to_scaled
from margin_assets.kernels.rules.settling import trade_dates
from margin_assets.kernels.rules.timelines import nth_business_day
from margin_assets.rulebooks import in_force


class HeldDeposit(NamedTuple):
    """One deposit of an account."""

    movement_id: str
    deposited_on: date
    amount: int
    """Cents."""
    held_until: date
    """Last day of the hold."""
    withdrawn: int
    """Cents that left the account after it; no more than its amount."""


def held_deposits(movements: pl.DataFrame, sessions: Sequence[date], on: date) -> list[HeldDeposit]:
    """Deposits of one account that are held on a day, of its cash movements so far, in order.

    Raises:
        ValueError: the sessions do not reach the end of a hold.
    """
    hold = int(in_force("day_trade_funds", on).numbers["hold"]["business_days"])
    # The first day from which a hold may reach the day asked for.
    since = sessions[max(bisect_right(sessions, on) - hold - 2, 0)]
    ordered = movements.sort("event_time", "movement_id")
    amounts = to_scaled(ordered["amount"]).tolist()
    days, kinds = trade_dates(ordered["event_time"]).to_list(), ordered["kind"].to_list()
    found = []
    for n, name in enumerate(ordered["movement_id"]):
        if kinds[n] != "deposit" or not since <= days[n] <= on:
            continue
        until = nth_business_day(sessions, days[n], hold)
        if on <= until:
            left = [k for k in range(n, len(kinds)) if kinds[k] == "withdrawal" and days[k] <= on]
            gone = -sum(amounts[k] for k in left)
            found.append(HeldDeposit(name, days[n], amounts[n], until, min(gone, amounts[n])))
    return found
