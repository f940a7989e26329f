"""What a difference from the firm's record is worth: at our mark, in requirement and in excess.

Each is margined by itself, as if the firm's row were right and all else stood.
"""

import numpy as np
import polars as pl

from margin_assets.kernels.history.recorded import Held, Known, RecordDay, held_at
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.numeric.money import instant, to_decimal
from margin_assets.kernels.rules.rules import rules_in_force
from schemas.stock_record import AGREED

_QUANTITY = pl.Decimal(38, 6)
_USD = pl.Decimal(38, 2)
_KEY = ("account_id", "symbol")


def with_worth(known: Known, rows: pl.DataFrame, day: RecordDay) -> pl.DataFrame:
    """Breaks with `market_value` at our mark, `requirement_change` and `excess_change`, dollars.

    Without a mark the value is null; requirement and excess are those of a position that has none.
    """
    names = ("market_value", "requirement_change", "excess_change")
    numbered = rows.with_row_index("n")
    trials = numbered.filter(~pl.col("kind").is_in(["account_missing", AGREED]))
    if trials.is_empty():
        return rows.with_columns(**dict.fromkeys(names, pl.lit(0).cast(_USD)))
    held = held_at(known, day.close)
    stated = _stated(known, held, trials, day)
    tried = Held(_positions(held, stated, trials), _accounts(held, trials, day))
    figures = Margined(tried.positions, tried.accounts, rules_in_force(day.on)).governed.figures
    excess = figures.equity - figures.governing
    of = {name: n for n, name in enumerate(tried.accounts["account_id"])}
    ours, theirs = (
        np.array([of[f"{side} {n}"] for n in trials["n"]]) for side in ("ours", "theirs")
    )
    worth = trials.select(
        "n",
        _value(held, stated, trials).alias("market_value"),
        to_decimal(figures.governing[theirs] - figures.governing[ours], 2).alias(names[1]),
        to_decimal(excess[theirs] - excess[ours], 2).alias(names[2]),
    )
    found = numbered.join(worth, on="n", how="left", maintain_order="left", validate="1:1")
    is_tried = pl.col("n").is_in(trials["n"].implode())
    zero = pl.lit(0).cast(_USD)
    return found.with_columns(pl.when(is_tried).then(pl.col(names)).otherwise(zero)).drop("n")


def _positions(held: Held, stated: pl.DataFrame, trials: pl.DataFrame) -> pl.DataFrame:
    """Positions of two accounts for each break: as we hold them, and by the firm's row."""
    mine = trials.select("n", "account_id", differs="symbol").join(held.positions, on="account_id")
    is_kept = pl.col("differs").is_null() | (pl.col("symbol") != pl.col("differs"))
    both = [
        mine.with_columns(account_id=pl.format("ours {}", "n")),
        mine.filter(is_kept).with_columns(account_id=pl.format("theirs {}", "n")),
    ]
    order = ("account_id", "class_group", "symbol")
    return pl.concat([*both, stated], how="diagonal").drop("n", "differs").sort(order)


def _accounts(held: Held, trials: pl.DataFrame, day: RecordDay) -> pl.DataFrame:
    """The two accounts' states; one that nobody knows is a margin account, and named so."""
    asked = trials.select("n", "account_id", "symbol", "theirs")
    known = asked.join(held.accounts, on="account_id")
    unknown = asked.join(held.accounts, on="account_id", how="anti").with_columns(
        account_type=pl.lit("reg_t"),
        is_registered=pl.lit(value=False),
        is_exempt=pl.lit(value=False),
        cash=pl.lit(0).cast(_USD),
        as_of=instant(day.close),
    )
    states = pl.concat([known, unknown], how="diagonal")
    stated_cash = pl.when(pl.col("symbol").is_null()).then("theirs").otherwise("cash").cast(_USD)
    both = [
        states.with_columns(account_id=pl.format("ours {}", "n")),
        states.with_columns(account_id=pl.format("theirs {}", "n"), cash=stated_cash),
    ]
    return pl.concat(both).drop("n", "symbol", "theirs").sort("account_id")


def _value(held: Held, stated: pl.DataFrame, trials: pl.DataFrame) -> pl.Series:
    """What the firm's row is worth beyond ours, dollars, one a break; null without a mark."""
    here, marked = pl.lit(value=True), pl.when(pl.col("price").is_not_null()).then("market_value")
    before = held.positions.select(*_KEY, before=marked, is_ours=here)
    after = stated.select(name="account_id", after=marked, is_theirs=here)
    beside = (
        trials.with_columns(name=pl.format("theirs {}", "n"))
        .join(before, on=_KEY, how="left", maintain_order="left", validate="m:1")
        .join(after, on="name", how="left", maintain_order="left", validate="1:1")
    )
    zero = pl.lit(0).cast(_USD)
    ours = pl.when("is_ours").then("before").otherwise(zero)
    theirs = pl.when("is_theirs").then("after").otherwise(zero)
    moved = theirs - ours
    is_cash = pl.col("symbol").is_null()
    cash = (pl.col("theirs") - pl.col("ours")).cast(_USD)
    return beside.select(pl.when(is_cash).then(cash).otherwise(moved).cast(_USD)).to_series()


def _stated(known: Known, held: Held, trials: pl.DataFrame, day: RecordDay) -> pl.DataFrame:
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
