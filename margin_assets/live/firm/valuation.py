"""Figures of every account in the live day, kept for as long as they hold."""

import numpy as np

from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.figures import Figures, empty_figures, with_room
from margin_assets.kernels.book.series import Series, sizes
from margin_assets.kernels.firm_risk.issuer_map import largest_positions
from margin_assets.kernels.margin.house import charge_house
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.margin.revaluation import restrikes, revalue
from margin_assets.kernels.margin.settlement import Asked, settled
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.numeric.money import instant
from margin_assets.kernels.options.valuation import rescanned
from margin_assets.kernels.reg_t.sma import RegTFigures, mixed_excess, reg_t_figures
from margin_assets.kernels.rules.grid import day_of, rules_at
from margin_assets.kernels.rules.overlay_rules import overlay_rules
from margin_assets.kernels.securities.positions import held_terms, with_marks
from margin_assets.live.state.holdings import Holdings
from margin_assets.live.state.market import Market
from margin_assets.live.state.names import NOBODY, without


class Valuation:
    """What every account comes to at a grid point: struck when asked for, then kept."""

    def __init__(self, market: Market, holdings: Holdings) -> None:
        self._market, self._holdings = market, holdings
        self._figures: Figures | None = None
        self.is_valued = np.zeros(0, dtype=np.bool_)
        """Accounts whose figures hold at the last evaluated grid point."""
        self._lacks_house = np.zeros(0, dtype=np.bool_)
        """Accounts revalued without the house's add-ons since."""
        self._is_changed = np.zeros(0, dtype=np.bool_)

    def everyone(self, point: int) -> Figures:
        """Figures of every account, by place, as of a grid point."""
        figures = self._room(point)
        # An account that nothing has valued yet is no account that is worth nothing.
        unvalued = np.flatnonzero(~self.is_valued).astype(np.int64)
        if len(unvalued):
            self.revalue(unvalued, point)
        # Accounts that were only measured, for intraday margin or Regulation T.
        self.add_house(np.flatnonzero(self._lacks_house), figures, point)
        return figures

    def take_changed(self) -> BoolArray:
        """Which accounts have been valued since this was asked last, by place."""
        found, self._is_changed = self._is_changed, np.zeros_like(self._is_changed)
        return found

    def struck_again(self, figures: Figures, point: int) -> Figures:
        """Figures with what no decision asks for: portfolio margin of options after each move."""
        book, series = self.arrays(point, NOBODY)
        options = restrikes(book, series)
        if not len(options):
            return figures
        owner = np.repeat(np.arange(len(book.cash)), np.diff(book.offsets))
        holders = np.unique(owner[np.isin(book.series, options)]).astype(np.int64)
        found = Figures._make(column.copy() for column in figures)
        self._is_changed[holders] = True
        rules, book = rules_at(point), self.arrays(point, holders)[0]
        values = rescanned(self._market.values, series, rules, options)
        revalue(book, series, rules, values, (holders, found))
        self.add_house(holders, found, point)
        return found

    def revalue(self, accounts: Int64Array, point: int) -> Figures:
        """Figures of every account, those of some made now."""
        return self.valued(accounts, point)[1]

    def valued(
        self, accounts: Int64Array, point: int, known: Int64Array = NOBODY
    ) -> tuple[Book, Figures]:
        """Figures of accounts, made now but where they are `known`, and the book as it counts."""
        rules, figures = rules_at(point), self._room(point)
        book, series = self.arrays(point, accounts)
        asked = without(len(self.is_valued), accounts, known)
        self.is_valued[asked] = self._lacks_house[asked] = self._is_changed[asked] = True
        return book, revalue(book, series, rules, self._market.values, (asked, figures))

    def _room(self, point: int) -> Figures:
        """Figures with room for every account; those known stay while the scenarios do."""
        rules, count, held = rules_at(point), len(self._holdings.accounts), self._figures
        if held is None or held.pnl.shape[1] != len(rules.stress_moves):
            held = empty_figures(0, rules)
            self.is_valued = self._lacks_house = self._is_changed = np.zeros(0, dtype=np.bool_)
        if len(held.states) < count or held is not self._figures:
            new = np.zeros(count - len(held.states), dtype=np.bool_)
            self.is_valued = np.concatenate([self.is_valued, new])
            self._lacks_house = np.concatenate([self._lacks_house, new])
            self._is_changed = np.concatenate([self._is_changed, new])
            held = self._figures = with_room(held, count)
        return held

    def arrays(self, point: int, accounts: Int64Array) -> tuple[Book, Series]:
        """Series as they stand, and the book as it counts for some accounts."""
        market, rules = self._market, rules_at(point)
        series = market.series(point, rules)
        book = self._holdings.book(sizes(series))
        asked = Asked(market.deciding, accounts)
        return settled(book, series, rules, lambda: market.values, asked), series

    def reg_t(self, accounts: Int64Array, point: int) -> RegTFigures:
        """Where accounts stand under Regulation T at a grid point."""
        self._room(point)
        stale = accounts[~self.is_valued[accounts]]
        if len(stale):
            self.revalue(stale, point)
        return reg_t_figures(
            *self.arrays(point, accounts), rules_at(point), self._room(point), accounts
        )

    def mixed_excess(self, accounts: Int64Array, point: int) -> Int64Array:
        """Excess of accounts at the prices of a grid point, by the groups of the mixed pass."""
        return mixed_excess(self.revalue(accounts, point), accounts) if len(accounts) else accounts

    def add_house(self, accounts: Int64Array, figures: Figures, point: int) -> None:
        """House add-ons of the accounts just revalued, where an overlay is switched on."""
        self._lacks_house[accounts] = False
        if not len(accounts) or not overlay_rules(day_of(point)).enabled:
            return
        era = self.margined(point, accounts)
        charge = era.governed.charge
        place = self._holdings.accounts.places(era.accounts["account_id"])
        charge_house(figures, place, charge)

    def margined(self, point: int, of: Int64Array | None = None) -> Margined:
        """Positions and accounts (some of them) as of a grid point.

        Their book, series and option values are those that decided there.
        """
        market, holdings = self._market, self._holdings
        rules = rules_at(point)
        whose = holdings.by_id(of)
        accounts = holdings.account_state(whose).with_columns(as_of=instant(point))
        places = holdings.positions.places(of)
        owned = holdings.holdings(market.symbols, of).with_columns(place=places)
        held = held_terms(owned, market.terms(point), point)
        series = market.series(point, rules)
        book = holdings.book(sizes(series), (whose, held["place"].to_numpy()))
        positions = with_marks(held.drop("place"), book, series, rules)
        return Margined.of_arrays((positions, accounts), (book, series), rules, market.values)

    def largest_positions(self, point: int) -> Int64Array:
        """The largest position of each account, cents, as of a grid point."""
        rules = rules_at(point)
        series = self._market.series(point, rules)
        return largest_positions(self._holdings.book(sizes(series)), series, rules)
