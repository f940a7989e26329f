"""Terms of every symbol: instrument, valuation range, price and beta as known at an instant."""

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from margin_assets.kernels.book.bond_terms import bond_terms
from margin_assets.kernels.book.counting import counting_from
from margin_assets.kernels.book.delivered_terms import ADJUSTED
from margin_assets.kernels.book.series import INDICES, SUPPORTED
from margin_assets.kernels.rules.expiry import (
    NEW_YORK,
    SessionTimes,
    last_instants,
    opening_days,
)

BROAD = ("broad_index", "broad_index_high_cap")

STATIC = (
    "symbol",
    "class_group",
    "asset_class",
    "leverage",
    "is_marginable",
    "range_class",
    "multiplier",
    "underlying",
    "right",
    "strike",
    "expiry",
    "style",
    "is_listed",
    "rate_class",
    "dividend_yield",
    "bond_class",
    "is_zero_coupon",
    "expected_range",
    "is_hard_to_borrow",
    "borrow_rate",
    "issuer_class",
    "expires_at",
    "is_underlying_marginable",
)
"""Terms that stand until another instrument row lands."""
MARKED = ("last_price", "price_state", "price_time", "beta", "volatility_annual")
OF_UNDERLYING = ("underlying_price", "underlying_price_state", "risk_free_rate")
TERMS = (*STATIC, *MARKED, *OF_UNDERLYING)
INSTRUMENT_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "symbol": pl.String,
    "asset_class": pl.String,
    "class_group": pl.String,
    "leverage": pl.Float64,
    "marginable": pl.Boolean,
    "underlying": pl.String,
    "right": pl.String,
    "strike": pl.Decimal(38, 6),
    "expiry": pl.Date,
    "style": pl.String,
    "settlement": pl.String,
    "multiplier": pl.Decimal(38, 6),
    "is_listed": pl.Boolean,
    "is_broad_based": pl.Boolean,
    "dividend_yield": pl.Float64,
    "expected_range": pl.Float64,
    "is_hard_to_borrow": pl.Boolean,
    "borrow_rate": pl.Float64,
    "bond_class": pl.String,
    "coupon": pl.Float64,
    "maturity": pl.Date,
    "principal": pl.Decimal(38, 6),
}
"""What instrument rows say that margin depends on."""
_RATE_CLASS_OF = {
    "broad_index": "broad_index",
    "broad_index_high_cap": "broad_index",
    "volatility_index": "volatility_index",
    "currency": "currency",
    "interest_rate": "interest_rate",
    "treasury": "treasury_bond",
    "agency": "investment_grade_debt",
    "municipal": "investment_grade_debt",
    "corporate": "investment_grade_debt",
}
_OPTION = pl.col("asset_class") == "option"


def first_instant(dates: pl.Series) -> pl.Series:
    """First instant of each date in New York, in UTC."""
    return (
        dates.cast(pl.Datetime("us"))
        .dt.replace_time_zone(NEW_YORK)
        .dt.convert_time_zone("UTC")
        .alias("event_time")
    )


def day_column(columns: Iterable[str]) -> str:
    """Name of the column that says from which day on rows of a dated feed count."""
    return next(name for name in ("effective_on", "as_of", "as_of_date") if name in columns)


