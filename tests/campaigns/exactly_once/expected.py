"""What a story's rows come to, told without the product: who holds what, who has how much cash."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Row = dict[str, Any]
Holding = tuple[str, str]
"""Account and symbol."""

_CENT = Decimal("0.01")
_CONTRACT, _BOND = 100, 10
"""What one of them stands for; a bond of 1,000 is quoted per 100."""


def holdings(fills: Iterable[Row]) -> dict[Holding, Decimal]:
    """What is held after all fills and their corrections; nothing that is flat."""
    held: defaultdict[Holding, Decimal] = defaultdict(Decimal)
    for row in standing(fills):
        held[row["account_id"], row["symbol"]] += row["quantity"]
    return {place: quantity for place, quantity in held.items() if quantity}


def cash(fills: Iterable[Row], movements: Iterable[Row]) -> dict[str, Decimal]:
    """Dollars of each account, none that has nothing; a fill's are rounded to the cent."""
    usd: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in movements:
        usd[row["account_id"]] += row["amount"]
    for row in standing(fills):
        units = row["quantity"] * _size(row["symbol"])
        usd[row["account_id"]] -= (units * row["price"]).quantize(_CENT, ROUND_HALF_UP)
    return {name: amount for name, amount in usd.items() if amount}


def standing(fills: Iterable[Row]) -> Iterator[Row]:
    """The version of each fill that stands (semantics 2.2, 2.3); of a bust, its quantity 0."""
    corrections: defaultdict[str, list[Row]] = defaultdict(list)
    roots = []
    for row in fills:
        if "corrects_fill_id" in row:
            corrections[row["corrects_fill_id"]].append(row)
        else:
            roots.append(row)
    for root in roots:
        row = root
        while below := corrections[row["fill_id"]]:
            row = max(below, key=lambda one: (one["event_time"], one["fill_id"]))
        yield row


def _size(symbol: str) -> int:
    return _CONTRACT if is_option(symbol) else _BOND if symbol == "TB" else 1


def is_option(symbol: str) -> bool:
    """Whether a symbol of the stories is an option's."""
    return " " in symbol
