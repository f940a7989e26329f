"""What follows from the platform and the settings alone: calendars, sums, orders of sale."""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.avalanche.paths.calendars import (
    Patience,
    Posting,
    cut_offs,
    days_of,
    longest_closing,
    outflows,
    patience,
    posting,
)
from margin_assets.kernels.avalanche.paths.ring import RING
from margin_assets.kernels.avalanche.platform import Platform
from margin_assets.kernels.avalanche.scenario import Settings
from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray, Int64Array

_WEEK, _DAY = 5, 24


class Plan(NamedTuple):
    """Derived arrays; names as in the platform."""

    variance: FloatArray
    """(hours, F) Share of a day's variance, weekend gaps in it."""
    first_share: FloatArray
    """(M, F) Share of the first day that lies before the estimator's hour."""
    eod: Int64Array
    """(25) Offsets by hour into `eod_sets`."""
    eod_sets: Int64Array
    intraday: Int64Array
    """(25) Offsets by hour into `intraday_sets`."""
    intraday_sets: Int64Array
    strikes: BoolArray
    """(24, M + 1) Whether an hour's strikes take the features of the estimator; the last one stands
    for remaining fractions alone."""
    delta: FloatArray
    """(U) Dollars a return of one earns, all sets and what lies outside them."""
    gamma: FloatArray
    theta: FloatArray
    units: Int64Array
    """(E + 1) Offsets by entity into `unit_order`."""
    unit_order: Int64Array
    """Units by entity, in their order of sale."""
    account: Int64Array
    """(E + 1) Offsets by entity into `account_order`."""
    account_order: Int64Array
    closed: BoolArray
    """(days, S) Business days without a run."""
    cut: Int64Array
    """(days, K) First hour at which the account no longer moves; 0: all day."""
    patience: Patience
    posting: Posting
    outflow: FloatArray
    """(hours + tail + RING, E) Flows that go out, without those that come in."""
    ladder: FloatArray
    """(hours + tail + RING, K) Contractual flows, zero beyond those given."""
    owed: FloatArray
    """(hours + tail + RING, E) The same by entity."""
    has_curve: BoolArray
    """(S) Whether the set has a gamma or a theta."""
    has_square: BoolArray
    """(C) Whether the cut has a coefficient on w2."""
    hours: int
    """Hours of market and of the tail."""


def plan(platform: Platform, settings: Settings) -> Plan:
    """Derives them, of a platform that `checking` has passed."""
    tail = _tail(platform) if settings.tail else 0
    hours = settings.hours + tail
    ladder = np.zeros((hours + RING, len(platform.accounts.cash)))
    given = min(len(platform.ladder), len(ladder))
    ladder[:given] = platform.ladder[:given]
    entities, days = len(platform.entities.nav), (hours + RING) // _DAY + 2
    cut = cut_offs(platform, days)
    owed = np.zeros((len(ladder), entities))
    for k, entity in enumerate(platform.accounts.entity):
        owed[:, entity] += ladder[:, k]
    eod, eod_sets = _by_hour(np.arange(_DAY) == platform.sets.eod_hour[:, None])
    runs = platform.sets.intraday & (np.arange(_DAY) != platform.sets.eod_hour[:, None])
    intraday, intraday_sets = _by_hour(runs)
    units, unit_order = _by_entity(platform.units.entity, entities, platform.units.priority)
    account, account_order = _by_entity(platform.accounts.entity, entities)
    return Plan(
        _variance(platform, settings),
        _first_share(platform),
        eod,
        eod_sets,
        intraday,
        intraday_sets,
        _strikes(platform, runs),
        *_sums(platform),
        units,
        unit_order,
        account,
        account_order,
        days_of(platform.sets.closed, days),
        cut,
        patience(platform, cut, settings.hours),
        posting(platform),
        outflows(ladder, platform.accounts.entity, entities),
        ladder,
        owed,
        _any_by_row(platform.exposures.start, platform.exposures.gamma, platform.exposures.theta),
        _any_by_row(platform.cuts.entries, platform.cuts.w2),
        hours,
    )


def _tail(platform: Platform) -> int:
    sets = platform.sets
    if not len(sets.account):
        return 0
    delay = np.where(sets.dispute_probability > 0, sets.dispute_delay, 0)
    holidays = longest_closing(platform.accounts.closed)
    shift = 1 if holidays or (platform.accounts.cut_off < _DAY).any() else 0
    lag = int((np.maximum(sets.eod_lag, sets.intraday_lag) + delay).max())
    return lag + _DAY * (shift + holidays)


def _by_hour(runs: BoolArray) -> tuple[Int64Array, Int64Array]:
    hour, sets = np.nonzero(runs.T)
    return np.searchsorted(hour, np.arange(_DAY + 1)).astype(np.int64), sets.astype(np.int64)


def _by_entity(
    entity: Int64Array, count: int, priority: FloatArray | None = None
) -> tuple[Int64Array, Int64Array]:
    keys = (entity,) if priority is None else (priority, entity)
    order = np.lexsort(keys).astype(np.int64)
    return np.searchsorted(entity[order], np.arange(count + 1)).astype(np.int64), order


def _variance(platform: Platform, settings: Settings) -> FloatArray:
    days = settings.hours // _DAY
    shares: FloatArray = np.tile(platform.factors.hour_share.T, (days, 1))
    after_weekend = [d * _DAY for d in range(1, days) if (settings.start_weekday + d) % _WEEK == 0]
    shares[after_weekend] += settings.gap_share
    return np.ascontiguousarray(shares)


def _first_share(platform: Platform) -> FloatArray:
    passed = platform.factors.hour_share.cumsum(axis=1)
    return np.ascontiguousarray(passed[:, platform.estimators.hour].T)


def _strikes(platform: Platform, runs: BoolArray) -> BoolArray:
    sets, groups, addons = platform.sets, platform.groups, platform.addons
    last = len(platform.estimators.memory)
    strikes = np.zeros((_DAY, last + 1), dtype=np.bool_)
    for s in range(len(sets.account)):
        hours = runs[s] & sets.restrikes[s]
        hours = hours | (np.arange(_DAY) == sets.eod_hour[s])
        used = set(groups.estimator[groups.start[s] : groups.anchor[s]].tolist())
        used |= set(addons.estimator[addons.start[s] : addons.start[s + 1]].tolist())
        if groups.anchor[s] < groups.start[s + 1]:
            used.add(last)
        for m in used:
            strikes[hours, m] = True
    return strikes


def _sums(platform: Platform) -> tuple[FloatArray, FloatArray, FloatArray]:
    exposures, units = platform.exposures, len(platform.units.factor)
    sums = [
        np.bincount(exposures.unit, weights=column, minlength=units).astype(np.float64)
        for column in (exposures.delta, exposures.gamma, exposures.theta)
    ]
    return sums[0] + platform.units.outside, sums[1], sums[2]


def _any_by_row(start: Int64Array, *columns: FloatArray) -> BoolArray:
    filled = np.zeros(int(start[-1]) + 1, dtype=np.int64)
    for column in columns:
        filled[1:] += column != 0
    passed = filled.cumsum()
    return np.asarray(passed[start[1:]] > passed[start[:-1]])
