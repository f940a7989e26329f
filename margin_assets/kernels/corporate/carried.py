"""Prices from before an action, as prices of the units after it."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from margin_assets.kernels.corporate.actions import NONE, Action
from margin_assets.kernels.corporate.balances import carried_price


class Quote(NamedTuple):
    """A price in micro-dollars and when it was made, microseconds; negative where there is none."""

    price: int
    time: int


def carried(symbol: str, landed: Callable[[str], Quote], actions: list[Action]) -> Quote:
    """Price that stands for a symbol: its own, or that of the symbol it was until an action.

    A split's price follows its ratio, that of a parent is less by what it gave where that is
    stated; a new symbol, and what is given at a stated value, is priced until it trades.
    """
    own = landed(symbol)
    before = [a for a in actions if a.other == symbol and a.at > own.time]
    found = max([own, *(_handed(a, landed, actions) for a in before)], key=lambda q: q.time)
    return over(symbol, found, actions)


def over(symbol: str, quote: Quote, actions: Iterable[Action]) -> Quote:
    """A symbol's own price over the actions since it was made."""
    for action in actions:
        if action.symbol == symbol and quote.time < action.at:
            quote = Quote(_after(action, quote.price), quote.time)
    return quote


def _after(action: Action, price: int) -> int:
    """Price of a unit of the symbol itself after an action."""
    if action.given_value and action.own.units:
        given = action.given_value * action.given.units // action.given.per
        return max(price - given, 0)
    return carried_price(price, action.own) if action.own.units else price


def _handed(action: Action, landed: Callable[[str], Quote], actions: list[Action]) -> Quote:
    """Price that an action hands to the symbol that it gives; none where it is not told."""
    earlier = [a for a in actions if a.at < action.at]
    was = carried(action.symbol, landed, earlier)
    if was.time < 0 or was.time >= action.at:
        return Quote(0, -1)
    if action.given_value:
        return Quote(action.given_value, was.time)
    if action.own == NONE and not action.paid:
        return Quote(carried_price(was.price, action.given), was.time)
    return Quote(0, -1)
