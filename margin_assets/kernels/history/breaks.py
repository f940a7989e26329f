"""Where the firm's own books and the monitor differ at a close, and what a difference is worth.

Nothing is changed by it: the record is compared with what everything landed comes to at its close,
corrections known by now included. Each difference is margined by itself, as if the firm's row were
right and all else stood.
"""

from collections.abc import Callable
from datetime import date
from functools import cache
from typing import cast

import dataframely as dy
import polars as pl

from margin_assets.kernels.history.break_worth import with_worth
from margin_assets.kernels.history.recorded import Held, Known, RecordDay, held_at
from margin_assets.kernels.numeric.money import instant
from margin_assets.kernels.rules.timelines import Calendar
from schemas.stock_record import AGREED, Breaks

_QUANTITY = pl.Decimal(38, 6)
_USD = pl.Decimal(38, 2)
_KEY = ("account_id", "symbol")


def breaks_at(known: Known, closes: pl.DataFrame) -> dy.DataFrame[Breaks]:
    """Breaks of business dates (`as_of`, microseconds) that have a record, one row a difference."""
    stated = _standing(known.record)
    days = {day.on: day for day in _days(stated, known.calendar)}

    @cache
    def differing(day: date) -> pl.DataFrame:
        rows = stated.filter(pl.col("as_of") == day)
        return differences(held_at(known, days[day].close), rows)

    found = [_none()]
    for on, close in closes.iter_rows():
        if on in days:
            before = max((day for day in days if day < on), default=None)
            rows = _aged(differing(on), days, on, differing)
            if before is not None:
                rows = pl.concat([rows, _agreed(differing(before), rows, on)])
            worth = with_worth(known, rows, days[on])
            found.append(
                worth.select(
                    pl.lit(on, pl.Date).alias("business_date"),
                    pl.all(),
                    instant(close).alias("as_of"),
                )
            )
    return cast("dy.DataFrame[Breaks]", pl.concat(found))


def _agreed(before: pl.DataFrame, now: pl.DataFrame, on: date) -> pl.DataFrame:
    """A row for each account that differed in the record before and does no more.

    Without it nobody could tell a close that agrees from one that was not compared.
    """
    ended = (
        before.join(now, on="account_id", how="anti")
        .select("account_id")
        .unique()
        .sort(by="account_id")
    )
    zero = pl.lit(0).cast(_QUANTITY)
    return ended.select(
        "account_id",
        kind=pl.lit(AGREED),
        symbol=pl.lit(None, pl.String),
        ours=zero,
        theirs=zero,
        first_seen=pl.lit(on, pl.Date),
        age=pl.lit(0, pl.Int64),
    ).select(now.columns)


def recorded_dates(record: pl.DataFrame) -> list[date]:
    """Dates that the firm's record has rows of, oldest first."""
    return record["as_of"].unique().sort().to_list()


def _none() -> pl.DataFrame:
    return pl.DataFrame(
        schema={
            "business_date": pl.Date,
            "account_id": pl.String,
            "kind": pl.String,
            "symbol": pl.String,
            "ours": _QUANTITY,
            "theirs": _QUANTITY,
            "first_seen": pl.Date,
            "age": pl.Int64,
            "market_value": _USD,
            "requirement_change": _USD,
            "excess_change": _USD,
            "as_of": pl.Datetime("us", "UTC"),
        }
    )


def _standing(record: pl.DataFrame) -> pl.DataFrame:
    """Of rows of one account, symbol and date the one that landed last."""
    return record.unique(["as_of", *_KEY], keep="last", maintain_order=True)


def _days(record: pl.DataFrame, calendar: Calendar) -> list[RecordDay]:
    """Dates of the record that are business days, in order."""
    numbers = {day: n for n, day in enumerate(calendar.days.days.tolist())}
    dates = recorded_dates(record)
    places = pl.Series(dates, dtype=pl.Date).cast(pl.Int32).to_list()
    return [
        RecordDay(date, int(calendar.closes[numbers[day]]), numbers[day])
        for date, day in zip(dates, places, strict=True)
        if day in numbers
    ]


