"""Portfolio documents of options on one stock, and what is read from their answers."""

import json
from decimal import Decimal
from typing import Any

from margin_assets.whatif import whatif

AS_OF = "2020-03-09"
SOON, NINE_MONTHS, LATER = "2020-04-17", "2020-12-09", "2020-12-10"

Json = dict[str, Any]

STOCK: Json = {"price": 100, "asset_class": "equity", "beta": 1.5}


def shares(quantity: float, symbol: str = "X", **more: object) -> Json:
    return {"kind": "equity", "symbol": symbol, "quantity": quantity, **more}


def option(contract: str, quantity: int, price: float | None = None, **more: object) -> Json:
    """A contract such as `C105`."""
    row: Json = {"kind": "option", "underlying": "X", "strike": float(contract[1:])}
    row |= {"right": "call" if contract[0] == "C" else "put", "expiry": SOON, "style": "american"}
    row |= {"multiplier": 100, "quantity": quantity}
    return row | ({} if price is None else {"price": price}) | more


def document(
    *positions: Json,
    known: Json = STOCK,
    rate: float | None = 0.01,
    others: Json | None = None,
    **account: object,
) -> str:
    holder = {"account_id": "A", "account_type": "reg_t", "cash": 0} | account
    instruments = {"X": known} | (others or {})
    whole: Json = {"as_of": AS_OF, "account": holder, "positions": positions}
    whole |= {"instruments": instruments}
    if rate is not None:
        whole["rates"] = {"risk_free": rate}
    return json.dumps(whole)


def answer(*positions: Json, **more: Any) -> Json:
    return whatif(document(*positions, **more))


def figures(found: Json) -> tuple[float, ...]:
    """Maintenance, gross, initial and net deposit, and what equity has beyond the cash."""
    reg_t = found["reg_t"]
    names = ("maintenance_requirement", "gross_requirement", "initial_requirement", "net_deposit")
    return (*(reg_t[name] for name in names), reg_t["equity"] - found["cash"])


def names(found: Json) -> list[str]:
    return [group["strategy"] for group in found["reg_t"]["groups"]]


def reasons(found: Json, list_name: str = "indeterminate_reasons") -> set[str]:
    return {reason for entry in found[list_name] for reason in entry["reasons"]}


BROAD: Json = {"price": 100, "asset_class": "broad_index"}

TRIPLE: Json = {"price": 100, "asset_class": "etf", "leverage": 3}

EUROPEAN = {"style": "european"}


def cents(usd: float) -> int:
    return int(Decimal(str(usd)) * 100)


def check_laws(found: Json) -> None:
    reg_t, portfolio, house = found["reg_t"], found["portfolio_margin"], found["house"]
    for section in (reg_t, portfolio):
        name = "maintenance_requirement" if section is reg_t else "requirement"
        assert cents(section["excess"]) == cents(section["equity"]) - cents(section[name])
    for name in ("maintenance_requirement", "gross_requirement", "initial_requirement"):
        # A cash account's groups tell what a margin account would need.
        if found["account_type"] != "cash":
            assert sum(cents(group[name]) for group in reg_t["groups"]) == cents(reg_t[name]), name
    assert min(reg_t["maintenance_requirement"], portfolio["requirement"]) >= 0
    assert min(reg_t["gross_requirement"], reg_t["initial_requirement"], house["requirement"]) >= 0
    assert reg_t["initial_requirement"] >= reg_t["maintenance_requirement"]
    assert cents(reg_t["call"]) == max(0, -cents(reg_t["excess"]))
    assert cents(house["excess"]) == cents(found["equity"]) - cents(house["requirement"])
    for row in found["stress"]:
        assert min(row["requirement"], row["requirement_held"]) >= 0
        assert row["underwater"] == (row["excess_held"] < 0)
    for group in portfolio["class_groups"]:
        scan = max(0, *(-cents(pnl) for pnl in group["pnl_by_point"]))
        assert scan == cents(group["scan_risk"])
        whole = max(scan, cents(group["minimum"])) + cents(group["not_margined"])
        assert whole == cents(group["requirement"])
