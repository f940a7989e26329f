"""The same platform written down otherwise: factors or sets in another order, sets in parts."""

from typing import Any

import numpy as np

from margin_assets.kernels.avalanche import platform as arrays
from margin_assets.kernels.avalanche.platform import Platform

_AMOUNTS = (
    *("threshold", "their_threshold", "mta", "rounding", "capital"),
    *("value", "vm_posted", "im_posted"),
)
"""Terms of a set that are dollars."""


def factors_in_order(platform: Platform, order: np.ndarray) -> Platform:
    """Factor i is the one that was `order[i]`; units, sets and cuts stay where they are."""
    place = np.append(np.argsort(order), -1)
    return platform._replace(
        factors=type(platform.factors)(*(column[order] for column in platform.factors)),
        units=platform.units._replace(factor=place[platform.units.factor]),
        estimators=platform.estimators._replace(sigma=platform.estimators.sigma[:, order]),
        collateral=platform.collateral._replace(factor=place[platform.collateral.factor]),
        residuals=np.ascontiguousarray(platform.residuals[:, :, order]),
        correlation=platform.correlation[np.ix_(order, order)],
    )


def sets_in_order(platform: Platform, order: np.ndarray, part: np.ndarray) -> Platform:
    """Set i is so large a part of the one that was `order[i]`, its dollar terms included."""
    exposures, addons = platform.exposures, platform.addons
    start, at = _gathered(exposures.start, order)
    scale = np.repeat(part, np.diff(start))
    columns = (scale * column[at] for column in (exposures.delta, exposures.gamma, exposures.theta))
    sized, of = _gathered(addons.start, order)
    addon = np.repeat(part, np.diff(sized))
    return platform._replace(
        sets=_sets(platform.sets, order, part),
        exposures=arrays.Exposures(start, exposures.unit[at], *columns),
        addons=addons._replace(
            start=sized,
            unit=addons.unit[of],
            estimator=addons.estimator[of],
            concentration=addon * addons.concentration[of],
            above=addons.above[of],
            spread=addon * addons.spread[of],
        ),
        **_margin(platform, order, part),
    )


def _sets(sets: arrays.Sets, order: np.ndarray, part: np.ndarray) -> arrays.Sets:
    held = type(sets)(*(column[order] for column in sets))
    return held._replace(**{name: part * getattr(held, name) for name in _AMOUNTS})


def _margin(platform: Platform, order: np.ndarray, part: np.ndarray) -> dict[str, Any]:
    groups, cuts = platform.groups, platform.cuts
    start, group = _gathered(groups.start, order)
    first, cut = _gathered(cuts.start, group)
    entries, entry = _gathered(cuts.entries, cut)
    by_cut = np.repeat(np.repeat(part, np.diff(start)), np.diff(first))
    by_entry = np.repeat(by_cut, np.diff(entries))
    of_model = (groups.anchor - groups.start[:-1])[order]
    return {
        "groups": arrays.Groups(
            start, start[:-1] + of_model, groups.estimator[group], groups.weight[group]
        ),
        "cuts": arrays.Cuts(
            start=first,
            entries=entries,
            constant=by_cut * cuts.constant[cut],
            unit=cuts.unit[entry],
            w=by_entry * cuts.w[entry],
            w2=by_entry * cuts.w2[entry],
        ),
    }


def _gathered(start: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offsets of the rows in that order, and the places of their entries."""
    places = [np.arange(start[row], start[row + 1]) for row in order]
    return np.cumsum([0, *map(len, places)]), np.concatenate(places).astype(np.int64)
