"""What limits of the rates book are held against: DV01, value, and shares of single names."""

from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.firm_risk.limits import Limit
from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray
from margin_assets.valuation.rates_book.figures import UNPRICED, Positions

_SHOWN = Decimal("0.000001")
_SCOPES = {
    "account": "account_id",
    "desk": "desk",
    "legal_entity": "legal_entity",
    "issuer": "issuer",
    "symbol": "instrument_id",
}


class Measure(NamedTuple):
    """A metric of one subject."""

    value: float
    is_known: bool
    """Whether nothing is missing from it: no position unpriced, none without an exchange rate."""


class Measures:
    """Absolute DV01 and value, and shares of the gross DV01, in the reporting currency.

    Worked out for what is asked: of a book without limits nothing is.
    """

    def __init__(self, positions: Positions) -> None:
        """Of positions with their figures."""
        self._rows = positions.rows
        dv01 = positions.dv01 * positions.fx
        npv = np.where(positions.is_known, positions.npv / 100.0, np.nan) * positions.fx
        self._known = np.isfinite(dv01) & (positions.rows["status"] != UNPRICED).to_numpy()
        dv01, npv = np.where(self._known, dv01, 0.0), np.where(self._known, npv, 0.0)
        gross = np.abs(dv01)
        self._values = {
            "rates_dv01": dv01,
            "rates_npv": npv,
            "rates_dv01_share": gross / (float(gross.sum()) or 1.0),
        }

    def of(self, metric: str, scope: str) -> dict[str | None, Measure]:
        """The metric of every subject of a scope; None is the firm."""
        if scope == "firm":
            whole = pl.repeat("firm", len(self._known), dtype=pl.String, eager=True)
            found = _by(whole, self._values[metric], self._known)
            return {None: found["firm"]} if found else {}
        return _by(self._rows[_SCOPES[scope]], self._values[metric], self._known)


def above_measures(limit: Limit, measures: Measures) -> dict[str | None, Decimal | None]:
    """Subjects above a limit with their values, rounded up.

    A subject not above it of which something is not known has None for a value; without a subject
    in the limit all of these stand together, as None.
    """
    of_all = measures.of(limit.metric, limit.scope)
    asked = {
        name: one for name, one in of_all.items() if limit.subject is None or name == limit.subject
    }
    found: dict[str | None, Decimal | None] = {}
    for name, one in asked.items():
        value = Decimal(one.value).quantize(_SHOWN, ROUND_CEILING)
        if value > limit.amount:
            found[name] = value
        elif not one.is_known:
            found[limit.subject] = None
    return found


def _by(names: pl.Series, values: FloatArray, known: BoolArray) -> dict[str | None, Measure]:
    """Sums by name in order, absolute; what has no name is nobody's."""
    distinct = names.drop_nulls().unique().sort()
    place = names.replace_strict(
        distinct, pl.int_range(len(distinct), eager=True), default=None, return_dtype=pl.Int64
    )
    named = place.is_not_null().to_numpy()
    at = place.fill_null(0).to_numpy()[named]
    sums = np.abs(np.bincount(at, values[named], len(distinct)))
    lacks = np.bincount(at, ~known[named], len(distinct))
    return {
        name: Measure(round(float(total), 6), not lack)
        for name, total, lack in zip(distinct.to_list(), sums, lacks, strict=True)
    }
