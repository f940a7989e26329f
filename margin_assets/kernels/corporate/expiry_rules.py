"""What becomes of options that nobody reports: numbers of the rulebook `expiry`."""

from datetime import date
from typing import NamedTuple

from margin_assets.kernels.numeric.money import MICRO
from margin_assets.rulebooks import in_force, remembered

_MINUTE = 60_000_000


class ExpiryRules(NamedTuple):
    """Exercise by exception, and when it is done."""

    threshold: int | None
    """Micro-dollars a unit in the money from which an option is exercised; None: not known."""
    index_threshold: int | None
    """The same of an option that is settled in cash."""
    unreported_after: int
    """Microseconds after the opening of the session that follows the last trading day."""


@remembered
def expiry_rules(on: date) -> ExpiryRules:
    """Numbers in force on the last trading day of an option."""
    numbers = in_force("expiry", on).numbers
    told = numbers["exercise_by_exception"]
    equity = told.get("in_the_money_usd")
    return ExpiryRules(
        threshold=_micro(equity),
        index_threshold=_micro(told.get("index_in_the_money_usd", equity)),
        unreported_after=round(numbers["unreported"]["minutes_after_opening"] * _MINUTE),
    )


def _micro(dollars: float | None) -> int | None:
    return None if dollars is None else round(dollars * MICRO)
