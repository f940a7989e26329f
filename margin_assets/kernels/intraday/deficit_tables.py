"""The register of deficits as frames of the tables, and back."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.intraday.deficits import credited, link
from margin_assets.kernels.intraday.intraday import intraday_rules, rulebook_of
from margin_assets.kernels.intraday.intraday_register import UNKNOWN, Register, empty_register
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import (
    BEYOND,
    bounded,
    instants,
    to_decimal,
    to_instants,
    whole,
)
from margin_assets.kernels.rules.instants import UNSET
from margin_assets.kernels.rules.timelines import BusinessDays, date_series
from schemas import empty
from schemas.intraday import DEFICIT_STATES, RULES

_DATES = {
    "day": "deficit_date",
    "due": "due_on",
    "fifth": "fifth_business_day",
    "fifteenth": "fifteenth_business_day",
}
_AMOUNTS = {
    "amount": "amount",
    "at_transactions": "amount_at_transactions",
    "equity": "equity",
    "base": "level_at_day_end",
    "level": "level",
    "deposits": "net_deposits",
}
_INSTANTS = {
    "first_at": "first_measured_at",
    "measured_at": "measured_at",
    "satisfied_at": "satisfied_at",
    "expired_at": "expired_at",
    "failed_at": "failed_at",
    "freeze_from": "freeze_from",
    "freeze_until": "freeze_until",
}
_FLAGS = {
    "is_known": "is_determinate",
    "is_de_minimis": "is_de_minimis",
    "is_frozen": "is_frozen",
}


class Saved(NamedTuple):
    """Frames of `intraday_deficits` and `intraday_state`."""

    deficits: pl.DataFrame
    accounts: pl.DataFrame


def deficit_frame(
    register: Register, days: BusinessDays, names: Sequence[str], of: Int64Array | None = None
) -> pl.DataFrame:
    """Deficits (of some accounts, by place) as `intraday_deficits`, without `as_of` and cycle."""
    rows = _rows(register, of)
    if not len(rows):
        return empty("intraday_deficits")
    dates = {to: date_series(days, getattr(register, name)[rows]) for name, to in _DATES.items()}
    amounts = {to: _cents(getattr(register, name)[rows]) for name, to in _AMOUNTS.items()}
    moments = {to: to_instants(getattr(register, name)[rows]) for name, to in _INSTANTS.items()}
    flags = {to: pl.Series(getattr(register, name)[rows]) for name, to in _FLAGS.items()}
    rules = [RULES[code] for code in register.rule[rows]]
    credit = credited(register.deposits[rows], register.level[rows], register.base[rows])
    frame = pl.DataFrame(
        {
            "account_id": pl.Series(
                [names[a] for a in register.account[rows].tolist()], dtype=pl.String
            ),
            **dates,
            **amounts,
            **moments,
            **flags,
            "rule": pl.Series(rules, dtype=pl.String),
            "credited": to_decimal(credit, 2),
            "status": _status(register, rows),
        }
    )
    return frame.join(
        _rulebooks(frame["deficit_date"]), on="deficit_date", how="left", validate="m:1"
    ).sort("account_id", "deficit_date")


def account_frame(
    register: Register, days: BusinessDays, names: Sequence[str], of: Int64Array | None = None
) -> pl.DataFrame:
    """Accounts (some of them) as `intraday_state`, without `as_of` and cycle."""
    chosen = np.arange(len(register.newest)) if of is None else of
    places = chosen[(register.reduced_on[chosen] != UNSET) | (register.newest[chosen] != UNSET)]
    if not len(places):
        return empty("intraday_state")
    accounts = pl.DataFrame(
        {
            "account": places,
            "account_id": pl.Series([names[a] for a in places.tolist()], dtype=pl.String),
            "reduced_on": date_series(days, register.reduced_on[places]),
        }
    )
    return (
        accounts.join(_sums(register, places), on="account", how="left", validate="1:1")
        .with_columns(
            pl.col("open_deficits", "outstanding").fill_null(0),
            pl.col("is_frozen").fill_null(value=False),
        )
        .drop("account")
        .sort("account_id")
    )


def _sums(register: Register, of: Int64Array) -> pl.DataFrame:
    """What the deficits of some accounts, by place, come to; a row an account that has any."""
    rows = _rows(register, of)
    is_open, is_frozen = pl.col("is_open"), pl.col("is_frozen")
    deficits = pl.DataFrame(
        {
            "account": register.account[rows],
            "is_open": _codes(register, rows) == DEFICIT_STATES.index("open"),
            "amount": _cents(register.amount[rows]),
            "is_frozen": register.is_frozen[rows],
            "freeze_until": to_instants(register.freeze_until[rows]),
        }
    )
    return deficits.group_by("account").agg(
        open_deficits=is_open.sum().cast(pl.Int64),
        outstanding=pl.col("amount").filter(is_open).sum().cast(pl.Decimal(38, 2)),
        is_frozen=is_frozen.any(),
        frozen_until=pl.col("freeze_until").filter(is_frozen).max(),
    )


def register_of(
    saved: Saved,
    days: BusinessDays,
    place: Callable[[pl.Series], Int64Array],
    accounts: int,
) -> Register:
    """The register that its frames show: the inverse of both."""
    register = empty_register(accounts, saved.deficits.height)
    whose = place(saved.accounts["account_id"])
    register.reduced_on[whose] = _indices(saved.accounts["reduced_on"], days)
    if saved.deficits.height:
        _take(register, saved.deficits, days, place(saved.deficits["account_id"]))
    link(register)
    return register


def _take(register: Register, rows: pl.DataFrame, days: BusinessDays, found: Int64Array) -> None:
    """Fills an empty register with deficits of accounts at these places."""
    order = np.lexsort((whole(rows["deficit_date"], 0), found))
    rows = rows[order]
    register.account[:] = found[order]
    for name, column in _DATES.items():
        getattr(register, name)[:] = _indices(rows[column], days)
    for name, column in _AMOUNTS.items():
        getattr(register, name)[:] = _cents_of(rows[column])
    for name, column in _INSTANTS.items():
        getattr(register, name)[:] = instants(rows[column])
    for name, column in _FLAGS.items():
        getattr(register, name)[:] = rows[column].to_numpy()
    register.rule[:] = [RULES.index(word) for word in rows["rule"]]
    register.used[0] = rows.height


def _rows(register: Register, of: Int64Array | None) -> Int64Array:
    is_chosen = np.full(len(register.live), of is None)
    if of is not None:
        is_chosen[of] = True
    return np.flatnonzero(is_chosen[register.account[: register.used[0]]])


def _codes(register: Register, rows: Int64Array) -> Int64Array:
    """Places of deficits' states among `DEFICIT_STATES`."""
    has_expired = register.expired_at[rows] != UNSET
    is_satisfied = register.satisfied_at[rows] != UNSET
    found: Int64Array = np.where(has_expired, 2, np.where(is_satisfied, 1, 0)).astype(np.int64)
    return found


def _status(register: Register, rows: Int64Array) -> pl.Series:
    return pl.Series(DEFICIT_STATES, dtype=pl.String).gather(_codes(register, rows))


def _rulebooks(dates: pl.Series) -> pl.DataFrame:
    """What the rulebook of each deficit's day says, one row a day."""
    days = dates.unique().to_list()
    return pl.DataFrame(
        {
            "deficit_date": pl.Series(days, dtype=pl.Date),
            "counts_price_falls": pl.Series(
                [intraday_rules(day).price_falls_count for day in days], dtype=pl.Boolean
            ),
            "rulebook": pl.Series([rulebook_of("deficit", day) for day in days], dtype=pl.Date),
        }
    )


def _indices(dates: pl.Series, days: BusinessDays) -> Int64Array:
    found = np.searchsorted(days.days, whole(dates, 0))
    return np.where(dates.is_null().to_numpy(), UNSET, found).astype(np.int64)


def _cents(values: Int64Array) -> pl.Series:
    return to_decimal(values, 2, values == UNKNOWN)


def _cents_of(series: pl.Series) -> Int64Array:
    return np.where(series.is_null().to_numpy(), UNKNOWN, bounded(series, BEYOND))
