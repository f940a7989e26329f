"""The rulebook of the rates book as values: its curves, ages, key rates and scenarios."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from margin_assets.rulebooks import families, in_force, remembered

FAMILY = "rates"
_HOUR = 3_600_000_000


class CurveRules(NamedTuple):
    """What a curve is made of, and when it is too old."""

    name: str
    currency: str
    index_name: str | None
    """Its quotes' index; none of par yields."""
    discount_curve: str | None
    """By which the swaps quoted are discounted; none: by itself."""
    fixed_day_count: str | None
    fixed_frequency: str | None
    """Of the fixed leg of swaps on a term index."""
    interpolation: str
    required: tuple[str, ...]
    """Tenors without which there is no curve."""
    stale_after: int
    unusable_after: int
    """Microseconds from its oldest quote."""
    least_forward: float
    most_forward: float
    """Bounds of the continuous forward rate between nodes."""


class RatesRules(NamedTuple):
    """Rules of the rates book."""

    reporting: str
    """Currency of the sums over currencies."""
    key_rates: tuple[str, ...]
    fx_unusable_after: int
    """Microseconds."""
    curves: tuple[CurveRules, ...]
    """Each after the one that it is discounted by."""
    discounting: Mapping[str, Mapping[str, str]]
    """Discount curve by currency, then by currency of the collateral."""
    indices: Mapping[str, str]
    """Curve that projects an index."""
    scenarios: Mapping[str, Mapping[str, float]]
    """Basis points by tenor, by name."""


@remembered
def rates_rules(on: date) -> RatesRules | None:
    """Rules of the rates book in force on a day; None in a cycle planned before there were any.

    Raises:
        ValueError: A curve hangs on one that is not there, or a scenario's lists do not pair.
    """
    if FAMILY not in families():
        return None
    numbers: dict[str, Any] = in_force(FAMILY, on).numbers
    book = numbers["book"]
    return RatesRules(
        reporting=str(book["reporting_currency"]),
        key_rates=tuple(book["key_rates"]),
        fx_unusable_after=round(book["fx_stale_hours"] * _HOUR),
        curves=_curves(numbers["curves"]),
        discounting=numbers["discounting"],
        indices=numbers["indices"],
        scenarios={name: _shifts(name, said) for name, said in numbers["scenarios"].items()},
    )


def _curves(said: Mapping[str, Mapping[str, Any]]) -> tuple[CurveRules, ...]:
    done: dict[str, CurveRules] = {}
    for name, terms in said.items():
        under = terms.get("discount_curve")
        if under is not None and under not in done:
            msg = f"curves.{name}.discount_curve is {under!r}: no curve above it"
            raise ValueError(msg)
        done[name] = _curve(name, terms)
    return tuple(done.values())


def _curve(name: str, terms: Mapping[str, Any]) -> CurveRules:
    return CurveRules(
        name,
        str(terms["currency"]),
        terms.get("index"),
        terms.get("discount_curve"),
        terms.get("fixed_day_count"),
        terms.get("fixed_frequency"),
        str(terms["interpolation"]),
        tuple(terms["required"]),
        round(terms["stale_hours"] * _HOUR),
        round(terms["unusable_hours"] * _HOUR),
        float(terms["least_forward"]),
        float(terms["most_forward"]),
    )


def _shifts(name: str, said: Mapping[str, Any]) -> dict[str, float]:
    tenors, shifts = said["tenors"], said["shifts_bp"]
    if len(tenors) != len(shifts) or len(set(tenors)) < len(tenors):
        msg = f"scenarios.{name}: tenors and shifts_bp do not pair"
        raise ValueError(msg)
    return dict(zip(tenors, map(float, shifts), strict=True))
