"""Figures of instruments, a unit each, and of the positions in them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl

from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray, Int64Array
from margin_assets.kernels.rates.curves import BASIS_POINT
from margin_assets.kernels.rates.values import Valued
from margin_assets.valuation.rates_book.charged import Charged, charged_of
from margin_assets.valuation.rates_book.curves import STALE, StandingCurve
from margin_assets.valuation.rates_book.laying import Held
from margin_assets.valuation.rates_book.placing import Placed
from margin_assets.valuation.rates_book.terms import Terms

_OF_FLOWS = ("no_curve", "no_fixing:")
VALUED, STALE_VALUE, MATURED, UNPRICED = "valued", "stale", "matured", "unpriced"
_MOST_CENTS = 1e17
"""Beyond it sums do not fit."""
_SMALL = 1e-9
"""Of a unit of face: a value this near to nothing has no convexity."""


class Units(NamedTuple):
    """A unit of each instrument held; NaN where it has no value."""

    npv: FloatArray
    keys: FloatArray
    """DV01 by key rate; instruments by tenors."""
    dv01: FloatArray
    cs01: FloatArray
    gamma: FloatArray
    accrued: FloatArray
    z_spread: FloatArray
    """Of a bond; not of a unit, but as it is."""


class Told(NamedTuple):
    """What is to be said of the value of each instrument."""

    status: tuple[str, ...]
    reasons: tuple[str, ...]


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


def told_of(now: Day, known: Mapping[str, Terms], standings: Sequence[StandingCurve]) -> Told:
    """What is to be said of each instrument as the curves stand."""
    reasons = _reasons(now.held, now.placed, standings)
    status = []
    for place, name in enumerate(now.held.names):
        is_over = known[name].maturity <= now.day
        status.append(_status(reasons[place], is_over=is_over))
    said = (
        "" if one == MATURED else ";".join(sorted(why))
        for one, why in zip(status, reasons, strict=True)
    )
    return Told(tuple(status), tuple(said))


def units_of(now: Day, found: Valued, told: Told) -> Units:
    """Parts added up to instruments."""
    held, count = now.held, len(now.held.names)
    status = np.array(told.status, dtype=np.str_)
    lost = status == UNPRICED

    def summed(parts: FloatArray) -> FloatArray:
        sums: FloatArray = np.bincount(held.owner, parts, count).astype(np.float64)
        return np.where(lost, np.nan, sums)

    tenors = range(found.slopes.shape[1])
    keys = np.column_stack([summed(found.slopes[:, k]) * BASIS_POINT for k in tenors])
    return Units(
        summed(found.value),
        keys,
        # The sum of its parts: what the key rates add up to is no other number.
        keys.sum(axis=1),
        summed(found.spread_slope) * BASIS_POINT,
        summed(found.curvature) * BASIS_POINT**2,
        np.where(status == MATURED, 0.0, now.accrued),
        _z_spreads(held, np.isin(status, (VALUED, STALE_VALUE))),
    )


def _z_spreads(held: Held, is_valued: BoolArray) -> FloatArray:
    found = np.full(len(held.names), np.nan)
    found[held.owner] = held.spreads
    is_bond = np.zeros(len(held.names), np.bool_)
    is_bond[list(held.book.bonds)] = True
    return np.where(is_bond & is_valued, found, np.nan)


def _reasons(held: Held, placed: Placed, standings: Sequence[StandingCurve]) -> list[set[str]]:
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


def _status(reasons: set[str], *, is_over: bool) -> str:
    # Only what is still to be paid lacks a curve or a fixing, also after the last day.
    lacks = any(reason.startswith(_OF_FLOWS) for reason in reasons)
    if is_over and not lacks:
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
    z_spread: FloatArray
    fx: FloatArray
    """Price of its currency in the reporting one; NaN where none is usable."""
    requirement: Int64Array
    """Cents."""
    is_charged: BoolArray
    """Whether it has a requirement: a bond with a value."""
    rule: pl.Series
    """What charges it."""


class Rows(NamedTuple):
    """Positions with what is to be said of them, as long as terms and curves stand so."""

    rows: pl.DataFrame
    """Keys, quantity, terms, status and reasons."""
    place: Int64Array
    """Of the instrument among those held; -1 where no terms landed."""
    fx: FloatArray
    charged: Charged


def rows_of(
    rows: pl.DataFrame,
    of_names: tuple[Day, Told],
    known: Mapping[str, Terms],
    fx: Mapping[str, float],
) -> Rows:
    """Positions described; `fx` by currency."""
    now, told = of_names
    held = now.held.names
    names = rows.select("instrument_id").unique()["instrument_id"].to_list()
    places = {name: place for place, name in enumerate(held)}
    terms = [known.get(name) for name in names]
    rates = [np.nan if one is None else fx[one.currency] for one in terms]
    at = [places.get(name, -1) for name in names]
    why = [told.reasons[place] if place >= 0 else "no_terms" for place in at]
    lacks = [
        one is not None and bool(np.isnan(rate)) for one, rate in zip(terms, rates, strict=True)
    ]
    described = pl.DataFrame(
        {
            "instrument_id": names,
            "kind": [None if one is None else one.kind for one in terms],
            "issuer": [None if one is None else one.issuer for one in terms],
            "currency": [None if one is None else one.currency for one in terms],
            "maturity": [None if one is None else one.maturity for one in terms],
            "bond_class": [None if one is None else one.bond_class for one in terms],
            "is_zero_coupon": [None if one is None else one.is_zero_coupon for one in terms],
            "status": [told.status[place] if place >= 0 else UNPRICED for place in at],
            "reasons": [_also(w, "no_fx") if no else w for w, no in zip(why, lacks, strict=True)],
            "place": at,
            "fx": rates,
        },
        schema=_DESCRIBED,
    )
    both = rows.join(described, on="instrument_id", how="left", maintain_order="left")
    return Rows(
        both.drop("place", "fx", "bond_class", "is_zero_coupon"),
        both["place"].to_numpy(),
        both["fx"].to_numpy(),
        charged_of(both, both["quantity"].to_numpy(), now.day),
    )


_DESCRIBED = {
    **dict.fromkeys(("instrument_id", "kind", "issuer", "currency"), pl.String),
    "maturity": pl.Date,
    "bond_class": pl.String,
    "is_zero_coupon": pl.Boolean,
    **dict.fromkeys(("status", "reasons"), pl.String),
    "place": pl.Int64,
    "fx": pl.Float64,
}


def positions_of(described: Rows, units: Units) -> Positions:
    """What the positions come to, by the units of their instruments."""
    rows, place = described.rows, described.place
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
    if is_far.any():
        rows = _beyond(rows, is_far)
    flat = np.abs(units.npv) > _SMALL
    bent = units.gamma / BASIS_POINT**2
    convexity = np.divide(bent, units.npv, out=np.full(len(flat), np.nan), where=flat)
    cents = np.where(is_known, np.rint(np.where(is_known, npv, 0.0)), 0.0).astype(np.int64)
    lasts = (rows["status"] != MATURED).to_numpy()
    return Positions(
        rows,
        place,
        quantity,
        cents,
        is_known,
        of(units.keys),
        of(units.dv01),
        of(units.cs01),
        of(units.gamma),
        np.concatenate([convexity, [np.nan]])[place],
        of(units.accrued),
        np.append(units.z_spread, np.nan)[place],
        described.fx,
        *described.charged.lines(cents, is_known & lasts),
        described.charged.paragraphs,
    )


def _beyond(rows: pl.DataFrame, is_far: BoolArray) -> pl.DataFrame:
    far = pl.Series(is_far)
    return rows.with_columns(
        status=pl.when(far).then(pl.lit(UNPRICED)).otherwise("status"),
        reasons=pl.when(far).then(pl.lit("beyond_range")).otherwise("reasons"),
    )


def _also(reasons: str, more: str) -> str:
    return more if not reasons else ";".join(sorted([*reasons.split(";"), more]))
