"""Rows of whole portfolios put through a model: units, their margins, and who is refused."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal, NamedTuple

import polars as pl

from margin_assets.crif.faults import with_faults, with_models
from margin_assets.crif.words import SCHEDULE, SIMM, in_words
from margin_assets.kernels.initial_margin.add_ons import ADD_ON_ROWS, add_ons, contradictions
from margin_assets.kernels.initial_margin.crif_terms import (
    ADD_ONS,
    CODE_OF,
    CREDIT_NON_Q,
    FIXED_AMOUNT,
    MULTIPLIER,
    NOTIONAL,
    NOTIONAL_FACTOR,
    PARAMETERS,
    PRODUCT_CLASSES,
    RISK_TYPES,
    SENSITIVITIES,
)
from margin_assets.kernels.initial_margin.parameters import Parameters
from margin_assets.kernels.initial_margin.regulations import POST, by_unit, units_of
from margin_assets.kernels.initial_margin.schedule import TRADES, schedule_margins
from margin_assets.kernels.initial_margin.simm import margins


class Method(NamedTuple):
    """A model and what it computes by."""

    model: Literal["simm", "schedule"]
    currency: str
    by: Parameters | dict[str, Any]
    """Parameters of SIMM, or the rulebook of the schedule."""
    as_of: date | None
    """Valuation date of rows that have none."""
    rates: Mapping[str, float]
    """Dollars for one unit of a currency, for amounts without AmountUSD."""


class _Simm(NamedTuple):
    parameters: Parameters
    currency: str


class Answered(NamedTuple):
    """Portfolios of a frame of rows in order, their units and the units' margins.

    `portfolios` has `portfolio`, `portfolio_id`, `left_out` (rows of the other model) and `error`,
    null unless it is refused.
    """

    portfolios: pl.DataFrame
    units: pl.DataFrame
    product_classes: pl.DataFrame
    risk_classes: pl.DataFrame


def answered(rows: pl.DataFrame, method: Method) -> Answered:
    """Margins of the portfolios of a frame as `reading.opened` yields them."""
    numbered = _numbered(rows)
    worded = with_models(in_words(numbered, method.rates), method.model)
    asked = _prepared(worded.filter(pl.col("own") == method.model), method)
    checked = with_faults(asked, method.model)
    portfolios = _portfolios(worded, checked, method.model)
    good = checked.join(portfolios.filter(pl.col("error").is_null()), on="portfolio", how="semi")
    units = units_of(good)
    if isinstance(method.by, Parameters):
        simm = _Simm(method.by, method.currency)
        return _by_simm(good, units, portfolios, simm)
    return _by_schedule(good, units, portfolios, method.by)


def _numbered(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with `portfolio`, its number in order of first appearance."""
    names = rows.select("portfolio_id").unique(maintain_order=True).with_row_index("portfolio")
    return rows.join(
        names.cast({"portfolio": pl.Int64}),
        on="portfolio_id",
        nulls_equal=True,
        validate="m:1",
        maintain_order="left",
    )


def _prepared(rows: pl.DataFrame, method: Method) -> pl.DataFrame:
    is_class = pl.col("risk") == MULTIPLIER
    product = {name.lower(): name for name in PRODUCT_CLASSES}
    bare = pl.col("qualifier").str.to_lowercase().str.replace_all(r"[^a-z]", "")
    return rows.with_columns(
        qualifier_class=pl.when(is_class).then(
            bare.replace_strict(product, default=None, return_dtype=pl.String)
        ),
        valued_on=pl.col("valued_on").fill_null(pl.lit(method.as_of, pl.Date)),
    )


def _portfolios(worded: pl.DataFrame, checked: pl.DataFrame, model: str) -> pl.DataFrame:
    faults = (
        checked.filter(pl.col("fault").is_not_null())
        .group_by("portfolio", maintain_order=True)
        .agg(pl.col("line").first(), pl.col("fault").first())
        .select("portfolio", error=pl.format("line {}: {}", "line", "fault"))
    )
    other = SCHEDULE if model == SIMM else SIMM
    is_empty = pl.col("left_out") == pl.col("rows")
    absent = pl.format("no row of model {}: its {} are of {}", pl.lit(model), "rows", pl.lit(other))
    return (
        worded.group_by("portfolio", "portfolio_id", maintain_order=True)
        .agg(left_out=(pl.col("own") != model).sum(), rows=pl.len())
        .join(faults, on="portfolio", how="left", validate="1:1", maintain_order="left")
        .with_columns(error=pl.coalesce("error", pl.when(is_empty).then(absent)))
    )


def _by_simm(
    good: pl.DataFrame, units: pl.DataFrame, portfolios: pl.DataFrame, simm: _Simm
) -> Answered:
    rows = by_unit(good, units, is_parameter=pl.col("risk").is_in(PARAMETERS))
    added = _add_on_rows(rows)
    refused = _contradicted(added, units)
    portfolios = _refused(portfolios, refused)
    found = margins(_sensitivities(rows), simm.parameters, simm.currency)
    sums = found.product_classes.group_by("unit").agg(margin=pl.col("total").sum())
    totals = (
        units.join(refused, on="portfolio", how="anti", maintain_order="left")
        .join(sums, on="unit", how="left", validate="1:1")
        .join(add_ons(added, found.product_classes), on="unit", how="left", validate="1:1")
        .with_columns(pl.col("margin", "add_on").fill_null(0.0))
        .with_columns(total=pl.col("margin") + pl.col("add_on"))
        .sort("unit")
    )
    return Answered(portfolios, totals, found.product_classes, found.risk_classes)


