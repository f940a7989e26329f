"""Entries of special memorandum accounts from everything landed, as the live day makes them."""

import numpy as np
import polars as pl

from margin_assets.kernels.book.counting import counting_from
from margin_assets.kernels.book.deliverables import adjusted
from margin_assets.kernels.book.delivered_terms import (
    delivered_units,
    is_unmodelled,
    strike_a_unit,
)
from margin_assets.kernels.book.fills import effects_at
from margin_assets.kernels.book.terms import from_their_dates, instrument_terms
from margin_assets.kernels.corporate.actions import Action, acts_at, register_of
from margin_assets.kernels.corporate.contracts import adjustments_in_force, with_since
from margin_assets.kernels.history import history
from margin_assets.kernels.history.history import Booked
from margin_assets.kernels.history.moved import grid_points, moved
from margin_assets.kernels.history.sma_walk import Firm, Path
from margin_assets.kernels.margin.revaluation import revalue
from margin_assets.kernels.margin.settlement import settled_book_of
from margin_assets.kernels.numeric.arrays import BoolArray
from margin_assets.kernels.numeric.money import MICRO, instants, to_scaled
from margin_assets.kernels.reg_t.reg_t_book import BY_CASH, BY_TRADE
from margin_assets.kernels.reg_t.sma import mixed_excess
from margin_assets.kernels.reg_t.sma_entries import Trades, cash_entries, entry_rules, trade_entries
from margin_assets.kernels.rules.expiry import SessionTimes, last_instants
from margin_assets.kernels.rules.grid import day_of, rules_at
from margin_assets.kernels.rules.instants import NEVER

# An account without a row of its own is treated as a margin account.
_MARGIN = "reg_t"


NO_CORRECTIONS = pl.DataFrame(
    schema={
        "account_id": pl.String,
        "traded": pl.Int64,
        "point": pl.Int64,
        "is_margin": pl.Boolean,
    }
)


def start_of(firm: Firm) -> int:
    """Instant before which no account had a transaction; the end of time if none ever has."""
    times = (counting_from(firm.booked.fills), counting_from(firm.booked.movements))
    return int(np.concatenate(times).min(initial=np.iinfo(np.int64).max))


def corrections_of(firm: Firm) -> pl.DataFrame:
    """Corrections of fills: the points at which the original counted, and from when they do.

    A correction that counts with its original is none: the original comes as corrected.
    """
    fills = firm.landed.fills
    if fills["corrects_fill_id"].null_count() == fills.height:
        return NO_CORRECTIONS
    effects = effects_at(fills, grid_points(fills)).filter(pl.col("point") > pl.col("traded"))
    rows = effects.select("account_id", "traded", "point").unique(maintain_order=True)
    return _with_kinds(rows, firm.booked.accounts).select(NO_CORRECTIONS.columns)


def past_path(firm: Firm, span: tuple[int, int], corrections: pl.DataFrame) -> Path:
    """What moves the accounts of a firm after an instant up to another."""
    placed = _placed(corrections, firm.names)
    restated = placed.select("point", "place", "is_margin").unique(maintain_order=True)
    own = past_entries(firm, span).join(restated, on=["point", "place"], how="anti")
    return Path(
        own.sort("point", "mover", maintain_order=True), _forfeits(firm), restated.sort("place")
    )


def past_entries(firm: Firm, span: tuple[int, int]) -> pl.DataFrame:
    """Entries of accounts after an instant up to another, by grid point; cash before trades.

    `is_margin`: whether the account is one of margin then; what is not has cash entries only.
    Corrections of fills enter nothing here: they restate the account.
    """
    booked = firm.booked
    effects = _effects(firm, span).filter("is_margin")
    trades, exercised = effects.filter(~pl.col("is_leg")), effects.filter("is_leg")
    others = trades.filter("is_other").select("account_id", "point").unique()
    plain = trades.join(others, on=["account_id", "point"], how="anti", maintain_order="left")
    measured = _measured(firm, others.sort("point", "account_id"))
    columns = ("account_id", "point", "amount", "is_margin")
    rows = pl.concat(
        [
            _cash(booked, span).select(*columns, mover=pl.lit(BY_CASH, pl.Int8)),
            _trades(plain).select(*columns, mover=pl.lit(BY_TRADE, pl.Int8)),
            measured.select(*columns, mover=pl.lit(BY_TRADE, pl.Int8)),
            _trades(exercised).select(*columns, mover=pl.lit(BY_TRADE, pl.Int8)),
        ]
    )
    return _placed(rows, firm.names).select("point", "amount", "is_margin", "mover", "place")


