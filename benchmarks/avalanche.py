"""Ten thousand paths of 240 hours over 200 netting sets and 50 factors, feedback on.

A seeded platform of the size of the model's section 12: 70 sets by filtered history (16 cuts), 40
like SPAN (16 cuts of 4 factors), 75 like SIMM (4 cuts), 15 by schedule; 10 factors a set, two
intraday runs a day, four currencies, every source of cash, arm C.
"""

import resource
import time
from typing import Any

import numpy as np

from benchmarks.output import show
from margin_assets.kernels.avalanche import platform as arrays
from margin_assets.kernels.avalanche.platform import BILATERAL, CLEARED, Platform
from margin_assets.kernels.avalanche.scenario import Scenario, Settings
from margin_assets.kernels.avalanche.simulation import Simulator

FACTORS, SETS, PER_SET, PATHS, HOURS, CURRENCIES = 50, 200, 10, 10_000, 240, 4
FILTERED, SPAN, SIMM = 70, 40, 75
SIGMA, IM_RATE = 0.01, 2.5


def _factors(rng: np.random.Generator) -> arrays.Factors:
    hours = np.tile(np.full(24, 1 / 24), (FACTORS, 1))
    sigma = SIGMA * rng.uniform(0.5, 1.5, FACTORS)
    return arrays.Factors(
        sigma,
        sigma.copy(),
        rng.uniform(0.5e9, 20e9, FACTORS),
        np.full(FACTORS, 1e-4),
        np.full(FACTORS, 4.0),
        np.full(FACTORS, 1e12),
        hours,
        hours.copy(),
    )


def _sets(rng: np.random.Generator) -> arrays.Sets:
    number = np.arange(SETS)
    cleared = number < FILTERED + SPAN
    intraday = np.zeros((SETS, 24), dtype=np.bool_)
    intraday[cleared, 9] = intraday[cleared, 14] = True
    zero, whole = np.zeros(SETS), np.zeros(SETS, dtype=np.int64)
    return arrays.Sets(
        account=number % CURRENCIES,
        venue=number % 55,
        kind=np.where(cleared, CLEARED, BILATERAL),
        gains=np.where(number % 3 == 0, arrays.GAINS_AT_END_OF_DAY, arrays.GAINS_PAID),
        threshold=np.where(cleared, 0.0, 5e5),
        their_threshold=np.where(cleared, np.inf, 5e5),
        mta=np.where(cleared, 0.0, 1e5),
        rounding=np.where(cleared, 0.0, 1e4),
        multiplier=np.full(SETS, 1.1),
        capital=np.full(SETS, np.inf),
        capital_ratio=zero + 2.0,
        eod_hour=rng.integers(17, 24, SETS),
        eod_lag=rng.integers(8, 14, SETS),
        intraday=intraday,
        intraday_lag=whole + 1,
        intraday_trigger=zero + 0.25,
        restrikes=np.zeros(SETS, dtype=np.bool_),
        dispute_probability=np.where(cleared, 0.0, 0.02),
        dispute_share=zero + 0.3,
        dispute_delay=whole + 24,
        deadline=whole - 1,
        grace=whole + 8,
        closed=np.zeros((SETS, 0), dtype=np.bool_),
        value=zero,
        vm_posted=zero.copy(),
        im_posted=zero + np.nan,
        apc=np.where(cleared, number % 4, arrays.APC_NONE),
        apc_value=zero + 0.25,
    )


