"""Parameters of a SIMM version and horizon as tables by risk type, group and tenor."""

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from margin_assets.kernels.initial_margin.crif_terms import (
    BASE_CORRELATION,
    BUCKETS,
    CODE_OF,
    CREDIT_NON_Q,
    CREDIT_Q,
    DELTA,
    EQUITY,
    FX,
    RATES,
    RISK_CLASSES,
    RISK_TYPES,
    SUB_CURVES,
    TENOR_DAYS,
    TENORS,
    VEGA,
)
from margin_assets.kernels.numeric.arrays import FloatArray

Numbers = Mapping[str, Any]
"""A rulebook of the family `simm`."""

HORIZONS = {"10d": ("ten_days", 14.0), "1d": ("one_day", 1.4)}
"""Section of the rulebook and calendar days of each horizon."""
INFLATION = len(TENORS) * len(SUB_CURVES)
BASIS = INFLATION + 1
CURVE_FACTORS = BASIS + 1
"""Factors of a currency: tenor times sub-curves plus sub-curve, then inflation, then basis."""
NO_TENOR = len(TENORS)
RESIDUAL_CODE = len(BUCKETS) - 1
_KEYS = (
    "interest_rate",
    "credit_qualifying",
    "credit_non_qualifying",
    "equity",
    "commodity",
    "fx",
)
"""Sections of a rulebook by risk class."""
_VOLATILITY_OF_INDICES = 11  # equity bucket 12: vega, and no curvature
_MILLION = 1e6
_CELLS = len(BUCKETS)


class Groups(NamedTuple):
    """Groups of currencies, counted from 0, and the group of one that is not named."""

    by_currency: dict[str, int]
    otherwise: int


class Tables(NamedTuple):
    """By risk type, group (bucket, or group of currencies) and tenor.

    `weight` times `scale` is a row's weight in delta or vega, `scale` what of it counts towards
    concentration, `curvature` what a vega is worth in curvature. `threshold` is by risk type and
    group of concentration, in US dollars, infinite where nothing is concentrated.
    """

    weight: FloatArray
    scale: FloatArray
    curvature: FloatArray
    threshold: FloatArray


class Correlations(NamedTuple):
    """Within a bucket: by rate factor, by group of currencies, by class, measure and bucket.

    `same` and `different` are of two factors of one name and of two. `between` is of two buckets,
    by class; of interest rates its first cell is of any two currencies.
    """

    rates: FloatArray
    currencies: FloatArray
    same: FloatArray
    different: FloatArray
    between: FloatArray


class Parameters(NamedTuple):
    """All that a version and a horizon decide."""

    version: str
    tables: Tables
    correlations: Correlations
    risk_classes: FloatArray
    """Correlations of risk classes, in the order of `RISK_CLASSES`."""
    curvature_of_rates: float
    """What the curvature of interest rates is multiplied by."""
    rate_volatility: Groups
    rate_concentration: Groups
    fx_volatility: Groups
    fx_concentration: Groups


def parameters(numbers: Numbers, horizon: str, currency: str) -> Parameters:
    """Parameters of a rulebook for a horizon (`10d` or `1d`) and a calculation currency.

    Source: ISDA SIMM methodology: risk weights and correlations sections D to H, concentration J.
    At one day nothing is concentrated, volatilities scale with 1.4 calendar days.
    """
    section, days = HORIZONS[horizon]
    fx_volatility = _groups(numbers["fx"]["volatility"])
    ratio = numbers[section]["interest_rate"]["historical_volatility_ratio"]
    calculation = fx_volatility.by_currency.get(currency, fx_volatility.otherwise)
    return Parameters(
        version=numbers["version"],
        tables=_tables(numbers, section, days, calculation),
        correlations=_correlations(numbers, calculation),
        risk_classes=np.array(numbers["risk_classes"]["correlations"], dtype=np.float64),
        curvature_of_rates=1.0 / ratio**2,
        rate_volatility=_groups(numbers["interest_rate"]["volatility"]),
        rate_concentration=_groups(numbers["interest_rate"]["concentration"]),
        fx_volatility=fx_volatility,
        fx_concentration=_groups(numbers["fx"]["concentration"]),
    )


def _groups(numbers: Numbers) -> Groups:
    found = {
        currency: int(key.removeprefix("group_")) - 1
        for key, currencies in numbers.items()
        if key.startswith("group_")
        for currency in currencies
    }
    return Groups(found, numbers["otherwise"] - 1)


def _tables(numbers: Numbers, section: str, days: float, calculation: int) -> Tables:
    shape = (len(RISK_TYPES), _CELLS, len(TENORS) + 1)
    tables = Tables(np.zeros(shape), np.ones(shape), np.zeros(shape), np.full(shape[:2], np.inf))
    weights = numbers[section]
    _rates(tables, weights["interest_rate"])
    _fx(tables, weights["fx"], days, calculation)
    for code, kind in enumerate(RISK_TYPES):
        if kind.buckets:
            _bucketed(tables, code, weights[_KEYS[kind.risk_class]], days)
    base = weights["credit_qualifying"]["base_correlation"]
    tables.weight[CODE_OF["Risk_BaseCorr"]] = base
    tables.curvature[:, :, : len(TENORS)] *= 0.5 * np.minimum(1.0, days / np.array(TENOR_DAYS))
    if section == HORIZONS["10d"][0]:
        _thresholds(tables.threshold, numbers)
    return tables


