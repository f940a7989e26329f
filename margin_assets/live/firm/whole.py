"""The whole firm at the end of a cycle: scenarios, concentrations, and the limits on both."""

import numpy as np
import polars as pl

from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.book.series import Series
from margin_assets.kernels.firm_risk.concentrations import Terms, concentrations_of
from margin_assets.kernels.firm_risk.issuer_map import IssuerMap, issuer_map
from margin_assets.kernels.firm_risk.kept import Kept
from margin_assets.kernels.firm_risk.limits import Firm
from margin_assets.kernels.firm_risk.price_moves import (
    Scenarios,
    price_scenarios,
    spy_scenarios,
)
from margin_assets.kernels.firm_risk.scenarios import credit_exposures_of, firm_risk_of, firm_sums
from margin_assets.kernels.firm_risk.view import firm_view, price_moves_of
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.numeric.money import instant
from margin_assets.kernels.rules.firm_rules import FirmRules, firm_rules
from margin_assets.kernels.rules.grid import day_of
from margin_assets.kernels.rules.rules import Rules
from margin_assets.live.books.outcomes import Outcomes
from margin_assets.live.firm.house_limits import HouseLimits
from margin_assets.live.state.holdings import Holdings
from margin_assets.live.state.market import Market


class WholeFirm(HouseLimits):
    """What is known of the firm as a whole from cycle to cycle."""

    def __init__(self, market: Market, holdings: Holdings, outcomes: Outcomes) -> None:
        super().__init__(outcomes)
        self._market, self._holdings = market, holdings
        self._prices: Scenarios | None = None
        """Scenarios of prices, with option values as of the last cycle."""
        self._struck_by: tuple[Rules, FirmRules] | None = None
        self._repriced: list[Int64Array] = []
        """Symbols whose values may be others since."""
        self._kept = Kept()

    def reprice(self, symbols: Int64Array) -> None:
        """Takes note of symbols that moved."""
        self._repriced.append(symbols)

    def note(self, is_changed: BoolArray) -> None:
        """Takes which accounts are others since this was told last."""
        self._kept.note(is_changed)

    def frames(
        self, figures: Figures, arrays: tuple[Book, Series], rules: Rules, at: int
    ) -> dict[str, pl.DataFrame]:
        """The tables of a cycle as of an instant, of the figures of every account."""
        firm, (book, series) = firm_rules(day_of(at)), arrays
        if firm is None:
            return {"firm_risk": self.risk(figures, arrays, rules, at)}
        struck = self._struck(series, rules, firm)
        view = firm_view(figures, book, struck, (firm, self._terms()), self._kept)
        worst, gross = view.sums.worst.name, view.sums.gross
        largest = concentrations_of(view.subjects, worst, gross, firm)
        found = {
            "firm_risk": firm_risk_of(view.sums, at),
            "credit_exposures": credit_exposures_of(view.sums, at),
            "firm_concentrations": largest.with_columns(as_of=instant(at)),
        }
        names = self._holdings.accounts.all
        self.strike(Firm(view, figures, names, firm), at)
        return found | self.take()

    def risk(
        self, figures: Figures, arrays: tuple[Book, Series], rules: Rules, at: int
    ) -> pl.DataFrame:
        """The rows of `firm_risk` as of an instant; no limit is held against them."""
        firm, (book, series) = firm_rules(day_of(at)), arrays
        moved = None
        if firm is not None:
            prices = self._struck(series, rules, firm)[1]
            moved = (firm, price_moves_of(figures, book, prices, firm))
        return firm_risk_of(firm_sums(figures, book.account_type, rules, moved), at)

    def issuers(
        self, figures: Figures, arrays: tuple[Book, Series], rules: Rules, at: int
    ) -> IssuerMap | None:
        """What is lost in the largest issuers, by scenario; None before there were any rules."""
        firm, (book, series) = firm_rules(day_of(at)), arrays
        if firm is None:
            return None
        spy = spy_scenarios(series, self._market.values, rules)
        return issuer_map(figures, book, spy, self._terms(), firm.largest)

    def _terms(self) -> Terms:
        market = self._market
        volumes = market.daily_volumes()
        return Terms(market.symbols.all, market.groups.all, market.multiplier, volumes)

    def _struck(self, series: Series, rules: Rules, firm: FirmRules) -> tuple[Scenarios, Scenarios]:
        spy = spy_scenarios(series, self._market.values, rules)
        return spy, self._scenarios(series, rules, firm)

    def _scenarios(self, series: Series, rules: Rules, firm: FirmRules) -> Scenarios:
        """Scenarios of prices, options valued again that moved since they were asked for."""
        known = None
        was = self._struck_by
        if self._prices is not None and was is not None and was[0] is rules and was[1] is firm:
            moved = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *self._repriced]))
            known = (self._prices.values, moved)
        self._repriced, self._struck_by = [], (rules, firm)
        self._prices = price_scenarios(series, rules, firm, known)
        return self._prices
