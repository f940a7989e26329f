"""The whole firm at the end of a cycle: scenarios, concentrations, and the limits on both."""

from collections.abc import Iterable, Mapping
from functools import partial

import numpy as np
import polars as pl

from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.book.series import Series
from margin_assets.kernels.firm_risk.concentrations import Terms, concentrations_of
from margin_assets.kernels.firm_risk.issuer_map import IssuerMap, issuer_map
from margin_assets.kernels.firm_risk.limits import (
    Breach,
    Firm,
    Key,
    Limit,
    above,
    acknowledged,
    struck,
)
from margin_assets.kernels.firm_risk.price_moves import (
    Scenarios,
    price_scenarios,
    spy_scenarios,
)
from margin_assets.kernels.firm_risk.scenarios import credit_exposures_of, firm_risk_of, firm_sums
from margin_assets.kernels.firm_risk.view import firm_view, price_moves_of
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instant, instants, to_instants
from margin_assets.kernels.rules.firm_rules import FirmRules, firm_rules
from margin_assets.kernels.rules.grid import day_of
from margin_assets.kernels.rules.rules import Rules
from margin_assets.live.books.outcomes import Outcomes
from margin_assets.live.state.holdings import Holdings
from margin_assets.live.state.market import Market
from margin_assets.valuation.rates_book.measures import Measures, above_measures
from schemas import TABLES
from schemas.firm import RATES_METRICS

BREACHES = "limit_breaches"
ACKNOWLEDGE = "breach_acknowledge"
_INSTANTS = ("opened_at", "changed_at")
_STORED = pl.Schema(TABLES[BREACHES].schema)


class WholeFirm:
    """What is known of the firm as a whole from cycle to cycle."""

    def __init__(self, market: Market, holdings: Holdings, outcomes: Outcomes) -> None:
        self._market, self._holdings, self._outcomes = market, holdings, outcomes
        self._limits: dict[str, tuple[int, Limit | None]] = {}
        """By id: since when, and None for one that ended."""
        self._breaches: dict[Key, Breach] = {}
        self._changed: list[Breach] = []
        self._prices: Scenarios | None = None
        """Scenarios of prices, with option values as of the last cycle."""
        self._struck_by: tuple[Rules, FirmRules] | None = None
        self._repriced: list[Int64Array] = []
        """Symbols whose values may be others since."""

    def reprice(self, symbols: Int64Array) -> None:
        """Takes note of symbols that moved."""
        self._repriced.append(symbols)

    def apply_limits(self, rows: pl.DataFrame) -> None:
        """Takes versions of limits, in order of time and landing."""
        columns = (*Limit._fields, "event_time")
        times = instants(rows["event_time"]).tolist()
        for row, time in zip(rows.select(columns).iter_rows(), times, strict=True):
            limit = Limit(*row[:-1])
            if time >= self._limits.get(limit.limit_id, (time, None))[0]:
                ended = limit.amount is None
                self._limits[limit.limit_id] = (time, None if ended else limit)

    def acknowledge(self, point: int, acts: pl.DataFrame) -> None:
        """Acknowledges open breaches, in order: the new versions are rows of the cycle at work."""
        for act in acts.filter(pl.col("kind") == ACKNOWLEDGE).iter_rows(named=True):
            known = {b.breach_id: b for b in self._breaches.values() if b.state == "open"}
            breach = known.get(act["subject"])
            if breach is not None:
                self._keep([acknowledged(breach, act["actor"], act["action_id"], point)])
            refusal = "no such breach is open" if breach is None else None
            self._outcomes.note(point, act, refusal)

    def load(self, limits: pl.DataFrame, breaches: pl.DataFrame) -> None:
        """Takes limits, in order of time and landing, and all versions of breaches."""
        self.apply_limits(limits)
        # In order: of a limit and subject the last version of the last breach stands.
        ordered = breaches.sort("changed_at", "cycle", "version").with_columns(
            pl.col(_INSTANTS).to_physical()
        )
        for row in ordered.select(Breach._fields).iter_rows(named=True):
            breach = Breach(**row)
            self._breaches[breach.limit_id, breach.subject] = breach

    def frames(
        self, figures: Figures, arrays: tuple[Book, Series], rules: Rules, at: int
    ) -> dict[str, pl.DataFrame]:
        """The tables of a cycle as of an instant, of the figures of every account."""
        firm, (book, series) = firm_rules(day_of(at)), arrays
        if firm is None:
            return {"firm_risk": self.risk(figures, arrays, rules, at)}
        view = firm_view(figures, book, self._struck(series, rules, firm), firm, self._terms())
        worst, gross = view.sums.worst.name, view.sums.gross
        largest = concentrations_of(view.subjects, worst, gross, firm)
        found = {
            "firm_risk": firm_risk_of(view.sums, at),
            "credit_exposures": credit_exposures_of(view.sums, at),
            "firm_concentrations": largest.with_columns(as_of=instant(at)),
        }
        names = self._holdings.accounts.all
        return found | self._strike(Firm(view, figures, names, firm), at)

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

    def _strike(self, firm: Firm, at: int) -> dict[str, pl.DataFrame]:
        """Versions of breaches since they were asked for last; nothing where there are none."""
        limits = [limit for _, limit in self._limits.values() if limit is not None]
        if limits or self._breaches:
            known, limits = _of(self._breaches, limits, is_rates=False)
            self._keep(struck(known, limits, partial(above, firm=firm), at))
        changed, self._changed = self._changed, []
        if not changed:
            return {}
        schema = {name: _STORED[name] for name in Breach._fields}
        counted = schema | dict.fromkeys(_INSTANTS, pl.Int64())
        rows = pl.DataFrame(changed, schema=counted, orient="row")
        times = {name: to_instants(rows[name].to_numpy()) for name in _INSTANTS}
        return {BREACHES: rows.with_columns(**times)}

    def strike_rates(self, measures: Measures, at: int) -> None:
        """Holds the limits of the rates book against what it comes to; breaches are the cycle's."""
        limits = [limit for _, limit in self._limits.values() if limit is not None]
        known, limits = _of(self._breaches, limits, is_rates=True)
        self._keep(struck(known, limits, partial(above_measures, measures=measures), at))

    def _keep(self, changed: list[Breach]) -> None:
        self._breaches |= {(breach.limit_id, breach.subject): breach for breach in changed}
        self._changed.extend(changed)


def _of(
    breaches: Mapping[Key, Breach], limits: Iterable[Limit], *, is_rates: bool
) -> tuple[dict[Key, Breach], list[Limit]]:
    """Breaches and limits of the rates book, or of all else: they are struck at other times."""
    return (
        {key: one for key, one in breaches.items() if (one.metric in RATES_METRICS) is is_rates},
        [one for one in limits if (one.metric in RATES_METRICS) is is_rates],
    )
