"""Small platforms for the avalanche, written out so that a figure can be found by hand."""

from typing import Any

import numpy as np

from margin_assets.kernels.avalanche import platform as arrays
from margin_assets.kernels.avalanche.platform import CLEARED, GAINS_PAID, Platform
from margin_assets.kernels.avalanche.scenario import GAUSSIAN, NO_SALES, Scenario, Settings

FLAT_DAY = np.full(24, 1 / 24)
SIGMA = 0.01
CALM = Settings(
    seed=7, arm=NO_SALES, generator=GAUSSIAN, reversion=0.0, reaction=0.0, gap_share=0.0
)
"""Constant volatility, no weekend, no sales."""


def _record(kind: Any, rows: int, given: dict[str, Any], defaults: dict[str, Any]) -> Any:
    """A record of columns, one value for all rows or one each; every field stands in `defaults`."""
    made = {}
    for name in kind._fields:
        value, dtype = given.get(name, defaults[name]), np.asarray(defaults[name]).dtype
        shape = np.shape(value) if np.ndim(value) == 2 else (rows,)
        made[name] = np.ascontiguousarray(np.broadcast_to(np.asarray(value, dtype=dtype), shape))
    return kind(**made)


def factors(count: int = 1, **given: Any) -> arrays.Factors:
    day = np.tile(FLAT_DAY, (count, 1))
    return _record(
        arrays.Factors,
        count,
        given,
        {
            "sigma": SIGMA,
            "sigma_bar": SIGMA,
            "adv": 1e9,
            "half_spread": 0.0,
            "crowd": 1.0,
            "depth": 1e12,
            "hour_share": day,
            "volume_share": day,
        },
    )


def units(count: int = 1, **given: Any) -> arrays.Units:
    return _record(
        arrays.Units,
        count,
        {"factor": np.arange(count), **given},
        {
            "factor": 0,
            "entity": 0,
            "exposure": 1e8,
            "outside": 0.0,
            "funded": 0.0,
            "lag": 0,
            "volume_part": 1.0,
            "priority": 0.0,
        },
    )


def sets(count: int = 1, **given: Any) -> arrays.Sets:
    intraday = np.zeros((count, 24), dtype=np.bool_)
    return _record(
        arrays.Sets,
        count,
        given,
        {
            "account": 0,
            "venue": 0,
            "kind": CLEARED,
            "gains": GAINS_PAID,
            "threshold": 0.0,
            "their_threshold": np.inf,
            "mta": 0.0,
            "rounding": 0.0,
            "multiplier": 1.0,
            "capital": np.inf,
            "capital_ratio": 2.0,
            "eod_hour": 23,
            "eod_lag": 0,
            "intraday": intraday,
            "intraday_lag": 0,
            "intraday_trigger": 0.0,
            "restrikes": False,
            "dispute_probability": 0.0,
            "dispute_share": 0.0,
            "dispute_delay": 0,
            "deadline": -1,
            "grace": 8,
            "closed": np.zeros((count, 10), dtype=np.bool_),
            "value": 0.0,
            "vm_posted": 0.0,
            "im_posted": np.nan,
            "apc": 0,
            "apc_value": 0.0,
        },
    )


def cuts(by_group: list[list[list[tuple[int, float, float]]]]) -> arrays.Cuts:
    """By group, by cut: entries of unit, coefficient on w, on w2."""
    flat = [cut for group in by_group for cut in group]
    entries = [entry for cut in flat for entry in cut]
    return arrays.Cuts(
        start=np.cumsum([0, *map(len, by_group)]).astype(np.int64),
        entries=np.cumsum([0, *map(len, flat)]).astype(np.int64),
        constant=np.zeros(len(flat)),
        unit=np.array([entry[0] for entry in entries], dtype=np.int64),
        w=np.array([entry[1] for entry in entries], dtype=np.float64),
        w2=np.array([entry[2] for entry in entries], dtype=np.float64),
    )


def estimators(count: int, sigma: np.ndarray, **given: Any) -> arrays.Estimators:
    levels = np.tile(sigma, (count, 1))
    return _record(
        arrays.Estimators,
        count,
        {"sigma": levels, **given},
        {"memory": 1.0, "hour": 23, "trigger": 0.0, "sigma": levels},
    )


