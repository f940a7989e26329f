"""Figures of instruments, a unit each, and of the positions in them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl

from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray, Int64Array
from margin_assets.kernels.rates.curves import BASIS_POINT
from margin_assets.kernels.rates.values import Valued
from margin_assets.valuation.rates_book.curves import STALE, Standing
from margin_assets.valuation.rates_book.laying import Held
from margin_assets.valuation.rates_book.placing import Placed
from margin_assets.valuation.rates_book.terms import Terms

VALUED, STALE_VALUE, MATURED, UNPRICED = "valued", "stale", "matured", "unpriced"
_MOST_CENTS = 1e17
"""Beyond it sums do not fit."""
_SMALL = 1e-9
"""Of a unit of face: a value this near to nothing has no convexity."""


class Units(NamedTuple):
    """A unit of each instrument held; NaN where it has no value."""

    status: list[str]
    reasons: list[str]
    npv: FloatArray
    keys: FloatArray
    """DV01 by key rate; instruments by tenors."""
    dv01: FloatArray
    cs01: FloatArray
    gamma: FloatArray
    accrued: FloatArray


class Day(Protocol):
    """Held instruments on the grid of a day."""

    @property
    def day(self) -> date:
        """The valuation day."""

    @property
    def held(self) -> Held:
        """What is held."""

    @property
    def placed(self) -> Placed:
        """Where it reads the curves."""

    @property
    def accrued(self) -> FloatArray:
        """Interest since the last coupon, a unit of each."""


def units_of(
    now: Day, found: Valued, known: Mapping[str, Terms], standings: Sequence[Standing]
) -> Units:
    """Parts added up to instruments, each with what is to be said of its value."""
    held, placed = now.held, now.placed
    count = len(held.names)

    def summed(parts: FloatArray) -> FloatArray:
        found: FloatArray = np.bincount(held.owner, parts, count).astype(np.float64)
        return found

    reasons = _reasons(held, placed, standings)
    is_over = np.array([known[name].maturity <= now.day for name in held.names], np.bool_)
    status = [_status(why, bool(over)) for why, over in zip(reasons, is_over, strict=True)]
    lost = np.array([one == UNPRICED for one in status], np.bool_)
    keys = [summed(found.slopes[:, k]) * BASIS_POINT for k in range(found.slopes.shape[1])]
    shown = np.array(keys).reshape(len(keys), count).T.copy()
    shown[lost] = np.nan

    def masked(values: FloatArray) -> FloatArray:
        return np.where(lost, np.nan, values)

    return Units(
        status,
        [
            ";".join(sorted(why)) if not over else ""
            for why, over in zip(reasons, is_over, strict=True)
        ],
        masked(summed(found.value)),
        shown,
        # The sum of its parts: what the key rates add up to is no other number.
        shown.sum(axis=1),
        masked(summed(found.spread_slope) * BASIS_POINT),
        masked(summed(found.curvature) * BASIS_POINT**2),
        np.where(is_over, 0.0, now.accrued),
    )


def _reasons(held: Held, placed: Placed, standings: Sequence[Standing]) -> list[set[str]]:
    found: list[set[str]] = [set() for _ in held.names]
    for place, fault in held.faults.items():
        found[place].add(fault)
    for one in placed.unpriced:
        found[held.owner[one.part]].add(one.reason)
    for number, standing in enumerate(standings):
        if standing.status == STALE:
            for part in np.flatnonzero(placed.reads[:, number]).tolist():
                found[held.owner[part]].add(f"stale_curve:{standing.rules.name}")
    return found


def _status(reasons: set[str], is_over: bool) -> str:  # noqa: FBT001 (of a column)
    if is_over:
        return MATURED
    if any(not reason.startswith("stale_curve:") for reason in reasons):
        return UNPRICED
    return STALE_VALUE if reasons else VALUED


class Positions(NamedTuple):
    """Positions with their figures, in the order of their keys; NaN where there is none."""

    rows: pl.DataFrame
    """Keys, quantity, terms, status and reasons."""
    place: Int64Array
    """Of the instrument among the units; -1 where no terms landed."""
    quantity: FloatArray
    npv: Int64Array
    """Cents; 0 where there is none."""
    is_known: BoolArray
    """Whether it has a value."""
    keys: FloatArray
    dv01: FloatArray
    cs01: FloatArray
    gamma: FloatArray
    convexity: FloatArray
    accrued: FloatArray
    fx: FloatArray
    """Price of its currency in the reporting one; NaN where none is usable."""


def positions_of(
    rows: pl.DataFrame,
    of_names: tuple[Sequence[str], Units],
    known: Mapping[str, Terms],
    fx: Mapping[str, float],
) -> Positions:
    """What the positions come to, by the units of the instruments named."""
    held, units = of_names
    places = {name: place for place, name in enumerate(held)}
    names = rows["instrument_id"].to_list()
    place = np.array([places.get(name, -1) for name in names], np.int64)
    quantity = rows["quantity"].to_numpy()

    def of(values: FloatArray) -> FloatArray:
        # What has no terms finds the last entry.
        padded = np.concatenate([values, np.full((1, *values.shape[1:]), np.nan)])
        scale = quantity if values.ndim == 1 else quantity[:, None]
        found: FloatArray = padded[place] * scale
        return found

    npv = of(units.npv) * 100.0
    is_far = np.abs(npv) > _MOST_CENTS
    is_known = np.isfinite(npv) & ~is_far
    status = [units.status[p] if p >= 0 else UNPRICED for p in place.tolist()]
    reasons = [units.reasons[p] if p >= 0 else "no_terms" for p in place.tolist()]
    for far in np.flatnonzero(is_far).tolist():
        status[far], reasons[far] = UNPRICED, "beyond_range"
    said = [known.get(name) for name in names]
    currency = [None if one is None else one.currency for one in said]
    reasons = [
        _also(why, "no_fx") if c is not None and np.isnan(fx[c]) else why
        for why, c in zip(reasons, currency, strict=True)
    ]
    described = rows.with_columns(
        kind=pl.Series([None if one is None else one.kind for one in said], dtype=pl.String),
        issuer=pl.Series([None if one is None else one.issuer for one in said], dtype=pl.String),
        currency=pl.Series(currency, dtype=pl.String),
        maturity=pl.Series([None if one is None else one.maturity for one in said], dtype=pl.Date),
        status=pl.Series(status, dtype=pl.String),
        reasons=pl.Series(reasons, dtype=pl.String),
    )
    flat = np.abs(units.npv) > _SMALL
    convexity = np.divide(
        units.gamma / BASIS_POINT**2, units.npv, out=np.full(len(flat), np.nan), where=flat
    )
    padded = np.concatenate([convexity, [np.nan]])
    return Positions(
        described,
        place,
        quantity,
        np.where(is_known, np.rint(np.where(is_known, npv, 0.0)), 0.0).astype(np.int64),
        is_known,
        of(units.keys),
        of(units.dv01),
        of(units.cs01),
        of(units.gamma),
        padded[place],
        of(units.accrued),
        np.array([np.nan if c is None else fx[c] for c in currency], np.float64),
    )


def _also(reasons: str, more: str) -> str:
    return more if not reasons else ";".join(sorted([*reasons.split(";"), more]))
