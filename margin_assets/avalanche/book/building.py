"""A book as the platform that the loop runs, with its holdings and what was found wanting."""

from datetime import date
from typing import NamedTuple

import numpy as np

from margin_assets.avalanche.book.addons import addons_of, multipliers_of, wrong_way_of
from margin_assets.avalanche.book.calendars import calendar_warnings
from margin_assets.avalanche.book.correlation import correlation_of
from margin_assets.avalanche.book.exposures import Laid, laid_out
from margin_assets.avalanche.book.faults import BookError, refuse
from margin_assets.avalanche.book.gates import judge, numbers
from margin_assets.avalanche.book.history import History, generator_residuals, history_of
from margin_assets.avalanche.book.margins import Margins, Report, margins_of
from margin_assets.avalanche.book.models import FactorModel, SetExposure
from margin_assets.avalanche.book.names import names_of, places
from margin_assets.avalanche.book.reading import Tables
from margin_assets.avalanche.book.settings import BookSettings, settings_of
from margin_assets.avalanche.book.terms import (
    accounts_in,
    collateral_in,
    entities_in,
    facilities_in,
    ladder_of,
    sets_of,
)
from margin_assets.kernels.avalanche.holdings import Holdings, Names
from margin_assets.kernels.avalanche.platform import Factors, Platform
from margin_assets.kernels.avalanche.scenario import NO_SALES, Settings
from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.rules.clearing_rules import clearing_rules
from margin_assets.rulebooks import in_force

_HOURS = 24
_YEAR = 250


class Built(NamedTuple):
    """A book ready to run."""

    platform: Platform
    holdings: Holdings
    settings: BookSettings
    tables: Tables
    market: FactorModel
    history: History
    warnings: tuple[str, ...]
    report: tuple[Report, ...]
    sets: tuple[SetExposure, ...]

    def loop(self, *, seed: int, arm: int) -> Settings:
        """Settings of the loop for one run.

        Raises:
            BookError: The arm sells, and of a factor it is not known how much can be sold.
        """
        if arm != NO_SALES:
            self.require_depth()
        has_history = bool(len(self.platform.residuals))
        return self.settings.of_the_loop(seed=seed, arm=arm, has_history=has_history)

    def require_depth(self) -> None:
        """Refuses a book with exposure to a factor whose turnover is not known."""
        held = set(self.platform.units.factor.tolist())
        deep = np.isinf(self.platform.factors.adv)
        refuse(
            f"risk_factor, column adv: of {name!r} is empty, and arms B and C sell it"
            for number, name in enumerate(self.holdings.names.factors)
            if number in held and deep[number]
        )


def built(tables: Tables, like: Built | None = None) -> Built:
    """The platform of a book, after its quality gates.

    Args:
        tables: Of the book.
        like: A book that differs from it in exposures alone: of it is taken what does not hang on
            them, and sets whose exposures are the same are not learnt anew.

    Raises:
        BookError: The book cannot be run; every fault that was found is named.
    """
    settings = settings_of(tables["settings"])
    judge(tables, settings)
    names = names_of(tables)
    history = like.history if like else history_of(tables, tuple(names.factors))
    laid = laid_out(tables, names, settings.sale_units)
    names = names._replace(units=laid.unit_names)
    market, told = _market(tables, names, history, settings, like)
    margins = margins_of(tables, names, laid, market, settings)
    known = _factors(tables, settings)
    sized = addons_of(tables, laid, known, margins)
    multiplier, calibrated = multipliers_of(tables, margins, settings)
    multiplier = multiplier * wrong_way_of(tables, names, laid, market, settings)
    platform = Platform(
        factors=_unbounded(known),
        units=laid.units,
        exposures=laid.exposures,
        sets=sets_of(tables, names, settings, margins, (multiplier, market.clearing.capital_ratio)),
        groups=margins.groups,
        cuts=margins.cuts,
        addons=sized.addons,
        estimators=margins.estimators,
        accounts=accounts_in(tables, names, settings),
        entities=entities_in(tables),
        collateral=collateral_in(tables, names),
        facilities=facilities_in(tables, names),
        ladder=ladder_of(tables, names, settings),
        residuals=like.platform.residuals if like else _residuals(history, known, names, settings),
        correlation=market.correlation,
    )
    return Built(
        platform,
        _holdings(tables, names, laid, margins, sized.hidden),
        settings,
        tables,
        market,
        history,
        (*told, *calibrated, *calendar_warnings(tables, settings)),
        margins.report,
        laid.sets,
    )


