"""Risk factors, buckets and segments as arrays, in the order in which they are summed."""

from typing import NamedTuple

from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray, Int64Array


class Factors(NamedTuple):
    """Risk factors in order of bucket."""

    weighted: FloatArray
    curvature: FloatArray
    concentration: FloatArray
    same: Int64Array
    number: Int64Array


class Buckets(NamedTuple):
    """Buckets in order of segment and measure."""

    starts: Int64Array
    number: Int64Array
    measure: Int64Array
    is_residual: BoolArray


class Segments(NamedTuple):
    """Units' risk classes within product classes, each with its range of buckets."""

    starts: Int64Array
    risk_class: Int64Array


class Correlated(NamedTuple):
    """Correlations as `parameters.Correlations`, then the squares that curvature takes."""

    rates: FloatArray
    currencies: FloatArray
    same: FloatArray
    different: FloatArray
    between: FloatArray
    rates_squared: FloatArray
    same_squared: FloatArray
    different_squared: FloatArray
    between_squared: FloatArray


class Sums(NamedTuple):
    """By bucket: its margin K, its sum S, its concentration, the sum of its sizes."""

    margin: FloatArray
    total: FloatArray
    concentration: FloatArray
    size: FloatArray
