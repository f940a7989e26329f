"""What the words of a row say as numbers: its kind, its qualifier, its cell in the parameters."""

from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.initial_margin.crif_terms import (
    BASE_CORRELATION,
    CODE_OF,
    CREDIT_NON_Q,
    CREDIT_Q,
    FX,
    RATES,
    SUB_CURVE_TYPE,
    SUB_CURVES,
    VEGA,
)
from margin_assets.kernels.initial_margin.parameters import BASIS, INFLATION, Groups, Parameters
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array

_PAIRS = np.array([[0, 1, 2], [1, 3, 4], [2, 4, 5]])
"""Number of a pair of concentration groups of currencies, whichever comes first."""


class Kind(NamedTuple):
    """What each row's risk type says."""

    risk_type: Int64Array
    risk_class: Int64Array
    measure: Int64Array

    @property
    def is_rate(self) -> BoolArray:
        """Of interest rates."""
        return self.risk_class == RATES

    @property
    def is_pair(self) -> BoolArray:
        """Of a pair of currencies."""
        return self.risk_type == CODE_OF["Risk_FXVol"]

    @property
    def is_bucketed(self) -> BoolArray:
        """Of a class that has buckets."""
        is_of_class = (self.risk_class >= CREDIT_Q) & (self.risk_class < FX)
        return is_of_class & (self.measure != BASE_CORRELATION)


class Qualifiers(NamedTuple):
    """Each row's qualifier by its number in the order of names, and what is known by that number.

    `pair` is the number of a pair of currencies whichever comes first; the rest are groups of the
    currency, or of both.
    """

    codes: Int64Array
    pair: Int64Array
    rate_volatility: Int64Array
    rate_concentration: Int64Array
    fx_volatility: Int64Array
    fx_concentration: Int64Array
    pair_volatility: Int64Array
    pair_concentration: Int64Array


def _numbered(texts: pl.Series) -> tuple[pl.Series, Int64Array]:
    """Texts in order, each once, and the place among them of every row's."""
    names = texts.unique().sort()
    codes = texts.cast(pl.Enum(names)).to_physical().cast(pl.Int64)
    return names, codes.to_numpy()


def qualifiers_of(rows: pl.DataFrame, parameters: Parameters) -> Qualifiers:
    """Qualifiers of rows, numbered in the order of their names."""
    names, codes = _numbered(rows["qualifier"])
    first, second = names.str.slice(0, 3), names.str.slice(3, 3)
    turned = pl.DataFrame({"names": names, "first": first, "second": second}).select(
        pl.when(pl.col("first") > pl.col("second"))
        .then(pl.col("second") + pl.col("first"))
        .otherwise("names")
    )
    volatility = _group(first, parameters.fx_volatility)
    concentration = _group(first, parameters.fx_concentration)
    return Qualifiers(
        codes,
        pair=_numbered(turned.to_series())[1],
        rate_volatility=_group(first, parameters.rate_volatility),
        rate_concentration=_group(first, parameters.rate_concentration),
        fx_volatility=volatility,
        fx_concentration=concentration,
        pair_volatility=volatility * 2 + _group(second, parameters.fx_volatility),
        pair_concentration=_PAIRS[concentration, _group(second, parameters.fx_concentration)],
    )


def _group(currencies: pl.Series, groups: Groups) -> Int64Array:
    found = currencies.replace_strict(
        groups.by_currency, default=groups.otherwise, return_dtype=pl.Int64
    )
    return found.to_numpy()


def names_of(
    rows: pl.DataFrame, qualifiers: Qualifiers, kind: Kind, tenor: Int64Array
) -> dict[str, Int64Array]:
    """What tells factors of a bucket apart, and which of them are of one name.

    Rate factors are told by number; basis is a name of its own, since it stays out of what a
    currency's rates are concentrated by. Only credit is told by tenor and label. Vegas of
    inflation are one factor over all expiries.
    """
    is_non_q = kind.risk_class == CREDIT_NON_Q
    is_credit = is_non_q | ((kind.risk_class == CREDIT_Q) & kind.is_bucketed)
    label = np.where(is_credit, _numbered(rows["label2"].fill_null(""))[1], 0)
    qualifier = np.where(kind.is_pair, qualifiers.pair[qualifiers.codes], qualifiers.codes)
    is_basis = kind.risk_type == CODE_OF["Risk_XCcyBasis"]
    name = np.where(kind.is_rate, is_basis, qualifier)
    of_credit = np.where(is_credit, tenor, 0)
    return {
        "name": name,
        "part": np.where(kind.is_rate, _rate_factor(rows, kind, tenor), of_credit),
        "label": label,
        "same": np.where(is_non_q, label, name),
    }


def _rate_factor(rows: pl.DataFrame, kind: Kind, tenor: Int64Array) -> Int64Array:
    curves = rows["label2"].cast(SUB_CURVE_TYPE, strict=False).to_physical().cast(pl.Int64)
    sub_curve = np.where(kind.measure == VEGA, 0, curves.fill_null(0).to_numpy())
    is_inflation = np.isin(
        kind.risk_type, (CODE_OF["Risk_Inflation"], CODE_OF["Risk_InflationVol"])
    )
    is_basis = kind.risk_type == CODE_OF["Risk_XCcyBasis"]
    of_curve = tenor * len(SUB_CURVES) + sub_curve
    return np.select([is_inflation, is_basis], [INFLATION, BASIS], of_curve)


class Cells(NamedTuple):
    """Which cell of the tables of parameters a row is in."""

    cell: Int64Array
    concentration_cell: Int64Array
    number: Int64Array
    """Group of volatility of a currency; 0 for pairs."""


def cells_of(qualifiers: Qualifiers, kind: Kind, bucket: Int64Array) -> Cells:
    """Cells by group of currencies, or by bucket."""
    codes = qualifiers.codes
    cases = [kind.is_rate, kind.is_pair, kind.risk_class == FX]
    volatility = (
        qualifiers.rate_volatility[codes],
        qualifiers.pair_volatility[codes],
        qualifiers.fx_volatility[codes],
    )
    concentration = (
        qualifiers.rate_concentration[codes],
        qualifiers.pair_concentration[codes],
        qualifiers.fx_concentration[codes],
    )
    return Cells(
        cell=np.select(cases, volatility, bucket),
        concentration_cell=np.select(cases, concentration, bucket),
        number=np.where(kind.is_pair, 0, volatility[2]),
    )
