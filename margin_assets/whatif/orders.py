"""Orders as a person writes them: `BUY 100 XOM @ 61.20`, several legs with `;` between."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from margin_assets.whatif.agreement import quoted
from schemas.columns import MAX_PRICE, MAX_QUANTITY

MOST_LEGS = 40
_LONGEST = 200
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?", re.ASCII)
_ORDER = re.compile(r"(BUY|SELL) +(\S+) +([!-~](?:[ -~]{0,30}[!-~])?) +@ +(\S+)", re.ASCII)
_FORM = 'must read as "BUY 100 XOM @ 61.20"'


class OrderError(ValueError):
    """An order that is not understood: one line that names the leg and the reason."""


class Order(NamedTuple):
    """One leg of an order."""

    symbol: str
    quantity: Decimal
    """Shares, contracts or principal; negative where sold."""
    price: Decimal
    """USD, as the feeds quote it."""

    def __str__(self) -> str:
        """The leg as a person writes it."""
        side = "BUY" if self.quantity > 0 else "SELL"
        return f"{side} {abs(self.quantity):f} {self.symbol} @ {self.price:f}"


def parse_orders(texts: Sequence[str]) -> list[Order]:
    """The legs of orders, in order.

    Raises:
        OrderError: one of them is not understood, or there is none, or too many.
    """
    if sum(map(len, texts)) > MOST_LEGS * _LONGEST:
        raise OrderError(f"an order has at most {MOST_LEGS * _LONGEST} characters")
    legs = [leg.strip(" ") for text in texts for leg in text.split(";")]
    if not 1 <= len(legs) <= MOST_LEGS:
        raise OrderError(f"an order has 1 to {MOST_LEGS} legs, not {len(legs)}")
    return [_leg(number, text) for number, text in enumerate(legs, 1)]


def _leg(number: int, text: str) -> Order:
    found = _ORDER.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise OrderError(f"leg {number}: {_FORM}, not {quoted(text)}")
    side, quantity, symbol, price = found.groups()
    size = _number(number, "quantity", quantity, MAX_QUANTITY)
    return Order(
        symbol, size if side == "BUY" else -size, _number(number, "price", price, MAX_PRICE)
    )


def _number(leg: int, what: str, text: str, most: Decimal) -> Decimal:
    number = Decimal(text) if _NUMBER.fullmatch(text) else Decimal(0)
    if not 0 < number <= most:
        bounds = f"above 0, at most {most:,f}, with at most 6 decimals"
        raise OrderError(f"leg {leg}: {what} must be a number {bounds}, not {quoted(text)}")
    return number
