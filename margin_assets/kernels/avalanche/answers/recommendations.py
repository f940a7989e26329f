"""Measures ranked by what they take off the gap for their cost, looked at again after each pick.

Two measures together seldom save what each saves alone, so the second is valued with the first in
place, and so on.
"""

import math
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple


class Horizon(StrEnum):
    """How soon a measure can be in place."""

    IMMEDIATE = "immediate"
    THIRTY_DAYS = "30d"
    NINETY_DAYS = "90d"
    STRUCTURAL = "structural"


class Candidate(NamedTuple):
    """A measure that could be taken."""

    name: str
    kind: str
    """Port, scale, add a facility, add bonds, term out funding, change a venue."""
    subject: str
    """What it is done to."""
    cost: float
    """USD a year; negative where it earns."""
    owner: str
    horizon: Horizon


class Measured(NamedTuple):
    """What the 99% need and what meets it come to, USD."""

    need: float
    gap: float
    """What the 99% quantile of need exceeds liquidity by; 0 where it does not."""


class Recommendation(NamedTuple):
    """One pick, with the measures before it in place."""

    rank: int
    candidate: Candidate
    need_reduction: float
    """Of the 99% need, USD."""
    gap_reduction: float
    """Of the 99% gap, USD: also what adds liquidity lowers it."""
    per_cost: float
    """Gap reduction per dollar a year; infinite where it costs nothing."""
    gap_left: float


class Alone(NamedTuple):
    """What a measure does by itself, USD."""

    candidate: Candidate
    need_reduction: float
    gap_reduction: float


def alone(
    candidates: Sequence[Candidate], measure: Callable[[tuple[int, ...]], Measured]
) -> tuple[Alone, ...]:
    """What each measure does with no other in place, in their order; one may do harm."""
    before = measure(())
    trials = [measure((place,)) for place in range(len(candidates))]
    return tuple(
        Alone(candidate, before.need - trial.need, before.gap - trial.gap)
        for candidate, trial in zip(candidates, trials, strict=True)
    )


def ranked(
    candidates: Sequence[Candidate],
    measure: Callable[[tuple[int, ...]], Measured],
    most: int = 5,
) -> tuple[Recommendation, ...]:
    """Up to so many measures in the order in which they should be taken, until no gap is left.

    `measure` values the book with candidates, by their place, done in that order. One that takes
    nothing off the gap is not recommended, whatever it costs. Of equals the first in the list.
    """
    done: tuple[int, ...] = ()
    before, found = measure(()), list[Recommendation]()
    left = list(range(len(candidates)))
    while left and len(found) < most:
        trials = {place: measure((*done, place)) for place in left}
        best = max(
            left, key=lambda place: (*_worth(candidates[place], before, trials[place]), -place)
        )
        saved = before.gap - trials[best].gap
        if saved <= 0.0:
            break
        found.append(
            Recommendation(
                rank=len(found) + 1,
                candidate=candidates[best],
                need_reduction=before.need - trials[best].need,
                gap_reduction=saved,
                per_cost=_per_cost(saved, candidates[best].cost),
                gap_left=trials[best].gap,
            )
        )
        done, before = (*done, best), trials[best]
        left.remove(best)
    return tuple(found)


def _worth(candidate: Candidate, before: Measured, after: Measured) -> tuple[float, float]:
    """First what saves per cost, free measures by what they save."""
    saved = before.gap - after.gap
    if saved <= 0.0:
        return (-math.inf, saved)
    return (_per_cost(saved, candidate.cost), saved)


def _per_cost(saved: float, cost: float) -> float:
    return saved / cost if cost > 0.0 else math.inf