def _placed(rows: pl.DataFrame, names: pl.Series) -> pl.DataFrame:
    return rows.with_columns(place=names.search_sorted(rows["account_id"]).cast(pl.Int64))


def _within(span: tuple[int, int]) -> pl.Expr:
    return pl.col("point").is_between(*span, closed="right")


def _cash(booked: Booked, span: tuple[int, int]) -> pl.DataFrame:
    """Entries of cash movements; while an account is none of margin they only meet calls."""
    rows = booked.movements
    frame = rows.select(
        "account_id",
        point=pl.Series(grid_points(rows)),
        amount=pl.Series(cash_entries(rows["kind"], to_scaled(rows["amount"]))),
    )
    return _with_kinds(frame.filter(_within(span)), booked.accounts)


def _effects(firm: Firm, span: tuple[int, int]) -> pl.DataFrame:
    """What fills change, with what was held before and the terms in force when it happened.

    And what exercised options bought and sold, `is_leg`.
    """
    found = moved(firm.landed, firm.calendar)
    earlier = pl.col("quantity").cum_sum().over("account_id", "symbol") - pl.col("quantity")
    trades = found.with_columns(held=earlier).filter(_within(span) & pl.col("is_entered"))
    effects = _with_calls(trades, found, firm)
    termed = _joined(effects, _versions(firm.landed.instruments, firm.calendar.times), "symbol")
    return _with_kinds(termed, firm.booked.accounts).with_columns(
        pl.col("is_other", "is_marginable").fill_null(value=False)
    )


def _forfeits(firm: Firm) -> pl.DataFrame:
    """Accounts that traded a symbol before its first instrument row, at the point of that row."""
    fills, instruments = firm.landed.fills, firm.landed.instruments
    known = instruments.select("symbol", point=pl.Series(grid_points(instruments)))
    first = known.group_by("symbol").agg(pl.col("point").min())
    traded = fills.select("account_id", "symbol", traded=pl.Series(grid_points(fills)))
    late = traded.join(first, on="symbol", validate="m:1").filter(
        pl.col("traded") < pl.col("point")
    )
    return _placed(late, firm.names).select("point", "place").unique().sort("point", "place")


def _versions(instruments: pl.DataFrame, times: SessionTimes) -> pl.DataFrame:
    """Of each version of an instrument, from its grid point on: what its trades enter by."""
    keyed = instruments.with_columns(key=pl.format("{} {}", "symbol", pl.int_range(pl.len())))
    terms = instrument_terms(keyed["key"], keyed.with_columns(symbol="key"), times)
    is_option, is_bond = pl.col("asset_class") == "option", pl.col("bond_class").is_not_null()
    stated = keyed.select("symbol", "event_time", point=pl.Series(grid_points(keyed))).with_columns(
        terms.select("is_marginable", is_other=is_option | is_bond)
    )
    return _in_force(stated, "symbol")