def differences(held: Held, record: pl.DataFrame) -> pl.DataFrame:
    """Where a record of one date differs: `account_id`, `kind`, `symbol`, `ours`, `theirs`."""
    named = record["account_id"].unique()
    is_named = pl.col("account_id").is_in(named.implode())
    is_cash = pl.col("symbol").is_null()
    ours = held.positions.filter(is_named).select(*_KEY, ours="quantity")
    theirs = record.filter(~is_cash).select(*_KEY, theirs="quantity")
    quantities = ours.join(theirs, on=_KEY, how="full", coalesce=True, validate="1:1").select(
        "account_id", "symbol", "ours", "theirs", kind=pl.lit("quantity")
    )
    balances = _balances(held, record.filter(is_cash))
    zero = pl.lit(0).cast(_QUANTITY)
    both = pl.concat([quantities, balances]).with_columns(pl.col("ours", "theirs").fill_null(zero))
    known = held.accounts["account_id"]
    is_unknown = ~pl.col("account_id").is_in(known.implode())
    return (
        pl.concat(
            [
                both.filter(pl.col("ours") != pl.col("theirs")).with_columns(
                    kind=pl.when(is_unknown).then(pl.lit("account_unknown")).otherwise("kind")
                ),
                _missing(held, named),
            ],
            how="diagonal",
        )
        .select("account_id", "kind", "symbol", "ours", "theirs")
        .sort("account_id", "kind", "symbol")
    )


def _balances(held: Held, cash: pl.DataFrame) -> pl.DataFrame:
    """Balances of a record beside ours, which are null of an account that we do not know."""
    ours = held.accounts.select("account_id", ours=pl.col("cash").cast(_QUANTITY))
    theirs = cash.select("account_id", theirs=pl.col("cash").cast(_QUANTITY))
    return theirs.join(ours, on="account_id", how="left").select(
        "account_id",
        pl.lit(None, pl.String).alias("symbol"),
        "ours",
        "theirs",
        kind=pl.lit("cash"),
    )


def _missing(held: Held, named: pl.Series) -> pl.DataFrame:
    """Accounts that hold something and are in no row of the record."""
    holders = held.positions["account_id"].unique()
    holds = (pl.col("cash") != 0) | pl.col("account_id").is_in(holders.implode())
    zero = pl.lit(0).cast(_QUANTITY)
    return held.accounts.filter(holds, ~pl.col("account_id").is_in(named.implode())).select(
        "account_id",
        kind=pl.lit("account_missing"),
        symbol=pl.lit(None, pl.String),
        ours=zero,
        theirs=zero,
    )


def _aged(
    rows: pl.DataFrame,
    days: dict[date, RecordDay],
    on: date,
    differing: Callable[[date], pl.DataFrame],
) -> pl.DataFrame:
    """Breaks of a date with the first record since which each differs without a break."""
    key = ["account_id", "symbol"]
    first = rows.with_columns(first_seen=pl.lit(on, pl.Date))
    open_keys, before = first.select(key), [d for d in days if d < on]
    for earlier in reversed(before):
        if open_keys.is_empty():
            break
        open_keys = open_keys.join(differing(earlier), on=key, how="semi", nulls_equal=True)
        marked = open_keys.with_columns(since=pl.lit(earlier, pl.Date))
        first = (
            first.join(marked, on=key, how="left", nulls_equal=True, maintain_order="left")
            .with_columns(first_seen=pl.coalesce("since", "first_seen"))
            .drop("since")
        )
    places = {day.on: day.place for day in days.values()}
    age = [places[on] - places[seen] for seen in first["first_seen"]]
    return first.with_columns(age=pl.Series(age, dtype=pl.Int64))
