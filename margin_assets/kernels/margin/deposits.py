"""What one account requires and has to bring in as a whole: 220.8, and 4210(b)(4)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from margin_assets.kernels.margin.margined import Margined

Row = Mapping[str, Any]


def account_requirements(era: Margined, summary: Row, groups: Sequence[Row]) -> dict[str, Decimal]:
    """Requirements of one account, USD: sums of its groups, or a cash account's own.

    Takes its row of `margin_summary` and its rows of `reg_t_requirements`.
    """
    if summary["account_type"] == "cash":
        return _cash_required(era, summary)
    gross, deposit = (
        sum((group[name] for group in groups), Decimal(0))
        for name in ("gross_requirement", "net_deposit")
    )
    return {
        "initial_requirement": summary["initial_requirement"],
        "maintenance_requirement": summary["reg_t_requirement"],
        "gross_requirement": gross,
        "net_deposit": max(deposit, _least_deposit(era, summary)),
    }


def _cash_required(era: Margined, summary: Row) -> dict[str, Decimal]:
    """Everything is paid in full, and what covers a written option is held: Regulation T 220.8."""
    maintenance = summary["regulatory_requirement"]
    positions = era.positions
    is_sold = (positions["asset_class"] == "option") & (positions["quantity"] < 0)
    is_known = is_sold & (positions["price_state"] == "fresh")
    sold = positions.filter(is_known)["market_value"].sum()
    securities = summary["long_market_value"] - summary["short_market_value"]
    counted = summary["reg_t_equity"] - summary["cash"] - securities
    whole = maintenance + summary["long_option_value"] - counted
    return {
        "initial_requirement": whole,
        "maintenance_requirement": maintenance,
        "gross_requirement": whole,
        "net_deposit": whole + sold,
    }


def _least_deposit(era: Margined, summary: Row) -> Decimal:
    """4210(b)(4): the first purchase takes $2,000 or its whole cost, a short sale $2,000.

    Deposits on options are told by strategy, on top of what makes an account one that may trade
    them.
    """
    kinds = set(era.positions["asset_class"])
    if not kinds or "option" in kinds:
        return Decimal(0)
    least = Decimal(era.rules.margin_minimum) / 100
    is_short = summary["short_market_value"] > 0
    return least if is_short else min(least, summary["long_market_value"])
