"""How near it is: the early warning of today, and its fit on simulated days."""

from typing import NamedTuple

import numpy as np

from margin_assets.avalanche.answers.case import (
    Case,
    case_of,
    liquid,
    policy_of,
    run_unlimited,
    traced,
)
from margin_assets.avalanche.answers.documents import Document, plain
from margin_assets.avalanche.book.building import Built
from margin_assets.avalanche.book.scenarios import scenario_names, scenarios_of
from margin_assets.kernels.avalanche.answers import warning
from margin_assets.kernels.avalanche.answers.attribution import blocks
from margin_assets.kernels.avalanche.answers.policy import WarningLevels
from margin_assets.kernels.avalanche.answers.quantiles import quantile
from margin_assets.kernels.avalanche.answers.state_spiral import spiral_today
from margin_assets.kernels.avalanche.answers.warning import Components, Nearness
from margin_assets.kernels.avalanche.results import LIQUIDITY, NEVER, Trace
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array

_DAYS = 5
_DECAY = 0.94  # of the volatility whose rank is a leading indicator
_THREE_YEARS = 750
_RIDGE = 1e-8
_LEVEL = 0.99
_LABEL_DAYS = 3
_HOURS = 24
_TAUGHT = ("none", "moderate", "severe")
_TAUGHT_PATHS = 96  # of each scenario that the score is fitted on
_BLOCK = 16
MODERATE = "moderate"
"""Scenario whose 99% need is set against liquidity."""
_ALARMS = 0.09  # of the calm days of the fit: flagged from there on
UNOBSERVED = ("bid-ask spreads", "funding spread", "intraday calls", "disputes")
"""Leading indicators of the model that a book does not carry: they are left out of the mean."""


class Indicators(NamedTuple):
    """Ranks of the leading indicators within three years, 0 to 1."""

    names: tuple[str, ...]
    ranks: tuple[float, ...]


class Library(NamedTuple):
    """Scenarios by their whole standardised move."""

    names: tuple[str, ...]
    moves: FloatArray


def library_of(case: Case, held: Built) -> Library:
    """Every scenario that the book knows and that moves something, over five days' deviations."""
    names = tuple(name for name in scenario_names(held) if name != "none")
    rows = scenarios_of(held, names)
    moves = rows.shock.sum(axis=1) / (case.platform.factors.sigma * np.sqrt(_DAYS))
    moved = np.flatnonzero(np.abs(moves).max(axis=1, initial=0.0) > 0.0)
    return Library(tuple(names[place] for place in moved), moves[moved])


def correlation_of(case: Case) -> FloatArray:
    """The factors' correlation, made definite."""
    size = len(case.platform.factors.sigma)
    held: FloatArray = (case.platform.correlation + _RIDGE * np.eye(size)) / (1.0 + _RIDGE)
    return held


def indicators_of(case: Case, held: Built) -> Indicators | None:
    """Ranks of today's implied and realised volatility; None without enough history."""
    daily = held.history.daily[-_THREE_YEARS:]
    if len(daily) <= 2 * _DAYS:
        return None
    classes = np.array(case.holdings.names.classes)
    sigma = case.platform.factors.sigma
    realised = _smoothed(np.nanmean((daily / sigma) ** 2, axis=1))
    found = {"realised volatility": realised}
    if (classes == "VOL").any():
        found["implied volatility"] = np.nancumsum(np.nanmean(daily[:, classes == "VOL"], axis=1))
    growth = realised[_DAYS:] / realised[:-_DAYS]
    # Initial margin follows an estimate like this one: its growth over five days.
    found["margin growth"] = growth
    ranks = tuple(warning.percentile(series[:-1], float(series[-1])) for series in found.values())
    return Indicators(tuple(found), ranks)


def _smoothed(squares: FloatArray) -> FloatArray:
    held = np.empty(len(squares))
    level = float(squares[: 4 * _DAYS].mean())
    for place, value in enumerate(squares):
        level = _DECAY * level + (1.0 - _DECAY) * float(value)
        held[place] = level
    return held


