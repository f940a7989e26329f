"""What an account comes to after trades at its marks, by the kernels of margin: many at a time."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numba import njit

from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.book.series import Series, sizes
from margin_assets.kernels.book.states import NOT_PROVEN
from margin_assets.kernels.liquidation.tradable import Tradable
from margin_assets.kernels.margin.house import house_charges, house_positions
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.margin.revaluation import revalue
from margin_assets.kernels.margin.settlement import Asked, settled
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.numeric.compiled import OWNS
from margin_assets.kernels.numeric.money import to_decimal, value_cents
from margin_assets.kernels.securities.positions import counted_positions, with_marks

Lots = np.ndarray[tuple[int, int], np.dtype[np.int64]]
"""Lots traded: one row a trial, one column a tradable position."""


class TrialFigures(NamedTuple):
    """An account after each trial, cents."""

    equity: Int64Array
    requirement: Int64Array
    """Governing, house add-ons included."""
    regulatory: Int64Array
    """The same without them."""

    @property
    def excess(self) -> Int64Array:
        """Equity less what governs."""
        return self.equity - self.requirement

    @property
    def regulatory_excess(self) -> Int64Array:
        """Equity less the regulatory requirement: no house add-on makes it more."""
        return self.equity - self.regulatory


class Trials:
    """One account, struck again after trades that reduce its positions, each filled at its mark.

    Costs are not counted: a fill moves cash by quantity times price, and nothing else.
    """

    def __init__(self, era: Margined, tradable: Tradable) -> None:
        """Takes one account's positions and what of them may be traded."""
        self._era, self.tradable = era, tradable
        self.count = 0
        """Trials so far."""
        self.is_proven = True
        """Whether every grouping so far was proven the least."""

    def standing(self, lots: Lots) -> TrialFigures:
        """The account after each row of trades."""
        held, series = self._era.held, self._era.series
        quantity, cash = _after(held, series, self.tradable, lots)
        return self._struck(_book(held, quantity, cash), quantity, is_house=True)

    def left_of(self, lots: Lots, mine: BoolArray) -> Int64Array:
        """What some positions of the book leave of regulatory excess after each row, cents.

        By themselves: what the trades bring counts, the account's cash does not.
        """
        held, series = self._era.held, self._era.series
        quantity, cash = _after(held, series, self.tradable, lots)
        quantity[:, ~mine] = 0
        book = _book(held, quantity, cash - held.cash[0])
        return self._struck(book, quantity, is_house=False).regulatory_excess

    def alone(self, lots: Int64Array) -> Int64Array:
        """What a bundle of each position's lots, bought at its mark on debit alone, lacks, cents.

        No sale of it, beside whatever else, sets more free: requirements of parts are never less
        than that of the whole.
        """
        held, series = self._era.held, self._era.series
        quantity, cash = _bundles(held, series, self.tradable, lots)
        return -self._struck(_book(held, quantity, cash), quantity, is_house=False).excess

    def _struck(self, book: Book, quantity: Lots, *, is_house: bool) -> TrialFigures:
        era, total = self._era, len(book.cash)
        self.count += total
        counted = settled(book, era.series, era.rules, lambda: era.scanned, Asked(era.deciding))
        figures = revalue(counted, era.series, era.rules, era.scanned)
        if (figures.states & NOT_PROVEN).any():
            self.is_proven = False
        requirement = figures.governing
        if is_house and era.overlays.enabled:
            requirement = requirement + self._charges(book, counted, quantity, figures)
        return TrialFigures(figures.equity, requirement, figures.governing)

    def _charges(self, book: Book, counted: Book, quantity: Lots, figures: Figures) -> Int64Array:
        """House add-ons of each trial."""
        era, trial = self._era, np.nonzero(quantity)
        ids = pl.Series(range(len(quantity)), dtype=pl.String).str.zfill(9)
        accounts = era.accounts[np.zeros(len(quantity), dtype=np.int64)].with_columns(
            account_id=ids, cash=to_decimal(counted.cash, 2)
        )
        positions = era.positions[trial[1]].with_columns(
            account_id=ids.gather(trial[0]), quantity=_contracts(book, era.series)
        )
        marked = with_marks(positions, book, era.series, era.rules)

        def held() -> pl.DataFrame:
            shown = counted_positions(marked, counted, era.series, era.rules)
            return house_positions(shown, counted, era.priced, era.rules)

        return house_charges(accounts, figures, era.overlays, held)


def _contracts(book: Book, series: Series) -> pl.Series:
    """Quantities of a book as positions have them: units over the multiplier."""
    units = to_decimal(book.quantity, 6)
    return units / to_decimal(sizes(series)[book.series], 6).cast(pl.Decimal(38, 6))


def _book(held: Book, quantity: Lots, cash: Int64Array) -> Book:
    """A book of one account a row of quantities; what is flat is gone."""
    trial, place = np.nonzero(quantity)
    owner = np.zeros(len(cash), dtype=np.int64)
    ends = np.cumsum(np.bincount(trial, minlength=len(cash)))
    return Book(
        offsets=np.concatenate(([0], ends)).astype(np.int64),
        series=held.series[place],
        quantity=quantity[trial, place],
        last_fill_price=held.last_fill_price[place],
        sale_price=held.sale_price[place],
        account_type=held.account_type[owner],
        is_registered=held.is_registered[owner],
        is_exempt=held.is_exempt[owner],
        cash=cash,
    )


@njit(**OWNS)
def _after(held: Book, series: Series, tradable: Tradable, lots: Lots) -> tuple[Lots, Int64Array]:
    """Quantities and cash after each row of trades."""
    quantity = np.empty((len(lots), len(held.series)), dtype=np.int64)
    cash = np.empty(len(lots), dtype=np.int64)
    for k in range(len(lots)):
        cash[k] = held.cash[0]
        for i in range(len(held.series)):
            quantity[k, i] = held.quantity[i]
        for t in range(len(tradable.place)):
            i = tradable.place[t]
            units = min(lots[k, t] * tradable.lot[t], tradable.units[t])
            traded = -units if held.quantity[i] > 0 else units
            quantity[k, i] += traded
            cash[k] -= value_cents(traded, series.price[held.series[i]])
    return quantity, cash


@njit(**OWNS)
def _bundles(
    held: Book, series: Series, tradable: Tradable, lots: Int64Array
) -> tuple[Lots, Int64Array]:
    """One account a position: so many lots of it and what they cost as debit."""
    count = len(tradable.place)
    quantity = np.zeros((count, len(held.series)), dtype=np.int64)
    cash = np.zeros(count, dtype=np.int64)
    for t in range(count):
        i = tradable.place[t]
        units = min(lots[t] * tradable.lot[t], tradable.units[t])
        quantity[t, i] = units if held.quantity[i] > 0 else -units
        cash[t] = -value_cents(quantity[t, i], series.price[held.series[i]])
    return quantity, cash