def _market(
    tables: Tables, names: Names, history: History, settings: BookSettings, like: Built | None
) -> tuple[FactorModel, list[str]]:
    draws = settings.generator in ("gaussian", "t") or (
        settings.generator is None and not history.dates
    )
    correlation, told = correlation_of(tables, history, tuple(names.factors), is_needed=draws)
    table = tables["risk_factor"]
    sigma = table["sigma0"].to_numpy()
    sigma_bar = table["sigma_bar"].fill_null(table["sigma0"]).to_numpy()
    volatility = np.full(table.height, -1, np.int64)
    for number, underlying in enumerate(places(table["underlying_id"], tuple(names.factors))):
        if underlying >= 0:
            volatility[underlying] = number
    stressed, long_run = _levels(history, sigma_bar, settings)
    as_of = settings.as_of or date.max
    market = FactorModel(
        names=tuple(names.factors),
        classes=tuple(names.classes),
        sigma=sigma,
        sigma_bar=sigma_bar,
        stressed=stressed,
        long_run=long_run,
        returns=history.daily,
        correlation=correlation,
        volatility_of=volatility,
        rules=in_force("avalanche_scenarios", as_of).numbers,
        learnt={},
        points_a_side=in_force("tims", as_of).numbers["points_a_side"],
        clearing=clearing_rules(as_of),
    )
    return market if like is None else market._replace(learnt=like.market.learnt), told


def _levels(
    history: History, sigma_bar: FloatArray, settings: BookSettings
) -> tuple[FloatArray, FloatArray]:
    """Daily volatility of the worst year of the history, and of all of it; else by `sigma_bar`."""
    stressed, long_run = settings.stress_multiple * sigma_bar, sigma_bar.copy()
    if len(history.dates) < _YEAR:
        return stressed, long_run
    whole = ~np.isnan(history.daily).any(axis=0)
    squares = history.daily[:, whole] ** 2
    total = np.cumsum(np.vstack([np.zeros(squares.shape[1]), squares]), axis=0)
    stressed[whole] = np.sqrt((total[_YEAR:] - total[:-_YEAR]).max(axis=0) / _YEAR)
    long_run[whole] = np.sqrt(squares.mean(axis=0))
    return stressed, long_run


def _factors(tables: Tables, settings: BookSettings) -> Factors:
    """Factors; turnover and depth that are not known are not a number."""
    table = tables["risk_factor"]
    sigma = table["sigma0"].to_numpy()
    adv = table["adv"].fill_null(float("nan")).to_numpy()
    usual = np.full(table.height, np.inf)
    closing = sigma * np.sqrt(settings.liquidation_days)
    np.divide(settings.depth_constant * adv, closing, out=usual, where=closing > 0.0)
    stated = table["depth"].fill_null(float("nan")).to_numpy()
    return Factors(
        sigma=sigma,
        sigma_bar=table["sigma_bar"].fill_null(table["sigma0"]).to_numpy(),
        adv=adv,
        half_spread=table["spread"].to_numpy(),
        crowd=table["kappa_crowd"].to_numpy(),
        depth=np.where(np.isnan(stated), usual, stated),
        hour_share=_profiles(table["hour_profile"].to_list()),
        volume_share=_profiles(table["volume_profile"].to_list()),
    )


def _unbounded(known: Factors) -> Factors:
    """What is not known as without bound; `require_depth` guards the arms that use it."""
    return known._replace(
        adv=np.where(np.isnan(known.adv), np.inf, known.adv),
        depth=np.where(np.isnan(known.depth), np.inf, known.depth),
    )


def _profiles(texts: list[str]) -> FloatArray:
    even = np.full(_HOURS, 1.0 / _HOURS)
    found = np.empty((len(texts), _HOURS))
    for row, text in enumerate(texts):
        shares = numbers(text) if text else even
        found[row] = even if shares is None else shares  # a gate has judged them
    return found


def _residuals(
    history: History, factors: Factors, names: Names, settings: BookSettings
) -> FloatArray:
    if settings.generator == "history" and not history.dates:
        raise BookError(["settings: the generator is history, and factor_history is empty"])
    if settings.generator not in (None, "history") or not history.dates:
        return np.zeros((0, _HOURS, len(names.factors)))
    return generator_residuals(history, factors.hour_share, tuple(names.factors))


def _holdings(
    tables: Tables, names: Names, laid: Laid, margins: Margins, hidden: FloatArray
) -> Holdings:
    stated = dict(tables["manager"].select("manager_id", "expected_return").rows())
    returns = [stated.get(manager) for manager in names.managers]
    return Holdings(
        names=names,
        counterparty=places(tables["netting_set"]["counterparty_id"], tuple(names.counterparties)),
        expected_return=np.array([np.nan if r is None else r for r in returns]),
        exposures=laid.rows.held,
        cuts=margins.by_manager,
        hidden=hidden,
    )
