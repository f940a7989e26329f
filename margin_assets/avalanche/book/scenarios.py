"""Scenarios of a book by name: its own, the ladder of severities, shapes in time, episodes."""

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from margin_assets.avalanche.book.building import Built
from margin_assets.avalanche.book.faults import BookError
from margin_assets.kernels.avalanche.market import correlations, shapes
from margin_assets.kernels.avalanche.scenario import Scenario
from margin_assets.kernels.numeric.arrays import FloatArray

_HOURS = 24
_USUAL = "severe"
"""Severity of a shape in time that is asked for by itself."""
Numbers = dict[str, Any]


class Course(NamedTuple):
    """One scenario by hour; shocks in returns."""

    shock: FloatArray
    """[hour, factor]."""
    volatility: FloatArray
    depth: FloatArray
    haircut: FloatArray
    """[hour]."""
    lines: FloatArray
    mac: FloatArray
    weight: float
    """Of the stressed correlation."""


def scenario_names(built: Built) -> tuple[str, ...]:
    """Every name that `scenario_of` knows, the book's own first."""
    rules = built.market.rules
    own = built.tables["scenario"]["scenario_id"].unique(maintain_order=True)
    parts = (rules[key] for key in ("severity", "volatility_only", "profile", "episode"))
    return (*own, "none", *(name for part in parts for name in part))


def scenario_of(built: Built, name: str) -> Scenario:
    """The scenario of that name; `SEVERITY:SHAPE` is a severity in one of the shapes in time.

    Raises:
        BookError: There is none.
    """
    return scenarios_of(built, [name])


def scenarios_of(built: Built, names: Iterable[str]) -> Scenario:
    """Several scenarios, each a row: a path runs in one of them."""
    courses = [_course(built, name) for name in names]
    mixings = [_mixing(built, course.weight) for course in courses]
    hours = len(courses[0].haircut)
    at = [np.full(hours, -1 if m is None else k, np.int64) for k, m in enumerate(mixings)]
    identity = np.eye(len(built.market.names))
    return Scenario(
        shock=np.stack([course.shock for course in courses]),
        volatility=np.stack([course.volatility for course in courses]),
        depth=np.stack([course.depth for course in courses]),
        haircut=np.stack([course.haircut for course in courses]),
        lines=np.stack([course.lines for course in courses]),
        mac=np.stack([course.mac for course in courses]),
        mixing=np.stack([identity if m is None else m for m in mixings]),
        mixing_at=np.stack(at),
    )


def _course(built: Built, name: str) -> Course:
    rules = built.market.rules
    if name in built.tables["scenario"]["scenario_id"]:
        return _own(built, name)
    if name == "none":
        return _calm(built)
    if name in rules["severity"]:
        return _severe(built, rules["severity"][name])
    if name in rules["volatility_only"]:
        return _calm(built)._replace(
            volatility=_calm(built).volatility * rules["volatility_only"][name]
        )
    if name in rules["episode"]:
        return _episode(built, rules["episode"][name])
    severity, _, profile = name.rpartition(":")
    if profile in rules["profile"] and (severity or _USUAL) in rules["severity"]:
        numbers = rules["severity"][severity or _USUAL]
        return _SHAPED[profile](built, numbers, rules["profile"][profile])
    known = ", ".join(scenario_names(built))
    raise BookError([f"there is no scenario {name!r}; there are {known}"])


def _calm(built: Built) -> Course:
    hours, count = _HOURS * built.settings.days, len(built.market.names)
    return Course(
        shock=np.zeros((hours, count)),
        volatility=np.ones((hours, count)),
        depth=np.ones((hours, count)),
        haircut=np.zeros(hours),
        lines=np.ones(hours),
        mac=np.zeros(hours),
        weight=0.0,
    )


def net_exposure(built: Built) -> FloatArray:
    """[factor]: delta of all sets, USD per unit return."""
    units = built.platform.units
    return np.asarray(
        np.bincount(units.factor, units.exposure, minlength=len(built.market.names)), np.float64
    )


def _worst(built: Built) -> FloatArray:
    """[factor]: return of one Mahalanobis sigma of a day in the direction that loses most."""
    sigma = built.market.sigma
    return shapes.worst_direction(-net_exposure(built) * sigma, built.market.correlation) * sigma


def _severe(built: Built, numbers: Numbers) -> Course:
    calm = _calm(built)
    hours = len(calm.haircut)
    share = shapes.shares(shapes.fading(hours, numbers["shock_decay_h"]))
    fade = shapes.fading(hours, numbers["decay_h"])
    move = numbers["shock"] * _worst(built)
    return _stressed(calm, numbers, fade)._replace(shock=share[:, None] * move)


def _stressed(calm: Course, numbers: Numbers, fade: FloatArray) -> Course:
    """Volatility, depth, haircuts and lines of a severity, as strong as `fade` says by hour."""
    volatility = 1.0 + (numbers["volatility"] - 1.0) * fade
    depth = 1.0 - (1.0 - numbers["depth"]) * fade
    return calm._replace(
        volatility=calm.volatility * volatility[:, None],
        depth=calm.depth * depth[:, None],
        haircut=numbers["haircut"] * fade,
        lines=calm.lines * float(numbers["uncommitted"]),
        mac=calm.mac + float(numbers["mac"]),
        weight=numbers["correlation_weight"],
    )


