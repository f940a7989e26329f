"""An account as a document, changed: positions taken on at their prices, prices moved."""

import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.money import MICRO
from margin_assets.kernels.options.valuation import option_values
from margin_assets.nearest import did_you_mean
from margin_assets.whatif.agreement import DocumentError, refuse_contradictions
from margin_assets.whatif.document import Addition, Bond, Document, Equity, Instrument, Option
from margin_assets.whatif.frames import case_of

_CENT, _SMALLEST, _HUNDRED = Decimal("0.01"), Decimal("0.000001"), Decimal(100)
_SHOCK = re.compile(
    r"([!-~](?:[ -~]{0,30}[!-~])?)=([+-]?[0-9]{1,8}(?:\.[0-9]{1,6})?)(%?)", re.ASCII
)
NOTHING_KNOWN: Mapping[str, Instrument] = MappingProxyType({})
_FORM = "a shock reads as NVDA=-10% (a move) or NVDA=95.50 (a price)"


class Shock(NamedTuple):
    """A symbol's price to be, or its move as a part of the price it has."""

    symbol: str
    number: Decimal
    is_move: bool

    def price(self, now: Decimal) -> Decimal:
        """The price that it comes to, micro-dollars whole."""
        found = now * (1 + self.number) if self.is_move else self.number
        return found.quantize(_SMALLEST, ROUND_HALF_EVEN)


def parse_shock(text: str) -> Shock:
    """A shock of a text such as `NVDA=-10%` or `NVDA=95.50`.

    Raises:
        DocumentError: it is none.
    """
    found = _SHOCK.fullmatch(text)
    if found is None:
        raise DocumentError(f"{_FORM}, not {text[:60]!r}")
    symbol, digits, percent = found.groups()
    number = Decimal(digits) / _HUNDRED if percent else Decimal(digits)
    if number <= (-1 if percent else 0):
        raise DocumentError(f"{symbol}: a price stays above 0")
    return Shock(symbol, number, bool(percent))


def added(
    document: Document, addition: Addition, known: Mapping[str, Instrument] = NOTHING_KNOWN
) -> Document:
    """The account after it dealt positions at their prices; the cash pays, or is paid.

    Stock of one symbol is one position: what is sold of a long one closes it first. Of a symbol
    counts what the document has, then what is `known`, then what the addition says.

    Raises:
        DocumentError: a position has no price, or the whole contradicts itself.
    """
    instruments = dict(document.instruments)
    for symbol, given in chain(known.items(), addition.instruments.items()):
        instruments[symbol] = _known(instruments.get(symbol), given)
    whole = document.model_copy(update={"instruments": instruments})
    positions, cash = list(document.positions), document.account.cash
    for i, row in enumerate(addition.positions):
        price = _price(whole, row)
        if price is None:
            raise DocumentError(f"positions[{i}]: no price: neither the lake nor the file has one")
        cash -= (_units(row) * price).quantize(_CENT, ROUND_HALF_UP)
        if isinstance(row, Equity):
            positions = _taken(positions, row, price)
        else:
            positions.append(_priced(row, price))
    account = document.account.model_copy(update={"cash": cash})
    found = whole.model_copy(update={"account": account, "positions": positions})
    refuse_contradictions(found)
    return found


def shocked(document: Document, shocks: Sequence[Shock]) -> Document:
    """The account with prices moved; options on them are worth what their volatility says then.

    A price of an option changes by what its model's value does, and never falls below 0. All else
    stays: other symbols, volatilities, rates, the day.

    Raises:
        DocumentError: a symbol is unknown or has no price, or an option on it has no volatility.
    """
    instruments, positions = dict(document.instruments), list(document.positions)
    for shock in shocks:
        known = instruments.get(shock.symbol)
        if known is None or known.price is None:
            near = did_you_mean(shock.symbol, instruments)
            what = "has no price" if known else f"is nothing that the account depends on{near}"
            raise DocumentError(f"{shock.symbol} {what}")
        price = shock.price(known.price)
        move = float(price / known.price - 1)
        for i, changed in _repriced(document, shock.symbol, move).items():
            positions[i] = changed
        instruments[shock.symbol] = known.model_copy(update={"price": price})
    return document.model_copy(update={"instruments": instruments, "positions": positions})


def _known(before: Instrument | None, given: Instrument) -> Instrument:
    """What the lake knows, and of the rest what is given."""
    if before is None:
        return given
    new = {n: v for n, v in given if v is not None and getattr(before, n) is None}
    return before.model_copy(update=new)


def _price(document: Document, row: Equity | Option | Bond) -> Decimal | None:
    match row:
        case Bond():
            return row.price_pct
        case Equity():
            known = document.instruments.get(row.symbol)
            return None if known is None else known.price
        case Option():
            held = (
                other.price
                for other in document.positions
                if isinstance(other, Option) and other.contract == row.contract
            )
            return row.price if row.price is not None else next(held, None)


def _units(row: Equity | Option | Bond) -> Decimal:
    """What a price is multiplied by."""
    if isinstance(row, Bond):
        return row.principal / _HUNDRED
    return row.quantity * row.multiplier if isinstance(row, Option) else row.quantity


def _priced(row: Option | Bond, price: Decimal) -> Option | Bond:
    return row.model_copy(update={"price" if isinstance(row, Option) else "price_pct": price})


def _taken(
    positions: list[Equity | Option | Bond], row: Equity, price: Decimal
) -> list[Equity | Option | Bond]:
    """Positions with stock dealt at a price; a short one keeps what it was sold at on average."""
    held = next((p for p in positions if isinstance(p, Equity) and p.symbol == row.symbol), None)
    before = Decimal(0) if held is None else held.quantity
    quantity, sold = before + row.quantity, None
    if quantity < 0:
        old = -before * ((held and held.sale_price) or price) if before < 0 else Decimal(0)
        opened = max(-row.quantity - max(before, Decimal(0)), Decimal(0))
        short = max(-before, Decimal(0)) + opened
        sold = ((old + opened * price) / short).quantize(_SMALLEST, ROUND_HALF_EVEN)
    others = [p for p in positions if p is not held]
    if quantity:
        kept = {"quantity": quantity, "sale_price": sold, "last_fill_price": price}
        others.append(row.model_copy(update=kept))
    return others


def _repriced(document: Document, underlying: str, move: float) -> dict[int, Option]:
    """Options on a symbol at their prices after its move, by their place."""
    chosen = {
        row.contract.symbol: row
        for row in document.positions
        if isinstance(row, Option) and row.underlying == underlying
    }
    if not chosen:
        return {}
    case = case_of(document).margined
    # A scenario in which every underlying moves alike: what stress does by beta, with a beta of 1.
    series = case.series._replace(beta=np.ones_like(case.series.beta))
    rules = case.rules._replace(stress_moves=np.array([move]))
    values = option_values(series, rules, np.zeros(0, dtype=np.int64))
    found: dict[str, Decimal] = {}
    for symbol, s in zip(case.positions["symbol"], case.held.series.tolist(), strict=True):
        if symbol in chosen:
            slot = values.slot[s]
            if values.stress_bound[slot]:
                lacks = "its price implies no volatility"
                lacks = "no risk_free rate is known" if document.rates.risk_free is None else lacks
                raise DocumentError(f"{symbol}: {lacks} to value it by")
            found[symbol] = Decimal(int(series.price[s] + values.stress[slot, 0])) / MICRO
    return {
        i: row.model_copy(update={"price": found[row.contract.symbol]})
        for i, row in enumerate(document.positions)
        if isinstance(row, Option) and row.contract.symbol in found
    }