def _refused(portfolios: pl.DataFrame, refused: pl.DataFrame) -> pl.DataFrame:
    joined = portfolios.join(
        refused.rename({"error": "more"}), on="portfolio", how="left", maintain_order="left"
    )
    return joined.with_columns(error=pl.coalesce("error", "more")).drop("more")


def _sensitivities(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of the kernel; who posts sees each sensitivity the other way."""
    non_q = [kind.name for kind in RISK_TYPES if kind.risk_class == CREDIT_NON_Q]
    bucketed = [kind.name for kind in RISK_TYPES if kind.buckets]
    risk = pl.col("risk")
    sign = pl.when(pl.col("side") == POST).then(-1.0).otherwise(1.0)
    # A name whose group is not said is of a group of its own.
    label = (
        pl.when(risk == "Risk_IRCurve")
        .then("curve")
        .when(risk.is_in(non_q))
        .then(pl.coalesce("label2", "name"))
        .otherwise(pl.col("label2").fill_null(""))
    )
    return (
        rows.filter(risk.is_in(list(CODE_OF)))
        .select(
            "unit",
            product_class="product",
            risk_type="risk",
            qualifier="name",
            bucket=pl.when(risk.is_in(bucketed)).then("place"),
            tenor="tenor",
            label2=label,
            amount_usd=pl.col("usd") * sign,
        )
        .cast(SENSITIVITIES)
    )


def _add_on_rows(rows: pl.DataFrame) -> pl.DataFrame:
    risk = pl.col("risk")
    is_bare = risk.is_in([MULTIPLIER, NOTIONAL_FACTOR])
    return (
        rows.filter(risk.is_in(ADD_ONS))
        .select(
            "unit",
            risk_type="risk",
            qualifier=pl.when(risk == FIXED_AMOUNT)
            .then(pl.lit(""))
            .otherwise(pl.coalesce("qualifier_class", "qualifier")),
            amount=pl.when(is_bare).then("number").otherwise("usd"),
        )
        .cast(ADD_ON_ROWS)
    )


def _contradicted(added: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """Portfolios with two multipliers or factors of one thing: `portfolio` and `error`."""
    found = contradictions(added).join(units, on="unit", validate="m:1", maintain_order="left")
    said = pl.format("{} of '{}' is {} and {}: keep one", "risk_type", "qualifier", "least", "most")
    return found.group_by("portfolio", maintain_order=True).agg(error=said.first())


def _by_schedule(
    good: pl.DataFrame, units: pl.DataFrame, portfolios: pl.DataFrame, numbers: dict[str, Any]
) -> Answered:
    rows = by_unit(good, units, is_parameter=pl.lit(value=False))
    trades = _trades(rows)
    refused = _incomplete(trades, units)
    portfolios = _refused(portfolios, refused)
    units = units.join(refused, on="portfolio", how="anti", maintain_order="left")
    whole = trades.join(units, on="unit", how="semi").select(TRADES.names()).cast(TRADES)
    found = schedule_margins(whole, numbers)
    sums = found.group_by("unit").agg(
        total=pl.col("total").sum(), ratio=pl.col("net_to_gross_ratio").first()
    )
    totals = (
        units.join(sums, on="unit", how="left", validate="1:1")
        .with_columns(total=pl.col("total").fill_null(0.0), add_on=pl.lit(0.0))
        .sort("unit")
    )
    return Answered(portfolios, totals, found, pl.DataFrame())


def _trades(rows: pl.DataFrame) -> pl.DataFrame:
    """A row each trade: its notionals netted, and its values, as they are owed to the side."""
    is_notional = pl.col("risk") == NOTIONAL
    sign = pl.when(pl.col("side") == POST).then(-1.0).otherwise(1.0)
    usd = pl.col("usd")
    terms = ("product", "valued_on", "ends_on")
    return rows.group_by("unit", "trade_id", maintain_order=True).agg(
        *(pl.col(name).first() for name in terms),
        product_class=pl.col("product").first(),
        notional_usd=usd.filter(is_notional).sum(),
        value_usd=(usd * sign).filter(~is_notional).sum(),
        notionals=is_notional.sum(),
        values=(~is_notional).sum(),
        is_torn=pl.any_horizontal(pl.col(name).n_unique() > 1 for name in terms),
    )


def _incomplete(trades: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """Portfolios with a trade that contradicts itself or lacks a row: `portfolio` and `error`.

    Where no trade of a unit has a value, none is missed: the ratio is 1.
    """
    has_values = (pl.col("values") > 0).any().over("unit")
    said = (
        pl.when("is_torn")
        .then(pl.lit("has rows of two product classes, EndDates or ValuationDates"))
        .when(pl.col("notionals") == 0)
        .then(pl.lit("has no Notional"))
        .when(has_values & (pl.col("values") == 0))
        .then(pl.lit("has no PV"))
    )
    return (
        trades.with_columns(said=said)
        .filter(pl.col("said").is_not_null())
        .join(units, on="unit", validate="m:1", maintain_order="left")
        .group_by("portfolio", maintain_order=True)
        .agg(error=pl.format("TradeID '{}' {}", "trade_id", "said").first())
    )
