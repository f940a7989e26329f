"""Deficient portfolio documents, what orders make of them, and the cheapest cure by trying all."""

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from margin_assets.kernels.liquidation.plan import Request
from margin_assets.whatif import parse_document, whatif
from margin_assets.whatif.document import symbol_of
from margin_assets.whatif.liquidation import liquidation

Json = dict[str, Any]
AS_OF = "2020-03-09"
LIQUID: Json = {"asset_class": "equity", "beta": 1.0, "volatility_annual": 0.5, "adv": 10_000_000}


def stock(symbol: str, quantity: float) -> Json:
    return {"kind": "equity", "symbol": symbol, "quantity": quantity}


def option(contract: str, quantity: int, price: float, underlying: str = "X") -> Json:
    """A contract such as `C105`, of April."""
    return {
        "kind": "option",
        "underlying": underlying,
        "right": "call" if contract[0] == "C" else "put",
        "strike": float(contract[1:]),
        "expiry": "2020-04-17",
        "style": "american",
        "multiplier": 100,
        "quantity": quantity,
        "price": price,
    }


def book(
    positions: Sequence[Json], instruments: Json, *, cash: float = 0, **account: object
) -> Json:
    holder = {"account_id": "A", "account_type": "reg_t", "cash": cash} | account
    known = {symbol: LIQUID | terms for symbol, terms in instruments.items()}
    whole: Json = {"as_of": AS_OF, "account": holder, "positions": [*positions]}
    return whole | {"instruments": known, "rates": {"risk_free": 0.01}}


def excess(document: Json) -> Decimal:
    """Excess by `whatif`: the ordinary kernels."""
    house = whatif(document)["house"]
    return Decimal(f"{house['excess']:.2f}")


def short_of(document: Json, part: float) -> Json:
    """The document with so much cash that a part of its requirement is missing."""
    found = whatif(document)
    missing = found["house"]["requirement"] * part
    cash = document["account"]["cash"] - found["house"]["excess"] - missing
    account = document["account"] | {"cash": round(cash, 2)}
    return document | {"account": account}


def plan(document: Json, **request: Any) -> Json:
    return liquidation(parse_document(json.dumps(document)), Request(**request))


def sizes(found: Json) -> dict[str, Decimal]:
    """Quantities by symbol, sales negative."""
    sign = {"sell": -1, "buy": 1}
    return {o["symbol"]: sign[o["side"]] * o["quantity"] for o in found["orders"]}


def filled(document: Json, orders: Sequence[Json]) -> Json:
    """The document after fills of the orders at their prices, cash to the cent."""
    rows = [dict(row) for row in document["positions"]]
    named = parse_document(json.dumps(document)).positions
    cash = Decimal(str(document["account"]["cash"]))
    for order in orders:
        is_sale = order["side"] == "sell"
        at = next(
            i
            for i, row in enumerate(named)
            if symbol_of(i, row) == order["symbol"] and (rows[i]["quantity"] > 0) == is_sale
        )
        sign = -1 if is_sale else 1
        rows[at]["quantity"] = float(Decimal(str(rows[at]["quantity"])) + sign * order["quantity"])
        cash -= sign * order["value"]
    left = [row for row in rows if row["quantity"]]
    account = document["account"] | {"cash": float(cash)}
    return document | {"positions": left, "account": account}


def proper_subsets(orders: Sequence[Json]) -> Iterator[tuple[Json, ...]]:
    for count in range(len(orders)):
        yield from itertools.combinations(orders, count)


def order_cost(document: Json, row: Json, lots: int) -> int:
    """Cost of an order by the rulebook's formula, written out again; cents, rounded up."""
    if not lots:
        return 0
    is_option = row["kind"] == "option"
    known = document["instruments"][row["underlying"] if is_option else row["symbol"]]
    price, units = (row["price"], 100 * lots) if is_option else (known["price"], lots)
    half, tick = (0.03, 0.01) if is_option else (0.0005, 0.005)
    spread = max(half * price, tick) * units
    daily = known["volatility_annual"] / math.sqrt(252)
    shares, value = units, units * price
    if is_option:
        return math.ceil(100 * (spread + max(1.0, 0.65 * lots)) - 1e-6)
    impact = daily * value * math.sqrt(shares / known["adv"])
    return math.ceil(100 * (spread + impact + max(1.0, 0.005 * lots)) - 1e-6)


def cheapest(document: Json, target: Decimal) -> int | None:
    """Least cost, cents, of all ways to reduce the positions that reach the target."""
    rows = document["positions"]
    best = None
    for lots in itertools.product(*(range(int(abs(row["quantity"])) + 1) for row in rows)):
        cost = sum(order_cost(document, row, n) for row, n in zip(rows, lots, strict=True))
        if (best is None or cost < best) and _reaches(document, lots, target):
            best = cost
    return best


def _reaches(document: Json, lots: Sequence[int], target: Decimal) -> bool:
    named = parse_document(json.dumps(document)).positions
    rows = zip(document["positions"], lots, _values(document), strict=True)
    orders = [
        {
            "symbol": symbol_of(i, named[i]),
            "side": "sell" if row["quantity"] > 0 else "buy",
            "quantity": Decimal(n),
            "value": n * price,
        }
        for i, (row, n, price) in enumerate(rows)
        if n
    ]
    return excess(filled(document, orders)) >= target


def _values(document: Json) -> list[Decimal]:
    """What a lot of each position is worth."""
    return [
        100 * Decimal(str(row["price"]))
        if row["kind"] == "option"
        else Decimal(str(document["instruments"][row["symbol"]]["price"]))
        for row in document["positions"]
    ]
