"""The rulebook of liquidations as numbers: fractions, cents, micro-units."""

from datetime import date
from typing import Any, NamedTuple

from margin_assets.kernels.numeric.money import CENTS, MICRO, PPM
from margin_assets.rulebooks import in_force, remembered

KINDS = ("stock", "option", "bond")
"""Sections of the rulebook, by the kind of a series."""
_PERCENT = 100  # a bond's price is in percent: a unit of it is a hundred dollars of principal


class KindPolicy(NamedTuple):
    """What orders in one kind of security cost, and their sizes."""

    half_spread: float
    """Of value."""
    least_half_spread: float
    """Cents a unit."""
    commission: float
    """Cents a lot."""
    least_commission: float
    """Cents an order."""
    lot: int
    """Micro-units of the book; of options micro-contracts."""
    least: int
    """Lots that an order has at least."""
    volume_share: int
    """Of average daily volume, ppm."""


class LiquidationPolicy(NamedTuple):
    """Everything that a plan is priced by."""

    buffer: int
    """Excess to be left, ppm of the deficiency."""
    impact: float
    trading_days: int
    unknown_participation: float
    unknown_volatility: float
    kinds: tuple[KindPolicy, ...]
    """In the order of `KINDS`."""


@remembered
def liquidation_policy(on: date) -> LiquidationPolicy:
    """The policy in force on a day."""
    numbers = in_force("liquidation", on).numbers
    return LiquidationPolicy(
        buffer=round(numbers["plan"]["buffer"] * PPM),
        impact=float(numbers["impact"]["coefficient"]),
        trading_days=int(numbers["impact"]["trading_days"]),
        unknown_participation=float(numbers["unknown"]["participation"]),
        unknown_volatility=float(numbers["unknown"]["volatility_annual"]),
        kinds=tuple(_kind(name, numbers[name]) for name in KINDS),
    )


def _kind(name: str, numbers: dict[str, Any]) -> KindPolicy:
    lot = int(numbers["lot"])
    commission = float(numbers["commission_usd"]) * CENTS
    return KindPolicy(
        half_spread=float(numbers["half_spread"]),
        least_half_spread=float(numbers["least_half_spread_usd"]) * CENTS,
        commission=commission * lot if name == "stock" else commission,
        least_commission=float(numbers["least_commission_usd"]) * CENTS,
        lot=lot * MICRO // _PERCENT if name == "bond" else lot * MICRO,
        least=int(numbers["least"]),
        volume_share=round(numbers["volume_share"] * PPM),
    )
