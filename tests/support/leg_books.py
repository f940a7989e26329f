"""Seeded books of many legs on one underlying, as the grouping takes them."""

import math
import random

import numpy as np

from margin_assets.kernels.strategies.drafts import Grouping
from margin_assets.kernels.strategies.strategies import (
    LEG,
    NONE,
    STOCK_RECORD,
    Records,
    StrategyRates,
)

MICRO = 1_000_000

RATES = StrategyRates(100_000, 500_000)

SPOT = 100.0

DAYS = (9, 37, 65, 100, 180, 270, 400, 600)

Leg = tuple[int, bool, float, int, float]
"""Contracts, whether a call, strike, days to expiry, price."""


def records(legs: list[Leg]) -> Records:
    """Legs in canonical order, on one listed underlying at 100."""
    held: Records = np.zeros(len(legs), dtype=LEG)
    for name, column in zip(
        ("contracts", "is_call", "strike", "expiry", "price"), zip(*legs, strict=True), strict=True
    ):
        unit = MICRO if name in ("strike", "price") else 1
        held[name] = np.rint(np.array(column, dtype=np.float64) * unit)
    held["spot"], held["is_listed"] = SPOT * MICRO, True
    held["units"] = held["quoted"] = 100 * MICRO
    held["base"], held["floor"] = 200_000, 100_000
    return held


def stock(shares: int) -> Records:
    held: Records = np.zeros(1 if shares else 0, dtype=STOCK_RECORD)
    held["covers_index"], held["shares"] = NONE, shares * MICRO
    held["price"], held["maintenance"], held["initial"] = 100 * MICRO, 25 * MICRO, 50 * MICRO
    return held


def book(seed: int, legs: int, expiries: int) -> list[Leg]:
    """A seeded book of distinct series, priced by Black and Scholes at 30%, to the cent."""
    rng = random.Random(seed)
    every = [(d, k / 2, c) for d in DAYS[:expiries] for k in range(100, 300) for c in (0, 1)]
    found = []
    for days, strike, is_call in sorted(rng.sample(every, legs)):
        contracts = rng.choice((-1, 1)) * rng.randint(1, 20)
        found.append((contracts, bool(is_call), strike, days, _price(strike, days, is_call)))
    return found


def _price(strike: float, days: int, is_call: int) -> float:
    spread = 0.3 * math.sqrt(days / 365)
    one = math.log(SPOT / strike) / spread + spread / 2
    call = SPOT * _normal(one) - strike * _normal(one - spread)
    return round(call if is_call else call - SPOT + strike, 2)


def _normal(x: float) -> float:
    return (1 + math.erf(x / math.sqrt(2))) / 2


def gross(legs: Records, found: Grouping) -> float:
    """Requirement with long options at their cost, micro-dollars."""
    longs = legs[legs["contracts"] > 0]
    return found.maintenance + float((longs["price"] * 100 * longs["contracts"]).sum())
