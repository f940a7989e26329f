"""Entries of special memorandum accounts from everything landed, as the live day makes them."""

import numpy as np
import polars as pl

from margin_assets.kernels import history
from margin_assets.kernels.book import Int64Array, book_of
from margin_assets.kernels.fills import history_effects
from margin_assets.kernels.history import Booked, Landed, day_of
from margin_assets.kernels.intraday import BoolArray
from margin_assets.kernels.money import MICRO, instants, to_scaled
from margin_assets.kernels.reg_t_book import CASH, TRADE
from margin_assets.kernels.revaluation import revalue
from margin_assets.kernels.rules import rules_in_force
from margin_assets.kernels.sma import mixed_excess
from margin_assets.kernels.sma_entries import Trades, cash_entries, entry_rules, trade_entries
from margin_assets.kernels.terms import instrument_terms

# An account without a row of its own is treated as a margin account.
_MARGIN = "reg_t"


def past_entries(
    landed: Landed, booked: Booked, opens: Int64Array, of: tuple[pl.Series, int]
) -> pl.DataFrame:
    """Entries of named accounts (sorted) up to an instant, by grid point; cash before trades.

    `is_margin`: whether the account is one of margin then; what is not has cash entries only.
    """
    names, last = of
    effects = _effects(landed, booked, last).filter("is_margin")
    others = effects.filter("is_other").select("account_id", "point").unique()
    alone = effects.join(others, on=["account_id", "point"], how="anti", maintain_order="left")
    plain = _with_calls(alone, effects, landed.instruments)
    measured = _measured(landed, booked, opens, others.sort("point", "account_id"))
    columns = ("account_id", "point", "amount", "is_margin")
    rows = pl.concat(
        [
            _cash(booked, last).select(*columns, mover=pl.lit(CASH, pl.Int8)),
            _trades(plain).select(*columns, mover=pl.lit(TRADE, pl.Int8)),
            measured.select(*columns, mover=pl.lit(TRADE, pl.Int8)),
        ]
    )
    place = names.search_sorted(rows["account_id"]).cast(pl.Int64)
    return rows.select("point", "amount", "is_margin", "mover", place=place).sort(
        "point", "mover", maintain_order=True
    )


