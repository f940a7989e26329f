"""Prices and volumes from before an action, as those of the units after it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.book.terms import from_their_dates, latest
from margin_assets.kernels.corporate.actions import NONE, Action, Ratio, Register
from margin_assets.kernels.corporate.balances import DEAREST, carried_price, carried_units
from margin_assets.kernels.numeric.money import instants, to_decimal, to_scaled

_DAY = 86_400_000_000


class Quote(NamedTuple):
    """A price in micro-dollars and when it was made, microseconds; negative where there is none."""

    price: int
    time: int


NO_QUOTE = Quote(0, -1)


def carried(symbol: str, landed: Callable[[str], Quote], actions: list[Action]) -> Quote:
    """Price that stands for a symbol: its own, or that of the symbol it was until an action.

    A split's price follows its ratio, that of a parent is less by what it gave where that is
    stated; a new symbol, and what is given at a stated value, is priced until it trades. What comes
    to more than any price may be is none: a ratio told the wrong way round makes `price_missing`.
    """
    found = _exactly(symbol, landed, actions)
    return found if is_possible(found) else NO_QUOTE


def is_possible(quote: Quote) -> bool:
    """Whether a carried price may be one: only a false ratio makes it dearer than any."""
    return quote.price <= DEAREST


def _exactly(symbol: str, landed: Callable[[str], Quote], actions: list[Action]) -> Quote:
    own = landed(symbol)
    before = [a for a in actions if a.other == symbol and a.at > own.time]
    found = max([own, *(_handed(a, landed, actions) for a in before)], key=lambda q: q.time)
    return over(symbol, found, actions)


def over(symbol: str, quote: Quote, actions: Iterable[Action]) -> Quote:
    """A symbol's own price over the actions since it was made, whether or not it is possible."""
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
    was = _exactly(action.symbol, landed, earlier)
    if was.time < 0 or was.time >= action.at:
        return NO_QUOTE
    if action.given_value:
        return Quote(action.given_value, was.time)
    if action.own == NONE and not action.paid:
        return Quote(carried_price(was.price, action.given), was.time)
    return NO_QUOTE


class Traded(NamedTuple):
    """How securities trade, and what became of their units."""

    volumes: pl.DataFrame
    """Landed rows, in landing order."""
    register: Register

    def at(self, instant: int) -> pl.DataFrame:
        """Average daily volumes in use at an instant, in its units: a row a symbol."""
        known = latest(from_their_dates(self.volumes), "symbol", instant)
        return carried_volumes(known, self.register.acted(instant))


def carried_volumes(volumes: pl.DataFrame, actions: Sequence[Action]) -> pl.DataFrame:
    """Average daily volumes by `symbol`, in units of today; `event_time`: the start of their day.

    Those of a day before the ex date follow the ratio, a new symbol has that of the old one; those
    of the ex date or later are in new units.
    """
    asked = {name for action in actions for name in (action.symbol, action.other) if name}
    if not asked:
        return volumes
    ends = (instants(volumes["event_time"]) + _DAY).tolist()
    units = to_scaled(volumes["average_daily_volume"]).tolist()
    known = dict(zip(volumes["symbol"], map(Quote, units, ends), strict=True))
    found = {name: _carried_volume(name, known, actions) for name in sorted(asked)}
    told = {name: quote.price for name, quote in found.items() if quote.time >= 0}
    now = pl.DataFrame({"symbol": list(told)}, {"symbol": pl.String}).with_columns(
        average_daily_volume=to_decimal(np.array([*told.values()], dtype=np.int64), 6)
    )
    others = volumes.filter(~pl.col("symbol").is_in(sorted(asked)))
    return pl.concat([others.select(now.columns), now])


def _carried_volume(symbol: str, known: Mapping[str, Quote], actions: Sequence[Action]) -> Quote:
    quote = known.get(symbol, NO_QUOTE)
    for action in actions:
        if action.other == symbol and action.own == NONE and not action.paid:
            earlier = [a for a in actions if a.at < action.at]
            was = _carried_volume(action.symbol, known, earlier)
            if quote.time < was.time < action.at:
                quote = _over(was, action.given)
        elif action.symbol == symbol and action.own.units and quote.time < action.at:
            quote = _over(quote, action.own)
    return quote


def _over(volume: Quote, ratio: Ratio) -> Quote:
    return Quote(carried_units(volume.price, ratio), volume.time)
