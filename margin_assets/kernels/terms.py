"""Terms of every symbol: instrument, valuation range, price and beta as known at an instant."""

from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from margin_assets.kernels.book import SUPPORTED, Int64Array
from margin_assets.kernels.marks import price_states
from margin_assets.kernels.money import counting_from, instants
from margin_assets.kernels.rules import Rules
from schemas.margin import PRICE_STATES

NEW_YORK = ZoneInfo("America/New_York")
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
_BOND_CLASS_OF = {
    "treasury": "us_treasury",
    "agency": "agency",
    "municipal": "municipal",
    "corporate": "other",
}
_OPTION = pl.col("asset_class") == "option"


def first_instant(dates: pl.Series) -> pl.Series:
    """First instant of each date in New York, in UTC."""
    return (
        dates.cast(pl.Datetime("us"))
        .dt.replace_time_zone(NEW_YORK.key)
        .dt.convert_time_zone("UTC")
        .alias("event_time")
    )


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


def instrument_terms(symbols: pl.Series, instruments: pl.DataFrame) -> pl.DataFrame:
    """Terms of each symbol from the instruments in force; what has no row is non-marginable.

    An option has the class group, the leverage and the rates of what it is written on.
    """
    held = pl.DataFrame({"symbol": symbols})
    known = instruments.select(*INSTRUMENT_COLUMNS)
    everything = held.join(known, on="symbol", how="full", coalesce=True, validate="1:1")
    own = everything.select(
        "symbol",
        "asset_class",
        "right",
        "strike",
        "style",
        "expected_range",
        "is_hard_to_borrow",
        "borrow_rate",
        issuer_class="asset_class",
        class_group=pl.coalesce("class_group", "symbol"),
        leverage=pl.col("leverage").fill_null(1.0),
        is_marginable=pl.col("marginable").fill_null(value=False)
        & (
            pl.col("asset_class").is_in(SUPPORTED) | _bond_terms()["bond_class"].is_not_null()
        ).fill_null(value=False),
        underlying=pl.when(_OPTION).then("underlying"),
        is_listed=pl.col("is_listed").fill_null(value=True),
        rate_class=_rate_class(),
        dividend_yield=pl.col("dividend_yield").fill_null(0.0),
        **_bond_terms(),
    )
    of_underlying = _of_underlyings(own)
    ranged = of_underlying.with_columns(
        range_classes(*of_underlying.select("symbol", "asset_class", "class_group"))
    )
    return held.join(ranged, on="symbol", how="left", maintain_order="left", validate="1:1").select(
        STATIC
    )


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
    return instruments.select(_bond_terms()["multiplier"].alias("multiplier")).to_series()


def _bond_terms() -> dict[str, pl.Expr]:
    """A bond's price is in percent: a unit of it stands for a hundredth of its principal."""
    one, matures = pl.lit(1, pl.Decimal(38, 6)), pl.col("maturity").is_not_null()
    is_other = (pl.col("asset_class") == "other") & matures
    kind = pl.col("asset_class").replace_strict(
        _BOND_CLASS_OF, default=None, return_dtype=pl.String
    )
    bond_class = pl.coalesce(
        pl.when((kind.is_not_null() & matures) | is_other).then("bond_class"),
        pl.when(matures).then(kind),
        pl.when(is_other).then(pl.lit("other")),
    )
    principal = (pl.coalesce("principal", one) / 100).cast(pl.Decimal(38, 6))
    return {
        "bond_class": bond_class,
        "is_zero_coupon": (pl.col("coupon") == 0.0).fill_null(value=False),
        "expiry": pl.when(_OPTION).then("expiry").when(bond_class.is_not_null()).then("maturity"),
        "multiplier": pl.when(_OPTION)
        .then("multiplier")
        .when(bond_class.is_not_null())
        .then(principal)
        .otherwise(one),
    }


def _of_underlyings(own: pl.DataFrame) -> pl.DataFrame:
    """Terms with those that options have from their underlyings."""
    names = (
        "class_group",
        "leverage",
        "rate_class",
        "dividend_yield",
        "issuer_class",
        "expected_range",
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
    return joined.with_columns(**taken, **named, rate_class=rate_class).select(own.columns)


class Marks(NamedTuple):
    """Latest price, beta and historical volatility of each symbol."""

    prices: pl.DataFrame
    betas: pl.DataFrame
    volatilities: pl.DataFrame


def marked_terms(terms: pl.DataFrame, marks: Marks, benchmark: str) -> pl.DataFrame:
    """Terms with the latest price (and when it was made), beta and volatility of each symbol."""
    prices, betas, volatilities = marks
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
        .join(
            volatilities.select("symbol", "volatility_annual"),
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
    return terms.with_columns(price_state=pl.Series(words, dtype=pl.String))


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
        .select(TERMS)
    )
