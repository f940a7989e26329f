"""Cases of the strategy-based rules. What their fields name is in `docs/fidelity.md`."""

from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

from tests.fidelity.documents import (
    AS_OF,
    EXPIRY,
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

SPREAD_RULE = "FINRA 4210(f)(2)(H)(i)"
CBOE_DAY = date(2007, 2, 23)
# Expirations of April 2007: the Saturday after the third Friday, of an index's options the Friday.
APRIL, APRIL_INDEX, JULY = date(2007, 4, 21), date(2007, 4, 20), date(2007, 7, 21)
SPX = {
    "SPX": {"asset_class": "broad_index_high_cap", "dividend_yield": 0.0155},
    "SPY": {"asset_class": "etf", "leverage": 1, "class_group": "SPX"},
}
_SPREADS = {"C-ME-32": EXPIRY + timedelta(days=30)}  # long leg of the calendar
_UNDERLYINGS: dict[str, Callable[[float], Json]] = {
    "equity": lambda _: {},
    "broad index/etf": lambda _: {"asset_class": "broad_index"},
    "leveraged etf broad": lambda leverage: _fund(leverage, broad_based=True),
    "leveraged etf narrow": lambda leverage: _fund(leverage, broad_based=False),
}
_BOX = ((300, "C", 60.0), (320, "C", 41.0), (320, "P", 4.6), (300, "P", 3.8))


def _fund(leverage: float, *, broad_based: bool) -> Json:
    return {"asset_class": "etf", "leverage": leverage, "broad_based": broad_based}


def observed(case: Case) -> Json:
    """What the answer says to each expectation of a case."""
    special: dict[str, Callable[[Case], Json]] = {
        "C-ME-53": _covered_put,
        "C-ME-54": _covered_call,
        "C-HEDGE-04": _conversion,
        "C-HEDGE-05": _reverse_conversion,
    }
    if case["id"] in special:
        return special[case["id"]](case)
    held, known = positions(case), underlyings(case)
    setting = USUAL._replace(as_of=CBOE_DAY if _is_cboe(case) else AS_OF)
    found = answer(held, known, setting)
    figures = {
        "gross_requirement": requirement(found, "gross_requirement"),
        "requirement": requirement(found, "gross_requirement"),
        "gross_combination": requirement(found, "gross_requirement"),
        "short_leg_requirement": requirement(found, "maintenance_requirement"),
        "net_deposit": requirement(found, "net_deposit"),
        "initial_deposit_net_of_premium": requirement(found, "net_deposit"),
        "net_premium_debit": found["net_option_value"],
        "max_potential_loss": sum(
            group["max_potential_loss"]
            for group in found["reg_t"]["groups"]
            if group["rule"] == SPREAD_RULE
        ),
    }
    if "cash_account" in case["expected"]:
        paid = answer(held, known, setting._replace(account_type="cash"))
        figures["cash_account"] = requirement(paid, "gross_requirement")
    if "unpaired_requirement" in case["expected"]:
        alone = (requirement(answer([leg], known), "gross_requirement") for leg in held)
        figures["unpaired_requirement"] = sum(alone)
    return figures


def _is_cboe(case: Case) -> bool:
    return case["id"].startswith(("C-CBOE", "C-AU"))


def positions(case: Case) -> list[Json]:
    """The case's own positions; an option without a symbol is on the case's underlying."""
    return [_position(case, row) for row in case["positions"]]


def _position(case: Case, row: Json) -> Json:
    symbol = row.get("symbol") or _underlying_of_options(case)
    if row["type"] == "stock":
        return stock(symbol, row["qty"])
    expiry = _expiry(case, row)
    is_european = case["prices"].get("style") == "European" or symbol == "SPX"
    prices = {(strike, right): price for strike, right, price in _BOX}
    price = row.get("price") or 0
    if case["id"] == "C-BOX-01":
        # Without a price the box is worth nothing: that of the other box, on the same strikes.
        price = prices[(row["strike"], row["right"])]
    return option(
        row["right"],
        row["strike"],
        row["qty"],
        price,
        underlying=symbol,
        expiry=expiry,
        style="european" if is_european else "american",
        listed=row["type"] != "otc_option",
    )


def _underlying_of_options(case: Case) -> str:
    return next((name for name in ("IBM", "SPX") if name in case["prices"]), SYMBOL)


def _expiry(case: Case, row: Json) -> date:
    if case["id"] == "C-AU-03":
        return APRIL if row["qty"] > 0 else JULY
    if _is_cboe(case):
        return APRIL_INDEX if "SPX" in case["prices"] else APRIL
    if "months_to_expiry" in row:
        return _months_on(row["months_to_expiry"])
    return _SPREADS.get(case["id"], EXPIRY) if row["qty"] > 0 else EXPIRY


def _months_on(months: int) -> date:
    years, month = divmod(AS_OF.month - 1 + months, 12)
    year = AS_OF.year + years
    return date(year, month + 1, min(AS_OF.day, monthrange(year, month + 1)[1]))


def underlyings(case: Case) -> dict[str, Json]:
    """Instruments of a case; without a price the middle strike is the underlying's."""
    prices = case["prices"]
    if "SPX" in prices:
        return {name: instrument(prices[name]) | terms for name, terms in SPX.items()}
    if "IBM" in prices:
        return {"IBM": instrument(prices["IBM"])}
    strikes = sorted({row["strike"] for row in case["positions"] if "strike" in row})
    price = prices.get("underlying", strikes[len(strikes) // 2])
    kind = prices.get("underlying_type", "broad index/etf" if _is_index(case) else "equity")
    return {SYMBOL: instrument(price) | _UNDERLYINGS[kind](prices.get("leverage", 1))}


def _is_index(case: Case) -> bool:
    """A rate of 15% or European exercise says that the underlying is a broad index."""
    return case["prices"].get("pct") == 0.15 or case["prices"].get("style") == "European"


def stock_at_cost(found: Json, quantity: int, price: float, cost: float) -> float:
    """Initial requirement with the stock at what was paid for it.

    4210(a)(2): on the day of the purchase or sale, its total cost or net proceeds. A document has
    one price a symbol, which the options need: what the stock alone requires is put in its place.
    """
    alone = [
        requirement(
            answer([stock(SYMBOL, quantity)], {SYMBOL: instrument(paid)}), "initial_requirement"
        )
        for paid in (price, cost)
    ]
    return round(requirement(found, "initial_requirement") - alone[0] + alone[1], 2)


def _covered_put(case: Case) -> Json:
    price, sold_at = case["prices"]["underlying"], case["prices"]["short_sale_price"]
    found = answer(positions(case), underlyings(case))
    (quantity,) = (row["qty"] for row in case["positions"] if row["type"] == "stock")
    deposit = stock_at_cost(found, quantity, price, sold_at)
    return {"total_incl_proceeds": deposit - quantity * sold_at}


def _covered_call(case: Case) -> Json:
    price, cost = case["prices"]["underlying"], case["prices"]["stock_cost"]
    found = answer(positions(case), underlyings(case))
    (quantity,) = (row["qty"] for row in case["positions"] if row["type"] == "stock")
    return {"regt_initial": stock_at_cost(found, quantity, price, cost)}


def _hedged(case: Case, shares: int, legs: dict[str, int]) -> Json:
    """100 shares and one contract of each right, struck at 100."""
    held = [stock(SYMBOL, shares), *(option(right, 100, n) for right, n in legs.items())]
    found = answer(held, {SYMBOL: instrument(case["prices"]["underlying"])})
    return {"maintenance": requirement(found, "maintenance_requirement")}


def _conversion(case: Case) -> Json:
    return _hedged(case, 100, {"C": -1, "P": 1})


def _reverse_conversion(case: Case) -> Json:
    return _hedged(case, -100, {"P": -1, "C": 1})


def _leg(right: str, leg: Json, price: float, expiry: date) -> Json:
    return option(right, leg["strike"], leg["contracts"], price, expiry=expiry)


def overlapping_spreads(material: Json) -> Json:
    """The two interleaved spreads held, and the order for the second one on top of the first."""
    expiry = date.fromisoformat(material["expiry"])
    setting = USUAL._replace(as_of=expiry - timedelta(days=30))
    known = {SYMBOL: instrument(material["underlying_price"])}
    prices = {leg["strike"]: leg["price"] for leg in material["legs"]}

    def held(legs: list[Json]) -> list[Json]:
        return [_leg(leg["right"][0], leg, prices[leg["strike"]], expiry) for leg in legs]

    order = material["order_case"]
    added = order["order"]
    debit = 100 * sum(Decimal(str(prices[leg["strike"]])) * leg["contracts"] for leg in added)
    both = held(order["held"] + added)
    before = answer(held(order["held"]), known, setting._replace(cash=order["cash"]))
    after = answer(both, known, setting._replace(cash=order["cash"] - debit))
    needed = requirement(after, "net_deposit") - requirement(before, "net_deposit")
    is_sufficient = needed <= order["cash"] and requirement(after, "excess") >= 0
    whole = answer(held(material["legs"]), known, setting)
    return {
        "expected_maintenance_margin": requirement(whole, "maintenance_requirement"),
        "order_needs": round(needed, 2),
        "order_is_sufficient": is_sufficient,
    }
