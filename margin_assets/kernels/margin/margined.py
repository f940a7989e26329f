"""Accounts margined once for every table over them."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple, cast

import dataframely as dy
import numpy as np
import polars as pl

from margin_assets.kernels.book.book import Book, book_of
from margin_assets.kernels.book.deciding import deciding_values
from margin_assets.kernels.book.eras import eras_of
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.book.series import Series
from margin_assets.kernels.margin.house import (
    charge_house,
    house_charges,
    house_positions,
    overlays_of,
)
from margin_assets.kernels.margin.portfolio_margin import PricedSeries, priced_series
from margin_assets.kernels.margin.revaluation import restrikes, revalue
from margin_assets.kernels.margin.settlement import Asked, settled, with_dividends
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.options.valuation import OptionValues, option_values, rescanned
from margin_assets.kernels.rules.overlay_rules import OverlayRules
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.positions import counted_positions

_NOTHING: Int64Array = np.zeros(0, dtype=np.int64)


class Governed(NamedTuple):
    """Figures of accounts with what the house adds."""

    figures: Figures
    charge: Int64Array
    """Cents an account, already in what governs and is struck again."""


class Margined:
    """Positions and accounts under one set of rules, both sorted by account.

    Each part is computed when it is first asked for, and once.
    """

    def __init__(
        self,
        positions: pl.DataFrame,
        accounts: pl.DataFrame,
        rules: Rules,
        overlays: OverlayRules | None = None,
    ) -> None:
        """Takes what is to be margined, under the overlays of its day where none are given."""
        self.positions, self.accounts, self.rules = positions, accounts, rules
        self.overlays = overlays or overlays_of(accounts)

    @classmethod
    def of_arrays(
        cls,
        frames: tuple[pl.DataFrame, pl.DataFrame],
        arrays: tuple[Book, Series],
        rules: Rules,
        values: OptionValues | None = None,
    ) -> "Margined":
        """Positions and accounts whose book, in the order of the frames, is known already.

        So are the option values where they are given.
        """
        found = cls(*frames, rules)
        found._arrays = arrays
        if values is not None:
            found.scanned = values
        return found

    @cached_property
    def _arrays(self) -> tuple[Book, Series]:
        book, series = book_of(self.positions, self.accounts, self.rules)
        return with_dividends(book, self.accounts), series

    @cached_property
    def book(self) -> Book:
        """Positions of each account, options that have ended as what they come to."""
        return settled(*self._arrays, self.rules, lambda: self.scanned, Asked(self.deciding))

    @cached_property
    def deciding(self) -> Int64Array | None:
        """What decides options that have ended, by place of the series."""
        return deciding_values(self.positions, *self._arrays)

    @property
    def held(self) -> Book:
        """Positions of each account as they are held, options that have ended among them."""
        return self._arrays[0]

    @property
    def series(self) -> Series:
        """What is known of each symbol."""
        return self._arrays[1]

    @cached_property
    def counted(self) -> pl.DataFrame:
        """The positions as the book counts them, in its order."""
        return counted_positions(self.positions, self.book, self.series, self.rules)

    @cached_property
    def scanned(self) -> OptionValues:
        """Option values today and in the scenarios, at the valuation points of today only."""
        return option_values(self.series, self.rules, _NOTHING)

    @cached_property
    def values(self) -> OptionValues:
        """Option values with the points struck again for portfolio margin."""
        chosen = restrikes(self.book, self.series)
        return rescanned(self.scanned, self.series, self.rules, chosen)

    @property
    def priced(self) -> PricedSeries:
        """What every account reads of the symbols."""
        return priced_series(self.series, self.scanned)

    @cached_property
    def figures(self) -> Figures:
        """Figures of every account, before the house adds to them."""
        return revalue(self.book, self.series, self.rules, self.values)

    @cached_property
    def governed(self) -> Governed:
        """Figures of every account, house add-ons included."""
        figures = self.figures
        charge = house_charges(self.accounts, figures, self.overlays, self.house_positions)
        added = figures._replace(
            governing=figures.governing.copy(), restruck=figures.restruck.copy()
        )
        charge_house(added, slice(None), charge)
        return Governed(added, charge)

    def house_positions(self) -> pl.DataFrame:
        """Positions as the house overlays take them."""
        return house_positions(self.counted, self.book, self.priced, self.rules)


Eras = tuple[Margined, ...]
"""Accounts of several business dates, each run of dates under its own rulebooks."""


def margined(positions: pl.DataFrame, accounts: pl.DataFrame) -> Eras:
    """The `positions` and `account_state` frames, ready for the tables over them."""
    return tuple(Margined(*era) for era in eras_of(positions, accounts))


def table(kernel: Callable[[Margined], pl.DataFrame], eras: Eras) -> dy.DataFrame[Any]:
    """One table over all the dates; who writes it adds the cycle, or has the business date in it.

    Its schema is the kernel's word, checked where the table is written: here it would be twice.
    """
    return cast("dy.DataFrame[Any]", pl.concat([kernel(era) for era in eras]))
