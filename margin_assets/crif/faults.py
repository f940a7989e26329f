"""What is wrong with rows of CRIF: a sentence each, the first that holds; null where nothing is."""

from collections.abc import Iterator

import polars as pl

from margin_assets.crif.columns import COLUMNS
from margin_assets.crif.currencies import CODES
from margin_assets.crif.words import SCHEDULE, SIMM
from margin_assets.kernels.initial_margin.crif_terms import (
    ADD_ONS,
    CREDIT_TENORS,
    FIXED_AMOUNT,
    MULTIPLIER,
    NOTIONAL,
    NOTIONAL_FACTOR,
    PRESENT_VALUE,
    PRODUCT_CLASSES,
    RATES,
    RISK_TYPES,
    SCHEDULE_CLASSES,
    TENORS,
)

Fault = tuple[pl.Expr, pl.Expr]
"""When it holds, and what is said."""

_MOST = 1e15  # dollars: sums of squares stay far from the largest double
_CURRENCIES = sorted(CODES)
_SENSITIVITIES = [kind.name for kind in RISK_TYPES]
_SCHEDULED = [NOTIONAL, PRESENT_VALUE]
_BY_MATURITY = ["Rates", "Credit"]
_ALWAYS = pl.lit(value=True)


def with_models(rows: pl.DataFrame, asked: str) -> pl.DataFrame:
    """Rows with `own`, the model that each belongs to: the one asked where it may be either.

    A row whose IMModel is no model belongs to the one that is asked, which refuses it.
    """
    is_sensitivity = pl.col("risk").is_in(
        [*_SENSITIVITIES, NOTIONAL_FACTOR, FIXED_AMOUNT, MULTIPLIER]
    )
    implied = (
        pl.when(pl.col("im_model").is_not_null())
        .then(pl.lit(asked))
        .when(is_sensitivity)
        .then(pl.lit(SIMM))
        .when(pl.col("risk") == PRESENT_VALUE)
        .then(pl.lit(SCHEDULE))
        .otherwise(pl.lit(asked))
    )
    return rows.with_columns(own=pl.coalesce("model", implied))


def with_faults(rows: pl.DataFrame, asked: str) -> pl.DataFrame:
    """Rows of the model that is asked with `fault`: what cannot be understood, else null."""
    found = [*_of_any(), *(_of_simm() if asked == SIMM else _of_schedule())]
    told = [pl.when(holds).then(said) for holds, said in found]
    return rows.with_columns(fault=pl.coalesce(*told, pl.lit(None, pl.String)))


def _said(column: str, text: str) -> pl.Expr:
    """A sentence on a cell that holds something."""
    return pl.format("{} '{}' {}", pl.lit(COLUMNS[column]), pl.col(column), pl.lit(text))


def _wrong(column: str, holds: pl.Expr, is_unknown: pl.Expr, text: str) -> Iterator[Fault]:
    """Faults of a cell that is needed where `holds`: empty, and not understood."""
    cell = pl.col(column)
    yield holds & cell.is_null(), pl.lit(f"{COLUMNS[column]} is empty")
    yield holds & cell.is_not_null() & is_unknown, _said(column, text)


def _of_any() -> Iterator[Fault]:
    yield (
        pl.col("ragged").is_not_null(),
        pl.format("{}: quote a field that holds what parts fields", "ragged"),
    )
    yield pl.col("portfolio_id").is_null(), pl.lit("PortfolioID is empty")
    is_named = pl.col("im_model").is_not_null() & pl.col("model").is_null()
    yield is_named, _said("im_model", "is no model: SIMM or Schedule")
    yield from _wrong("risk_type", _ALWAYS, pl.col("risk").is_null(), "is none of the format")


def _of_simm() -> Iterator[Fault]:
    risk = pl.col("risk")
    is_sensitivity = risk.is_in(_SENSITIVITIES)
    yield ~risk.is_in([*_SENSITIVITIES, *ADD_ONS]), _said("risk_type", "is none of SIMM's")
    yield from _wrong(
        "product_class",
        is_sensitivity,
        ~pl.col("product").is_in(PRODUCT_CLASSES).fill_null(value=False),
        f"is none of {', '.join(PRODUCT_CLASSES)}",
    )
    yield from _of_qualifiers()
    yield from _of_buckets()
    yield from _of_labels()
    yield from _of_amounts(is_raw=risk.is_in([MULTIPLIER, NOTIONAL_FACTOR]))
    yield from _of_parameters()


def _of_qualifiers() -> Iterator[Fault]:
    risk, name, cell = pl.col("risk"), pl.col("name"), pl.col("qualifier")
    yield (risk != FIXED_AMOUNT) & cell.is_null(), pl.lit("Qualifier is empty")
    rates = [kind.name for kind in RISK_TYPES if kind.risk_class == RATES]
    is_one = risk.is_in([*rates, "Risk_FX"])
    yield is_one & ~name.is_in(_CURRENCIES), _said("qualifier", "is no currency")
    first, second = name.str.slice(0, 3), name.str.slice(3)
    is_pair = first.is_in(_CURRENCIES) & second.is_in(_CURRENCIES) & (first != second)
    yield (risk == "Risk_FXVol") & ~is_pair, _said("qualifier", "is no pair of currencies")