def _fast(built: Built, numbers: Numbers, profile: Numbers) -> Course:
    calm = _calm(built)
    hours = len(calm.haircut)
    share = shapes.front_loaded(
        hours, profile["first_hours"], profile["first_share"], profile["decay_h"]
    )
    move = numbers["shock"] * _worst(built)
    stressed = _stressed(calm, numbers, shapes.fading(hours, profile["decay_h"]))
    return stressed._replace(shock=share[:, None] * move)


def _prolonged(built: Built, numbers: Numbers, profile: Numbers) -> Course:
    calm = _calm(built)
    hours = len(calm.haircut)
    days = min(profile["days"], built.settings.days)
    share = np.zeros(hours)
    share[: _HOURS * days] = 1.0 / (_HOURS * days)
    rise = shapes.rising(hours, _HOURS * (profile["peak_day"] - 1), 2.0) - 1.0
    move = numbers["shock"] * _worst(built)
    return _stressed(calm, numbers, rise)._replace(shock=share[:, None] * move)


def _in_turn(built: Built, numbers: Numbers, profile: Numbers) -> Course:
    """Classes one after the other, a day apart, each as a fast shock; the rest with the first."""
    calm = _calm(built)
    hours = len(calm.haircut)
    move = numbers["shock"] * _worst(built)
    shock = np.zeros_like(calm.shock)
    order = {word: day for day, words in enumerate(profile["order"]) for word in words}
    for factor, word in enumerate(built.market.classes):
        start = min(_HOURS * order.get(word, 0), hours - 1)
        share = shapes.front_loaded(
            hours - start, profile["first_hours"], profile["first_share"], profile["decay_h"]
        )
        shock[start:, factor] = share * move[factor]
    stressed = _stressed(calm, numbers, shapes.fading(hours, numbers["decay_h"]))
    return stressed._replace(shock=shock, weight=profile["correlation_weight"])


_SHAPED = {
    "fast_shock": _fast,
    "prolonged_stress": _prolonged,
    "multiple_asset_classes": _in_turn,
}


def _episode(built: Built, numbers: Numbers) -> Course:
    calm = _calm(built)
    hours = len(calm.haircut)
    usual = built.market.rules["severity"][_USUAL]["decay_h"]
    fade = shapes.fading(hours, numbers.get("decay_h", usual))
    stressed = _stressed(calm, numbers, fade)
    lived = _lived(built, *numbers["dates"])
    if lived is not None:
        return stressed._replace(shock=lived)
    sigma, against = built.market.sigma, -np.sign(net_exposure(built))
    by_class, by_book = numbers.get("moves", {}), numbers.get("against", {})
    move = np.array([by_class.get(word, 0.0) for word in built.market.classes]) * sigma
    move += np.array([by_book.get(word, 0.0) for word in built.market.classes]) * against * sigma
    days = [day for day in numbers["days"] if day <= built.settings.days]
    shock = np.zeros_like(calm.shock)
    profile = built.platform.factors.hour_share.T
    for day in days:
        shock[_HOURS * (day - 1) : _HOURS * day] += profile * move / len(days)
    return stressed._replace(shock=shock)


def _lived(built: Built, first: str, last: str) -> FloatArray | None:
    """Shocks of the book's own history over the days named; None where it does not hold them."""
    history = built.history
    window = [
        number
        for number, day in enumerate(history.dates)
        if date.fromisoformat(first) <= day <= date.fromisoformat(last)
    ][: built.settings.days]
    if not window or np.isnan(history.daily[window]).any():
        return None
    profile = built.platform.factors.hour_share.T
    shock = _calm(built).shock
    for day, number in enumerate(window):
        shock[_HOURS * day : _HOURS * (day + 1)] = profile * history.daily[number]
    return shock


def _own(built: Built, name: str) -> Course:
    """A scenario of the table: shocks at their hour, all else from its hour on.

    Haircuts and lines are one for all: the worst that holds for any factor.
    """
    rows = built.tables["scenario"].filter(pl.col("scenario_id") == name)
    is_one = pl.col("factor_id") != "*"
    course = _calm(built)
    haircut, mac = np.zeros_like(course.shock), np.zeros_like(course.shock)
    lines = np.ones_like(course.shock)
    place = {factor: number for number, factor in enumerate(built.market.names)}
    for row in rows.sort("hour", is_one, "factor_id").iter_rows(named=True):
        hour, factor = row["hour"], place.get(row["factor_id"], slice(None))
        if hour >= len(course.haircut):
            continue  # after the days of the run
        course.shock[hour, factor] += row["return_shock"]
        course.volatility[hour:, factor] = row["vol_multiplier"]
        course.depth[hour:, factor] = row["depth_multiplier"]
        haircut[hour:, factor] = row["haircut_add"]
        lines[hour:, factor] = float(row["facility_available"])
        mac[hour:, factor] = float(row["severity"] == "extreme")
    course = course._replace(haircut=haircut.max(1), lines=lines.min(1), mac=mac.max(1))
    return course._replace(weight=max(rows["correlation_weight"].to_list()))


def _mixing(built: Built, weight: float) -> FloatArray | None:
    """What shocks are multiplied by; None where they stay as they are drawn."""
    calm = built.market.correlation
    loading = built.market.rules["stressed_loading"]
    target = correlations.stressed(np.array([loading[word] for word in built.market.classes]))
    wanted = correlations.mixed(calm, target, weight)
    if len(built.platform.residuals):
        return correlations.change(calm, wanted) if weight > 0.0 else None
    return None if built.settings.generator == "none" else correlations.root(wanted)
