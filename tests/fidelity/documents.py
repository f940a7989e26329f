"""Portfolio documents of published cases. What a case leaves open is chosen here, and named.

- A day: the first one under the rulebook held here that has the spreads of Regulatory Notice 12-44.
- An expiry: 60 days on, the same for all options of a case.
- A price of an option: the least that a document takes, worth less than half a cent a contract.
- A price of a stock of which only the market value is given: $100.
- Style: American, on an index European.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any, NamedTuple

from margin_assets.whatif import whatif

Case = dict[str, Any]
Json = dict[str, Any]
Number = int | float | str | Decimal

AS_OF = date(2013, 1, 23)
EXPIRY = AS_OF + timedelta(days=60)
LEAST_PRICE = "0.000001"
STOCK_PRICE = 100
SYMBOL = "X"


class RefusedError(Exception):
    """The answer is no figure: the document is refused, or the account indeterminate."""


class Setting(NamedTuple):
    """The account and the day."""

    as_of: date = AS_OF
    account_type: str = "reg_t"
    cash: Number = 0
    sma: Number = 0
    risk_free: Number | None = None


USUAL = Setting()


def stock(symbol: str, quantity: Number) -> Json:
    return {"kind": "equity", "symbol": symbol, "quantity": Decimal(str(quantity))}


def option(
    right: str,
    strike: Number,
    quantity: int,
    price: Number = 0,
    *,
    underlying: str = SYMBOL,
    expiry: date = EXPIRY,
    style: str = "american",
    listed: bool = True,
) -> Json:
    """An option on 100 units; without a price, or at 0, at the least one."""
    return {
        "kind": "option",
        "underlying": underlying,
        "right": {"C": "call", "P": "put"}[right],
        "strike": Decimal(str(strike)),
        "expiry": expiry.isoformat(),
        "style": style,
        "multiplier": 100,
        "quantity": quantity,
        "price": Decimal(str(price)) or Decimal(LEAST_PRICE),
        "listed": listed,
    }


def bond(bond_class: str, principal: Number, maturity: date, price_pct: Number = 100) -> Json:
    return {
        "kind": "bond",
        "bond_class": bond_class,
        "principal": principal,
        "price_pct": price_pct,
        "maturity": maturity.isoformat(),
    }


def years_on(years: float, start: date = AS_OF) -> date:
    return start + timedelta(days=round(years * 365.25))


def answer(
    positions: Sequence[Json], instruments: Mapping[str, Json], setting: Setting = USUAL
) -> Json:
    """What is answered to a document.

    Raises:
        RefusedError: If the account is indeterminate.
        DocumentError: If the document is refused.
    """
    document = {
        "as_of": setting.as_of.isoformat(),
        "account": {
            "account_id": "A",
            "account_type": setting.account_type,
            "cash": setting.cash,
            "sma": setting.sma,
        },
        "positions": list(positions),
        "instruments": dict(instruments),
    }
    if setting.risk_free is not None:
        document["rates"] = {"risk_free": setting.risk_free}
    found = whatif(json.dumps(document, default=float))
    if found["status"] != "determinate":
        raise RefusedError(str(found["indeterminate_reasons"]))
    return found


def instrument(price: Number, asset_class: str = "equity", **terms: object) -> Json:
    return {"price": Decimal(str(price)), "asset_class": asset_class, **terms}


def value_of(amount: Number, terms: Json | None = None, setting: Setting = USUAL) -> Json:
    """The answer for so much market value, negative if short, of one stock."""
    known = instrument(STOCK_PRICE) | (terms or {})
    quantity = Decimal(str(amount)) / Decimal(str(known["price"]))
    return answer([stock(SYMBOL, quantity)], {SYMBOL: known}, setting)


def requirement(found: Json, name: str) -> float:
    """A requirement of the strategy-based method, such as `gross_requirement`."""
    amount: float = found["reg_t"][name]
    return amount


def most_on(equity: int, terms: Json, setting: Setting = USUAL) -> float | None:
    """Most value of one stock on so much equity; None if a document of it says otherwise."""
    cent, some = Decimal("0.01"), 10_000

    def asked(value: Decimal) -> Decimal:
        found = value_of(value, terms, setting)
        return Decimal(str(requirement(found, "maintenance_requirement")))

    most = (equity * some / asked(Decimal(some))).quantize(cent, ROUND_DOWN)
    return float(most) if asked(most) <= equity < asked(most + 2 * cent) else None


def option_proceeds(groups: Sequence[Json]) -> float:
    return round(sum(group["initial_requirement"] - group["net_deposit"] for group in groups), 2)
