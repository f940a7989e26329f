"""Reg T of a portfolio document in the public shape."""

import json
from decimal import Decimal

from margin_assets.kernels.margin.deposits import account_requirements
from margin_assets.kernels.margin.grouping_gaps import grouping_gap
from margin_assets.kernels.margin.reg_t_groups import reg_t_requirements
from margin_assets.kernels.reg_t.sma import special_memorandum_accounts
from margin_assets.whatif.amounts import Row, number, usd
from margin_assets.whatif.frames import Case


def reg_t_answer(case: Case, summary: Row) -> Row:
    """The `reg_t` block of an answer: requirements, excess, groups and how far they are proven."""
    groups = reg_t_requirements((case.margined,)).to_dicts()
    required = account_requirements(case.margined, summary, groups)
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
