"""Published worked examples as portfolio documents, and what an answer says to each expectation."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from margin_assets.whatif import whatif

Case = dict[str, Any]
Row = dict[str, Any]

AREAS = ("equity_maintenance", "regt_initial_sma", "portfolio_margin", "house_overlay")
PRICE = 100  # where the example gives a market value and no price
AFTER_RN_12_44 = "2013-01-23"
_BONDS = ("bond_short", "us_treasury", "ig_corporate")
_STOCKS = ("stock", "stock_short", "letf", "non_margin_equity")


def worked_examples(folder: str | None) -> list[Case]:
    """The cases of the areas that this release has something to say about."""
    if folder is None:
        return []
    cases = json.loads(Path(folder, "margin_worked_examples.json").read_text("utf-8"))
    return [case for case in cases if case["area"] in AREAS]


def unanswerable(case: Case) -> str | None:
    """Why this release cannot answer a case; None if it can."""
    rows = case["positions"]
    if case["rule"] == "house":
        return "house overlays of other firms are not in this release"
    if any(row.get("type") == "option" for row in rows) or _mentions_options(rows):
        return "options are not margined yet"
    if any(row.get("type") in _BONDS for row in rows):
        return "bonds are not margined yet"
    if case["rule"] == "FINRA 4210(e)(1)":
        return "long and short of one security are netted: 4210(e)(1) is not in this release"
    return None


def _mentions_options(rows: list[Row]) -> bool:
    words = ("calls", "puts", "covered write", "protective put")
    return any(word in row.get("desc", "") for row in rows for word in words)


def margin_of(
    market_values: dict[str, Decimal],
    *,
    cash: Decimal | int = 0,
    price: Decimal | int = PRICE,
    sma: Decimal | int = 0,
    instruments: dict[str, Row] | None = None,
) -> Row:
    """The answer for an account that holds these market values, one symbol each."""
    terms = instruments or {}
    known = {
        symbol: {"price": price, "asset_class": "equity"} | terms.get(symbol, {})
        for symbol in market_values
    }
    document = {
        "as_of": AFTER_RN_12_44,
        "account": {"account_id": "A", "account_type": "reg_t", "cash": cash, "sma": sma},
        "positions": [
            {"kind": "equity", "symbol": symbol, "quantity": value / price}
            for symbol, value in market_values.items()
        ],
        "instruments": terms | known,
    }
    return whatif(json.dumps(document, default=float))


def observed(case: Case) -> Row:
    """What whatif answers to each expectation of the case."""
    area: Callable[[Case], Row] = {
        "equity_maintenance": _maintenance,
        "regt_initial_sma": _initial,
        "portfolio_margin": _portfolio_margin,
    }[case["area"]]
    return area(case)


def _value(case: Case, row: Row) -> tuple[Decimal, Decimal]:
    """Signed market value and price of a position."""
    if "market_value" in row:
        sign = -1 if row["type"] == "stock_short" else 1
        return sign * Decimal(str(row["market_value"])), Decimal(PRICE)
    price = Decimal(str(case["prices"][row.get("symbol", "stock")]))
    return row["qty"] * price, price


def _cash(case: Case) -> Decimal:
    return Decimal(str(case["cash"] or 0))


def _maintenance(case: Case) -> Row:
    (row,) = case["positions"]
    if "trigger_lmv" in case["expected"]:
        return {"trigger_lmv": _trigger(case)}
    if row["type"] == "letf":
        return _leveraged_fund(row)
    value, price = _value(case, row)
    terms = {"X": {"marginable": row["type"] != "non_margin_equity"}}
    answer = margin_of({"X": value}, cash=_cash(case), price=price, instruments=terms)
    return {
        "equity": answer["equity"],
        "maintenance": answer["reg_t"]["maintenance_requirement"],
        "call": answer["reg_t"]["call"],
    }


def _trigger(case: Case) -> float | None:
    """The expected value at which a call begins, if the excess there is zero and a cent on not."""
    lmv = Decimal(str(case["expected"]["trigger_lmv"]))
    excess = [
        margin_of({"X": value}, cash=_cash(case), price=1)["reg_t"]["excess"]
        for value in (lmv, lmv - Decimal("0.02"))
    ]
    return float(lmv) if excess[0] == 0 and excess[1] < 0 else None


def _leveraged_fund(row: Row) -> Row:
    value = Decimal(row["market_value"])
    terms = {"X": {"asset_class": "etf", "leverage": row["leverage"]}}
    long, short = (
        margin_of({"X": signed}, instruments=terms)["reg_t"]["maintenance_requirement"]
        for signed in (value, -value)
    )
    return {"long_maintenance": long, "short_maintenance": short}


def _initial(case: Case) -> Row:
    (row,) = case["positions"]
    value, price = _value(case, row)
    sma = row.get("sma", 0)
    answer = margin_of({"X": value}, cash=_cash(case), price=price, sma=sma)
    reg_t = answer["reg_t"]
    return {
        "deposit": reg_t["net_deposit"],
        "total_credit": reg_t["net_deposit"] + answer["short_market_value"],
        "equity": answer["equity"],
        "excess": reg_t["reg_t_excess"],
        "regt_requirement": reg_t["initial_requirement"],
        "buying_power": reg_t["buying_power"],
    }


def _portfolio_margin(case: Case) -> Row:
    rows = case["positions"]
    values = {row.get("class_group", "X"): Decimal(row["market_value"]) for row in rows}
    terms = {symbol: _range_terms(row) for symbol, row in zip(values, rows, strict=True)}
    answer = margin_of(values, instruments=terms)
    return {"pm_requirement": answer["portfolio_margin"]["requirement"]}


def _range_terms(row: Row) -> Row:
    if "class_group" in row or "SPY" in row["desc"]:
        return {"asset_class": "broad_index_high_cap"}
    if "IWM" in row["desc"]:
        return {"asset_class": "broad_index"}
    if "sector" in row["desc"]:
        return {"asset_class": "etf", "leverage": 1}
    return {"asset_class": "equity"}
