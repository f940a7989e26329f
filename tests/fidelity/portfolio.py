"""Cases of portfolio margin. Rates and yields of the Cboe cases are those their notes state."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

from tests.fidelity.documents import (
    AS_OF,
    STOCK_PRICE,
    SYMBOL,
    USUAL,
    Case,
    Json,
    answer,
    instrument,
    option,
    stock,
)
from tests.fidelity.strategies import APRIL, CBOE_DAY, SPX

RISK_FREE = 0.05
_EQUITY_RANGE = 0.15
_FAR_PUT = {
    "strike": 60,
    "price": 0.01,
}  # of a stock at 100: ten lose about $120 at the worst point


def observed(case: Case) -> Json:
    """What the answer says to each expectation of a case."""
    by_id: dict[str, Callable[[Case], Json]] = {
        "D-AU-01": _covered_write,
        "D-AU-02": _protective_put,
        "D-RULE-08": _cheap_calls,
        "D-RULE-09": _far_puts,
    }
    if case["id"].startswith("D-CBOE"):
        return _cboe(case)
    return by_id.get(case["id"], _market_values)(case)


def _required(positions: list[Json], known: dict[str, Json], as_of: date = AS_OF) -> Json:
    setting = USUAL._replace(as_of=as_of, account_type="portfolio_margin", risk_free=RISK_FREE)
    found = answer(positions, known, setting)["portfolio_margin"]
    return {"pm_requirement": found["requirement"], "scan_risk": _scan_risk(found)}


def _scan_risk(found: Json) -> float:
    return sum(group["scan_risk"] for group in found["class_groups"])


def _cboe(case: Case) -> Json:
    prices = dict(case["prices"])
    as_of = date.fromisoformat(prices.pop("valuation_date"))
    known = {symbol: instrument(price) | SPX.get(symbol, {}) for symbol, price in prices.items()}
    held = [
        stock(row["symbol"], row["qty"])
        if row["type"] == "stock"
        else option(
            row["right"],
            row["strike"],
            row["qty"],
            row["price"],
            underlying=row["symbol"],
            expiry=_last_day(row),
            style="european" if row["symbol"] == "SPX" else "american",
        )
        for row in case["positions"]
    ]
    return _required(held, known, as_of)


def _last_day(row: Json) -> date:
    """Settled at Friday's opening, SPX options live through Thursday: 55 days, as the notes say."""
    expiry = date.fromisoformat(row["expiry"])
    return expiry - timedelta(days=1) if row["symbol"] == "SPX" else expiry


def _launch_example(case: Case, right: str, strike: int, quantity: int, price: float) -> Json:
    """500 IBM and five options out of the money. The day is not published: the other examples'.

    At the worst point the option is worth its intrinsic value there and, since it is all time
    value today, at most today's price more: the bounds of the requirement.
    """
    spot = Decimal(str(case["prices"]["IBM"]))
    leg = option(right, strike, quantity, price, underlying="IBM", expiry=APRIL)
    found = _required([stock("IBM", 500), leg], {"IBM": instrument(spot)}, CBOE_DAY)
    low, premium = spot * (1 - Decimal(str(_EQUITY_RANGE))), Decimal(str(price))
    inside = max(strike - low, Decimal(0)) if right == "P" else max(low - strike, Decimal(0))
    bound = 500 * (spot - low) - 100 * quantity * (inside - premium)
    ends = sorted((bound, bound - 100 * quantity * premium))
    required = Decimal(str(found["pm_requirement"]))
    return found | {"within_bounds": ends[0] <= required <= ends[1]}


def _covered_write(case: Case) -> Json:
    return _launch_example(case, "C", 95, -5, 2.78)


def _protective_put(case: Case) -> Json:
    return _launch_example(case, "P", 90, 5, 2.50)


def _cheap_calls(_: Case) -> Json:
    bought = option("C", 150, 10, 0.05)
    return _required([bought], {SYMBOL: instrument(100)})


def _far_puts(_: Case) -> Json:
    """The published loss fixes none of strike, price and expiry: they are chosen to give it."""
    sold = option("P", _FAR_PUT["strike"], -10, _FAR_PUT["price"])
    return _required([sold], {SYMBOL: instrument(100)})


def _market_values(case: Case) -> Json:
    rows = case["positions"]
    symbols = [row.get("class_group", SYMBOL) for row in rows]
    held = [
        stock(symbol, Decimal(row["market_value"]) / STOCK_PRICE)
        for symbol, row in zip(symbols, rows, strict=True)
    ]
    known = {
        symbol: instrument(STOCK_PRICE) | _range_terms(row)
        for symbol, row in zip(symbols, rows, strict=True)
    }
    return _required(held, known)


def _range_terms(row: Json) -> Json:
    if "class_group" in row or "SPY" in row["desc"]:
        return {"asset_class": "broad_index_high_cap"}
    if "IWM" in row["desc"]:
        return {"asset_class": "broad_index"}
    if "sector" in row["desc"]:
        return {"asset_class": "etf", "leverage": 1}
    return {}
