"""What contracts that are exercised, assigned or expire come to, exactly.

A lot is all that one report, or the rule, takes out of one position. What it comes to follows from
its contracts alone, so that a report that lands late, a correction and a settlement by rule are
told by the difference of two lots. Sign: contracts, shares and cash as they change the account.
Sources: OCC Rules 801 to 805 (exercise and assignment), 1804 and 1806 (index options pay cash).
"""

from typing import NamedTuple, cast

import dataframely as dy
import numpy as np
import polars as pl

from margin_assets.kernels.book.fills import EFFECT_COLUMNS, fill_cash
from margin_assets.kernels.book.sales import UNTOLD
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.numeric.money import (
    MAX_POSITION,
    instants,
    to_decimal,
    to_instants,
    to_scaled,
    units,
)
from schemas.settlement import Settlements

EXERCISED, ASSIGNED, EXPIRED, NOT_SETTLED = "exercised", "assigned", "expired", "not_settled"
DELIVERS = (EXERCISED, ASSIGNED)
LOT = ("account_id", "symbol", "exercise_id")
"""What names a lot; without a report it is the rule's."""
_CHANGED = ("contracts", "shares", "cash")
_MICRO = ("contracts", "settlement_value", "price", "shares", "strike")
SETTLED: dict[str, pl.DataType | type[pl.DataType]] = {
    "account_id": pl.String,
    "symbol": pl.String,
    "exercise_id": pl.String,
    "outcome": pl.String,
    "settled_by_rule": pl.Boolean,
    "event_time": pl.Int64,
    "settled_at": pl.Int64,
    "contracts": pl.Int64,
    "settlement_value": pl.Int64,
    "price": pl.Int64,
    "share_symbol": pl.String,
    "shares": pl.Int64,
    "strike": pl.Int64,
    "cash": pl.Int64,
}
"""Rows of `settlements` without cycle: quantities and prices in micros, cash in cents."""
_NO_TRADE = -1


class Terms(NamedTuple):
    """Terms of options, one entry a lot or a position."""

    underlying: pl.Series
    """What it is written on; null of what is no option."""
    is_call: BoolArray
    strike: Int64Array
    multiplier: Int64Array
    """Micro-units a contract stands for."""
    pays_cash: BoolArray
    paid: Int64Array
    """Micro-dollars for all that an adjusted contract delivers; negative where it is as listed."""


class Legs(NamedTuple):
    """What each lot comes to: cash a unit (micro-dollars), shares (micro-units), cash (cents)."""

    price: Int64Array
    shares: Int64Array
    cash: Int64Array


def in_the_money(terms: Terms, value: Int64Array) -> Int64Array:
    """Micro-dollars a unit by which options are in the money at a value; negative: out of it."""
    gap: Int64Array = np.where(terms.is_call, value - terms.strike, terms.strike - value)
    return gap


def is_exact(terms: Terms, contracts: Int64Array) -> BoolArray:
    """Whether lots are of a size that has exact amounts: beyond it positions have none."""
    size = np.abs(contracts.astype(np.float64)) * (terms.multiplier / 1e6)
    found: BoolArray = size <= MAX_POSITION
    return found


def legs_of(terms: Terms, contracts: Int64Array, delivers: BoolArray, value: Int64Array) -> Legs:
    """What lots come to: `delivers` those exercised or assigned, the others are worthless.

    Each is in the range of `is_exact`. A call's holder takes shares at the strike and its writer
    gives them; a put's the other way round. Options that pay cash pay what they are in the money.
    """
    size = units(contracts, terms.multiplier, np.arange(len(contracts), dtype=np.int32))
    paid = np.maximum(in_the_money(terms, value), 0)
    price = np.where(delivers & terms.pays_cash, paid, 0)
    moved = np.where(terms.is_call, -size, size)
    shares = np.where(delivers & ~terms.pays_cash, moved, 0)
    # Of an adjusted contract the strike a unit is rounded, what is paid for all units is not.
    whole = fill_cash(np.sign(shares) * np.abs(contracts), np.maximum(terms.paid, 0))
    by_unit = fill_cash(shares, terms.strike)
    cash = fill_cash(size, price) + np.where(terms.paid < 0, by_unit, whole)
    return Legs(price, shares, cash)