def _grid(times: Int64Array) -> Int64Array:
    """Grid points at which events count."""
    interval = rules_in_force(day_of(int(times.max(initial=0)))).grid_interval
    return -(-times // interval) * interval


def _cash(booked: Booked, last: int) -> pl.DataFrame:
    """Entries of cash movements; while an account is none of margin they only meet calls."""
    rows = booked.movements
    frame = rows.select(
        "account_id",
        point=pl.Series(_grid(instants(rows["event_time"]))),
        amount=pl.Series(cash_entries(rows["kind"], to_scaled(rows["amount"]))),
    )
    return _with_kinds(frame.filter(pl.col("point") <= last), booked.accounts)


def _effects(landed: Landed, booked: Booked, last: int) -> pl.DataFrame:
    """What fills change, with what was held before and the terms in force when it happened."""
    found = history_effects(landed.fills)
    earlier = pl.col("quantity").cum_sum().over("account_id", "symbol") - pl.col("quantity")
    effects = found.with_columns(
        held=earlier, at=pl.col("point"), point=pl.Series(_grid(found["point"].to_numpy()))
    ).filter(pl.col("point") <= last)
    ordered = effects.with_columns(order=pl.int_range(pl.len())).sort("point", "order")
    termed = ordered.join_asof(
        _versions(landed.instruments), on="point", by="symbol", check_sortedness=False
    )
    return _with_kinds(termed, booked.accounts).with_columns(
        pl.col("is_other", "is_marginable").fill_null(value=False)
    )


def _versions(instruments: pl.DataFrame) -> pl.DataFrame:
    """Of each version of an instrument, from its grid point on: what its trades enter by."""
    keyed = instruments.with_columns(
        key=pl.format("{} {}", "symbol", pl.int_range(pl.len())),
        point=pl.Series(_grid(instants(instruments["event_time"]))),
    )
    terms = instrument_terms(keyed["key"], keyed.with_columns(symbol="key"))
    is_option, is_bond = pl.col("asset_class") == "option", pl.col("bond_class").is_not_null()
    stated = keyed.select("symbol", "point", "event_time").with_columns(
        terms.select("is_marginable", is_other=is_option | is_bond)
    )
    return stated.sort("event_time", maintain_order=True).drop("event_time")


def _with_kinds(rows: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Rows with whether their account is one of margin at their grid point."""
    ordered = accounts.sort("event_time", maintain_order=True)
    kinds = ordered.select(
        "account_id",
        point=pl.Series(_grid(instants(ordered["event_time"]))),
        is_margin=pl.col("account_type") == _MARGIN,
    )
    found = rows.with_columns(order=pl.int_range(pl.len())).sort("point", "order")
    joined = found.join_asof(kinds, on="point", by="account_id", check_sortedness=False)
    return joined.drop("order").with_columns(pl.col("is_margin").fill_null(value=True))


def _trades(effects: pl.DataFrame) -> pl.DataFrame:
    """Entries of trades in stock and funds, each under the rulebook of its day."""
    days = effects["point"].to_numpy() // _DAY
    amount = np.zeros(effects.height, dtype=np.int64)
    for day in np.unique(days).tolist():
        chosen: BoolArray = days == day
        rows = effects.filter(pl.Series(chosen))
        undone = (rows["undone_quantity"] != 0) | (rows["undone_price"] != 0)
        trades = Trades(
            held=rows["held"].to_numpy(),
            quantity=rows["quantity"].to_numpy(),
            price=rows["price"].to_numpy(),
            cash=rows["cash"].to_numpy(),
            is_correction=undone.to_numpy(),
            is_marginable=rows["is_marginable"].to_numpy(),
            calls=rows["calls"].to_numpy(),
        )
        amount[chosen] = trade_entries(trades, entry_rules(day_of(day * _DAY)))
    return effects.with_columns(amount=pl.Series(amount))


def _with_calls(
    trades: pl.DataFrame, effects: pl.DataFrame, instruments: pl.DataFrame
) -> pl.DataFrame:
    """Trades with the units that long calls stand for which they may be made against."""
    terms = instruments.sort("event_time", maintain_order=True).unique("symbol", keep="last")
    is_call = (pl.col("right") == "call") & (pl.col("style") == "american")
    calls = terms.filter(is_call & pl.col("is_listed").fill_null(value=True)).select(
        "underlying", "strike", "expiry", "multiplier", contract="symbol"
    )
    numbered = trades.with_row_index("row")
    is_short = pl.min_horizontal("held", pl.col("held") + pl.col("quantity")) < 0
    dealt = effects.select("account_id", contract="symbol", dealt="quantity", at="point")
    held = (
        numbered.filter(is_short)
        .select("row", "account_id", "point", "price", underlying="symbol")
        .join(calls, on="underlying")
        .join(dealt, on=["account_id", "contract"])
        .filter(
            pl.col("at") < pl.col("point"),
            pl.col("strike").cast(pl.Decimal(38, 6)).to_physical() <= pl.col("price"),
            pl.col("expiry") >= pl.from_epoch("point", time_unit="us").dt.date(),
        )
        .group_by("row", "contract", "multiplier")
        .agg(pl.col("dealt").sum().clip(lower_bound=0))
    )
    multiple = pl.col("multiplier").cast(pl.Decimal(38, 6)).to_physical()
    units = (pl.col("dealt").cast(pl.Int128) * multiple // MICRO).sum().cast(pl.Int64)
    found = held.group_by("row").agg(calls=units)
    joined = numbered.join(found, on="row", how="left", maintain_order="left", validate="1:1")
    return joined.drop("row").with_columns(pl.col("calls").fill_null(0))


_DAY = 86_400_000_000


def _measured(
    landed: Landed, booked: Booked, opens: Int64Array, dealt: pl.DataFrame
) -> pl.DataFrame:
    """What the trades of accounts that deal in options or bonds do to their excess.

    One row an account and grid point of `dealt`, measured at the prices of that point.
    """
    empty = {"account_id": pl.String, "point": pl.Int64, "amount": pl.Int64}
    parts = [pl.DataFrame(schema=empty)]
    for (point,), rows in dealt.group_by("point", maintain_order=True):
        at, whose = int(str(point)), rows["account_id"]
        interval = rules_in_force(day_of(at)).grid_interval
        after, before = (
            _excess(landed, booked, opens, (whose, at, until)) for until in (at, at - interval)
        )
        both = after.join(before, on="account_id", how="left", suffix="_before", validate="1:1")
        gained = pl.col("excess") - pl.col("excess_before").fill_null(0)
        parts.append(both.select("account_id", point=pl.lit(at, pl.Int64), amount=gained))
    return pl.concat(parts).with_columns(is_margin=pl.lit(value=True))


def _excess(
    landed: Landed, booked: Booked, opens: Int64Array, of: tuple[pl.Series, int, int]
) -> pl.DataFrame:
    """Excess of accounts at an instant with their fills until another; other cash left out."""
    whose, at, until = of
    mine = booked.fills.filter(pl.col("account_id").is_in(whose.implode()))
    fills = mine.filter(pl.Series(instants(mine["event_time"]) <= until))
    day = pl.DataFrame({"business_date": [day_of(at)], "as_of": [at]})
    positions = history.positions_at(landed._replace(fills=fills), day, opens)
    only = booked._replace(fills=fills, movements=booked.movements.clear())
    accounts = history.account_state_at(only, day)
    held = accounts.filter(pl.col("account_id").is_in(whose.implode()))
    rules = rules_in_force(day_of(at))
    book, series = book_of(positions.drop("business_date"), held.drop("business_date"), rules)
    everyone = np.arange(held.height, dtype=np.int64)
    excess = mixed_excess(revalue(book, series, rules), everyone)
    return held.select("account_id", excess=pl.Series(excess))
