"""Where the firm's own books and the monitor differ at a close, and what a difference is worth.

Nothing is changed by it: the record is compared with what everything landed comes to at its close,
corrections known by now included. Each difference is margined by itself, as if the firm's row were
right and all else stood.
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from typing import NamedTuple

import polars as pl

from margin_assets.kernels.history import history
from margin_assets.kernels.history.accrued import with_accrued
from margin_assets.kernels.history.history import Booked, Landed
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.numeric.money import instant, to_decimal
from margin_assets.kernels.rules.rules import rules_in_force
from margin_assets.kernels.rules.timelines import Calendar
from schemas.stock_record import AGREED

_QUANTITY = pl.Decimal(38, 6)
_USD = pl.Decimal(38, 2)
_KEY = ("account_id", "symbol")


class Known(NamedTuple):
    """Everything landed, the firm's record among it, and the exchange's calendar."""

    landed: Landed
    booked: Booked
    record: pl.DataFrame
    """Rows of `stock_record` in landing order."""
    calendar: Calendar


class _Held(NamedTuple):
    """What accounts hold at a close."""

    positions: pl.DataFrame
    accounts: pl.DataFrame


class _Day(NamedTuple):
    """A date of the record, its close, and its place among the business days."""

    on: date
    close: int
    place: int


def breaks_at(known: Known, closes: pl.DataFrame) -> pl.DataFrame:
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
            worth = _worth(known, rows, days[on])
            found.append(
                worth.select(
                    pl.lit(on, pl.Date).alias("business_date"),
                    pl.all(),
                    instant(close).alias("as_of"),
                )
            )
    return pl.concat(found)


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


def _days(record: pl.DataFrame, calendar: Calendar) -> list[_Day]:
    """Dates of the record that are business days, in order."""
    numbers = {day: n for n, day in enumerate(calendar.days.days.tolist())}
    dates = recorded_dates(record)
    places = pl.Series(dates, dtype=pl.Date).cast(pl.Int32).to_list()
    return [
        _Day(date, int(calendar.closes[numbers[day]]), numbers[day])
        for date, day in zip(dates, places, strict=True)
        if day in numbers
    ]


def held_at(known: Known, close: int, fills: pl.DataFrame | None = None) -> _Held:
    """Positions and accounts at a close, of everybody or of those whose fills are given."""
    day = pl.DataFrame(
        {"business_date": [None], "as_of": [close]}, {"business_date": pl.Date, "as_of": pl.Int64}
    )
    positions = history.positions_at(known.landed, day, known.calendar.times, fills)
    accounts = with_accrued(
        history.account_state_at(known.booked, day, known.calendar.times),
        known.booked.accrued_dividends,
    )
    return _Held(positions.drop("business_date"), accounts.drop("business_date"))


def differences(held: _Held, record: pl.DataFrame) -> pl.DataFrame:
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


def _balances(held: _Held, cash: pl.DataFrame) -> pl.DataFrame:
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


def _missing(held: _Held, named: pl.Series) -> pl.DataFrame:
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
    days: dict[date, _Day],
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


def _worth(known: Known, rows: pl.DataFrame, day: _Day) -> pl.DataFrame:
    """Breaks with what each is worth: at our mark, in requirement and in excess."""
    names = ("market_value", "requirement_change", "excess_change")
    nothing = pl.lit(0).cast(_USD)
    trials = rows.with_row_index("n").filter(~pl.col("kind").is_in(["account_missing", AGREED]))
    plain = rows.with_columns(**dict.fromkeys(names, nothing))
    if trials.is_empty():
        return plain
    held = held_at(known, day.close)
    tried, value = _tried(known, held, trials, day)
    figures = Margined(tried.positions, tried.accounts, rules_in_force(day.on)).governed.figures
    excess = figures.equity - figures.governing
    of = {name: n for n, name in enumerate(tried.accounts["account_id"])}
    moved = {
        n: (
            value[n],
            figures.governing[of[f"theirs {n}"]] - figures.governing[of[f"ours {n}"]],
            excess[of[f"theirs {n}"]] - excess[of[f"ours {n}"]],
        )
        for n in trials["n"].to_list()
    }
    cents = [[int(moved[n][k]) if n in moved else 0 for n in range(rows.height)] for k in range(3)]
    columns = (pl.Series(column, dtype=pl.Int64).to_numpy() for column in cents)
    return rows.with_columns(
        **{name: to_decimal(column, 2) for name, column in zip(names, columns, strict=True)}
    )


def _tried(
    known: Known, held: _Held, trials: pl.DataFrame, day: _Day
) -> tuple[_Held, dict[int, int]]:
    """Two accounts for each break, as we hold it and by the firm's row, and its value in cents."""
    stated = _stated(known, held, trials, day)
    positions, accounts, value = [], [], {}
    for n, account, symbol, ours, theirs in trials.select(
        "n", "account_id", "symbol", "ours", "theirs"
    ).iter_rows():
        mine = held.positions.filter(pl.col("account_id") == account)
        state = _account(held, account, day)
        positions.append(_as(mine, f"ours {n}"))
        accounts.append(_as(state, f"ours {n}"))
        if symbol is None:
            value[n] = int((theirs - ours) * 100)
            positions.append(_as(mine, f"theirs {n}"))
            accounts.append(_as(state.with_columns(cash=pl.lit(theirs).cast(_USD)), f"theirs {n}"))
            continue
        row = stated.filter(pl.col("account_id") == f"theirs {n}")
        rest = mine.filter(pl.col("symbol") != symbol)
        positions += [_as(rest, f"theirs {n}"), row]
        accounts.append(_as(state, f"theirs {n}"))
        before = mine.filter(pl.col("symbol") == symbol)["market_value"].sum() or Decimal(0)
        after = row["market_value"].sum() or Decimal(0)
        value[n] = int((Decimal(after) - Decimal(before)) * 100)
    order = ("account_id", "class_group", "symbol")
    return _Held(
        pl.concat(positions, how="diagonal").sort(order),
        pl.concat(accounts, how="diagonal").sort("account_id"),
    ), value


