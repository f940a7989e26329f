"""What clearing houses ask by rule: numbers of the rulebook `clearing`."""

from datetime import date
from typing import NamedTuple

from margin_assets.rulebooks import in_force, remembered


class Scan(NamedTuple):
    """Scenarios of one commodity."""

    steps: int
    """Of the price either way within its range."""
    extreme: int
    """Ranges that the two extreme scenarios go."""
    covered: int
    """One part of so many counts of their loss."""


class ClearingRules(NamedTuple):
    """Rules that are no venue's own terms; shares are of 1."""

    buffer: float
    """Of calculated margin, against procyclicality."""
    stress_weight: float
    scan: Scan
    capital_ratio: float
    """Charge over net capital that a premium takes at most."""


@remembered
def clearing_rules(on: date) -> ClearingRules:
    """Numbers in force on a day."""
    numbers = in_force("clearing", on).numbers
    tools, scan = numbers["anti_procyclicality"], numbers["scan"]
    return ClearingRules(
        buffer=tools["buffer"],
        stress_weight=tools["stress_weight"],
        scan=Scan(scan["steps"], scan["extreme"], scan["covered"]),
        capital_ratio=float(numbers["excess_capital_premium"]["ratio_at_most"]),
    )