class Warned(NamedTuple):
    """Today's reading."""

    components: Components
    rho: float | None
    """Spiral condition."""
    nearness: Nearness | None
    indicators: Indicators | None
    unknown: tuple[str, ...]
    """Components that could not be told: they count in full."""
    score: float
    need: float
    """99% need of the moderate scenario, dollars."""
    liquidity: float
    """What it is set against, dollars."""


def warned(
    moderate: Case, held: Built, beta: FloatArray, needs: FloatArray | None = None
) -> Warned:
    """Today's score; a component that cannot be told counts in full, and is named.

    `moderate` is the book in its moderate scenario: its 99% need is set against liquidity. `needs`
    are its peak needs with every due paid, where they have been run already.
    """
    needs = run_unlimited(moderate).peak_need if needs is None else needs
    need = quantile(needs, _LEVEL).value
    have = liquid(moderate.platform).total
    gap = max(need - have, 0.01 * need)
    found = spiral_today(moderate.platform, moderate.holdings, moderate.settings, gap)
    near, leading = _nearness(moderate, held), indicators_of(moderate, held)
    unknown = []
    if near is None:
        unknown.append("proximity")
    if leading is None:
        unknown.append("leading")
    if found is None:
        unknown.append("spiral")
    components = Components(
        use=warning.use_of(need, have),
        proximity=1.0 if near is None else near.value,
        spiral=1.0 if found is None else min(1.0, found.rho),
        leading=1.0 if leading is None else float(np.mean(leading.ranks)),
    )
    value = warning.score(components, beta)
    rho = None if found is None else found.rho
    return Warned(components, rho, near, leading, tuple(unknown), value, need, have)


def _nearness(case: Case, held: Built) -> Nearness | None:
    daily = held.history.daily[-_DAYS:]
    if len(daily) < _DAYS or np.isnan(daily).any():
        return None
    move = daily.sum(axis=0) / (case.platform.factors.sigma * np.sqrt(_DAYS))
    return warning.nearest(move, library_of(case, held).moves, correlation_of(case))


def warning_document(case: Case, held: Built, found: Warned, levels: WarningLevels) -> Document:
    """The reading with its level; two in a row change one, so a first one is told as it points."""
    reading = warning.level_after(None, found.score, levels)
    names = library_of(case, held).names
    near = found.nearness
    return {
        "score": found.score,
        "need_99": found.need,
        "liquidity": found.liquidity,
        "level": reading.level.value,
        "points_to": reading.pending.value,
        "components": plain(found.components),
        "rho": found.rho,
        "unknown": list(found.unknown),
        "nearest_scenario": names[near.scenario]
        if near is not None and near.scenario >= 0
        else None,
        "progress": None if near is None else near.progress,
        "alignment": None if near is None else near.alignment,
        "indicators": dict(zip(*found.indicators, strict=True)) if found.indicators else {},
        "not_observed": list(UNOBSERVED),
        "high_from": levels.high,
        "critical_from": levels.critical,
    }


class Days(NamedTuple):
    """Simulated path-days: components and what became of the path."""

    features: FloatArray
    """(paths, days, 4)."""
    exhausted_on: Int64Array
    """(paths) Day, from 0; negative for never."""


