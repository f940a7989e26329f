"""Sensitivities as columns of numbers: netted by risk factor, weighted, in order of aggregation."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from margin_assets.kernels.initial_margin.crif_terms import (
    BASE_CORRELATION,
    CODE_OF,
    CREDIT_NON_Q,
    CREDIT_Q,
    FX,
    PRODUCT_CLASSES,
    RATES,
    RISK_CLASSES,
    RISK_TYPES,
    SUB_CURVE_TYPE,
    SUB_CURVES,
    VEGA,
)
from margin_assets.kernels.initial_margin.parameters import (
    BASIS,
    INFLATION,
    NO_TENOR,
    Groups,
    Parameters,
)
from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray, Int64Array

_CLASS = np.array([kind.risk_class for kind in RISK_TYPES])
_MEASURE = np.array([kind.measure for kind in RISK_TYPES])
_PAIRS = np.array([[0, 1, 2], [1, 3, 4], [2, 4, 5]])
"""Number of a pair of concentration groups of currencies, whichever comes first."""
_SORT = ("segment", "measure", "bucket", "name", "part", "label")


class Encoded(NamedTuple):
    """Risk factors in order, and the buckets and segments that they form.

    A segment is a unit's risk class in a product class; its buckets run from
    `segment_starts[s]` to `segment_starts[s + 1]`, those of a bucket's factors likewise.
    """

    weighted: FloatArray
    """Net sensitivity times risk weight and concentration."""
    curvature: FloatArray
    concentration: FloatArray
    same: Int64Array
    """Factors of one bucket with the same number are of one name."""
    number: Int64Array
    """Number of a rate factor, or group of a currency."""
    bucket_starts: Int64Array
    bucket: Int64Array
    """Number of a bucket; currencies of interest rates are all bucket 0."""
    measure: Int64Array
    is_residual: BoolArray
    segment_starts: Int64Array
    segment_class: Int64Array
    unit: Int64Array
    """Of each segment, as `product`."""
    product: Int64Array


class _Rows(NamedTuple):
    """Columns of rows in the order of aggregation."""

    keys: dict[str, Int64Array]
    risk_type: Int64Array
    cell: Int64Array
    concentration_cell: Int64Array
    tenor: Int64Array
    amount: FloatArray


def encoded(rows: pl.DataFrame, parameters: Parameters) -> Encoded:
    """Rows of the schema `SENSITIVITIES` as weighted risk factors.

    Factors are put in the order of their names, rows of one factor are summed in their own order:
    neither batches nor threads change a bit of the sums.

    Source: ISDA SIMM methodology 2.5, paragraphs 7 to 12: net by factor, weight, concentration.
    """
    ordered = _ordered(rows, parameters)
    keys, tables = ordered.keys, parameters.tables
    at = (ordered.risk_type, ordered.cell, ordered.tenor)
    starts = _starts(*(keys[name] for name in _SORT))
    exposure = np.add.reduceat(ordered.amount * tables.scale[at], starts)
    curvature = np.add.reduceat(ordered.amount * tables.curvature[at], starts)
    first = {name: column[starts] for name, column in keys.items()}
    threshold = tables.threshold[ordered.risk_type, ordered.concentration_cell][starts]
    ratio = _concentration(exposure, threshold, first)
    buckets = _starts(first["segment"], first["measure"], first["bucket"])
    segments = _starts(first["segment"][buckets])
    risk_class = _CLASS[ordered.risk_type[starts]]
    is_rate = risk_class == RATES
    bucket = np.where(is_rate, 0, first["bucket"])
    segment = first["segment"][buckets][segments]
    products, classes = len(PRODUCT_CLASSES), len(RISK_CLASSES)
    return Encoded(
        weighted=exposure * tables.weight[at][starts] * ratio,
        curvature=curvature,
        concentration=ratio,
        same=first["same"],
        number=first["number"],
        bucket_starts=np.append(buckets, len(starts)),
        bucket=bucket[buckets],
        measure=first["measure"][buckets],
        is_residual=(first["is_residual"] > 0)[buckets],
        segment_starts=np.append(segments, len(buckets)),
        segment_class=risk_class[buckets][segments],
        unit=segment // (products * classes),
        product=segment // classes % products,
    )


def _starts(*columns: Int64Array) -> Int64Array:
    """Where a new combination begins in columns that are ordered by it."""
    if not len(columns[0]):
        return np.zeros(0, dtype=np.int64)
    is_new = np.zeros(len(columns[0]), dtype=np.bool_)
    is_new[0] = True
    for column in columns:
        is_new[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(is_new)


def _concentration(
    exposure: FloatArray, threshold: FloatArray, first: dict[str, Int64Array]
) -> FloatArray:
    """Concentration factor of each risk factor: that of its name, or of its currency's rates."""
    starts = _starts(first["segment"], first["measure"], first["bucket"], first["name"])
    sums = np.abs(np.add.reduceat(exposure, starts))
    of_group = np.maximum(1.0, np.sqrt(sums / threshold[starts]))
    return np.repeat(of_group, np.diff(np.append(starts, len(exposure))))


