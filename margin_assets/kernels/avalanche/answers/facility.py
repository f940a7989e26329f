"""The smallest credit line under which liquidity is exhausted on few enough paths.

On common random numbers a larger line never exhausts a path that a smaller one does not, so the
share of exhausted paths falls with the line and bisection finds where it meets the limit.
"""

import math
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from margin_assets.kernels.avalanche.answers.quantiles import ranks


class Verdict(StrEnum):
    """What was found."""

    NONE_NEEDED = "none_needed"
    SIZED = "sized"
    NO_LINE_SUFFICES = "no_line_suffices"
    """Not even the largest one: money that must be asked for hours before comes too late."""


class FacilitySize(NamedTuple):
    """A commitment and what is known of it, USD."""

    verdict: Verdict
    commitment: float
    """Smallest that holds, rounded up to the step; the largest tried where none suffices."""
    low: float
    """Lower end of the 95% interval from the number of paths."""
    high: float
    """Upper end; infinite where so few paths do not bound it."""
    exhausted_without: int
    """Paths exhausted with no line at all."""
    exhausted_with: int
    """Paths exhausted with it."""
    paths: int
    runs: int
    """Re-runs that were needed."""


class Sought(NamedTuple):
    """What is looked for, and how closely."""

    paths: int
    """All paths, whether they are re-run or known not to be exhausted."""
    level: float = 0.99
    """Share of paths that must not be exhausted."""
    step: float = 1e6
    """Commitments are looked for in whole steps, USD."""
    most: float = 1e11
    """Largest commitment looked at, USD."""


class _Search:
    """Exhausted paths by commitment in steps; each commitment is run once."""

    def __init__(self, exhausted: Callable[[float], int], sought: Sought) -> None:
        self._exhausted, self._sought = exhausted, sought
        self.known: dict[int, int] = {}

    def at(self, steps: int) -> int:
        if steps not in self.known:
            self.known[steps] = self._exhausted(steps * self._sought.step)
        return self.known[steps]

    def least(self, allowed: int, guess: int) -> int | None:
        """Fewest steps at which no more paths than allowed are exhausted; None if none does."""
        largest = int(self._sought.most // self._sought.step)
        # Where the largest line does not suffice nothing between is looked at.
        if self.at(largest) > allowed:
            return None
        known = sorted(self.known)
        too_few = max((k for k in known if self.known[k] > allowed), default=-1)
        enough = min(k for k in known if self.known[k] <= allowed)
        trial = min(max(guess, too_few + 1), enough - 1)
        while too_few < trial < enough:
            if self.at(trial) <= allowed:
                enough = trial
                break
            too_few, trial = trial, min(2 * trial, enough - 1)
        while enough - too_few > 1:
            middle = (enough + too_few) // 2
            enough, too_few = (middle, too_few) if self.at(middle) <= allowed else (enough, middle)
        return enough


def facility_size(exhausted: Callable[[float], int], guess: float, sought: Sought) -> FacilitySize:
    """Smallest commitment that leaves at most 1 - level of all paths exhausted before any sale.

    `exhausted` re-runs the paths with a commitment (USD) and counts the exhausted ones; it must not
    rise with the commitment, which common random numbers give. `guess` is where to look first: the
    quantile of need less what is liquid.

    The interval is the sizes at which the order statistics around the quantile of each path's own
    smallest line would be met: the same search with more and with fewer paths allowed.
    """
    search = _Search(exhausted, sought)
    allowed = sought.paths - math.ceil(sought.paths * sought.level - 1e-9)
    lower, upper = ranks(sought.paths, sought.level)
    first = max(0, math.ceil(guess / sought.step))
    search.at(0)
    found = search.least(allowed, first)
    if found is None:
        most = int(sought.most // sought.step)
        return _sized(search, sought, Verdict.NO_LINE_SUFFICES, (most, None), most)
    low = search.least(sought.paths - lower, found) or 0
    high = search.least(sought.paths - upper, found) if upper <= sought.paths else None
    verdict = Verdict.SIZED if found else Verdict.NONE_NEEDED
    return _sized(search, sought, verdict, (low, high), found)


def _sized(
    search: _Search,
    sought: Sought,
    verdict: Verdict,
    bounds: tuple[int, int | None],
    found: int,
) -> FacilitySize:
    low, high = bounds
    return FacilitySize(
        verdict=verdict,
        commitment=found * sought.step,
        low=low * sought.step,
        high=math.inf if high is None else high * sought.step,
        exhausted_without=search.known[0],
        exhausted_with=search.known[found],
        paths=sought.paths,
        runs=len(search.known),
    )


def first_guess(need_quantile: float, cash: float, hqla: float) -> float:
    """Closed first guess of a line, USD: what the quantile of need exceeds cash and HQLA by."""
    return max(0.0, need_quantile - cash - hqla)