def _rates(tables: Tables, weights: Numbers) -> None:
    for group in range(3):
        tables.weight[CODE_OF["Risk_IRCurve"], group, :NO_TENOR] = weights[f"group_{group + 1}"]
    tables.weight[CODE_OF["Risk_Inflation"]] = weights["inflation"]
    tables.weight[CODE_OF["Risk_XCcyBasis"]] = weights["cross_currency_basis"]
    for name in ("Risk_IRVol", "Risk_InflationVol"):
        tables.weight[CODE_OF[name]] = weights["vega"]
        tables.curvature[CODE_OF[name]] = 1.0


def _fx(tables: Tables, weights: Numbers, days: float, calculation: int) -> None:
    """Deltas by the group of their currency, vegas by those of both, the first one times two."""
    of_groups = np.array(weights["delta"])
    delta, vega = CODE_OF["Risk_FX"], CODE_OF["Risk_FXVol"]
    tables.weight[delta, :2] = of_groups[calculation][:, None]
    tables.weight[vega] = weights["vega"]
    volatility = of_groups.ravel()[:, None] * _volatility(days)
    tables.scale[vega, :4] = volatility * weights["historical_volatility_ratio"]
    tables.curvature[vega, :4] = volatility


def _volatility(days: float) -> float:
    """What a risk weight is multiplied by to be a yearly volatility."""
    return float(np.sqrt(365.0 / days) / NormalDist().inv_cdf(0.99))


def _bucketed(tables: Tables, code: int, weights: Numbers, days: float) -> None:
    kind = RISK_TYPES[code]
    cells = _cells(kind.buckets, has_residual=kind.has_residual)
    delta = np.array(weights["delta"], dtype=np.float64)[:, None]
    if kind.measure == DELTA:
        tables.weight[code, cells] = delta
        return
    tables.weight[code, cells] = np.array(weights["vega"])[:, None]
    # Vegas of credit come multiplied by their volatility; of the rest it is made of risk weights.
    is_scaled = kind.risk_class not in (CREDIT_Q, CREDIT_NON_Q)
    volatility = delta * _volatility(days) if is_scaled else np.ones_like(delta)
    tables.scale[code, cells] = volatility * weights.get("historical_volatility_ratio", 1.0)
    tables.curvature[code, cells] = volatility
    if kind.risk_class == EQUITY:
        tables.curvature[code, _VOLATILITY_OF_INDICES] = 0.0


def _cells(buckets: int, *, has_residual: bool) -> list[int]:
    return [*range(buckets), *([RESIDUAL_CODE] if has_residual else [])]


def _thresholds(threshold: FloatArray, numbers: Numbers) -> None:
    for code, kind in enumerate(RISK_TYPES):
        if kind.measure == BASE_CORRELATION or kind.name == "Risk_XCcyBasis":
            continue
        measure = "delta" if kind.measure == DELTA else "vega"
        values = numbers[_KEYS[kind.risk_class]]["concentration"][measure]
        is_bucketed = kind.buckets > 0
        cells = (
            _cells(kind.buckets, has_residual=kind.has_residual)
            if is_bucketed
            else list(range(len(values)))
        )
        threshold[code, cells] = np.array(values) * _MILLION


def _correlations(numbers: Numbers, calculation: int) -> Correlations:
    shape = (len(RISK_CLASSES), 3, len(BUCKETS))
    same, different = np.ones(shape), np.zeros(shape)
    between = np.zeros((len(RISK_CLASSES), len(BUCKETS), len(BUCKETS)))
    for risk_class in range(CREDIT_Q, FX):
        section = numbers[_KEYS[risk_class]]
        _within(section, same[risk_class], different[risk_class])
        gamma = np.array(section["between"])
        between[risk_class, : len(gamma), : len(gamma)] = gamma
    rates, fx = numbers["interest_rate"], numbers["fx"]
    between[RATES] = rates["currencies"]
    different[FX, VEGA] = fx["volatility_pairs"]
    different[CREDIT_Q, BASE_CORRELATION] = numbers["credit_qualifying"]["base_correlation"]
    currencies = np.array(fx[f"within_{calculation + 1}"])
    return Correlations(_of_rates(rates), currencies, same, different, between)


def _within(section: Numbers, same: FloatArray, different: FloatArray) -> None:
    """Fills in correlations of factors of one bucket: of equity and commodity all are different."""
    has_residual = section["buckets"][-1] == "Residual"
    numbered = len(section["buckets"]) - has_residual
    if "within" in section:
        cells = _cells(numbered, has_residual=has_residual)
        different[:BASE_CORRELATION, cells] = section["within"]
        return
    same[:BASE_CORRELATION, :numbered] = section["same"]
    different[:BASE_CORRELATION, :numbered] = section["different"]
    same[:BASE_CORRELATION, RESIDUAL_CODE] = section["residual_same"]
    different[:BASE_CORRELATION, RESIDUAL_CODE] = section["residual_different"]


def _of_rates(section: Numbers) -> FloatArray:
    """Correlations of the factors of one currency."""
    curves = len(SUB_CURVES)
    sub_curves = np.full((curves, curves), section["sub_curves"])
    np.fill_diagonal(sub_curves, 1.0)
    found = np.ones((CURVE_FACTORS, CURVE_FACTORS))
    found[:INFLATION, :INFLATION] = np.kron(np.array(section["correlations"]), sub_curves)
    found[INFLATION, :INFLATION] = found[:INFLATION, INFLATION] = section["inflation"]
    found[BASIS, :BASIS] = found[:BASIS, BASIS] = section["cross_currency_basis"]
    return found