def _of_buckets() -> Iterator[Fault]:
    risk, place, cell = pl.col("risk"), pl.col("place"), pl.col("bucket")
    for kind in RISK_TYPES:
        if not kind.buckets:
            continue
        known = [*(str(n) for n in range(1, kind.buckets + 1))] + ["Residual"] * kind.has_residual
        more = " or Residual" if kind.has_residual else ""
        is_unknown = ~place.is_in(known).fill_null(value=False)
        text = f"is no bucket of {kind.name}: 1 to {kind.buckets}{more}"
        yield from _wrong("bucket", risk == kind.name, is_unknown, text)
    is_unknown = cell.is_not_null() & ~place.is_in(["1", "2", "3"]).fill_null(value=False)
    yield (risk == "Risk_IRCurve") & is_unknown, _said("bucket", "is no bucket of rates: 1, 2 or 3")


def _of_labels() -> Iterator[Fault]:
    risk, tenor, curve = pl.col("risk"), pl.col("tenor"), pl.col("curve")
    for tenors, text in (
        (TENORS, "is no tenor"),
        (CREDIT_TENORS, f"is no tenor of credit: {', '.join(CREDIT_TENORS)}"),
    ):
        kinds = [kind.name for kind in RISK_TYPES if kind.tenors == tenors]
        is_unknown = ~tenor.is_in(tenors).fill_null(value=False)
        yield from _wrong("label1", risk.is_in(kinds), is_unknown, text)
    is_curve = risk == "Risk_IRCurve"
    yield from _wrong("label2", is_curve, curve.is_null(), "is no sub-curve")
    is_of_dollar = curve.is_in(["Prime", "Municipal"]) & (pl.col("name") != "USD")
    yield is_curve & is_of_dollar, _said("label2", "is a sub-curve of USD alone")


def _of_amounts(is_raw: pl.Expr) -> Iterator[Fault]:
    """Amounts in dollars, or raw: multipliers and factors."""
    amount, dollars, currency = pl.col("amount"), pl.col("amount_usd"), pl.col("currency")
    is_used = is_raw | dollars.is_null()
    yield is_raw & amount.is_null(), pl.lit("Amount is empty")
    yield (
        is_used & amount.is_not_null() & pl.col("number").is_null(),
        _said("amount", "is no number"),
    )
    yield (
        ~is_raw & dollars.is_not_null() & pl.col("given_usd").is_null(),
        _said("amount_usd", "is no number"),
    )
    yield ~is_raw & dollars.is_null() & amount.is_null(), pl.lit("AmountUSD is empty")
    yield (
        ~is_raw & currency.is_not_null() & ~currency.is_in(_CURRENCIES),
        _said("amount_currency", "is no currency"),
    )
    yield (
        ~is_raw & pl.col("usd").is_null(),
        pl.format(
            "AmountUSD is empty and Amount is in {}: give it in USD, or a rate (--rate)",
            currency.fill_null("no currency"),
        ),
    )
    yield ~is_raw & (pl.col("usd").abs() > _MOST), pl.lit(f"the amount is beyond {_MOST:,.0f} USD")


def _of_parameters() -> Iterator[Fault]:
    risk, number, usd = pl.col("risk"), pl.col("number"), pl.col("usd")
    is_multiplier = risk == MULTIPLIER
    yield (
        is_multiplier & pl.col("qualifier_class").is_null(),
        _said("qualifier", f"is none of {', '.join(PRODUCT_CLASSES)}"),
    )
    yield (
        is_multiplier & ~number.is_between(1.0, 1000.0),
        _said("amount", "is no multiplier: 1 to 1,000"),
    )
    yield (
        (risk == NOTIONAL_FACTOR) & ~number.is_between(0.0, 100_000.0),
        _said("amount", "is no factor in percent: 0 to 100,000"),
    )
    yield (risk == FIXED_AMOUNT) & (usd < 0.0), pl.lit("a fixed add-on is below 0")


def _of_schedule() -> Iterator[Fault]:
    by_maturity = pl.col("product").is_in(_BY_MATURITY)
    yield (
        ~pl.col("risk").is_in(_SCHEDULED),
        _said("risk_type", "is none of the schedule's: Notional or PV"),
    )
    yield from _wrong(
        "product_class",
        _ALWAYS,
        ~pl.col("product").is_in(SCHEDULE_CLASSES).fill_null(value=False),
        f"is none of {', '.join(SCHEDULE_CLASSES)}",
    )
    yield pl.col("trade_id").is_null(), pl.lit("TradeID is empty")
    day = "is no day as YYYY-MM-DD"
    for column, read in (("end_date", "ends_on"), ("valuation_date", "valued_on")):
        is_unread = pl.col(column).is_not_null() & pl.col(read).is_null()
        yield is_unread, _said(column, day)
    yield by_maturity & pl.col("ends_on").is_null(), pl.lit("EndDate is empty")
    yield (
        by_maturity & pl.col("valued_on").is_null(),
        pl.lit("ValuationDate is empty: fill it in, or name the day by --as-of"),
    )
    yield (
        pl.col("ends_on") < pl.col("valued_on"),
        pl.format(
            "EndDate {} is before the ValuationDate {}",
            "end_date",
            pl.col("valued_on").dt.to_string(),
        ),
    )
    yield from _of_amounts(is_raw=~_ALWAYS)
