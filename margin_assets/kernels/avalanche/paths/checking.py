"""What the loop cannot run, refused by name before it starts: it checks no index itself."""

from typing import Any

import numpy as np

from margin_assets.kernels.avalanche.paths.calendars import longest_closing
from margin_assets.kernels.avalanche.paths.ring import RING
from margin_assets.kernels.avalanche.platform import Platform
from margin_assets.kernels.avalanche.scenario import HISTORY, Settings
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array

_DAY = 24
_MAY_BE_UNSET = ("im_posted",)
_MAY_BE_INFINITE = (
    "adv",
    "depth",
    "their_threshold",
    "capital",
    "day_limit",
    "base_rate",
    "leverage_cap",
)


def refuse(platform: Platform, settings: Settings) -> None:
    """Refuses a platform or settings that the loop would misread.

    Raises:
        ValueError: Columns of different lengths, an index or an offset out of range, a lag beyond
            the ring, a number that is none, a generator without its data.
    """
    _lengths(platform)
    _indices(platform)
    _offsets(platform)
    _lags(platform, settings)
    _numbers(platform)
    if settings.hours < _DAY or settings.hours % _DAY:
        raise ValueError("the run's hours must be whole days of 24")
    if settings.generator == HISTORY and not len(platform.residuals):
        raise ValueError("blocks of history are asked for, and the platform has no residuals")
    if platform.groups.weight.shape[1] < settings.hours // _DAY:
        raise ValueError("the groups' weights cover fewer days than the run")


def _records(platform: Platform) -> list[tuple[str, Any]]:
    return [(n, v) for n, v in platform._asdict().items() if hasattr(v, "_asdict")]


def _lengths(platform: Platform) -> None:
    """Columns of a record that has one row a thing are equally long."""
    for name in ("factors", "units", "sets", "accounts", "entities", "collateral", "facilities"):
        record = getattr(platform, name)
        if len({len(column) for column in record}) != 1:
            raise ValueError(f"columns of {name} differ in length")
    factors = len(platform.factors.sigma)
    shapes = {
        "factors.hour_share": (platform.factors.hour_share, (factors, _DAY)),
        "factors.volume_share": (platform.factors.volume_share, (factors, _DAY)),
        "sets.intraday": (platform.sets.intraday, (len(platform.sets.account), _DAY)),
        "estimators.sigma": (
            platform.estimators.sigma,
            (len(platform.estimators.memory), factors),
        ),
        "residuals": (platform.residuals, (len(platform.residuals), _DAY, factors)),
        "ladder": (platform.ladder, (len(platform.ladder), len(platform.accounts.cash))),
    }
    for name, (array, shape) in shapes.items():
        if array.shape != shape:
            raise ValueError(f"{name} has the shape {array.shape}, not {shape}")


def _indices(platform: Platform) -> None:
    p = platform
    factors, units, accounts = len(p.factors.sigma), len(p.units.factor), len(p.accounts.cash)
    estimators, entities = len(p.estimators.memory), len(p.entities.nav)
    indices: dict[str, tuple[Int64Array, int]] = {
        "units.factor": (p.units.factor, factors),
        "units.entity": (p.units.entity, entities),
        "exposures.unit": (p.exposures.unit, units),
        "sets.account": (p.sets.account, accounts),
        "sets.eod_hour": (p.sets.eod_hour, _DAY),
        "groups.estimator": (p.groups.estimator, estimators),
        "cuts.unit": (p.cuts.unit, units),
        "addons.unit": (p.addons.unit, units),
        "addons.estimator": (p.addons.estimator, estimators),
        "estimators.hour": (p.estimators.hour, _DAY),
        "accounts.entity": (p.accounts.entity, entities),
        "collateral.account": (p.collateral.account, accounts),
        "collateral.factor": (p.collateral.factor + 1, factors + 1),
        "facilities.account": (p.facilities.account, accounts),
    }
    for name, (index, end) in indices.items():
        if index.size and (int(index.min()) < 0 or int(index.max()) >= end):
            raise ValueError(f"{name} names a row that is not there")
    without = np.setdiff1d(np.arange(entities), p.accounts.entity)
    if without.size:
        raise ValueError(f"entity {int(without[0])} has no cash account")


def _offsets(platform: Platform) -> None:
    p = platform
    sets, groups, cuts = len(p.sets.account), len(p.groups.estimator), len(p.cuts.constant)
    offsets = {
        "exposures.start": (p.exposures.start, sets, len(p.exposures.unit)),
        "groups.start": (p.groups.start, sets, groups),
        "cuts.start": (p.cuts.start, groups, cuts),
        "cuts.entries": (p.cuts.entries, cuts, len(p.cuts.unit)),
        "addons.start": (p.addons.start, sets, len(p.addons.unit)),
    }
    for name, (start, rows, end) in offsets.items():
        grows = len(start) == rows + 1 and int(start[0]) == 0 and bool((np.diff(start) >= 0).all())
        if not grows or int(start[-1]) != end:
            raise ValueError(f"{name} does not lead from zero to {end} over {rows} rows")
    if (np.diff(p.cuts.start) < 1).any():
        raise ValueError("a group has no cut")
    anchor = p.groups.anchor
    if ((anchor < p.groups.start[:-1]) | (anchor > p.groups.start[1:])).any():
        raise ValueError("groups.anchor lies outside of its set's groups")


def _lags(platform: Platform, settings: Settings) -> None:
    sets = platform.sets
    # A payment that meets a cut-off or a holiday is moved to the next open day.
    closings = longest_closing(platform.accounts.closed)
    moved = _DAY * closings
    lags = {
        "a set's payment lag with its dispute": sets.eod_lag + sets.dispute_delay + moved,
        "a set's intraday lag with its dispute": sets.intraday_lag + sets.dispute_delay + moved,
        "a set's deadline with its grace": np.maximum(sets.deadline, 0) + sets.grace,
        "a unit's settlement lag": platform.units.lag,
        "a facility's notice": platform.facilities.notice + moved,
        "an asset's lag": platform.collateral.lag + moved,
        "the look-ahead": np.array([settings.look_ahead]),
        "an entity's grace": platform.entities.grace,
    }
    for name, lag in lags.items():
        if lag.size and (int(lag.max()) + 2 * _DAY > RING or int(lag.min()) < 0):
            at_holidays = f", {moved} of holidays in it" if moved else ""
            raise ValueError(f"{name} must lie from 0 to {RING - 2 * _DAY} hours{at_holidays}")


def _numbers(platform: Platform) -> None:
    """Every float is a number, and finite but where infinity says that there is no bound."""
    for name, record in _records(platform):
        for field, column in record._asdict().items():
            if column.dtype == np.float64 and not _is_sound(field, column):
                raise ValueError(f"{name}.{field} has a value that is no number")
    for name in ("adv", "depth"):
        if (getattr(platform.factors, name) <= 0).any():
            raise ValueError(f"factors.{name} must be above zero")


def _is_sound(field: str, column: FloatArray) -> bool:
    if field in _MAY_BE_UNSET:
        return not np.isinf(column).any()
    if field in _MAY_BE_INFINITE:
        return not np.isnan(column).any()
    return bool(np.isfinite(column).all())
