"""Liquidation plans as acts propose them."""

import json
from collections.abc import Mapping
from typing import Any

from margin_assets.kernels.liquidation.proposals import order_id, plan_id

Row = dict[str, Any]
TERMS: Row = {
    "policy": "least_cost",
    "answers": None,
    "buffer": "0.100000",
    "deficiency": "2500.00",
    "target_excess": "250.00",
    "expected_excess": "300.00",
    "cost": "12.34",
    "cost_lower_bound": "12.00",
    "proof": "linear_relaxation",
}


def order(symbol: str, quantity: str, price: str = "50", side: str = "sell") -> Row:
    return {"symbol": symbol, "side": side, "quantity": quantity, "price": price, "cost": "1.00"}


def proposal(*orders: Row, account: str = "A", cycle: int = 2, **terms: object) -> tuple[str, Row]:
    """Id of a plan, and the plan."""
    told = TERMS | {"account_id": account, "planned_from": cycle} | terms
    asked = list(orders or (order("X", "300"),))
    name = plan_id(account, cycle, told["policy"], asked)
    told["orders"] = [row | {"order_id": order_id(name, row["symbol"])} for row in asked]
    return name, told


def text_of(plan: Mapping[str, object]) -> str:
    return json.dumps(plan, sort_keys=True)
