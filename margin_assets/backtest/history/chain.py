"""Contracts of a history and their quotes by session.

After a split the exchange lists contracts at the strike divided by its ratio. An old one goes on
to be for its strike and delivers what its shares became (OCC By-Laws, article VI, section 11A): so
its quote is that of its successor, times the ratio.
"""

from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.backtest.faults import Fault
from margin_assets.kernels.numeric.money import MICRO

_KEY = ("underlying", "expiry", "right", "strike", "listing")
_TERMS = (*_KEY, "style", "multiplier")
_QUOTED = (*_KEY, "place", "close", "file", "file_row")
_CENT = 10_000  # micro-dollars; what strikes are rounded to after a split


class Chain(NamedTuple):
    """Contracts, and what was quoted of them."""

    contracts: pl.DataFrame
    """symbol, underlying, right, strike (micro-dollars), expiry, style, multiplier; by symbol."""
    quotes: pl.DataFrame
    """contract (its row), place (session), close (micro-dollars), file, file_row; in that order."""


def chain_of(
    told: pl.DataFrame, days: list[date], splits: dict[str, pl.DataFrame]
) -> tuple[Chain, list[Fault]]:
    """Quotes that count, and what was wrong with others, a line an underlying and day.

    Args:
        told: Rows of `QUOTES`.
        days: Sessions.
        splits: By underlying: `place` and `value` of each, in order.
    """
    sessions = pl.DataFrame(
        {"day": days, "place": np.arange(len(days))}, schema={"day": pl.Date, "place": pl.Int64}
    )
    placed = told.join(sessions, on="day", how="left", maintain_order="left")
    is_priced = pl.col("close") > 0.0
    kept = placed.filter(pl.col("place").is_not_null() & is_priced).with_columns(
        listing=_listing(splits), close=(pl.col("close") * MICRO).round().cast(pl.Int64)
    )
    agree = pl.col("close").n_unique().over(*_KEY, "place") == 1
    rows = kept.filter(agree).unique([*_KEY, "place"], keep="first", maintain_order=True)
    faults = [
        *_told(placed.filter(pl.col("place").is_null()), "no_session", "rows not counted"),
        *_told(placed.filter(~is_priced.fill_null(value=False)), "no_quote", "no price that day"),
        *_told(kept.filter(~agree), "quotes_twice_and_different", "no price that day"),
    ]
    contracts = rows.unique(_KEY, keep="first", maintain_order=True).select(_TERMS)
    named = _named(contracts, days, splits)
    quotes = _with_successors(rows.select(_QUOTED), days, splits)
    numbered = quotes.join(named.select(*_KEY, "contract"), on=_KEY, how="inner", validate="m:1")
    return (
        Chain(
            named.drop("contract", "listing"),
            numbered.select("contract", "place", "close", "file", "file_row").sort(
                "contract", "place"
            ),
        ),
        faults,
    )


def _listing(splits: dict[str, pl.DataFrame]) -> pl.Expr:
    """How many splits of its underlying a row comes after: a strike is another one then."""
    found = pl.lit(0, pl.Int64)
    for underlying, rows in splits.items():
        its = pl.col("underlying") == underlying
        for place in rows["place"].to_list():
            found += (its & (pl.col("place") >= place)).cast(pl.Int64)
    return found


def _named(
    contracts: pl.DataFrame, days: list[date], splits: dict[str, pl.DataFrame]
) -> pl.DataFrame:
    """Contracts with their symbols; one whose symbol a later listing has, with its last day."""
    root, right = (
        pl.col("underlying").str.pad_end(6),
        pl.col("right").str.head(1).str.to_uppercase(),
    )
    thousandths = (pl.col("strike") // 1_000).cast(pl.String).str.pad_start(8, "0")
    symbol = pl.concat_str(
        root, pl.col("expiry").dt.strftime("%y%m%d"), right.str.to_uppercase(), thousandths
    )
    last = pl.col("listing").max().over("symbol") == pl.col("listing")
    ends = [
        (underlying, listing, f"@{days[place - 1]}")
        for underlying, rows in splits.items()
        for listing, place in enumerate(rows["place"].to_list())
    ]
    schema = {"underlying": pl.String, "listing": pl.Int64, "ended": pl.String}
    ended = pl.DataFrame(ends, schema=schema, orient="row")
    return (
        contracts.with_columns(symbol=symbol)
        .join(ended, on=["underlying", "listing"], how="left", validate="m:1")
        .with_columns(pl.when(last).then("symbol").otherwise(pl.concat_str("symbol", "ended")))
        .sort("symbol")
        .drop("ended")
        .with_row_index("contract")
        .with_columns(pl.col("contract").cast(pl.Int64))
    )


def _with_successors(
    quotes: pl.DataFrame, days: list[date], splits: dict[str, pl.DataFrame]
) -> pl.DataFrame:
    """Quotes with those of later listings of the same thing; the last split first."""
    for underlying, rows in splits.items():
        told = list(enumerate(rows.select("place", "value").iter_rows()))
        for listing, (place, ratio) in reversed(told):
            of_it = pl.col("underlying") == underlying
            strike = (pl.col("strike") / (ratio * _CENT) + 0.5).floor().cast(pl.Int64) * _CENT
            old = quotes.filter(
                of_it & (pl.col("listing") == listing) & (pl.col("expiry") >= days[place])
            )
            new = quotes.filter(of_it & (pl.col("listing") == listing + 1))
            becomes = old.select(_KEY).unique(maintain_order=True).with_columns(later=strike)
            terms = ["underlying", "expiry", "right"]
            found = becomes.join(
                new.drop("listing").rename({"strike": "later"}), on=[*terms, "later"], how="inner"
            ).with_columns((pl.col("close") * ratio).round().cast(pl.Int64))
            quotes = pl.concat([quotes, found.select(_QUOTED)])
    return quotes


def _told(rows: pl.DataFrame, fault: str, treatment: str) -> list[Fault]:
    counted = rows.group_by("underlying", "day").len().sort("underlying", "day")
    return [
        Fault(underlying, day, fault, f"{treatment}: {count} contracts")
        for underlying, day, count in counted.iter_rows()
    ]