def _ordered(rows: pl.DataFrame, parameters: Parameters) -> _Rows:
    codes = rows.select(
        unit="unit",
        product=pl.col("product_class").to_physical().cast(pl.Int64),
        risk_type=pl.col("risk_type").to_physical().cast(pl.Int64),
        bucket=pl.col("bucket").to_physical().cast(pl.Int64).fill_null(0),
        tenor=pl.col("tenor").to_physical().cast(pl.Int64).fill_null(NO_TENOR),
    )
    column = {name: codes[name].to_numpy() for name in codes.columns}
    risk_class = _CLASS[column["risk_type"]]
    measure = _MEASURE[column["risk_type"]]
    qualifier, currencies = _qualifiers(rows, column["risk_type"])
    names = _names(rows, qualifier, risk_class, column)
    groups = _groups(currencies, column["risk_type"], column["bucket"], parameters)
    segment = (column["unit"] * len(PRODUCT_CLASSES) + column["product"]) * len(RISK_CLASSES)
    is_bucketed = (risk_class >= CREDIT_Q) & (risk_class < FX) & (measure != BASE_CORRELATION)
    frame = pl.DataFrame(
        {
            "segment": segment + risk_class,
            "measure": measure,
            "bucket": np.where(
                risk_class == RATES, currencies[0].codes, np.where(is_bucketed, column["bucket"], 0)
            ),
            **names,
            "number": np.where(risk_class == FX, groups.number, names["part"]),
            "is_residual": is_bucketed & _is_residual(rows),
            "risk_type": column["risk_type"],
            "cell": groups.cell,
            "concentration_cell": groups.concentration_cell,
            "tenor": column["tenor"],
            "amount": rows["amount_usd"],
        }
    ).sort(_SORT, maintain_order=True)
    found = {name: frame[name].to_numpy() for name in frame.columns}
    keys = {name: found[name] for name in (*_SORT, "same", "number", "is_residual")}
    rest = ("risk_type", "cell", "concentration_cell", "tenor", "amount")
    return _Rows(keys, *(found[name] for name in rest))


def _is_residual(rows: pl.DataFrame) -> BoolArray:
    return (rows["bucket"] == "Residual").fill_null(value=False).to_numpy()


class _Currencies(NamedTuple):
    """Currencies by number in the order of their names, and each row's; 0 where it has none."""

    names: list[str]
    codes: Int64Array


def _numbered(texts: pl.Series) -> _Currencies:
    names = texts.drop_nulls().unique().sort()
    if names.is_empty():
        return _Currencies([""], np.zeros(len(texts), dtype=np.int64))
    codes = texts.cast(pl.Enum(names)).to_physical().cast(pl.Int64).fill_null(0)
    return _Currencies(names.to_list(), codes.to_numpy())


