"""The rulebook of the firm as numbers: what is asked of all accounts together."""

from datetime import date
from typing import Any, NamedTuple

from margin_assets.rulebooks import families, in_force, remembered

FAMILY = "firm"
_PERCENT = 100


class FirmRules(NamedTuple):
    """Moves as fractions, from below."""

    price_moves: tuple[float, ...]
    """Of the price of every security."""
    largest: int
    """Names, and issuers, in the table of concentrations."""
    participation: float
    """Share of a day's average volume that may be traded a day."""


@remembered
def firm_rules(on: date) -> FirmRules | None:
    """Rules of the firm in force on a day; None in a cycle planned before there were any.

    Raises:
        ValueError: The moves contradict themselves, or nothing may be traded.
    """
    if FAMILY not in families():
        return None
    numbers: dict[str, Any] = in_force(FAMILY, on).numbers
    percents = sorted(float(p) for p in numbers["price_moves"]["moves_percent"])
    if len(set(percents)) < len(percents) or 0.0 in percents or not percents:
        msg = f"price_moves.moves_percent is {percents!r}: none, a move twice, or 0"
        raise ValueError(msg)
    concentrations = numbers["concentrations"]
    if concentrations["participation"] <= 0:
        msg = f"concentrations.participation is {concentrations['participation']!r}: not above 0"
        raise ValueError(msg)
    return FirmRules(
        price_moves=tuple(percent / _PERCENT for percent in percents),
        largest=int(concentrations["largest"]),
        participation=float(concentrations["participation"]),
    )


def price_move_names(rules: FirmRules) -> list[str]:
    """Names of the scenarios of prices, such as `prices -25%`."""
    return [f"prices {move * _PERCENT:+.0f}%" for move in rules.price_moves]
