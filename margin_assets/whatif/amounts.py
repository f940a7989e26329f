"""Amounts and quantities in the public shape."""

from decimal import Decimal
from typing import Any

Row = dict[str, Any]


def usd(amount: Decimal) -> float:
    """An amount as JSON has it, USD."""
    return float(amount)


def number(value: Decimal) -> int | float:
    """A quantity as JSON has it."""
    return int(value) if value == int(value) else float(value)
