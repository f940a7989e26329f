"""The platform with managers' books scaled: who joins, who leaves, what a what-if would change."""

import numpy as np

from margin_assets.kernels.avalanche.answers.margins import layout, margin, summed, today
from margin_assets.kernels.avalanche.holdings import Holdings
from margin_assets.kernels.avalanche.platform import Addons, Cuts, Exposures, Platform, Units
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array

_ADDON_EXPONENT = 1.5


def scaled(platform: Platform, holdings: Holdings, scales: FloatArray) -> Platform:
    """The platform with each manager's exposures in netting sets times its scale, 0 or above.

    Cuts keep the states they were learnt at: where books change much they understate margin a
    little. Funded positions outside of netting sets stay, and so do marks and margin posted for
    variation; initial margin posted is scaled as the margin itself is. At scales of 1 it is the
    platform, to rounding.
    """
    if (scales == 1.0).all():
        return platform
    exposures = _exposures(platform, holdings, scales)
    moved = platform._replace(
        exposures=exposures,
        cuts=_cuts(platform, holdings, scales),
        units=_units(platform, holdings, scales),
        addons=_addons(platform, exposures),
    )
    return moved._replace(sets=moved.sets._replace(im_posted=_posted(platform, moved, holdings)))


def _places(owner: Int64Array, unit: Int64Array, units: int) -> Int64Array:
    return owner * units + unit


def _by_entry(
    entries: tuple[Int64Array, Int64Array], rows: tuple[Int64Array, Int64Array], units: int
) -> Int64Array:
    """Entry of each manager's row, both told by owner and unit; no two entries are of one pair."""
    keys = _places(*entries, units)
    order = np.argsort(keys, kind="stable")
    return order[np.searchsorted(keys[order], _places(*rows, units))]


def _owners(start: Int64Array) -> Int64Array:
    return np.repeat(np.arange(len(start) - 1, dtype=np.int64), np.diff(start))


def _exposures(platform: Platform, holdings: Holdings, scales: FloatArray) -> Exposures:
    held, rows = platform.exposures, holdings.exposures
    entries = (_owners(held.start), held.unit)
    at = _by_entry(entries, (rows.set, rows.unit), len(platform.units.factor))
    # What the managers' rows do not explain, which is rounding, stays.
    change, count = scales[rows.manager] - 1.0, len(held.unit)
    return held._replace(
        delta=held.delta + summed(at, rows.delta * change, count),
        gamma=held.gamma + summed(at, rows.gamma * change, count),
        theta=held.theta + summed(at, rows.theta * change, count),
    )


def _cuts(platform: Platform, holdings: Holdings, scales: FloatArray) -> Cuts:
    held, rows = platform.cuts, holdings.cuts
    entries = (_owners(held.entries), held.unit)
    at = _by_entry(entries, (rows.cut, rows.unit), len(platform.units.factor))
    change, count = scales[rows.manager] - 1.0, len(held.unit)
    return held._replace(
        w=held.w + summed(at, rows.w * change, count),
        w2=held.w2 + summed(at, rows.w2 * change, count),
    )


def _units(platform: Platform, holdings: Holdings, scales: FloatArray) -> Units:
    held, rows = platform.units, holdings.exposures
    change = summed(rows.unit, rows.delta * (scales[rows.manager] - 1.0), len(held.factor))
    return held._replace(exposure=held.exposure + change)


def _addons(platform: Platform, exposures: Exposures) -> Addons:
    """Add-ons of the scaled exposures: superlinear in them, and from the same absolute size on."""
    held, units = platform.addons, len(platform.units.factor)
    before, after = (
        summed(_places(_owners(one.start), one.unit, units), np.abs(one.delta), units * _sets(one))
        for one in (platform.exposures, exposures)
    )
    at = _places(_owners(held.start), held.unit, units)
    known = before[at] > 0.0
    ratio = np.divide(after[at], before[at], out=np.ones(len(at)), where=known)
    smaller = np.divide(held.above, ratio, out=np.full(len(at), np.inf), where=ratio > 0.0)
    return held._replace(
        concentration=held.concentration * ratio**_ADDON_EXPONENT,
        spread=held.spread * ratio,
        above=smaller,
    )


def _sets(exposures: Exposures) -> int:
    return len(exposures.start) - 1


def _posted(before: Platform, after: Platform, holdings: Holdings) -> FloatArray:
    posted = before.sets.im_posted
    if np.isnan(posted).all():
        return posted
    where = layout(before)
    was, now = (margin(one, holdings, where, today(one)).by_set for one in (before, after))
    ratio = np.divide(now, was, out=np.zeros_like(was), where=was > 0.0)
    return posted * ratio