def in_full(lots: pl.DataFrame, terms: Terms, settled_at: int) -> pl.DataFrame:
    """Lots as rows of `SETTLED`: names, outcome, time, contracts and value, with what follows.

    One that is not settled has no contracts; a value of the underlying is told where one decided.
    """
    delivers = lots["outcome"].is_in(DELIVERS).to_numpy()
    contracts, value = lots["contracts"].to_numpy(), lots["settlement_value"].to_numpy()
    legs = legs_of(terms, contracts, delivers, value)
    is_shared = pl.Series(delivers & ~terms.pays_cash)
    return lots.with_columns(
        settled_at=pl.lit(settled_at, pl.Int64),
        settlement_value=lots["settlement_value"].set(pl.Series(value < 0), None),
        price=pl.Series(legs.price, dtype=pl.Int64),
        share_symbol=terms.underlying.set(~is_shared, None),
        shares=pl.Series(legs.shares, dtype=pl.Int64),
        strike=pl.Series(terms.strike, dtype=pl.Int64).set(~is_shared, None),
        cash=pl.Series(legs.cash, dtype=pl.Int64),
    ).select(list(SETTLED))


def changes(lots: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Lots (rows of `SETTLED` in full) as changes of what was `told` of them before.

    What changes nothing is left out, but for reports that come to nothing.
    """
    sums = told.group_by(LOT).agg(pl.col(_CHANGED).sum())
    joined = lots.join(
        sums, on=LOT, how="left", suffix="_told", nulls_equal=True, maintain_order="left"
    )
    rows = joined.with_columns(
        (pl.col(name) - pl.col(f"{name}_told").fill_null(0)).alias(name) for name in _CHANGED
    )
    is_change = pl.any_horizontal(pl.col(_CHANGED) != 0)
    return rows.filter(is_change | (pl.col("outcome") == NOT_SETTLED)).select(list(SETTLED))


def told_before(rows: pl.DataFrame, told: pl.DataFrame) -> pl.Series:
    """Contracts that were told of the lot of each row before."""
    sums = told.group_by(LOT).agg(before=pl.col("contracts").sum())
    joined = rows.join(sums, on=LOT, how="left", nulls_equal=True, maintain_order="left")
    return joined["before"].fill_null(0)


def are_holders(rows: pl.DataFrame, before: pl.Series) -> pl.Series:
    """Which rows move shares that long options came to, corrections of it among them.

    An exercise is its holder's: a purchase or sale at the strike. An assignment is not.
    `before`: contracts told before of the lot of each row; a lot keeps its side.
    """
    side = pl.when(before != 0).then(before).otherwise(pl.col("contracts"))
    return rows.select((side < 0) & (pl.col("shares") != 0)).to_series()


def share_legs(rows: pl.DataFrame, points: Int64Array) -> pl.DataFrame:
    """Effects of the shares of rows of `SETTLED` alone, bought and sold at their strikes."""
    none = pl.lit(0, pl.Int64)
    alone = rows.with_columns(symbol="share_symbol", contracts="shares", price="strike")
    return leg_effects(alone.with_columns(shares=none, cash=none), points)


def leg_effects(rows: pl.DataFrame, points: Int64Array) -> pl.DataFrame:
    """Effects of rows of `SETTLED` from these points on: contracts out, shares in or out.

    All cash of a row stands with its contracts; it is no trade, and needs no multiplier.
    """
    name = pl.coalesce("exercise_id", pl.format("settled {}", "symbol"))
    placed = rows.with_columns(name.alias("name"), point=pl.Series(points, dtype=pl.Int64))
    shared = placed.filter(pl.col("shares") != 0).with_columns(
        symbol="share_symbol", contracts="shares", price="strike", cash=pl.lit(0, pl.Int64)
    )
    legs = pl.concat([placed, shared]).select(
        "point",
        "event_time",
        "account_id",
        "symbol",
        "cash",
        "price",
        fill_id="name",
        quantity="contracts",
        traded=pl.lit(_NO_TRADE, pl.Int64),
        undone_quantity=pl.lit(0, pl.Int64),
        undone_price=pl.lit(0, pl.Int64),
        original="name",
        original_time="event_time",
        sale_quantity=pl.lit(UNTOLD, pl.Int64),
        sale_proceeds=pl.lit(UNTOLD, pl.Int64),
    )
    return legs.select(list(EFFECT_COLUMNS)).sort("point", maintain_order=True)


def leg_fills(rows: pl.DataFrame, points: Int64Array) -> pl.DataFrame:
    """Legs of rows of the table `settlements` as fills that nothing corrects, each with `point`.

    For what is told from all that moved a position: their time is when they were settled, since
    their units are of then. No landed id is like theirs.
    """
    settled = settled_rows(rows)
    legs = leg_effects(settled.with_columns(event_time="settled_at"), points)
    return legs.select(
        "account_id",
        "symbol",
        "point",
        fill_id=pl.format("\tleg {} {} {}", "fill_id", "symbol", "point"),
        quantity=to_decimal(legs["quantity"].to_numpy(), 6),
        price=to_decimal(legs["price"].to_numpy(), 6),
        event_time=to_instants(legs["event_time"].to_numpy()),
        corrects_fill_id=pl.lit(None, pl.String),
    )


def netted(table: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Rows of the table `settlements`, what the rule settled of a position at a time as one.

    The rule settles once: what it took back was never so. `point`, if there, is part of the time.
    Rows with one of `actions`, as landed, on their shares between them are of other units.
    """
    numbered = table.with_row_index("row")
    acted = actions.select("effective_on", share_symbol="symbol").unique()
    since = pl.col("settled_at").dt.date() >= pl.col("effective_on")
    eras = numbered.join(acted, on="share_symbol").filter(since).group_by("row").len("era")
    rows = numbered.join(eras, on="row", how="left", maintain_order="left").drop("row")
    when = ["era", *(name for name in ("point", "event_time") if name in rows.columns)]
    by_rule = rows.filter("settled_by_rule").group_by(*LOT, *when, maintain_order=True)
    ruled = by_rule.agg(pl.col(_CHANGED).sum(), pl.all().exclude(*LOT, *when, *_CHANGED).last())
    both = pl.concat([rows.filter(~pl.col("settled_by_rule")), ruled.select(rows.columns)])
    return both.filter(pl.any_horizontal(pl.col(_CHANGED) != 0)).drop("era")


def settled_rows(table: pl.DataFrame) -> pl.DataFrame:
    """Rows of the table `settlements` as rows of `SETTLED`."""
    scaled = [pl.Series(name, to_scaled(table[name].fill_null(0))) for name in (*_MICRO, "cash")]
    times = [pl.Series(name, instants(table[name])) for name in ("event_time", "settled_at")]
    rows = table.with_columns(*scaled, *times).select(list(SETTLED))
    unknown = (name for name in ("settlement_value", "strike") if table[name].null_count())
    return rows.with_columns(rows[name].set(table[name].is_null(), None) for name in unknown)


def settlement_frame(rows: pl.DataFrame) -> dy.DataFrame[Settlements]:
    """Rows of `SETTLED` as the table `settlements`, without cycle."""
    decimals = {
        name: to_decimal(rows[name].fill_null(0).to_numpy(), 6, rows[name].is_null().to_numpy())
        for name in _MICRO
    }
    return cast(
        "dy.DataFrame[Settlements]",
        rows.with_columns(
            **decimals,
            cash=to_decimal(rows["cash"].to_numpy(), 2),
            event_time=to_instants(rows["event_time"].to_numpy()),
            settled_at=to_instants(rows["settled_at"].to_numpy()),
        ),
    )
