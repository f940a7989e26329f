"""What becomes of options that nobody reports: numbers of the rulebook `expiry`."""

from datetime import date
from typing import NamedTuple

from margin_assets.kernels.numeric.money import MICRO
from margin_assets.rulebooks import in_force, remembered

_MINUTE = 60_000_000


class ExpiryRules(NamedTuple):
    """Exercise by exception, and when it is done."""

    threshold: int
    """Micro-dollars a unit in the money from which an option is exercised."""
    unreported_after: int
    """Microseconds after the opening of the session that follows the last trading day."""


@remembered
def expiry_rules(on: date) -> ExpiryRules:
    """Numbers in force on the last trading day of an option."""
    numbers = in_force("expiry", on).numbers
    return ExpiryRules(
        threshold=round(numbers["exercise_by_exception"]["in_the_money_usd"] * MICRO),
        unreported_after=round(numbers["unreported"]["minutes_after_opening"] * _MINUTE),
    )
