"""The rulebooks in force as numbers a compiled loop can read: ppm, cents, micro-seconds."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from margin_assets.kernels.numeric.arrays import Int64Cube, Int64Table
from margin_assets.kernels.numeric.money import CENTS, MICRO, PPM
from margin_assets.rulebooks import Rulebook, changed_by, in_force, remembered
from schemas.margin import RANGE_CLASSES, RATE_CLASSES

SECOND = 1_000_000
DECIDING = ("finra_4210", "reg_t", "tims", "house")
"""Families whose numbers `Rules` holds."""
_LARGEST_RATE = 10  # a percentage written for a fraction is beyond it


class Rules(NamedTuple):
    """Rates in ppm, dollar floors in cents a unit, times in microseconds."""

    long_maintenance: int
    long_non_marginable: int
    long_cap: int
    short_threshold: int
    short_below: int
    short_below_floor: int
    short_maintenance: int
    short_floor: int
    short_non_marginable: int
    initial_long: int
    initial_short: int
    initial_short_hedged: int
    initial_non_margin: int
    points: Int64Table
    """Valuation points by range class and point, ppm of the price, from below."""
    product_group: npt.NDArray[np.int64]
    """Product group of each range class, -1 for none."""
    product_offset: npt.NDArray[np.int64]
    """Offset of each product group, ppm of a gain."""
    stress_moves: npt.NDArray[np.float64]
    """SPY moves, as fractions, from below."""
    restricting: npt.NDArray[np.bool_]
    """Whether being underwater at the move restricts."""
    missing_beta: float
    short_cushion: int
    margin_minimum: int
    portfolio_minimum: int
    unlisted_minimum: int
    warning_below: int
    warning_ends: int
    overdue_after: int
    liquidation_after: int
    liquidation_deficiency: int
    stress_release_after: int
    grid_interval: int
    stale_after: int
    unusable_after: int
    same_security: int
    """4210(e)(1), of the long side's value."""
    option_rates: Int64Cube
    """4210(f)(2)(E), ppm: listed and OTC, by rate class, the base and the floor."""
    loan_months: int
    long_option: int
    """4210(f)(2)(D), ppm of a long option's value beyond the months."""
    hedged_strike: int
    long_box: int
    government_rates: npt.NDArray[np.int64]
    """4210(e)(2)(A), ppm by band of years to maturity."""
    government_years: npt.NDArray[np.int64]
    zero_coupon_years: int
    zero_coupon_principal: int
    municipal: int
    investment_grade: int
    listed_bond: int
    listed_bond_principal: int
    other_bond: int
    short_bond: int
    short_bond_principal: int
    contract_minimum: int
    """4210(g)(7), micro-dollars a unit of an option."""
    days_a_year: float


def _ppm(fraction: float) -> int:
    if abs(fraction) > _LARGEST_RATE:
        msg = f"a rate of {fraction}: rates are fractions of 1, and at most {_LARGEST_RATE}"
        raise ValueError(msg)
    return round(fraction * PPM)


def _cents(usd: float) -> int:
    return round(usd * CENTS)


@remembered
def rules_in_force(on: date) -> Rules:
    """Numbers of every rulebook in force on a day; the same object each time."""
    return rules_of({family: in_force(family, on) for family in DECIDING})


def rules_under(on: date, changes: Mapping[str, Any]) -> Rules:
    """Numbers of the rulebooks in force on a day with some of them changed.

    Raises:
        ValueError: A changed number is unknown, out of its bounds, or does not fit another.
    """
    with changed_by(changes):
        return rules_in_force(on)


def rules_of(books: Mapping[str, Rulebook]) -> Rules:
    """Numbers of a rulebook of each deciding family.

    Raises:
        ValueError: A number is out of its bounds, or does not fit another.
    """
    finra, reg_t, tims, house = (books[family].numbers for family in DECIDING)
    return Rules(
        **_equity_rates(finra),
        **_initial_rates(reg_t),
        points=_valuation_points(tims),
        **_product_groups(tims),
        margin_minimum=_cents(finra["minimum_equity"]["margin_account_usd"]),
        portfolio_minimum=_cents(tims["eligibility"]["minimum_equity_usd"]),
        unlisted_minimum=_cents(tims["eligibility"]["unlisted_minimum_equity_usd"]),
        **_stress(house),
        **_ladder(house),
        **_option_rates(finra),
        **_bond_rates(finra["bond"]),
        contract_minimum=round(tims["minimum"]["per_unit_usd"] * MICRO),
        days_a_year=float(_above_zero(tims["model"], "days_a_year")),
    )


def _above_zero(numbers: dict[str, Any], key: str) -> int:
    if numbers[key] <= 0:
        msg = f"{key} is {numbers[key]}: not above 0"
        raise ValueError(msg)
    return int(numbers[key])


def benchmark(on: date) -> str:
    """Symbol whose beta is 1 by definition."""
    return str(in_force("house", on).numbers["stress"]["benchmark"])


def scenario_names(rules: Rules) -> list[str]:
    """Names of the stress scenarios, such as `SPY -8%`."""
    return [f"SPY {move * 100:+.0f}%" if move else "SPY 0%" for move in rules.stress_moves]


