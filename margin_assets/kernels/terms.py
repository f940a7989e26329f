"""Terms of every symbol: instrument, valuation range, price and beta as known at an instant."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from margin_assets.kernels.book import SUPPORTED, Int64Array
from margin_assets.kernels.marks import price_states
from margin_assets.kernels.money import instants
from margin_assets.kernels.rules import Rules
from schemas.margin import PRICE_STATES

NEW_YORK = ZoneInfo("America/New_York")
BROAD = ("broad_index", "broad_index_high_cap")

TERMS = (
    "symbol",
    "class_group",
    "asset_class",
    "leverage",
    "is_marginable",
    "range_class",
    "last_price",
    "price_state",
    "price_time",
    "beta",
)


def first_instant(dates: pl.Series) -> pl.Series:
    """First instant of each date in New York, in UTC."""
    return (
        dates.cast(pl.Datetime("us"))
        .dt.replace_time_zone(NEW_YORK.key)
        .dt.convert_time_zone("UTC")
        .alias("event_time")
    )


def latest(frame: pl.DataFrame, key: str, at: int) -> pl.DataFrame:
    """Latest version of each key with an event time at or before an instant (microseconds).

    Rows of the frame come in landing order; of two at one time the later landed stands.
    """
    bound = datetime.fromtimestamp(at / 1e6, UTC)
    return (
        frame.filter(pl.col("event_time") <= bound)
        .sort("event_time", maintain_order=True)
        .unique(key, keep="last", maintain_order=True)
    )


def range_classes(symbol: pl.Series, asset_class: pl.Series, class_group: pl.Series) -> pl.Series:
    """Valuation range of each symbol's class group: its index's when it holds or names one.

    A group with two indices takes the wider range.
    """
    # The wider of the two index ranges on both sides is that of the ordinary broad index.
    frame = pl.DataFrame({"symbol": symbol, "kind": asset_class, "group": class_group})
    index = frame.filter(pl.col("kind").is_in(BROAD))
    named = pl.concat([index.select("group", "kind"), index.select(group="symbol", kind="kind")])
    widest = named.group_by("group").agg(pl.col("kind").min())
    joined = frame.join(widest, on="group", how="left", maintain_order="left", suffix="_index")
    return joined["kind_index"].fill_null("equity").alias("range_class")


def instrument_terms(symbols: pl.Series, instruments: pl.DataFrame) -> pl.DataFrame:
    """Terms of each symbol from the instruments in force; what has no row is non-marginable."""
    held = pl.DataFrame({"symbol": symbols})
    known = instruments.select("symbol", "asset_class", "class_group", "leverage", "marginable")
    everything = (
        held.join(known, on="symbol", how="full", coalesce=True, validate="1:1")
        .with_columns(
            class_group=pl.coalesce("class_group", "symbol"),
            leverage=pl.col("leverage").fill_null(1.0),
            is_marginable=pl.col("marginable").fill_null(value=False)
            & pl.col("asset_class").is_in(SUPPORTED).fill_null(value=False),
        )
        .drop("marginable")
    )
    ranged = everything.with_columns(
        range_classes(*everything.select("symbol", "asset_class", "class_group"))
    )
    return held.join(ranged, on="symbol", how="left", maintain_order="left", validate="1:1")


def marked_terms(
    terms: pl.DataFrame, prices: pl.DataFrame, betas: pl.DataFrame, benchmark: str
) -> pl.DataFrame:
    """Terms with the latest price (and when it was made) and beta of each symbol."""
    return (
        terms.join(
            prices.select("symbol", last_price="price", price_time="event_time"),
            on="symbol",
            how="left",
            maintain_order="left",
            validate="1:1",
        )
        .join(
            betas.select("symbol", "beta"),
            on="symbol",
            how="left",
            maintain_order="left",
            validate="1:1",
        )
        .with_columns(
            beta=pl.when(pl.col("symbol") == benchmark).then(1.0).otherwise(pl.col("beta"))
        )
    )


def with_price_states(
    terms: pl.DataFrame, at: int, opens: Int64Array, rules: Rules
) -> pl.DataFrame:
    """Terms with the state of each price at an instant (microseconds)."""
    states = price_states(instants(terms["price_time"]), at, opens, rules)
    words = np.array(PRICE_STATES, dtype=object)[states].tolist()
    return terms.with_columns(price_state=pl.Series(words, dtype=pl.String)).select(TERMS)
