"""Spreads of bonds that landed with a price: found where it is new, kept while curves move."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.rates.bonds import settled, z_spread
from margin_assets.kernels.rates.conventions import days_of, to_ql
from margin_assets.valuation.book import LaidBond
from margin_assets.valuation.node_curves import BuiltCurve
from margin_assets.valuation.rates_book.laying import Held
from margin_assets.valuation.rates_book.terms import Terms
from margin_assets.valuation.risk import Unpriced

NO_SPREAD = "no_spread"


class Spreads:
    """The spread of each held bond that landed with a price, and which version's price it gives."""

    def __init__(self) -> None:
        """None is known yet."""
        self._known: dict[str, tuple[int, float]] = {}

    def load(self, values: pl.DataFrame, since: Mapping[str, int]) -> None:
        """Takes spreads as `rates_values` keeps them; `since` is of the version in force.

        A bond whose price has found no spread has no value, so that one that is kept is of the
        version in force.
        """
        told = values.filter(pl.col("z_spread").is_not_null(), pl.col("kind") != "swap")
        for name, spread in told.select("instrument_id", "z_spread").iter_rows():
            self._known[name] = (since[name], spread)

    def over(
        self,
        held: Held,
        terms: tuple[Mapping[str, Terms], Mapping[str, int]],
        market: tuple[Sequence[BuiltCurve | None], date],
    ) -> tuple[Held, tuple[Unpriced, ...]]:
        """What is held with its spreads, and parts whose price no spread gives.

        Args:
            held: what is held.
            terms: in force by name, and since when.
            market: the usable curves by their number, and the valuation day.
        """
        known, since = terms
        spreads = np.array([known[name].z_spread for name in held.names], np.float64)
        lost = set()
        kept: dict[str, tuple[int, float]] = {}
        for place, bond in held.book.bonds.items():
            name, curve = held.names[place], _curve_of(held, place, market[0])
            price = known[name].clean_price
            # Without its curve it has no value, and so keeps no spread: a restart finds none.
            if price is None or curve is None:
                continue
            at, spread = self._known.get(name, (-1, np.nan))
            if at != since[name]:
                spread = _spread(bond, curve, price, market[1])
            if np.isnan(spread):
                lost.add(place)
                continue
            kept[name] = (since[name], spread)
            spreads[place] = spread
        self._known = kept
        parts = np.flatnonzero(np.isin(held.owner, sorted(lost))).tolist()
        of_parts = spreads[held.owner] if held.owner.size else np.zeros(0)
        return held._replace(spreads=of_parts), tuple(Unpriced(part, NO_SPREAD) for part in parts)


def _curve_of(held: Held, place: int, usable: Sequence[BuiltCurve | None]) -> BuiltCurve | None:
    part = held.book.parts[int(np.searchsorted(held.owner, place))]
    return None if part.discount is None else usable[part.discount]


def _spread(bond: LaidBond, curve: BuiltCurve, clean: float, day: date) -> float:
    """The spread over its curve at which a bond costs its clean price on a day; NaN if none is."""
    try:
        days, amounts, accrued = _payments(bond, day)
        start = np.array([days_of(day)], np.int64)
        factors = curve.factors(days) / curve.factors(start)[0]
        years = curve.years(days) - curve.years(start)[0]
        return z_spread(factors, years, amounts, clean + accrued)
    except ValueError:
        return float("nan")


def _payments(bond: LaidBond, day: date) -> tuple[Int64Array, FloatArray, float]:
    """Days and amounts to come per 100 of what is outstanding, and interest accrued on a day.

    Raises:
        ValueError: there are none.
    """
    if bond.fixed is None:
        if bond.terms.maturity <= day:
            raise ValueError("has matured")
        return np.array([days_of(bond.terms.maturity)], np.int64), np.array([100.0]), 0.0
    found = settled(bond.fixed, to_ql(day))
    return found.pay_days, found.amounts, found.accrued