def _as(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    return rows.with_columns(account_id=pl.lit(name))


def _account(held: _Held, account: str, day: _Day) -> pl.DataFrame:
    """The account's state; one that nobody knows is a margin account, and named so."""
    found = held.accounts.filter(pl.col("account_id") == account)
    if found.height:
        return found
    return pl.DataFrame({"account_id": [account]}).select(
        "account_id",
        account_type=pl.lit("reg_t"),
        is_registered=pl.lit(value=False),
        is_exempt=pl.lit(value=False),
        cash=pl.lit(0).cast(_USD),
        as_of=instant(day.close),
    )


def _stated(known: Known, held: _Held, trials: pl.DataFrame, day: _Day) -> pl.DataFrame:
    """Positions that the firm's rows say, each in an account of its own, at our marks."""
    prices = known.landed.prices.filter(pl.col("event_time") <= instant(day.close))
    last = prices.sort("event_time", maintain_order=True).unique("symbol", keep="last")
    dealt = held.positions.select(*_KEY, "last_fill_price")
    rows = (
        trials.filter(pl.col("symbol").is_not_null(), pl.col("theirs") != 0)
        .join(last.select("symbol", "price"), on="symbol", how="left")
        .join(dealt, on=_KEY, how="left")
    )
    zero = pl.lit(0).cast(_QUANTITY)
    fills = rows.select(
        fill_id=pl.format("theirs {}", "n"),
        account_id=pl.format("theirs {}", "n"),
        symbol="symbol",
        quantity="theirs",
        price=pl.coalesce("last_fill_price", "price", zero),
        event_time=instant(day.close),
        corrects_fill_id=pl.lit(None, pl.String),
    )
    return held_at(known, day.close, fills).positions
