"""Owners who write options: what each opens with, out of the quotes of the day.

They are invented, as the demo's are; what the rules ask of them is not in here.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.backtest.history.building import History
from margin_assets.backtest.history.carrying import quoted_at, security_of
from margin_assets.kernels.numeric.money import CENTS, MICRO, value_cents
from margin_assets.scenarios.covid_owners import Owner, Temper, initial_per_share

COVERED, VERTICAL, PUTS, PORTFOLIO_PUTS = "CVC", "VRT", "PUT", "PMP"
WRITERS = (
    Temper(COVERED, "reg_t", 0, (50, 200), (60, 98), (1, 1), answering=60),
    Temper(VERTICAL, "reg_t", 0, (10, 100), (50, 95), (1, 1), answering=50),
    Temper(PUTS, "reg_t", 0, (20, 150), (50, 90), (1, 1), answering=60),
    Temper(PORTFOLIO_PUTS, "portfolio_margin", 0, (150, 600), (40, 80), (1, 1), answering=70),
)
_FEWEST_DAYS = 5  # to the end of what is opened
_EXPIRIES = 3
_FURTHEST = 4  # strikes away from the price of the day
_CARRIED = 4  # of a short put's strike a part is set aside
Trade = tuple[int, int, int, int, int]
"""Session, seat, security, micro-units, cents."""


class Opening(NamedTuple):
    """Where and when an owner begins."""

    history: History
    place: int
    seat: int
    least: int
    """Micro-dollars below which no share is opened on."""


def written(owner: Owner, budget: int, at: Opening) -> list[Trade]:
    """What an owner opens with for a budget in cents; nothing where nothing is quoted."""
    found = _board(owner, at)
    if found is None:
        return []
    board, stock = found
    spot = int(at.history.price[at.place, stock])
    calls, puts = (
        board.filter(pl.col("right") == right).sort("strike") for right in ("call", "put")
    )
    above = calls.filter(pl.col("strike") >= spot)
    below = puts.filter(pl.col("strike") <= spot).reverse()
    if owner.temper.prefix == COVERED:
        return list(_covered(owner, budget, at, (above, stock)))
    return list(_short_puts(owner, budget, at, below))


def _board(owner: Owner, at: Opening) -> tuple[pl.DataFrame, int] | None:
    """Contracts of one underlying and expiry, and the column of what they are written on."""
    history, place = at.history, at.place
    day = history.days[place]
    quoted = quoted_at(history, place)
    stocks = {name: security_of(history, name, place) for name in quoted["underlying"].unique()}
    alive = [
        name
        for name, n in sorted(stocks.items())
        if history.age[place, n] == 0
        and history.price[place, n] >= at.least
        and not np.isnan(history.beta[history.month[place], n])
    ]
    if not alive:
        return None
    name = alive[owner.draw((0, len(alive) - 1))]
    its = quoted.filter(pl.col("underlying") == name)
    ends = [end for end in sorted(set(its["expiry"])) if (end - day).days >= _FEWEST_DAYS]
    if not ends:
        return None
    end = ends[owner.draw((0, min(_EXPIRIES, len(ends)) - 1))]
    return its.filter(pl.col("expiry") == end), stocks[name]


def _covered(
    owner: Owner, budget: int, at: Opening, quoted: tuple[pl.DataFrame, int]
) -> Iterator[Trade]:
    """Shares in round lots, and a call on each lot."""
    (above, stock), offset = quoted, owner.draw((0, _FURTHEST))
    if above.height <= offset:
        return
    call = above.row(offset, named=True)
    spot = int(at.history.price[at.place, stock])
    each = initial_per_share(owner.temper.account_type, 1, Decimal(spot) / MICRO)
    lots = int(Decimal(budget) / CENTS / each) // int(call["multiplier"])
    if lots:
        yield _trade(at, stock, lots * call["multiplier"], spot)
        yield _contracts(at, call, -lots)


def _short_puts(owner: Owner, budget: int, at: Opening, below: pl.DataFrame) -> Iterator[Trade]:
    """Short puts, in a vertical with long ones further below."""
    near, further = owner.draw((0, _FURTHEST)), owner.draw((1, _FURTHEST))
    is_vertical = owner.temper.prefix == VERTICAL
    if below.height <= near + (further if is_vertical else 0):
        return
    short, long_ = below.row(near, named=True), below.row(near + further, named=True)
    risk = short["strike"] - long_["strike"] if is_vertical else short["strike"] // _CARRIED
    count = budget // max(value_cents(short["multiplier"] * MICRO, risk), 1)
    if count:
        yield _contracts(at, short, -count)
        if is_vertical:
            yield _contracts(at, long_, count)


def _contracts(at: Opening, quoted: dict[str, int], count: int) -> Trade:
    security = len(at.history.symbols) + quoted["contract"]
    return _trade(at, security, count * quoted["multiplier"], quoted["close"])


def _trade(at: Opening, security: int, units: int, price: int) -> Trade:
    quantity = units * MICRO
    return at.place, at.seat, security, quantity, -value_cents(quantity, price)