def _equity_rates(finra: dict[str, Any]) -> dict[str, Any]:
    long, short = finra["long_equity"], finra["short_equity"]
    return {
        "long_maintenance": _ppm(long["maintenance"]),
        "long_non_marginable": _ppm(long["non_marginable"]),
        "long_cap": _ppm(finra["leveraged_fund"]["long_cap"]),
        "short_threshold": _cents(short["price_threshold_usd"]),
        "short_below": _ppm(short["below_maintenance"]),
        "short_below_floor": _cents(short["below_floor_usd"]),
        "short_maintenance": _ppm(short["maintenance"]),
        "short_floor": _cents(short["floor_usd"]),
        "short_non_marginable": _ppm(short["non_marginable"]),
    }


def _initial_rates(reg_t: dict[str, Any]) -> dict[str, Any]:
    initial = reg_t["initial"]
    return {
        "initial_long": _ppm(initial["long_equity"]),
        "initial_short": _ppm(initial["short_equity"]),
        "initial_short_hedged": _ppm(initial["short_equity_against_call"]),
        "initial_non_margin": _ppm(initial["non_margin"]),
    }


def _option_rates(finra: dict[str, Any]) -> dict[str, Any]:
    tables = (finra["short_option"]["listed"], finra["short_option"]["otc"])
    rates = [
        [[_ppm(table[name]["base"]), _ppm(table[name]["floor"])] for name in RATE_CLASSES]
        for table in tables
    ]
    return {
        "same_security": _ppm(finra["same_security"]["long_and_short"]),
        "option_rates": np.array(rates, dtype=np.int64),
        "loan_months": int(finra["long_option"]["months_without_loan_value"]),
        "long_option": _ppm(finra["long_option"]["requirement_beyond"]),
        "hedged_strike": _ppm(finra["option_hedge"]["hedged_strike"]),
        "long_box": _ppm(finra["option_hedge"]["long_box"]),
    }


def _bond_rates(bond: dict[str, Any]) -> dict[str, Any]:
    government = bond["us_government"]
    years = government["below_years"]
    if years != sorted(set(years)) or len(government["rates"]) != len(years) + 1:
        msg = "bond.us_government: below_years do not rise, or rates are not one more than they"
        raise ValueError(msg)
    return {
        "government_rates": np.array([_ppm(rate) for rate in government["rates"]], dtype=np.int64),
        "government_years": np.array(years, dtype=np.int64),
        "zero_coupon_years": int(government["zero_coupon_years"]),
        "zero_coupon_principal": _ppm(government["zero_coupon_principal"]),
        "municipal": _ppm(bond["municipal"]["rate"]),
        "investment_grade": _ppm(bond["investment_grade"]["rate"]),
        "listed_bond": _ppm(bond["listed"]["rate"]),
        "listed_bond_principal": _ppm(bond["listed"]["principal"]),
        "other_bond": _ppm(bond["other"]["rate"]),
        "short_bond": _ppm(bond["short"]["rate"]),
        "short_bond_principal": _ppm(bond["short"]["principal"]),
    }


def _valuation_points(tims: dict[str, Any]) -> Int64Table:
    steps = _above_zero(tims, "points_a_side")
    down = [k / steps for k in range(steps, 0, -1)]
    up = [k / steps for k in range(1, steps + 1)]
    ranges = [tims["range"][name] for name in RANGE_CLASSES]
    rows = [[-r["down"] * k for k in down] + [r["up"] * k for k in up] for r in ranges]
    return np.array([[_ppm(point) for point in row] for row in rows], dtype=np.int64)


def _product_groups(tims: dict[str, Any]) -> dict[str, Any]:
    groups = tims["product_group"]
    member_of = {member: i for i, g in enumerate(groups.values()) for member in g["members"]}
    offsets = [_ppm(group["offset"]) for group in groups.values()]
    return {
        "product_group": np.array([member_of.get(c, -1) for c in RANGE_CLASSES], dtype=np.int64),
        "product_offset": np.array(offsets, dtype=np.int64),
    }


def product_group_names(on: date) -> list[str]:
    """Names of the product groups, in the order of `Rules.product_offset`."""
    return list(in_force("tims", on).numbers["product_group"])


def _stress(house: dict[str, Any]) -> dict[str, Any]:
    stress = house["stress"]
    percents = sorted(float(p) for p in stress["moves_percent"])
    return {
        "stress_moves": np.array([p / 100 for p in percents]),
        "restricting": np.array([p <= stress["restricts_at_percent"] for p in percents]),
        "missing_beta": float(stress["missing_beta"]),
        "stress_release_after": int(stress["release_minutes"] * 60 * SECOND),
    }


def _ladder(house: dict[str, Any]) -> dict[str, Any]:
    ladder, prices = house["ladder"], house["prices"]
    return {
        "warning_below": _ppm(ladder["warning_below"]),
        "warning_ends": _ppm(ladder["warning_ends_at"]),
        "overdue_after": int(ladder["overdue_minutes"] * 60 * SECOND),
        "liquidation_after": int(ladder["liquidation_minutes"] * 60 * SECOND),
        "liquidation_deficiency": _ppm(ladder["liquidation_deficiency"]),
        "grid_interval": int(house["grid"]["interval_seconds"] * SECOND),
        "stale_after": int(prices["stale_after_sessions"]),
        "unusable_after": int(prices["unusable_after_sessions"]),
        "short_cushion": _ppm(prices["short_cushion"]),
    }
