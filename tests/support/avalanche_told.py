"""One path told: shocks by hour, and the events that they bring, for cases found by hand."""

import numpy as np

from margin_assets.kernels.avalanche.platform import Platform
from margin_assets.kernels.avalanche.results import Trace
from margin_assets.kernels.avalanche.scenario import NOISELESS, Scenario, Settings
from margin_assets.kernels.avalanche.simulation import trace
from tests.support import avalanche_platforms as ap

QUIET = ap.CALM._replace(generator=NOISELESS)
ONE = np.arange(1)
NONE = np.zeros(24, dtype=np.bool_)


def moved(*moves: tuple[int, float]) -> Scenario:
    """Returns by hour; the plain platform makes a hundred millions times each."""
    scenario = ap.calm()
    for hour, move in moves:
        scenario.shock[0, hour, 0] = move
    return scenario


def at(*hours: int) -> np.ndarray:
    runs = NONE.copy()
    runs[list(hours)] = True
    return runs[None]


def told(platform: Platform, scenario: Scenario, settings: Settings = QUIET) -> Trace:
    return trace(platform, scenario, settings, ONE)


def events(found: Trace, *kinds: int) -> list[tuple]:
    chosen = found.events[np.isin(found.events["kind"], kinds)]
    return [(int(e["hour"]), round(float(e["amount"]), 2), int(e["due_hour"])) for e in chosen]
