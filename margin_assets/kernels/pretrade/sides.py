"""An account before and after an order, as one book of two accounts: its figures, and its SMA."""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.book.book import CASH, REG_T, Book
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.book.series import SECURITY
from margin_assets.kernels.intraday.intraday import levels, opens
from margin_assets.kernels.margin.revaluation import revalue
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.pretrade.legs import AFTER, BEFORE, Held, Legs, book_of_both, traded
from margin_assets.kernels.pretrade.scene import Scene, counted
from margin_assets.kernels.reg_t.sma import available, buying_power, mixed_excess, reg_t_figures
from margin_assets.kernels.reg_t.sma_entries import (
    Trades,
    calls_against,
    entry_rules,
    trade_entries,
)

_BOTH: Int64Array = np.array([BEFORE, AFTER], dtype=np.int64)


class Side(NamedTuple):
    """An account before or after an order, cents; None where its type has no such figure."""

    cash: int
    equity: int
    regulatory: int
    house: int
    """Add-ons of the house."""
    governing: int
    excess: int
    initial: int
    worst_scenario: int
    """Index of the scenario with the least excess, struck again; the first of equals."""
    worst_excess: int
    level: int | None
    """Intraday margin level."""
    sma: int | None
    reg_t_excess: int | None
    available: int | None
    """What may be committed under Regulation T; negative where it is overdrawn."""
    buying_power: int | None
    states: int
    """Named states of the inputs, as bits."""


class Tried(NamedTuple):
    """The account with and without the order, as one book."""

    book: Book
    figures: Figures
    legs: Legs
    held: Int64Array
    """Before each leg."""
    charge: Int64Array
    """House add-ons before and after, cents."""
    only_reduces: bool
    """Whether no leg opens a position, makes one larger or turns it round."""


def tried(scene: Scene, held: Held, legs: Legs) -> Tried:
    """An account with and without an order, dealt at the prices of its legs."""
    after, each = traded(held, legs, scene.series)
    book, values = counted(scene, book_of_both(held, after, scene.series))
    figures = revalue(book, scene.series, scene.rules, values)
    only_reduces = not opens(each, legs.quantity).any()
    return Tried(book, figures, legs, each, scene.charges(held, after), only_reduces)


def sma_entry(scene: Scene, tried: Tried) -> int | None:
    """What an order enters into the SMA: by its prices, of options and bonds as measured, cents.

    None where the account has no SMA.
    """
    if tried.book.account_type[BEFORE] != REG_T:
        return None
    series, legs = scene.series, tried.legs
    is_other = (series.kind[legs.series] != SECURITY) | series.is_ended[legs.series]
    if is_other.any():
        excess = mixed_excess(tried.figures, _BOTH)
        return int(excess[AFTER] - excess[BEFORE])
    whose = np.full(len(legs.series), BEFORE, dtype=np.int64)
    trades = Trades(
        held=tried.held,
        quantity=legs.quantity,
        price=legs.price,
        is_marginable=series.is_marginable[legs.series],
        calls=calls_against(tried.book, series, (whose, legs.series, legs.price)),
    )
    return int(trade_entries(trades, entry_rules(scene.on)).sum())


def sides(scene: Scene, tried: Tried, memorandum: tuple[Int64Array, int]) -> tuple[Side, Side]:
    """The account before and after; `memorandum`: its SMA on both, and what is owed on calls."""
    book, figures, charge = tried.book, tried.figures, tried.charge
    kind = book.account_type[BEFORE]
    governing = figures.governing + charge
    stressed = figures.equity[:, None] + figures.pnl - figures.restruck - charge[:, None]
    worst = stressed.argmin(axis=1)
    sma: dict[str, Int64Array] = _memorandum(scene, tried, memorandum) if kind == REG_T else {}
    if kind == CASH:
        sma = {"buying_power": np.maximum(book.cash, 0)}
    level = {} if kind == CASH else {"level": levels(book.account_type, figures, _BOTH)}
    known = {**sma, **level}

    def side(a: int) -> Side:
        found = {name: int(known[name][a]) if name in known else None for name in _OF_SOME}
        return Side(
            cash=int(book.cash[a]),
            equity=int(figures.equity[a]),
            regulatory=int(figures.governing[a]),
            house=int(charge[a]),
            governing=int(governing[a]),
            excess=int(figures.equity[a] - governing[a]),
            initial=int(figures.initial[a]),
            worst_scenario=int(worst[a]),
            worst_excess=int(stressed[a, worst[a]]),
            states=int(figures.states[a]),
            **found,
        )

    return side(BEFORE), side(AFTER)


_OF_SOME = ("level", "sma", "reg_t_excess", "available", "buying_power")


def _memorandum(
    scene: Scene, tried: Tried, memorandum: tuple[Int64Array, int]
) -> dict[str, Int64Array]:
    """Regulation T before and after, with the SMA as the order leaves it."""
    balance, owed = memorandum[0], np.full(2, memorandum[1], dtype=np.int64)
    now = reg_t_figures(tried.book, scene.series, scene.rules, tried.figures, _BOTH)
    free = available(balance, owed, now.excess)
    return {
        "sma": np.maximum(balance - owed, 0),
        "reg_t_excess": now.excess,
        "available": free,
        "buying_power": buying_power(free, now.spare, scene.rules),
    }
