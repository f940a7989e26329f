"""What a contract delivers where it was adjusted: units of a security and cash, for its strike.

An adjusted contract stays quoted for its multiplier: its premium is price x multiplier. What it
delivers is another number of units, of another security perhaps, and cash beside; what is paid for
that is strike x its own strike multiplier. So it is a contract on the units that it delivers, at
what is paid a unit less the cash, and cover, spreads, intrinsic and model values follow from there.
One that delivers several securities, none, or more cash than is paid has no such strike: it is
`deliverable_unmodelled`.

Source: OCC By-Laws, article VI, section 11A (adjustments); FINRA 4210(f)(2)(H)(iii), which counts
cover in the units delivered.
"""

import re
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple

import polars as pl

from schemas.columns import MAX_PRICE, PRINTABLE

_MICRO = Decimal("0.000001")
_AMOUNT = re.compile(r"\d{1,12}(\.\d{1,6})?", re.ASCII)
_SYMBOL = re.compile(PRINTABLE, re.ASCII)
_MOST_SYMBOL = 32
_MOST_UNITS = Decimal(10) ** 6
_DECIMAL = pl.Decimal(38, 6)


class Deliverable(NamedTuple):
    """What one contract delivers."""

    units: tuple[tuple[str, Decimal], ...]
    """Securities, each with its units, as told."""
    cash: Decimal
    """USD."""


def parsed(text: str) -> Deliverable | None:
    """A deliverable written `12 GE + 52.00 cash`; None if it is none.

    Parts stand between ` + `: units and a symbol, or an amount and the word `cash`.
    """
    units: dict[str, Decimal] = {}
    cash = None
    for part in text.split(" + "):
        number, _, name = part.partition(" ")
        if not _AMOUNT.fullmatch(number):
            return None
        amount = Decimal(number)
        if name == "cash":
            if cash is not None or amount % Decimal("0.01"):
                return None
            cash = amount
        elif _is_symbol(name) and name not in units and 0 < amount <= _MOST_UNITS:
            units[name] = amount
        else:
            return None
    return Deliverable(tuple(units.items()), cash or Decimal(0))


def _is_symbol(name: str) -> bool:
    return len(name) <= _MOST_SYMBOL and _SYMBOL.fullmatch(name) is not None


class Terms(NamedTuple):
    """Terms of a contract as its model takes them; units 0 where it has none."""

    underlying: str | None
    delivered: Decimal
    strike: Decimal | None
    paid: Decimal | None
    """For all that one contract delivers, less the cash: exact, where the strike is rounded."""


NO_MODEL = Terms(None, Decimal(0), None, None)


def terms_of(deliverable: Deliverable, strike: Decimal, multiplier: Decimal) -> Terms:
    """Terms of a contract that takes strike x multiplier for what it delivers.

    The strike a unit is rounded half up to the micro-dollar, the named place where it is.
    """
    if len(deliverable.units) != 1:
        return NO_MODEL
    ((symbol, units),) = deliverable.units
    paid = (strike * multiplier - deliverable.cash).quantize(_MICRO, ROUND_HALF_UP)
    net = ((strike * multiplier - deliverable.cash) / units).quantize(_MICRO, ROUND_HALF_UP)
    return Terms(symbol, units, net, paid) if 0 < net <= MAX_PRICE else NO_MODEL


def adjusted(contracts: pl.DataFrame, adjustments: pl.DataFrame) -> pl.DataFrame:
    """Contracts with the terms that adjustments in force give them, `delivered` and its strike.

    `contracts`: any frame with `symbol`, `underlying`, `strike`, `multiplier`. `adjustments`: one
    row a symbol with its `deliverable` and `strike_multiplier`. Without any the frame is as it was.
    """
    if adjustments.is_empty():
        return contracts
    keys = ("symbol", "strike", "multiplier")
    known = adjustments.select("symbol", "deliverable", "strike_multiplier")
    found = (
        contracts.filter(pl.col("strike").is_not_null())
        .select(keys)
        .unique()
        .join(known, on="symbol", validate="m:1")
    )
    if found.is_empty():
        return contracts
    terms = [_terms(*row[1:]) for row in found.iter_rows()]
    columns = {
        "delivers": pl.Series([t.underlying for t in terms], dtype=pl.String),
        "delivered": pl.Series([t.delivered for t in terms], dtype=_DECIMAL),
        "delivered_strike": pl.Series([t.strike for t in terms], dtype=_DECIMAL),
        "delivered_for": pl.Series([t.paid for t in terms], dtype=_DECIMAL),
    }
    joined = contracts.join(
        found.select(keys).with_columns(**columns), on=keys, how="left", maintain_order="left"
    )
    return joined.with_columns(underlying=pl.coalesce("delivers", "underlying")).drop("delivers")


@lru_cache(maxsize=1 << 16)
def _terms(
    strike: Decimal, multiplier: Decimal, text: str, strike_multiplier: Decimal | None
) -> Terms:
    deliverable = parsed(text)
    if deliverable is None:
        return NO_MODEL
    return terms_of(deliverable, strike, strike_multiplier or multiplier)
