"""Initial margin and add-ons at a state, by manager and unit: Euler's shares of the active cuts.

A group's margin is its largest linear form, homogeneous of degree one in positions, so the
coefficients of that form, by manager, add up to it. Source: Tasche, Euler allocation (2008).
"""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.avalanche.holdings import Holdings
from margin_assets.kernels.avalanche.paths.margins import premium
from margin_assets.kernels.avalanche.platform import (
    APC_BUFFER,
    APC_FLOOR,
    APC_STRESS,
    Platform,
)
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array


class SetStates(NamedTuple):
    """The state at which each set's margin was struck last; one row a set."""

    left: FloatArray
    """(S, U) Remaining fraction of each unit."""
    ratio: FloatArray
    """(S, M, F) Volatility ratio that each estimator charges."""
    day: Int64Array
    """(S) Business day, for the phase-in of a changed model."""


class Margin(NamedTuple):
    """Margin of each set by manager and factor, before multiplier and what dampens it over time."""

    by_set: FloatArray
    """(S) Dollars."""
    entry_set: Int64Array
    """Set of each row of `Holdings.cuts` that is in an active cut."""
    entry_manager: Int64Array
    entry_factor: Int64Array
    entry_estimator: Int64Array
    """Estimator whose ratio the row takes."""
    entry_amount: FloatArray
    """Dollars; over a set's rows, with its constants, they add up to `by_set`."""


class Layout(NamedTuple):
    """Which set and group each cut and entry belongs to: computed once a platform."""

    set_of_group: Int64Array
    group_of_cut: Int64Array
    cut_of_entry: Int64Array
    is_anchor: Int64Array
    """(G) 1 for a group of an anchor."""


def addons_today(platform: Platform, start: Margin) -> FloatArray:
    """(S) Add-ons charged before the first hour, premium and multiplier in them, dollars.

    Args:
        platform: Its arrays.
        start: Margin of the state before the first hour.
    """
    sets, addons = platform.sets, platform.addons
    size = np.where(addons.above < 1.0, addons.concentration, 0.0) + addons.spread
    extra = summed(_owners(addons.start), size, len(sets.venue))
    full = np.where(sets.apc == APC_BUFFER, 1.0 + sets.apc_value, 1.0)
    charges = full * start.by_set + extra
    terms = zip(charges, sets.capital, sets.capital_ratio, strict=True)
    beyond = np.array([premium(*one) for one in terms], dtype=np.float64)
    return sets.multiplier * (extra + beyond)


def layout(platform: Platform) -> Layout:
    """Owners of the rows that are stored by offsets."""
    groups, cuts = platform.groups, platform.cuts
    set_of_group = _owners(groups.start)
    place = np.arange(len(set_of_group))
    return Layout(
        set_of_group=set_of_group,
        group_of_cut=_owners(cuts.start),
        cut_of_entry=_owners(cuts.entries),
        is_anchor=(place >= groups.anchor[set_of_group]).astype(np.int64),
    )


def summed(rows: Int64Array, amounts: FloatArray, count: int) -> FloatArray:
    """Sum of the amounts of each row, in their order."""
    return np.bincount(rows, amounts, count).astype(np.float64)


def _owners(start: Int64Array) -> Int64Array:
    return np.repeat(np.arange(len(start) - 1, dtype=np.int64), np.diff(start))


def today(platform: Platform) -> SetStates:
    """The state before the first hour."""
    sets, units = len(platform.sets.venue), len(platform.units.factor)
    return SetStates(
        left=np.ones((sets, units)),
        ratio=np.ones((sets, *platform.estimators.sigma.shape)),
        day=np.zeros(sets, dtype=np.int64),
    )


def margin(platform: Platform, holdings: Holdings, where: Layout, states: SetStates) -> Margin:
    """Margin of each set at its state, and whose it is.

    Of the dampings, (b)'s stressed part and (c)'s floor are in it; (a)'s buffer depends on the way
    that led there, and is met by scaling to what was charged. An anchor is valued on remaining
    fractions alone.
    """
    values = _cut_values(platform, where, states)
    active, best = _active(values, where, len(where.set_of_group))
    share = _group_shares(platform, where, best, states.day)
    by_set = summed(where.set_of_group, best * share, len(platform.sets.venue))
    rows, group = holdings.cuts, where.group_of_cut[holdings.cuts.cut]
    held = np.flatnonzero((active[group] == rows.cut) & (share[group] != 0.0))
    group, unit = group[held], rows.unit[held]
    w, w2 = _features(platform, where, states, (group, unit))
    amount = share[group] * (rows.w[held] * w + rows.w2[held] * w2)
    return Margin(
        by_set,
        where.set_of_group[group],
        rows.manager[held],
        platform.units.factor[unit],
        platform.groups.estimator[group],
        amount,
    )


def _features(
    platform: Platform, where: Layout, states: SetStates, at: tuple[Int64Array, Int64Array]
) -> tuple[FloatArray, FloatArray]:
    """Features w and w2 of entries given by group and unit."""
    group, unit = at
    owner = where.set_of_group[group]
    ratio = states.ratio[owner, platform.groups.estimator[group], platform.units.factor[unit]]
    ratio = np.where(where.is_anchor[group] == 1, 1.0, ratio)
    w = states.left[owner, unit] * ratio
    return w, w * ratio


def _cut_values(platform: Platform, where: Layout, states: SetStates) -> FloatArray:
    cuts = platform.cuts
    group = where.group_of_cut[where.cut_of_entry]
    w, w2 = _features(platform, where, states, (group, cuts.unit))
    sums = summed(where.cut_of_entry, cuts.w * w + cuts.w2 * w2, len(cuts.constant))
    return cuts.constant + sums


def _active(values: FloatArray, where: Layout, groups: int) -> tuple[Int64Array, FloatArray]:
    """Each group's largest cut (of equals the first) and its value."""
    best = np.full(groups, -np.inf)
    np.maximum.at(best, where.group_of_cut, values)
    active = np.full(groups, -1, dtype=np.int64)
    hits = np.flatnonzero(values == best[where.group_of_cut])[::-1]
    active[where.group_of_cut[hits]] = hits
    return active, np.where(np.isfinite(best), best, 0.0)


def _group_shares(
    platform: Platform, where: Layout, best: FloatArray, day: Int64Array
) -> FloatArray:
    """What part of each group's margin its set is asked for at its state."""
    sets, owner = platform.sets, where.set_of_group
    last = platform.groups.weight.shape[1] - 1
    weight = platform.groups.weight[np.arange(len(owner)), np.minimum(day[owner], last)]
    is_anchor = where.is_anchor == 1
    raw = summed(owner, np.where(is_anchor, 0.0, best * weight), len(sets.venue))
    anchor = summed(owner, np.where(is_anchor, best * weight, 0.0), len(sets.venue))
    anchored = np.where(sets.apc == APC_STRESS, sets.apc_value, 0.0)
    anchored = np.where(sets.apc == APC_FLOOR, (anchor > raw).astype(np.float64), anchored)
    return weight * np.where(is_anchor, anchored[owner], 1.0 - anchored[owner])
