"""Positions of margin-estimator's tests: each in a margin account and in a cash account.

Its `margin_requirement` is gross for uncovered short options and for straddles, net of premium for
spreads and long options, and on the cost of shares for what has shares. Its `cash_requirement` is
net of premium but for what has shares.
"""

from datetime import timedelta
from decimal import Decimal

from tests.fidelity.documents import (
    AS_OF,
    SYMBOL,
    USUAL,
    Case,
    Json,
    answer,
    instrument,
    option,
    requirement,
    stock,
)
from tests.fidelity.strategies import stock_at_cost

_GROSS = ("naked_call", "naked_put", "short_straddle", "short_strangle")


def margin_requirement(case: Case) -> float:
    """In a margin account, on the basis of the source."""
    found = answer(positions(case), {SYMBOL: _underlying(case)})
    held = _shares(case)
    if held is None:
        return round(sum(_on_its_basis(group) for group in found["reg_t"]["groups"]), 2)
    spot, cost = float(case["underlying"]["price"]), float(held["price"])
    deposit = stock_at_cost(found, held["quantity"], spot, cost)
    return deposit - min(held["quantity"], 0) * cost  # a short sale's proceeds stay


def _on_its_basis(group: Json) -> float:
    basis = "gross_requirement" if group["strategy"] in _GROSS else "net_deposit"
    amount: float = group[basis]
    return amount


def cash_requirement(case: Case) -> float:
    """In a cash account, shares at their cost."""
    setting = USUAL._replace(account_type="cash")
    found = answer(positions(case), {SYMBOL: _underlying(case)}, setting)
    held = _shares(case)
    if held is None:
        return requirement(found, "net_deposit")
    over = Decimal(held["price"]) - Decimal(case["underlying"]["price"])
    return requirement(found, "gross_requirement") + float(over * abs(held["quantity"]))


def rounding(case: Case) -> Decimal:
    """What the source's rounding to the cent a share may move: half a cent a unit written."""
    written = (leg["quantity"] for leg in case["legs"] if leg["kind"] == "option")
    return Decimal("0.5") * sum(-quantity for quantity in written if quantity < 0)


def positions(case: Case) -> list[Json]:
    """Legs of a case, days to expiry counted from the day of the document."""
    return [
        stock(SYMBOL, leg["quantity"])
        if leg["kind"] == "shares"
        else option(
            leg["type"],
            leg["strike"],
            leg["quantity"],
            leg["price"],
            expiry=AS_OF + timedelta(days=leg["days_to_expiry"]),
        )
        for leg in case["legs"]
    ]


def _shares(case: Case) -> Json | None:
    return next((leg for leg in case["legs"] if leg["kind"] == "shares"), None)


def _underlying(case: Case) -> Json:
    terms = case["underlying"]
    leverage, kind = float(terms["leverage_factor"]), terms["etf_type"]
    if leverage != 1.0:
        fund = {"leverage": leverage, "broad_based": kind == "broad-based"}
        return instrument(terms["price"], "etf", **fund)
    classes = {None: "equity", "broad-based": "broad_index", "narrow-based": "narrow_index"}
    return instrument(terms["price"], classes[kind])