def _qualifiers(
    rows: pl.DataFrame, risk_type: Int64Array
) -> tuple[Int64Array, tuple[_Currencies, _Currencies]]:
    """Numbers of the names, pairs of currencies unordered, and first and second currencies."""
    is_pair = pl.lit(pl.Series(risk_type == CODE_OF["Risk_FXVol"]))
    is_currency = pl.lit(pl.Series(np.isin(_CLASS[risk_type], (RATES, FX))))
    first, second = pl.col("qualifier").str.slice(0, 3), pl.col("qualifier").str.slice(3, 3)
    texts = rows.select(
        qualifier=pl.when(is_pair & (first > second))
        .then(second + first)
        .otherwise(pl.col("qualifier")),
        first=pl.when(is_currency).then(first),
        second=pl.when(is_pair).then(second),
    )
    pair = (_numbered(texts["first"]), _numbered(texts["second"]))
    return _numbered(texts["qualifier"]).codes, pair


def _names(
    rows: pl.DataFrame,
    qualifier: Int64Array,
    risk_class: Int64Array,
    column: dict[str, Int64Array],
) -> dict[str, Int64Array]:
    """What tells factors of a bucket apart, and which of them are of one name.

    Rate factors are told by number; basis is a name of its own, since it stays out of what a
    currency's rates are concentrated by. Only credit is told by tenor and label. Vegas of
    inflation are one factor over all expiries.
    """
    is_rate, is_non_q = risk_class == RATES, risk_class == CREDIT_NON_Q
    is_credit = is_non_q | ((risk_class == CREDIT_Q) & (column["tenor"] < NO_TENOR))
    label = np.where(is_credit, _numbered(rows["label2"].fill_null("")).codes, 0)
    is_basis = column["risk_type"] == CODE_OF["Risk_XCcyBasis"]
    name = np.where(is_rate, is_basis, qualifier)
    part = np.where(is_rate, _rate_factor(rows, column), np.where(is_credit, column["tenor"], 0))
    return {
        "name": name.astype(np.int64),
        "part": part,
        "label": label,
        "same": np.where(is_non_q, label, name).astype(np.int64),
    }


def _rate_factor(rows: pl.DataFrame, column: dict[str, Int64Array]) -> Int64Array:
    curves = rows["label2"].cast(SUB_CURVE_TYPE, strict=False).to_physical().cast(pl.Int64)
    sub_curve = curves.fill_null(0).to_numpy()
    kind = column["risk_type"]
    is_inflation = np.isin(kind, (CODE_OF["Risk_Inflation"], CODE_OF["Risk_InflationVol"]))
    is_vega = kind == CODE_OF["Risk_IRVol"]
    of_curve = column["tenor"] * len(SUB_CURVES) + np.where(is_vega, 0, sub_curve)
    special = np.where(is_inflation, INFLATION, BASIS)
    is_curve = is_vega | (kind == CODE_OF["Risk_IRCurve"])
    return np.where(is_curve, of_curve, special)


class _Cells(NamedTuple):
    """Which cell of the tables of parameters a row is in."""

    cell: Int64Array
    concentration_cell: Int64Array
    number: Int64Array
    """Group of volatility of a currency; 0 for pairs."""


def _groups(
    currencies: tuple[_Currencies, _Currencies],
    risk_type: Int64Array,
    bucket: Int64Array,
    parameters: Parameters,
) -> _Cells:
    first, second = currencies
    risk_class, measure = _CLASS[risk_type], _MEASURE[risk_type]
    volatility = _group(first, parameters.fx_volatility)
    concentration = _group(first, parameters.fx_concentration)
    others = _group(second, parameters.fx_volatility)
    pair = _PAIRS[concentration, _group(second, parameters.fx_concentration)]
    is_rate, is_fx = risk_class == RATES, risk_class == FX
    is_pair = is_fx & (measure == VEGA)
    cases: list[npt.NDArray[np.bool_]] = [is_rate, is_pair, is_fx]
    rates = (
        _group(first, parameters.rate_volatility),
        _group(first, parameters.rate_concentration),
    )
    return _Cells(
        cell=np.select(cases, [rates[0], volatility * 2 + others, volatility], bucket),
        concentration_cell=np.select(cases, [rates[1], pair, concentration], bucket),
        number=np.where(is_pair, 0, volatility),
    )


def _group(currencies: _Currencies, groups: Groups) -> Int64Array:
    of_name = [groups.by_currency.get(name, groups.otherwise) for name in currencies.names]
    return np.array(of_name)[currencies.codes]