def from_their_dates(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of a dated feed, each with the instant that it counts from as its event time."""
    return rows.with_columns(event_time=first_instant(rows[day_column(rows.columns)]))


def latest(frame: pl.DataFrame, key: str, at: int) -> pl.DataFrame:
    """Latest version of each key, by event time, that counts at an instant (microseconds).

    Rows of the frame come in landing order; of two at one time the later landed stands.
    """
    return (
        frame.filter(pl.Series(counting_from(frame) <= at))
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


def instrument_terms(
    symbols: pl.Series, instruments: pl.DataFrame, times: SessionTimes
) -> pl.DataFrame:
    """Terms of each symbol from the instruments in force; what has no row is non-marginable.

    An option has the class group, the leverage and the rates of what it is written on; its time
    ends by the exchange's sessions.
    """
    held = pl.DataFrame({"symbol": symbols})
    stated = [name for name in ADJUSTED if name in instruments.columns]
    known = instruments.select(*INSTRUMENT_COLUMNS, *stated)
    everything = held.join(known, on="symbol", how="full", coalesce=True, validate="1:1")
    own = everything.select(
        "symbol",
        "asset_class",
        "right",
        "strike",
        *stated,
        "style",
        "settlement",
        "expected_range",
        "is_hard_to_borrow",
        "borrow_rate",
        issuer_class="asset_class",
        class_group=pl.coalesce("class_group", "symbol"),
        leverage=pl.col("leverage").fill_null(1.0),
        is_marginable=pl.col("marginable").fill_null(value=False)
        & (
            pl.col("asset_class").is_in(SUPPORTED) | bond_terms()["bond_class"].is_not_null()
        ).fill_null(value=False),
        underlying=pl.when(_OPTION).then("underlying"),
        is_listed=pl.col("is_listed").fill_null(value=True),
        rate_class=_rate_class(),
        dividend_yield=pl.col("dividend_yield").fill_null(0.0),
        **bond_terms(),
    )
    of_underlying = _with_ends(_of_underlyings(own), times)
    ranged = of_underlying.with_columns(
        range_classes(*of_underlying.select("symbol", "asset_class", "class_group"))
    )
    return held.join(ranged, on="symbol", how="left", maintain_order="left", validate="1:1").select(
        *STATIC, *stated
    )


def _with_ends(terms: pl.DataFrame, times: SessionTimes) -> pl.DataFrame:
    """Terms with the end of each option's time; `settlement` absent is what the style makes it."""
    is_broad = pl.col("issuer_class").is_in(INDICES) & (pl.col("rate_class") == "broad_index")
    is_european = is_broad & (pl.col("style") == "european")
    standard = opening_days(terms.filter(is_european)["expiry"])
    usual = is_european & pl.col("expiry").is_in(standard.implode())
    stated = pl.coalesce(pl.col("settlement") == "open", usual).fill_null(value=False)
    options = terms.select(
        expiry=pl.when(_OPTION).then("expiry"), on_opening=pl.when(_OPTION).then(stated)
    )
    ends = last_instants(options["expiry"], options["on_opening"].fill_null(value=False), times)
    return terms.with_columns(expires_at=ends)


def _rate_class() -> pl.Expr:
    by_class = pl.col("asset_class").replace_strict(_RATE_CLASS_OF, default="equity")
    broad = pl.col("is_broad_based")
    return (
        pl.when(pl.col("asset_class").is_null())
        .then(None)
        .when(broad)
        .then(pl.lit("broad_index"))
        .when(broad.not_() & (by_class == "broad_index"))
        .then(pl.lit("equity"))
        .otherwise(by_class)
    )


def multiplier_of(instruments: pl.DataFrame) -> pl.Series:
    """Units that a contract of each instrument row stands for."""
    return instruments.select(bond_terms()["multiplier"].alias("multiplier")).to_series()


def _of_underlyings(own: pl.DataFrame) -> pl.DataFrame:
    """Terms with those that options have from their underlyings."""
    names = (
        "class_group",
        "leverage",
        "rate_class",
        "dividend_yield",
        "issuer_class",
        "expected_range",
        "is_marginable",
    )
    above = own.select(pl.col("symbol").alias("underlying"), *names)
    joined = own.join(
        above, on="underlying", how="left", maintain_order="left", suffix="_above", validate="m:1"
    )
    # Without an underlying's row its options stand in a group named after it and have no rate
    # class: the account is indeterminate and they are charged like those on a stock.
    absent: dict[str, pl.Expr | float] = {
        "class_group": pl.col("underlying"),
        "leverage": 1.0,
        "dividend_yield": 0.0,
    }
    taken = {
        name: pl.when(_OPTION).then(pl.coalesce(f"{name}_above", other)).otherwise(pl.col(name))
        for name, other in absent.items()
    }
    named = {
        name: pl.when(_OPTION).then(f"{name}_above").otherwise(pl.col(name))
        for name in ("issuer_class", "expected_range")
    }
    rate_class = pl.when(_OPTION).then("rate_class_above")
    marginable = pl.when(_OPTION).then(pl.col("is_marginable_above").fill_null(value=False))
    return joined.with_columns(
        **taken, **named, rate_class=rate_class, is_underlying_marginable=marginable
    ).select(*own.columns, "is_underlying_marginable")


class Marks(NamedTuple):
    """Latest price, beta and historical volatility of each symbol."""

    prices: pl.DataFrame
    betas: pl.DataFrame
    volatilities: pl.DataFrame


def marked_terms(terms: pl.DataFrame, marks: Marks, benchmark: str) -> pl.DataFrame:
    """Terms with the latest price (and when it was made), beta and volatility of each symbol."""
    prices, betas, volatilities = marks
    for known in (
        prices.select("symbol", last_price="price", price_time="event_time"),
        betas.select("symbol", "beta"),
        volatilities.select("symbol", "volatility_annual"),
    ):
        terms = terms.join(known, on="symbol", how="left", maintain_order="left", validate="1:1")
    is_benchmark = pl.col("symbol") == benchmark
    return terms.with_columns(beta=pl.when(is_benchmark).then(1.0).otherwise(pl.col("beta")))


def with_underlyings(terms: pl.DataFrame, risk_free_rate: float | None) -> pl.DataFrame:
    """Terms with the price and the beta that options have from their underlyings.

    The frame holds the underlyings' own rows too.
    """
    above = terms.select(
        underlying="symbol",
        underlying_price="last_price",
        underlying_price_state="price_state",
        underlying_beta="beta",
        underlying_volatility="volatility_annual",
    )
    rate = pl.lit(risk_free_rate, dtype=pl.Float64)
    return (
        terms.join(above, on="underlying", how="left", maintain_order="left", validate="m:1")
        .with_columns(
            beta=pl.when(_OPTION).then("underlying_beta").otherwise("beta"),
            volatility_annual=pl.when(_OPTION)
            .then("underlying_volatility")
            .otherwise("volatility_annual"),
            underlying_price_state=pl.when(_OPTION).then(
                pl.col("underlying_price_state").fill_null("missing")
            ),
            risk_free_rate=pl.when(_OPTION).then(rate),
        )
        .select(*TERMS, *(name for name in ADJUSTED if name in terms.columns))
    )
