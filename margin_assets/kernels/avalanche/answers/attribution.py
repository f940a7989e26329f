"""Need at the peak shared out over managers and factors, so that the parts add up to it.

On each tail path every set is looked at as of its last strike whose cash has moved by the peak.
Variation margin is the loss since the start, linear in managers; initial margin is the rise of
charged margin, by Euler's shares of the active cut; the rise of add-ons goes by exposure. What
thresholds, minimum amounts, rounding and disputes hold back is a column of its own.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.avalanche.answers.margins import (
    Layout,
    Margin,
    SetStates,
    addons_today,
    layout,
    margin,
    summed,
    today,
)
from margin_assets.kernels.avalanche.holdings import Holdings
from margin_assets.kernels.avalanche.platform import Platform
from margin_assets.kernels.avalanche.results import CALL, RETURN, Trace
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array


class Attribution(NamedTuple):
    """Mean over the tail paths, dollars; vm + im + addon + residual is the mean need."""

    paths: int
    need: float
    vm: FloatArray
    """(P, F) By manager and factor."""
    im: FloatArray
    addon: FloatArray
    residual: float
    """Thresholds, minimum amounts, rounding, disputes."""
    by_set: FloatArray
    """(S) Need of each set; adds up to the need too."""

    @property
    def by_manager(self) -> FloatArray:
        """(P) Need of each manager, the residual not in it."""
        total: FloatArray = (self.vm + self.im + self.addon).sum(axis=1)
        return total

    @property
    def by_factor(self) -> FloatArray:
        """(F) Need through each factor, the residual not in it."""
        total: FloatArray = (self.vm + self.im + self.addon).sum(axis=0)
        return total


class Paid(NamedTuple):
    """What each set had paid less got back by the peak of one path, and as of when; S rows."""

    vm: FloatArray
    im: FloatArray
    """Without what add-ons rose by."""
    addon: FloatArray
    """What add-ons rose by since before the first hour."""
    struck: Int64Array
    """Hour of the last strike whose cash had moved; -1: none."""


def paid_by(trace: Trace, place: int, addons: FloatArray) -> Paid:
    """What was paid by the peak hour of one traced path; `addons` are those of before, by set."""
    results = trace.results
    events = trace.events
    peak = results.peak_hour[place]
    is_of = (events["path"] == results.path[place]) & (events["due_hour"] <= peak)
    held = events[is_of & ((events["kind"] == CALL) | (events["kind"] == RETURN))]
    struck = np.full(len(addons), -1, dtype=np.int64)
    np.maximum.at(struck, held["subject"], held["hour"])
    vm, im = (summed(held["subject"], held[part], len(addons)) for part in ("vm", "im"))
    # An event tells the level that add-ons stand at after it: of a set's the last one counts.
    level = addons.copy()
    level[held["subject"]] = held["addon"]
    rise = level - addons
    return Paid(vm, im - rise, rise, struck)


class Attributor:
    """Adds up tail paths, a trace at a time: traces of many paths need not be held at once."""

    def __init__(self, platform: Platform, holdings: Holdings) -> None:
        self._platform, self._holdings = platform, holdings
        self._where: Layout = layout(platform)
        self._start: Margin = margin(platform, holdings, self._where, today(platform))
        self._addons_today = addons_today(platform, self._start)
        shape = (len(holdings.names.managers), len(holdings.names.factors))
        self._sums = [np.zeros(shape), np.zeros(shape), np.zeros(shape)]
        self._by_set = np.zeros(len(platform.sets.venue))
        self._residual, self._need, self._paths = 0.0, 0.0, 0

    def add(self, trace: Trace) -> None:
        """Adds all paths of a trace."""
        for place in range(len(trace.results.path)):
            self._add(trace, place)

    def _add(self, trace: Trace, place: int) -> None:
        paid = paid_by(trace, place, self._addons_today)
        parts = (
            self._variation(trace, place, paid),
            self._initial(trace, place, paid),
            self._addon(paid),
        )
        for total, part in zip(self._sums, parts, strict=True):
            total += part
        need = float(trace.results.peak_need[place])
        self._by_set += trace.results.peak_by_set[place]
        self._residual += need - float(sum(part.sum() for part in parts))
        self._need += need
        self._paths += 1

    def _variation(self, trace: Trace, place: int, paid: Paid) -> FloatArray:
        rows = self._holdings.exposures
        is_struck = paid.struck[rows.set] >= 0
        hour = np.maximum(paid.struck[rows.set], 0)
        moved = trace.moved[place, hour, rows.unit]
        curved = trace.curved[place, hour, rows.unit]
        lasted = trace.lasted[place, hour, rows.unit]
        gain = rows.delta * moved + 0.5 * rows.gamma * curved + rows.theta * lasted
        factor = self._platform.units.factor[rows.unit]
        # A bilateral set pays the part of its loss beyond the threshold: by the same shares.
        loss = summed(rows.set, -gain * is_struck, len(self._by_set))
        scale = _scale(paid.vm, loss)
        return self._matrix(rows.manager, factor, -gain * is_struck * scale[rows.set])

    def _initial(self, trace: Trace, place: int, paid: Paid) -> FloatArray:
        hour = np.maximum(paid.struck, 0)
        states = SetStates(trace.left[place, hour], trace.ratio[place, hour], hour // 24)
        now = margin(self._platform, self._holdings, self._where, states)
        base = charged_today(self._platform, self._start)
        charged = base + paid.im
        return self._level(now, charged) - self._level(self._start, base)

    def _level(self, held: Margin, charged: FloatArray) -> FloatArray:
        total = summed(held.entry_set, held.entry_amount, len(self._by_set))
        scale = np.divide(charged, total, out=np.zeros_like(charged), where=total > 0.0)
        amount = held.entry_amount * scale[held.entry_set]
        return self._matrix(held.entry_manager, held.entry_factor, amount)

    def _addon(self, paid: Paid) -> FloatArray:
        """Add-ons by absolute exposure: their own split over units is not recorded."""
        rows = self._holdings.exposures
        size = np.abs(rows.delta)
        total = summed(rows.set, size, len(self._by_set))
        rate = np.divide(paid.addon, total, out=np.zeros_like(total), where=total > 0.0)
        factor = self._platform.units.factor[rows.unit]
        return self._matrix(rows.manager, factor, size * rate[rows.set])

    def _matrix(self, manager: Int64Array, factor: Int64Array, amount: FloatArray) -> FloatArray:
        rows, columns = self._sums[0].shape
        flat = summed(manager * columns + factor, amount, rows * columns)
        return flat.reshape(rows, columns)

    def result(self) -> Attribution:
        """The mean over all paths added.

        Raises:
            ValueError: No path was added.
        """
        if self._paths == 0:
            msg = "there is no tail path to attribute"
            raise ValueError(msg)
        vm, im, addon = (total / self._paths for total in self._sums)
        return Attribution(
            self._paths,
            self._need / self._paths,
            vm,
            im,
            addon,
            self._residual / self._paths,
            self._by_set / self._paths,
        )


_CLOSE = 0.5  # what is paid on a loss, as a share of it, below which the shares say nothing


def _scale(paid: FloatArray, loss: FloatArray) -> FloatArray:
    """Paid over lost where most of the loss was paid; 1 elsewhere, the rest is residual."""
    ratio = np.divide(paid, loss, out=np.ones_like(paid), where=loss != 0.0)
    return np.where((ratio > _CLOSE) & (ratio < 1.0 / _CLOSE), ratio, 1.0)


def charged_today(platform: Platform, start: Margin) -> FloatArray:
    """Initial margin charged before the first hour, without add-ons, by set."""
    posted, charged = platform.sets.im_posted, start.by_set * platform.sets.multiplier
    return np.where(np.isnan(posted), charged, posted)


def tail(values: FloatArray, level: float) -> Int64Array:
    """Places of the paths at or above a quantile, in path order."""
    ordered = np.sort(values)
    threshold = ordered[int(np.ceil(len(values) * level - 1e-9)) - 1]
    return np.flatnonzero(values >= threshold).astype(np.int64)


def blocks(places: Int64Array, size: int) -> Iterator[Int64Array]:
    """The places in blocks of a size: what is traced at once."""
    for first in range(0, len(places), size):
        yield places[first : first + size]
