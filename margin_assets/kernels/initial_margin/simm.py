"""Initial margin by ISDA's SIMM, in bulk: from rows of sensitivities to margins of every unit.

SIMM is ISDA's; its commercial use needs a licence of ISDA.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.initial_margin.aggregation import CURVATURE, segment_margins
from margin_assets.kernels.initial_margin.crif_terms import (
    BASE_CORRELATION,
    DELTA,
    PRODUCT_CLASS_TYPE,
    PRODUCT_CLASSES,
    RATES,
    RISK_CLASS_TYPE,
    RISK_CLASSES,
    VEGA,
)
from margin_assets.kernels.initial_margin.encoding import Encoded, encoded
from margin_assets.kernels.initial_margin.parameters import Parameters
from margin_assets.kernels.initial_margin.segments import Buckets, Correlated, Factors, Segments
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array

RISK_CLASS_MARGINS = pl.Schema(
    {
        "unit": pl.Int64(),
        "product_class": PRODUCT_CLASS_TYPE,
        "risk_class": RISK_CLASS_TYPE,
        "delta": pl.Float64(),
        "vega": pl.Float64(),
        "curvature": pl.Float64(),
        "base_correlation": pl.Float64(),
        "total": pl.Float64(),
    }
)
PRODUCT_CLASS_MARGINS = pl.Schema(
    {"unit": pl.Int64(), "product_class": PRODUCT_CLASS_TYPE, "total": pl.Float64()}
)


class Margins(NamedTuple):
    """Margins in US dollars, never negative, in order of unit, product class and risk class."""

    risk_classes: pl.DataFrame
    product_classes: pl.DataFrame


def margins(rows: pl.DataFrame, parameters: Parameters, currency: str) -> Margins:
    """Margins of every unit of rows of the schema `SENSITIVITIES`, before multipliers and add-ons.

    FX sensitivities to the calculation currency are risk of nothing and count as none.

    Source: ISDA SIMM methodology 2.5: risk classes paragraphs 7 to 13, product classes 5 and 6.
    """
    is_none = (pl.col("risk_type") == "Risk_FX") & (pl.col("qualifier") == currency)
    kept = rows.filter(~is_none)
    if kept.is_empty():
        return Margins(
            RISK_CLASS_MARGINS.to_frame(eager=True), PRODUCT_CLASS_MARGINS.to_frame(eager=True)
        )
    found = encoded(kept, parameters)
    by_measure = segment_margins(*_parts(found), _correlated(parameters))
    by_measure[found.segment_class == RATES, CURVATURE] *= parameters.curvature_of_rates
    totals = by_measure.sum(axis=1)
    return Margins(
        _risk_classes(found, by_measure, totals), _product_classes(found, totals, parameters)
    )


def _parts(found: Encoded) -> tuple[Factors, Buckets, Segments]:
    factors = Factors(
        found.weighted, found.curvature, found.concentration, found.same, found.number
    )
    buckets = Buckets(found.bucket_starts, found.bucket, found.measure, found.is_residual)
    return factors, buckets, Segments(found.segment_starts, found.segment_class)


def _correlated(parameters: Parameters) -> Correlated:
    rho = parameters.correlations
    squared = (rho.rates**2, rho.same**2, rho.different**2, rho.between**2)
    return Correlated(*rho, *squared)


def _risk_classes(found: Encoded, by_measure: FloatArray, totals: FloatArray) -> pl.DataFrame:
    columns = {
        "delta": by_measure[:, DELTA],
        "vega": by_measure[:, VEGA],
        "curvature": by_measure[:, CURVATURE],
        "base_correlation": by_measure[:, BASE_CORRELATION],
        "total": totals,
    }
    names = {
        "unit": found.unit,
        "product_class": _named(found.product, PRODUCT_CLASSES, PRODUCT_CLASS_TYPE),
        "risk_class": _named(found.segment_class, RISK_CLASSES, RISK_CLASS_TYPE),
    }
    return pl.DataFrame({**names, **columns}, schema=RISK_CLASS_MARGINS)


def _named(codes: Int64Array, names: tuple[str, ...], kind: pl.Enum) -> pl.Series:
    return pl.Series(names, dtype=kind).gather(codes)


def _product_classes(found: Encoded, totals: FloatArray, parameters: Parameters) -> pl.DataFrame:
    """Risk classes of a product class join by their correlations."""
    is_first = np.ones(len(totals), dtype=np.bool_)
    is_first[1:] = (found.unit[1:] != found.unit[:-1]) | (found.product[1:] != found.product[:-1])
    by_class = np.zeros((int(is_first.sum()), len(RISK_CLASSES)))
    by_class[np.cumsum(is_first) - 1, found.segment_class] = totals
    square = np.zeros(len(by_class))
    for row in range(len(RISK_CLASSES)):
        for column in range(len(RISK_CLASSES)):
            psi = parameters.risk_classes[row, column]
            square += psi * by_class[:, row] * by_class[:, column]
    return pl.DataFrame(
        {
            "unit": found.unit[is_first],
            "product_class": _named(found.product[is_first], PRODUCT_CLASSES, PRODUCT_CLASS_TYPE),
            "total": np.sqrt(square),
        },
        schema=PRODUCT_CLASS_MARGINS,
    )
