"""Sensitivities as columns of numbers: netted by risk factor, weighted, in order of aggregation."""

from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.initial_margin.crif_terms import (
    FX,
    PRODUCT_CLASSES,
    RATES,
    RISK_CLASSES,
    RISK_TYPES,
)
from margin_assets.kernels.initial_margin.parameters import (
    NO_TENOR,
    RESIDUAL_CODE,
    Parameters,
)
from margin_assets.kernels.initial_margin.qualifying import (
    Kind,
    cells_of,
    names_of,
    qualifiers_of,
)
from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray, Int64Array

_CLASS = np.array([kind.risk_class for kind in RISK_TYPES])
_MEASURE = np.array([kind.measure for kind in RISK_TYPES])
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
    column = _codes(rows)
    qualifiers = qualifiers_of(rows, parameters)
    kind = Kind(column["risk_type"], _CLASS[column["risk_type"]], _MEASURE[column["risk_type"]])
    names = names_of(rows, qualifiers, kind, column["tenor"])
    cells = cells_of(qualifiers, kind, column["bucket"])
    segment = (column["unit"] * len(PRODUCT_CLASSES) + column["product"]) * len(RISK_CLASSES)
    numbered = np.where(kind.is_bucketed, column["bucket"], 0)
    keys = {
        "segment": segment + kind.risk_class,
        "measure": kind.measure,
        "bucket": np.where(kind.is_rate, qualifiers.codes, numbered),
        **names,
        "number": np.where(kind.risk_class == FX, cells.number, names["part"]),
        "is_residual": kind.is_bucketed & (column["bucket"] == RESIDUAL_CODE),
    }
    order = _order(keys)
    return _Rows(
        {name: values[order] for name, values in keys.items()},
        kind.risk_type[order],
        cells.cell[order],
        cells.concentration_cell[order],
        column["tenor"][order],
        rows["amount_usd"].to_numpy()[order],
    )


def _order(keys: dict[str, Int64Array]) -> Int64Array:
    """Rows in the order of `_SORT`, and in their own where they agree in all of it."""
    frame = pl.DataFrame({name: keys[name] for name in _SORT})
    return frame.select(pl.arg_sort_by(_SORT, maintain_order=True)).to_series().to_numpy()


def _codes(rows: pl.DataFrame) -> dict[str, Int64Array]:
    codes = rows.select(
        unit="unit",
        product=pl.col("product_class").to_physical().cast(pl.Int64),
        risk_type=pl.col("risk_type").to_physical().cast(pl.Int64),
        bucket=pl.col("bucket").to_physical().cast(pl.Int64).fill_null(0),
        tenor=pl.col("tenor").to_physical().cast(pl.Int64).fill_null(NO_TENOR),
    )
    return {name: codes[name].to_numpy() for name in codes.columns}