def _margins(
    rng: np.random.Generator, held: np.ndarray, delta: np.ndarray, sigma: np.ndarray
) -> tuple[arrays.Groups, arrays.Cuts]:
    """Each set one group of cuts, and as its anchor one cut beside it."""
    units, w, w2, sizes, per_group, estimator = [], [], [], [], [], []
    for s in range(SETS):
        count = 16 if s < FILTERED + SPAN else (4 if s < FILTERED + SPAN + SIMM else 1)
        width = PER_SET if s < FILTERED or s >= FILTERED + SPAN else 4
        size = IM_RATE * np.abs(delta[s]) * sigma[held[s]]
        for cuts in (count, 1):
            per_group.append(cuts)
            estimator.append(1 + s % 3 if s < FILTERED + SPAN else 0)
            for _ in range(cuts):
                lean = rng.uniform(0.2, 1.0, width)
                units.append(held[s, :width])
                w.append(size[:width] * lean)
                w2.append(size[:width] * (0.02 if s >= FILTERED else 0.0))
                sizes.append(width)
    start = 2 * np.arange(SETS + 1)
    groups = arrays.Groups(
        start, start[:-1] + 1, np.array(estimator), np.ones((2 * SETS, HOURS // 24))
    )
    cuts_table = arrays.Cuts(
        np.cumsum([0, *per_group]),
        np.cumsum([0, *sizes]),
        np.zeros(len(sizes)),
        np.concatenate(units),
        np.concatenate(w),
        np.concatenate(w2),
    )
    return groups, cuts_table


def _funds() -> tuple[arrays.Accounts, arrays.Collateral, arrays.Facilities]:
    accounts = arrays.Accounts(
        np.zeros(CURRENCIES, dtype=np.int64),
        np.arange(CURRENCIES),
        np.full(CURRENCIES, 0.9e9 / CURRENCIES),
        np.zeros(CURRENCIES),
        np.full(CURRENCIES, 24),
        np.zeros((CURRENCIES, 0), dtype=np.bool_),
    )
    assets = np.zeros(4)
    collateral = arrays.Collateral(
        np.arange(4),
        assets + 0.225e9,
        assets + 0.03,
        assets,
        np.arange(4),
        np.full(4, 2),
        np.full(4, 7),
        np.full(4, 15),
        np.zeros((4, 0), dtype=np.bool_),
    )
    line = np.zeros(1)
    facilities = arrays.Facilities(
        np.zeros(1, dtype=np.int64),
        line + 0.6e9,
        line,
        np.ones(1, dtype=np.bool_),
        np.zeros(1, dtype=np.bool_),
        np.full(1, 6),
        np.full(1, 16),
        line + 0.3e9,
        np.full(1, 6),
        line + 1e7,
        line + np.inf,
        line + 0.8,
        np.full(1, 5),
        line + np.inf,
    )
    return accounts, collateral, facilities


def make_platform(seed: int = 13) -> Platform:
    """Seeded platform: 15bn, long and short in every factor."""
    rng = np.random.default_rng(seed)
    factors, sets = _factors(rng), _sets(rng)
    held = np.array([rng.permutation(FACTORS)[:PER_SET] for _ in range(SETS)])
    delta = rng.normal(0.0, 3e8, (SETS, PER_SET))
    gamma = np.where(np.arange(SETS)[:, None] < FILTERED, 0.0, 0.5 * delta)
    groups, cuts = _margins(rng, held, delta, factors.sigma)
    unit = held.ravel()
    net = np.bincount(unit, delta.ravel(), FACTORS)
    number, whole = np.arange(FACTORS), np.zeros(FACTORS, dtype=np.int64)
    accounts, collateral, facilities = _funds()
    return Platform(
        factors,
        arrays.Units(
            number,
            whole,
            net,
            np.zeros(FACTORS),
            np.where(number % 3 == 0, 0.5, 0.0),
            np.where(number % 3 == 0, 24, 0),
            np.ones(FACTORS),
            number.astype(np.float64),
        ),
        arrays.Exposures(
            np.arange(SETS + 1) * PER_SET, unit, delta.ravel(), gamma.ravel(), np.zeros(unit.size)
        ),
        sets,
        groups,
        cuts,
        arrays.Addons(
            np.arange(SETS + 1),
            held[:, 0].copy(),
            1 + np.arange(SETS) % 3,
            np.full(SETS, 1e5),
            np.zeros(SETS),
            np.full(SETS, 1e4),
        ),
        arrays.Estimators(
            np.array([1.0, 0.94, 0.97, 0.99]),
            np.full(4, 17),
            np.zeros(4),
            np.tile(factors.sigma, (4, 1)),
        ),
        accounts,
        arrays.Entities(np.array([15e9]), np.array([8])),
        collateral,
        facilities,
        np.zeros((HOURS, CURRENCIES)),
        np.zeros((0, 24, FACTORS)),
        np.eye(FACTORS),
    )


def make_scenario() -> Scenario:
    """Correlated by 0.3; volatility jumps 2.6 times and decays over 120 hours; half the depth."""
    hours = np.arange(HOURS)[None, :, None]
    ones = np.ones((1, HOURS, FACTORS))
    correlation = np.full((FACTORS, FACTORS), 0.3) + 0.7 * np.eye(FACTORS)
    return Scenario(
        shock=0.0 * ones,
        volatility=(1.0 + 1.6 * np.exp(-hours / 120.0)) * ones,
        depth=0.5 * ones,
        haircut=np.full((1, HOURS), 0.05),
        lines=np.zeros((1, HOURS)),
        mac=np.zeros((1, HOURS)),
        mixing=np.linalg.cholesky(correlation)[None],
        mixing_at=np.zeros((1, HOURS), dtype=np.int64),
    )


def main() -> dict[str, Any]:
    """Times a first call, which compiles where nothing is kept, and a whole run."""
    platform, scenario = make_platform(), make_scenario()
    simulator = Simulator(platform, Settings())
    begun, spent = time.perf_counter(), time.process_time()
    simulator.run(scenario, np.arange(16))
    compiled, compiled_cpu = time.perf_counter() - begun, time.process_time() - spent
    begun, spent = time.perf_counter(), time.process_time()
    results = simulator.run(scenario, np.arange(PATHS))
    seconds, cpu = time.perf_counter() - begun, time.process_time() - spent
    return {
        "paths": PATHS,
        "hours": HOURS,
        "sets": SETS,
        "factors": FACTORS,
        "seconds": {"first_call": compiled, "run": seconds},
        "cpu_seconds": {"first_call": compiled_cpu, "run": cpu},
        "peak_resident_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "peak_need_q99_bn": float(np.quantile(results.peak_need, 0.99)) / 1e9,
        "exhausted": float((results.exhaustion_hour >= 0).mean()),
        "defaulted": float((results.default_hour >= 0).mean()),
        "largest_unexplained_dollars": float(np.abs(results.balance).max()),
    }


if __name__ == "__main__":
    show({"avalanche": main()})