def simulated_days(case: Case, held: Built, arm: str, paths: Int64Array, need: float) -> Days:
    """Components at the end of each day of some paths, from a trace of them.

    Use is the moderate 99% need over what is left once known dues are paid; nearness that of the
    move since five days ago; the spiral grows with volatility, and so does the rank that stands for
    the leading indicators.
    """
    told = traced(case, arm, paths)
    ends = np.arange(_HOURS - 1, told.level.shape[1], _HOURS)
    had, owed = (
        told.liquidity[:, ends][:, :, [LIQUIDITY.index(name) for name in names]].sum(axis=2)
        for names in (("cash", "hqla", "undrawn"), ("known_dues", "arrears"))
    )
    left = had - owed
    use = np.clip(need / np.maximum(left, 1.0), 0.0, 1.0)
    sigma = case.platform.factors.sigma
    stress = (told.sigma[:, ends] / sigma).mean(axis=2)
    found = spiral_today(case.platform, case.holdings, case.settings, max(0.01 * need, 1.0))
    rho = 1.0 if found is None else found.rho
    features = np.stack(
        [
            use,
            _near_by_day(case, held, told, ends),
            np.minimum(1.0, rho * stress),
            1.0 - 0.5 / np.maximum(stress, 0.5),
        ],
        axis=2,
    )
    hour = told.results.exhaustion_hour
    return Days(features, np.where(hour == NEVER, -1, hour // _HOURS))


def _near_by_day(case: Case, held: Built, told: Trace, ends: Int64Array) -> FloatArray:
    moves, metric = library_of(case, held).moves, correlation_of(case)
    level = told.level[:, ends]
    before = np.concatenate([np.zeros_like(level[:, :_DAYS]), level[:, :-_DAYS]], axis=1)
    moved = (level - before[:, : level.shape[1]]) / (case.platform.factors.sigma * np.sqrt(_DAYS))
    flat = moved.reshape(-1, moved.shape[2])
    values = [warning.nearest(row, moves, metric).value for row in flat]
    return np.array(values).reshape(level.shape[:2])


def labels_of(days: Days) -> FloatArray:
    """1 where the path is exhausted within the next three days; days after it are not a number."""
    day = np.arange(days.features.shape[1])[None, :]
    ahead = days.exhausted_on[:, None] - day
    label = ((ahead > 0) & (ahead <= _LABEL_DAYS)).astype(np.float64)
    gone = (days.exhausted_on[:, None] >= 0) & (ahead <= 0)
    return np.where(gone, np.nan, label)


def fitted_on(days: Days, levels: WarningLevels) -> Document:
    """Coefficients fitted on the even paths, and how they do on the odd ones."""
    labels = labels_of(days)
    train, kept = days.features[::2], labels[::2]
    counts = np.isfinite(kept)
    beta = warning.fitted(train[counts], kept[counts])
    held = warning.scores(days.features[1::2].reshape(-1, 4), beta).reshape(-1, labels.shape[1])
    ranks = warning.isotonic(warning.scores(train[counts], beta), kept[counts])
    calm = train[days.exhausted_on[::2] < 0].reshape(-1, train.shape[2])
    threshold = float(np.quantile(warning.scores(calm, beta), 1.0 - _ALARMS))
    skill = warning.skill((held >= threshold).astype(np.float64), days.exhausted_on[1::2])
    return {
        "coefficients": dict(
            zip(("intercept", "use", "proximity", "spiral", "leading"), beta.tolist(), strict=True)
        ),
        "high_from": levels.high,
        "flagged_from": threshold,
        "probability_at_flag": warning.mapped(ranks, threshold),
        "detected": skill.detected,
        "false_alarms": skill.false_alarms,
        "exhausted_paths": skill.exhausted_paths,
        "calm_days": skill.calm_days,
    }


def reading_of(moderate: Case, held: Built, needs: FloatArray | None = None) -> Document:
    """Today's early warning of a book, by the house's policy; arguments as those of `warned`."""
    levels = policy_of(held).warning
    reading = warned(moderate, held, warning.coefficients(levels), needs)
    return warning_document(moderate, held, reading, levels)


def watched_book(held: Built, paths: int, seed: int, *, fit: bool) -> Document:
    """Today's early warning of a book; with the fit of its score on simulated days where asked.

    Raises:
        ValueError: The simulated days teach nothing: no path, or every path, is exhausted.
    """
    told = reading_of(case_of(held, MODERATE, paths, seed), held)
    if fit:
        told["fit"] = fitted_on(_mixed_days(held, paths, seed), policy_of(held).warning)
    return told


def _mixed_days(held: Built, paths: int, seed: int) -> Days:
    """Days of the calm, the moderate and the severe scenario, before any sale."""
    found = []
    need = quantile(run_unlimited(case_of(held, MODERATE, paths, seed)).peak_need, _LEVEL).value
    for name in _TAUGHT:
        case = case_of(held, name, paths, seed)
        for places in blocks(np.arange(min(paths, _TAUGHT_PATHS), dtype=np.int64), _BLOCK):
            found += [simulated_days(case, held, "A", places, need)]
    return Days(
        np.concatenate([days.features for days in found]),
        np.concatenate([days.exhausted_on for days in found]),
    )