def _with_kinds(rows: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Rows with whether their account is one of margin at their grid point."""
    kinds = accounts.select(
        "account_id",
        "event_time",
        point=pl.Series(grid_points(accounts)),
        is_margin=pl.col("account_type") == _MARGIN,
    )
    joined = _joined(rows, _in_force(kinds, "account_id"), "account_id")
    return joined.with_columns(pl.col("is_margin").fill_null(value=True))


def _in_force(versions: pl.DataFrame, key: str) -> pl.DataFrame:
    """Versions in order of their points, without those that came after a later one."""
    ordered = versions.sort("point", "event_time", maintain_order=True)
    is_newest = pl.col("event_time") >= pl.col("event_time").cum_max().over(key)
    return ordered.filter(is_newest).drop("event_time")


def _joined(rows: pl.DataFrame, versions: pl.DataFrame, key: str) -> pl.DataFrame:
    """Rows by point, each with the version of its key in force then."""
    ordered = rows.with_columns(order=pl.int_range(pl.len())).sort("point", "order")
    joined = ordered.join_asof(versions, on="point", by=key, check_sortedness=False)
    return joined.drop("order")


def _trades(effects: pl.DataFrame) -> pl.DataFrame:
    """Entries of trades in stock and funds, each under the rulebook of its day."""
    days = effects["point"].to_numpy() // _DAY
    amount = np.zeros(effects.height, dtype=np.int64)
    for day in np.unique(days).tolist():
        chosen: BoolArray = days == day
        rows = effects.filter(pl.Series(chosen))
        trades = Trades(
            held=rows["held"].to_numpy(),
            quantity=rows["quantity"].to_numpy(),
            price=rows["price"].to_numpy(),
            is_marginable=rows["is_marginable"].to_numpy(),
            calls=rows["calls"].to_numpy(),
        )
        amount[chosen] = trade_entries(trades, entry_rules(day_of(day * _DAY)))
    return effects.with_columns(amount=pl.Series(amount))


def _with_calls(trades: pl.DataFrame, effects: pl.DataFrame, firm: Firm) -> pl.DataFrame:
    """Trades with the units that long calls stand for which they may be made against.

    Those between two actions by what contracts deliver then.
    """
    register = register_of(firm.landed.corporate_actions, firm.calendar.opens)
    acting = np.unique([acts_at(action) for action in register.standing(NEVER)]).astype(np.int64)
    if not len(acting):
        return _made_against(trades, effects, firm, [])
    era = np.searchsorted(acting, trades["point"].to_numpy(), side="right")
    parts = [
        _made_against(trades.filter(pl.Series(era == n)), effects, firm, register.acted(point))
        for n, point in enumerate([0, *acting.tolist()])
    ]
    return pl.concat(parts)


def _made_against(
    trades: pl.DataFrame, effects: pl.DataFrame, firm: Firm, acted: list[Action]
) -> pl.DataFrame:
    """Trades with the units of long calls, after some actions."""
    listed = with_since(firm.landed.instruments).unique("symbol", keep="last")
    rows = from_their_dates(firm.landed.option_adjustments).sort("event_time", maintain_order=True)
    told = rows.unique("symbol", keep="last")
    terms = adjusted(listed, adjustments_in_force(told, listed, acted))
    on_opening = (terms["settlement"] == "open").fill_null(value=False)
    terms = terms.with_columns(
        ends=pl.Series(instants(last_instants(terms["expiry"], on_opening, firm.calendar.times)))
    )
    is_call = (pl.col("right") == "call") & (pl.col("style") == "american")
    terms = terms.with_columns(strike=strike_a_unit(terms), multiplier=delivered_units(terms))
    modelled = terms.filter(~is_unmodelled(terms))
    calls = modelled.filter(is_call & pl.col("is_listed").fill_null(value=True)).select(
        "underlying", "strike", "ends", "multiplier", contract="symbol"
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
            pl.col("ends") > pl.col("point"),
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


def _measured(firm: Firm, dealt: pl.DataFrame) -> pl.DataFrame:
    """What the trades of accounts that deal in options or bonds do to their excess.

    One row an account and grid point of `dealt`, measured at the prices of that point.
    """
    empty = {"account_id": pl.String, "point": pl.Int64, "amount": pl.Int64}
    parts = [pl.DataFrame(schema=empty)]
    for (point,), rows in dealt.group_by("point", maintain_order=True):
        at, whose = int(str(point)), rows["account_id"]
        interval = rules_at(at).grid_interval
        after, before = (_excess(firm, (whose, at, until)) for until in (at, at - interval))
        both = after.join(before, on="account_id", how="left", suffix="_before", validate="1:1")
        gained = pl.col("excess") - pl.col("excess_before").fill_null(0)
        parts.append(both.select("account_id", point=pl.lit(at, pl.Int64), amount=gained))
    return pl.concat(parts).with_columns(is_margin=pl.lit(value=True))


def _excess(firm: Firm, of: tuple[pl.Series, int, int]) -> pl.DataFrame:
    """Excess of accounts at an instant with their fills until another; other cash left out."""
    whose, at, until = of
    booked = firm.booked
    mine = booked.fills.filter(pl.col("account_id").is_in(whose.implode()))
    fills = mine.filter(pl.Series(counting_from(mine) <= until))
    # What is settled at the same point comes after the trades that are measured.
    settled = firm.landed.settlements
    settled = settled.filter(pl.Series(counting_from(settled) < at, dtype=pl.Boolean))
    day = pl.DataFrame({"business_date": [day_of(at)], "as_of": [at]})
    landed = firm.landed._replace(settlements=settled)
    positions = history.positions_at(landed, day, firm.calendar.times, fills)
    only = booked._replace(fills=fills, movements=booked.movements.clear(), settlements=settled)
    accounts = history.account_state_at(only, day, firm.calendar.times)
    held = accounts.filter(pl.col("account_id").is_in(whose.implode()))
    rules = rules_at(at)
    book, series = settled_book_of(
        positions.drop("business_date"), held.drop("business_date"), rules
    )
    everyone = np.arange(held.height, dtype=np.int64)
    excess = mixed_excess(revalue(book, series, rules), everyone)
    return held.select("account_id", excess=pl.Series(excess))
