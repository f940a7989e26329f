"""Margin calls of Regulation T as columns, as the frame of their table, and back."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple, Self

import numpy as np
import polars as pl

from margin_assets.kernels.book.series import codes_of
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import (
    BEYOND,
    bounded,
    instants,
    to_decimal,
    to_instants,
    whole,
)
from margin_assets.kernels.reg_t.sma_entries import entry_rules
from margin_assets.kernels.rules.timelines import BusinessDays, date_series
from schemas import empty
from schemas.reg_t import CALL_STATES

OPEN = CALL_STATES.index("open")
_UNSET = -1


class Calls(NamedTuple):
    """One entry a call; days by their index, amounts in cents."""

    account: Int64Array
    day: Int64Array
    due: Int64Array
    amount: Int64Array
    met: Int64Array
    owed: Int64Array
    deficiency: Int64Array
    """At the close of the last day; -1 before, and where it is not known."""
    to_liquidate: Int64Array
    """-1 before the end of the last day."""
    status: Int64Array
    ended_at: Int64Array

    def with_new(self, accounts: Int64Array, amount: Int64Array, day: int, due: int) -> Self:
        """These calls and new ones, one an account."""
        zero = np.zeros(len(accounts), dtype=np.int64)
        unset = zero + _UNSET
        dates, sums = (zero + day, zero + due), (amount, zero, amount)
        new = (accounts, *dates, *sums, unset, unset, zero + OPEN, unset)
        both = zip(self, new, strict=True)
        return type(self)(*(np.concatenate([old, more]) for old, more in both))


def empty_calls() -> Calls:
    """No calls."""
    return Calls(*(np.zeros(0, dtype=np.int64) for _ in Calls._fields))


def call_frame(
    calls: Calls, days: BusinessDays, names: Sequence[str], of: Int64Array | None = None
) -> pl.DataFrame:
    """Calls (of some accounts, by place) as `reg_t_calls`, without `as_of` and cycle."""
    is_chosen = np.full(len(names), of is None)
    if of is not None:
        is_chosen[of] = True
    rows = np.flatnonzero(is_chosen[calls.account])
    if not len(rows):
        return empty("reg_t_calls")
    taken = Calls(*(column[rows] for column in calls))
    dates = date_series(days, taken.day)
    least = _no_action(dates)
    return pl.DataFrame(
        {
            "account_id": pl.Series([names[a] for a in taken.account.tolist()], dtype=pl.String),
            "opened_on": dates,
            "amount": to_decimal(taken.amount, 2),
            "due_on": date_series(days, taken.due),
            "met": to_decimal(taken.met, 2),
            "outstanding": to_decimal(taken.owed, 2),
            "is_de_minimis": pl.Series(taken.amount <= least, dtype=pl.Boolean),
            "deficiency_on_due_day": _cents(taken.deficiency),
            "to_liquidate": _cents(taken.to_liquidate),
            "status": pl.Series([CALL_STATES[s] for s in taken.status.tolist()], dtype=pl.String),
            "ended_at": to_instants(taken.ended_at),
        }
    ).sort("account_id", "opened_on")


def calls_of(
    saved: pl.DataFrame, days: BusinessDays, place: Callable[[pl.Series], Int64Array]
) -> Calls:
    """The calls that a frame shows."""
    if not saved.height:
        return empty_calls()
    rows = saved.sort("account_id", "opened_on")
    return Calls(
        account=place(rows["account_id"]),
        day=_indices(rows["opened_on"], days),
        due=_indices(rows["due_on"], days),
        amount=bounded(rows["amount"], BEYOND),
        met=bounded(rows["met"], BEYOND),
        owed=bounded(rows["outstanding"], BEYOND),
        deficiency=_cents_of(rows["deficiency_on_due_day"]),
        to_liquidate=_cents_of(rows["to_liquidate"]),
        status=codes_of(rows["status"], CALL_STATES).astype(np.int64),
        ended_at=instants(rows["ended_at"]),
    )


def _cents(values: Int64Array) -> pl.Series:
    return to_decimal(values, 2, values == _UNSET)


def _cents_of(series: pl.Series) -> Int64Array:
    return np.where(series.is_null().to_numpy(), _UNSET, bounded(series, BEYOND))


def _indices(dates: pl.Series, days: BusinessDays) -> Int64Array:
    return np.searchsorted(days.days, whole(dates, 0)).astype(np.int64)


def _no_action(dates: pl.Series) -> Int64Array:
    known: dict[date, int] = {day: entry_rules(day).no_action for day in dates.unique()}
    return np.array([known[day] for day in dates.to_list()], dtype=np.int64)
