"""Step 2 of the hour, first half: the scenario's row and shocks of unit variance (section 2)."""

import numpy as np
from numba import njit

from margin_assets.kernels.avalanche.paths.normals import LANES, normals, pair
from margin_assets.kernels.avalanche.paths.philox import BLOCK, CHI, philox, uniform
from margin_assets.kernels.avalanche.paths.state import Weather
from margin_assets.kernels.avalanche.scenario import (
    GAUSSIAN,
    HISTORY,
    NOISELESS,
    STUDENT,
    Scenario,
    Settings,
)
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, inner

_DAY = 24
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


@inner(**BORROWS)
def forecast(weather: Weather, scenario: Scenario, rows: Int64Array, t: int) -> None:
    """The scenario of this hour, by path: one each, read in the order it lies in."""
    for p in range(LANES):
        for f in range(weather.shock.shape[0]):
            weather.shock[f, p] = scenario.shock[rows[p], t, f]
            weather.volatility[f, p] = scenario.volatility[rows[p], t, f]
            weather.depth[f, p] = scenario.depth[rows[p], t, f]
        weather.haircut[p] = scenario.haircut[rows[p], t]
        weather.lines[p] = scenario.lines[rows[p], t]
        weather.mac[p] = scenario.mac[rows[p], t]


@njit(**BORROWS)
def chi_of_day(seed: int, day: int, path: int, degrees: float) -> float:
    """sqrt((nu - 2) / chi2_nu): one draw a path and day, so that tails arrive together.

    The chi-square is twice a gamma variate, by Marsaglia and Tsang (2000).
    """
    word = np.uint64(seed)
    key = (word & _LOW, word >> _HALF)
    d = degrees / 2.0 - 1.0 / 3.0
    index = 0
    while True:
        counter = (np.uint64(index), np.uint64(day), np.uint64(path), np.uint64(CHI))
        a, b, c, _ = philox(counter, key)
        x, _ = pair(a, b)
        v = (1.0 + x / np.sqrt(9.0 * d)) ** 3
        u = (float(c) + 0.5) * 2.0**-32
        if v > 0.0 and np.log(u) < 0.5 * x * x + d - d * v + d * np.log(v):
            return np.sqrt((degrees - 2.0) / (2.0 * d * v))
        index += 1


@inner(**BORROWS)
def new_day(
    weather: Weather, settings: Settings, paths: Int64Array, day: int, history: int
) -> None:
    """Draws what holds for the day: the chi, or the day of history (stationary bootstrap)."""
    for p in range(LANES):
        weather.chi[p] = 1.0
        if settings.generator == STUDENT:
            weather.chi[p] = chi_of_day(settings.seed, day, paths[p], settings.degrees)
        if settings.generator == HISTORY:
            breaks = uniform(settings.seed, 0, day, paths[p], BLOCK) * settings.block_days < 1.0
            start = uniform(settings.seed, 1, day, paths[p], BLOCK)
            if day == 0 or breaks:
                weather.day[p] = int(start * history)
            else:
                weather.day[p] = (weather.day[p] + 1) % history


@inner(**BORROWS)
def _mix(into: FloatArray, lower: FloatArray, raw: FloatArray, chi: FloatArray) -> None:
    for f in range(into.shape[0]):
        for p in range(LANES):
            into[f, p] = 0.0
        for k in range(f + 1):
            weight = lower[f, k]
            for p in range(LANES):
                into[f, p] += weight * raw[k, p]
        for p in range(LANES):
            into[f, p] *= chi[p]


@inner(**BORROWS)
def draw(
    weather: Weather,
    residuals: FloatArray,
    scenario: Scenario,
    settings: Settings,
    place: tuple[Int64Array, int, int],
) -> None:
    """Fills `mixed`; `place` is the paths' numbers, the scenario's row and the hour."""
    paths, row, t = place
    factors = weather.mixed.shape[0]
    if settings.generator == NOISELESS:
        for f in range(factors):
            for p in range(LANES):
                weather.mixed[f, p] = 0.0
        return
    if settings.generator == GAUSSIAN or settings.generator == STUDENT:
        normals(weather.raw, paths, settings.seed, t)
    else:
        for p in range(LANES):
            for f in range(factors):
                weather.raw[f, p] = residuals[weather.day[p], t % _DAY, f]
    at = scenario.mixing_at[row, t]
    if at >= 0:
        _mix(weather.mixed, scenario.mixing[at], weather.raw, weather.chi)
        return
    for f in range(factors):
        for p in range(LANES):
            weather.mixed[f, p] = weather.raw[f, p] * weather.chi[p]
