"""Cases of stock and bonds: maintenance, initial requirement and SMA."""

from collections.abc import Callable
from decimal import Decimal

from tests.fidelity.documents import (
    AS_OF,
    STOCK_PRICE,
    SYMBOL,
    USUAL,
    Case,
    Json,
    answer,
    bond,
    instrument,
    most_on,
    requirement,
    stock,
    value_of,
    years_on,
)

_CENT = Decimal("0.01")


def _value(row: Json, case: Case) -> tuple[Decimal, Decimal]:
    """Signed market value and price of a position."""
    if "market_value" in row:
        sign = -1 if row["type"] == "stock_short" else 1
        return sign * Decimal(str(row["market_value"])), Decimal(STOCK_PRICE)
    price = Decimal(str(case["prices"]["stock"]))
    return row["qty"] * price, price


def maintenance(case: Case) -> Json:
    """Equity maintenance, by the kind of position."""
    rows = case["positions"]
    if len(rows) == 2:
        return _held_both_ways(case)
    by_type: dict[str, Callable[[Case], Json]] = {
        "letf": _leveraged_fund,
        "bond_short": _short_bond,
        "us_treasury": _long_bond,
        "ig_corporate": _long_bond,
    }
    if "trigger_lmv" in case["expected"]:
        return _trigger(case)
    return by_type.get(rows[0]["type"], _stock)(case)


def _stock(case: Case) -> Json:
    (row,) = case["positions"]
    value, price = _value(row, case)
    terms = {"price": price, "marginable": row["type"] != "non_margin_equity"}
    found = value_of(value, terms, USUAL._replace(cash=case["cash"] or 0))
    return {
        "equity": found["equity"],
        "maintenance": requirement(found, "maintenance_requirement"),
        "call": requirement(found, "call"),
    }


def _trigger(case: Case) -> Json:
    """The published value, if the excess there is zero and a cent less is a call."""
    lmv = Decimal(str(case["expected"]["trigger_lmv"]))
    setting = USUAL._replace(cash=case["cash"])
    there, below = (
        requirement(value_of(value, {"price": 1}, setting), "excess")
        for value in (lmv, lmv - 2 * _CENT)
    )
    return {"trigger_lmv": float(lmv) if there == 0 and below < 0 else None}


def _leveraged_fund(case: Case) -> Json:
    (row,) = case["positions"]
    terms = {"asset_class": "etf", "leverage": row["leverage"]}
    value = row["market_value"]
    long, short = (
        requirement(value_of(signed, terms), "maintenance_requirement")
        for signed in (value, -value)
    )
    return {
        "long_maintenance": long,
        "short_maintenance": short,
        "maintenance": long,
        "max_mv_on_100k": most_on(100_000, terms),
    }


def _held_both_ways(case: Case) -> Json:
    rows = case["positions"]
    (symbol,) = {row["symbol"] for row in rows}
    held = [stock(symbol, row["qty"]) for row in rows]
    found = answer(held, {symbol: instrument(case["prices"][symbol])})
    return {"maintenance": requirement(found, "maintenance_requirement")}


def _short_bond(case: Case) -> Json:
    """Of a class that (c)(4) governs: a corporate one."""
    (row,) = case["positions"]
    sold = bond(
        "corporate_investment_grade", -row["principal"], years_on(10), case["prices"]["pct_of_par"]
    )
    return {"maintenance": requirement(answer([sold], {}), "maintenance_requirement")}


def _long_bond(case: Case) -> Json:
    """Held at par."""
    (row,) = case["positions"]
    kind = {"us_treasury": "us_treasury", "ig_corporate": "corporate_investment_grade"}[row["type"]]
    maturity = years_on(row.get("years_to_maturity", 10), AS_OF)
    held = bond(kind, row["market_value"], maturity)
    return {"maintenance": requirement(answer([held], {}), "maintenance_requirement")}


def initial(case: Case) -> Json:
    """Regulation T: deposits, excess, buying power."""
    (row,) = case["positions"]
    value, price = _value(row, case)
    setting = USUAL._replace(cash=case["cash"] or 0, sma=row.get("sma", 0))
    found = answer([stock(SYMBOL, value / price)], {SYMBOL: instrument(price)}, setting)
    deposit = requirement(found, "net_deposit")
    return {
        "deposit": deposit,
        "total_credit": deposit + found["short_market_value"],
        "equity": found["equity"],
        "excess": requirement(found, "reg_t_excess"),
        "regt_requirement": requirement(found, "initial_requirement"),
        "buying_power": requirement(found, "buying_power"),
    }
