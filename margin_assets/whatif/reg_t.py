"""Reg T of a portfolio document in the public shape."""

import json
from decimal import Decimal

from margin_assets.kernels.margin.grouping_gaps import grouping_gap
from margin_assets.kernels.margin.reg_t_groups import reg_t_requirements
from margin_assets.kernels.reg_t.sma import special_memorandum_accounts
from margin_assets.whatif.amounts import Row, number, usd
from margin_assets.whatif.frames import Case


def reg_t_answer(case: Case, summary: Row) -> Row:
    """The `reg_t` block of an answer: requirements, excess, groups and how far they are proven."""
    groups = reg_t_requirements((case.margined,)).to_dicts()
    required = _required(case, summary, groups)
    excess = summary["reg_t_equity"] - required["maintenance_requirement"]
    sma = special_memorandum_accounts(case.margined)
    memorandum = sma.row(0, named=True)
    return {
        **{name: usd(amount) for name, amount in required.items()},
        "equity": usd(summary["reg_t_equity"]),
        "excess": usd(excess),
        "call": usd(max(Decimal(0), -excess)),
        "reg_t_excess": usd(memorandum["reg_t_excess"]),
        "is_restricted": memorandum["reg_t_excess"] < 0,
        "sma": usd(memorandum["sma"]),
        "buying_power": usd(memorandum["buying_power"]),
        "is_proven_least": "grouping_not_proven" not in summary["reasons"].split(";"),
        "grouping_bound": _grouping_bound(case, summary, required["gross_requirement"]),
        "groups": [_group(case, group) for group in groups],
    }


def _grouping_bound(case: Case, summary: Row, gross: Decimal) -> float | None:
    """Gross that every grouping requires at least; None of a cash account, or if it isn't known."""
    gap = None if summary["account_type"] == "cash" else grouping_gap(case.margined)
    return None if gap is None else usd(gross - Decimal(gap) / 100)


def _required(case: Case, summary: Row, groups: list[Row]) -> dict[str, Decimal]:
    """The requirements of the whole account: sums of its groups, or a cash account's own."""
    if summary["account_type"] == "cash":
        return _cash_required(case, summary)
    gross, deposit = (
        sum((group[name] for group in groups), Decimal(0))
        for name in ("gross_requirement", "net_deposit")
    )
    return {
        "initial_requirement": summary["initial_requirement"],
        "maintenance_requirement": summary["reg_t_requirement"],
        "gross_requirement": gross,
        "net_deposit": max(deposit, _least_deposit(case, summary)),
    }


def _cash_required(case: Case, summary: Row) -> dict[str, Decimal]:
    """Everything is paid in full, and what covers a written option is held: Regulation T 220.8."""
    maintenance = summary["regulatory_requirement"]
    positions = case.margined.positions
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


def _least_deposit(case: Case, summary: Row) -> Decimal:
    """4210(b)(4): the first purchase takes $2,000 or its whole cost, a short sale $2,000.

    Deposits on options are told by strategy, on top of what makes an account one that may trade
    them.
    """
    kinds = set(case.margined.positions["asset_class"])
    if not kinds or "option" in kinds:
        return Decimal(0)
    least = Decimal(case.margined.rules.margin_minimum) / 100
    is_short = summary["short_market_value"] > 0
    return least if is_short else min(least, summary["long_market_value"])


def _group(case: Case, group: Row) -> Row:
    worst = group["max_potential_loss"]
    return {
        "strategy": group["strategy"],
        "rule": group["rule"],
        "symbol": group["symbol"],
        "legs": _legs(case, group),
        "market_value": usd(group["market_value"]),
        "gross_requirement": usd(group["gross_requirement"]),
        "maintenance_requirement": usd(group["maintenance_requirement"]),
        "initial_requirement": usd(group["initial_requirement"]),
        "net_deposit": usd(group["net_deposit"]),
        "max_potential_loss": None if worst is None else usd(worst),
    }


def _legs(case: Case, group: Row) -> list[Row]:
    """Legs by their place in the document: of rows netted to one position, the first."""
    if group["legs"] is None:
        return [_leg(case, group["symbol"], group["quantity"])]
    legs = json.loads(group["legs"], parse_int=Decimal, parse_float=Decimal)
    return [_leg(case, leg["symbol"], leg["quantity"]) for leg in legs]


def _leg(case: Case, symbol: str, quantity: Decimal) -> Row:
    sides = case.sides(symbol)
    side = next((h for h in sides if (h.quantity > 0) == (quantity > 0)), sides[0])
    return {"position": side.rows[0], "symbol": symbol, "quantity": number(quantity)}
