"""A book in one scenario, ready to be run: what every question starts from."""

from datetime import date
from typing import NamedTuple

import numpy as np

from margin_assets.avalanche.book.building import Built
from margin_assets.avalanche.book.scenarios import scenario_of
from margin_assets.kernels.avalanche.answers.policy import Policy, policy
from margin_assets.kernels.avalanche.holdings import Holdings
from margin_assets.kernels.avalanche.platform import Platform
from margin_assets.kernels.avalanche.results import NEVER, Results, Trace, replaced
from margin_assets.kernels.avalanche.scenario import NO_SALES, Scenario, Settings
from margin_assets.kernels.avalanche.simulation import simulate, trace
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array

ARMS = ("A", "B", "C")
"""No sales; sales without impact; sales with it: in the order of the loop's arms."""


class Case(NamedTuple):
    """One book, one scenario, one seed."""

    platform: Platform
    holdings: Holdings
    scenario: Scenario
    settings: Settings
    scenario_name: str
    paths: int
    """Paths of a run: 0 to paths - 1."""


def case_of(built: Built, scenario: str, paths: int, seed: int) -> Case:
    """A book in the scenario of that name.

    Raises:
        BookError: There is no such scenario.
    """
    return Case(
        platform=built.platform,
        holdings=built.holdings,
        scenario=scenario_of(built, scenario),
        settings=built.loop(seed=seed, arm=NO_SALES),
        scenario_name=scenario,
        paths=paths,
    )


def policy_of(built: Built) -> Policy:
    """The house's policy on the day of the book; the newest where it names none."""
    return policy(built.settings.as_of or date.max)


def run(case: Case, arm: str, places: Int64Array | None = None) -> Results:
    """Paths of the case in one arm; all of them where none are named."""
    settings = case.settings._replace(arm=ARMS.index(arm))
    return simulate(case.platform, case.scenario, settings, _ids(case, places))


def run_unlimited(case: Case, places: Int64Array | None = None) -> Results:
    """Paths on which every due is paid, so that no need is cut off by a default."""
    settings = case.settings._replace(arm=NO_SALES, unlimited=1)
    return simulate(case.platform, case.scenario, settings, _ids(case, places))


def uncensored(case: Case, still: Results) -> Results:
    """The needs of `run_unlimited`, from all paths of arm A: only a default cuts a need off there.

    What it has of cash, collateral and lines is arm A's where there was no default.
    """
    ended = np.flatnonzero(still.default_hour != NEVER)
    if not len(ended):
        return still
    return replaced(still, ended, run_unlimited(case, still.path[ended]))


def traced(case: Case, arm: str, places: Int64Array) -> Trace:
    """The named paths once more, told by hour."""
    settings = case.settings._replace(arm=ARMS.index(arm))
    return trace(case.platform, case.scenario, settings, places)


def _ids(case: Case, places: Int64Array | None) -> Int64Array:
    return np.arange(case.paths, dtype=np.int64) if places is None else places


class Liquid(NamedTuple):
    """What dues can be paid from before anything is sold, dollars."""

    cash: float
    """Above the operating minimum."""
    hqla: float
    """After the regular haircut."""
    facilities: float
    """Committed and not drawn."""

    @property
    def total(self) -> float:
        """All of it."""
        return self.cash + self.hqla + self.facilities


def liquid(platform: Platform) -> Liquid:
    """What the platform can pay from before it sells."""
    accounts, collateral, lines = platform.accounts, platform.collateral, platform.facilities
    undrawn = np.maximum(lines.commitment - lines.drawn, 0.0)
    return Liquid(
        cash=float(np.maximum(accounts.cash - accounts.minimum, 0.0).sum()),
        hqla=float((collateral.value * (1.0 - collateral.haircut)).sum()),
        facilities=float(undrawn[lines.committed].sum()),
    )


def by_venue(case: Case, by_set: FloatArray) -> FloatArray:
    """Sums of sets by venue, over the last axis."""
    venues = len(case.holdings.names.venues)
    total = np.zeros((*by_set.shape[:-1], venues))
    for place, venue in enumerate(case.platform.sets.venue):
        total[..., venue] += by_set[..., place]
    return total