def accounts(count: int = 1, **given: Any) -> arrays.Accounts:
    return _record(
        arrays.Accounts,
        count,
        {"currency": np.arange(count), **given},
        {
            "entity": 0,
            "currency": 0,
            "cash": 1e12,
            "minimum": 0.0,
            "cut_off": 24,
            "closed": np.zeros((count, 10), dtype=np.bool_),
        },
    )


def collateral(count: int = 0, **given: Any) -> arrays.Collateral:
    return _record(
        arrays.Collateral,
        count,
        given,
        {
            "account": 0,
            "value": 0.0,
            "haircut": 0.0,
            "stressed": 0.0,
            "factor": -1,
            "lag": 0,
            "opens": 0,
            "closes": 24,
            "posted_at": np.zeros((count, 1), dtype=np.bool_),
        },
    )


def facilities(count: int = 0, **given: Any) -> arrays.Facilities:
    return _record(
        arrays.Facilities,
        count,
        given,
        {
            "account": 0,
            "commitment": 0.0,
            "drawn": 0.0,
            "committed": True,
            "mac": False,
            "notice": 0,
            "cut_off": 24,
            "day_limit": np.inf,
            "draws": 1_000,
            "minimum": 0.0,
            "base_rate": np.inf,
            "nav_floor": 0.0,
            "nav_window": 0,
            "leverage_cap": np.inf,
        },
    )


def groups(by_set: list[int], estimator: int = 0, days: int = 10) -> arrays.Groups:
    """Groups by set, none of them an anchor."""
    start = np.cumsum([0, *by_set]).astype(np.int64)
    return arrays.Groups(
        start=start,
        anchor=start[1:].copy(),
        estimator=np.full(int(start[-1]), estimator, dtype=np.int64),
        weight=np.ones((int(start[-1]), days)),
    )


def exposures(by_set: list[list[tuple[int, float, float]]]) -> arrays.Exposures:
    """By set: entries of unit, delta, gamma."""
    flat = [entry for entries in by_set for entry in entries]
    return arrays.Exposures(
        start=np.cumsum([0, *map(len, by_set)]).astype(np.int64),
        unit=np.array([entry[0] for entry in flat], dtype=np.int64),
        delta=np.array([entry[1] for entry in flat], dtype=np.float64),
        gamma=np.array([entry[2] for entry in flat], dtype=np.float64),
        theta=np.zeros(len(flat)),
    )


def no_addons(count: int) -> arrays.Addons:
    none, whole = np.zeros(0), np.zeros(0, dtype=np.int64)
    return arrays.Addons(np.zeros(count + 1, dtype=np.int64), whole, whole, none, none, none)


def platform(**given: Any) -> Platform:
    """One cleared set of a hundred millions in one factor, no margin model, ample cash."""
    terms = given.get("sets", sets())
    count, rows = len(terms.account), given.get("factors", factors())
    made = {
        "factors": rows,
        "units": units(len(rows.sigma)),
        "exposures": exposures([[(0, 1e8, 0.0)]] * count),
        "sets": terms,
        "groups": groups([0] * count),
        "cuts": cuts([]),
        "addons": no_addons(count),
        "estimators": estimators(1, rows.sigma),
        "accounts": accounts(),
        "entities": arrays.Entities(np.array([1e10]), np.array([8])),
        "collateral": collateral(),
        "facilities": facilities(),
        "ladder": np.zeros((240, 1)),
        "residuals": np.zeros((0, 24, len(rows.sigma))),
        "correlation": np.eye(len(rows.sigma)),
    }
    return Platform(**{**made, **given})


def calm(rows: int = 1, hours: int = 240, count: int = 1) -> Scenario:
    """No shock, no multiplier, full depth, lines open."""
    return Scenario(
        shock=np.zeros((count, hours, rows)),
        volatility=np.ones((count, hours, rows)),
        depth=np.ones((count, hours, rows)),
        haircut=np.zeros((count, hours)),
        lines=np.ones((count, hours)),
        mac=np.zeros((count, hours)),
        mixing=np.eye(rows)[None],
        mixing_at=np.full((count, hours), -1),
    )
