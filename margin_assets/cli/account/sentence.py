"""Where an account stands, in the sentence that an analyst would write."""

from decimal import Decimal
from typing import Any

from margin_assets.cli import output

Document = dict[str, Any]
# Groups of several legs have no rate: their value is that of legs which pay for each other.
_OF_ONE_SECURITY = ("long_stock", "short_stock", "long_bond", "short_bond")


def sentence(story: Document) -> str:
    """How it stands since when, by which figures, and the line of the requirement that is largest.

    For example: "In call since 2026-03-02T16:00:00Z: equity 90,715.00 is below the requirement of
    94,927.50; the largest line is TQQQ, 75% of 119,560.00."
    """
    parts = [f"{_standing(story['ladder'])}: {_figures(story['figures'])}"]
    if line := _largest(story):
        parts.append(f"the largest line is {line}")
    if story["status"] == "indeterminate":
        parts.append(f"inputs are missing, so these are bounds: {', '.join(story['reasons'])}")
    return "; ".join(parts) + "."


def _standing(ladder: Document) -> str:
    for dimension, state, words in (
        ("liquidation", "triggered", "To be liquidated"),
        ("margin_status", "call", "In call"),
        ("minimum_equity", "call", "Below the minimum equity"),
        ("restriction", "close_only", "May only close"),
        ("margin_status", "warning", "Warned"),
    ):
        held = ladder[dimension]
        if held["state"] == state:
            since = f" since {output.instant(held['since'])}" if held["since"] else ""
            why = f" ({', '.join(held['reasons'])})" if held.get("reasons") else ""
            return f"{words}{since}{why}"
    return "In order"


def _figures(figures: Document) -> str:
    equity, least = figures["equity"], figures["governing_requirement"]
    told = f"equity {_usd(equity)}", f"the requirement of {_usd(least)}"
    if equity < least:
        return f"{told[0]} is below {told[1]}"
    return f"{told[0]} covers {told[1]}, with {_usd(equity - least)} to spare"


def _largest(story: Document) -> str:
    """The line that most is required of, under the method that governs."""
    if story["account"]["account_type"] == "portfolio_margin":
        groups = story["portfolio_margin"]
        top = max(groups, key=lambda row: row["requirement"], default=None)
        if top is None or not top["requirement"]:
            return ""
        return f"class group {top['class_group']}, {_usd(top['requirement'])}"
    top = max(story["reg_t"], key=lambda row: row["maintenance_requirement"], default=None)
    if top is None or not top["maintenance_requirement"]:
        return ""
    required, value = top["maintenance_requirement"], abs(top["market_value"])
    if top["strategy"] not in _OF_ONE_SECURITY or not value:
        return f"{top['symbol']}, {top['strategy'].replace('_', ' ')}, {_usd(required)}"
    share = (required / value * 100).quantize(Decimal("0.1")).normalize()
    return f"{top['symbol']}, {share:f}% of {_usd(value)}"


def _usd(amount: Decimal) -> str:
    return output.shown(amount)
