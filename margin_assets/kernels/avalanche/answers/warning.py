"""Early warning: four components, a score from 0 to 1, and a level that does not flicker."""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.avalanche.answers.policy import WarningLevels
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array

_MOST_STEPS, _SMALL_STEP = 200, 1e-10
_HALVINGS, _GAIN = 40, 1e-4


class Level(StrEnum):
    """How near."""

    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"


class Components(NamedTuple):
    """What the score is made of, each from 0 to 1."""

    use: float
    """99% need over usable liquidity."""
    proximity: float
    """How far along, and how well aligned with, the nearest scenario the last days were."""
    spiral: float
    leading: float
    """Mean percentile of the leading indicators."""


class Nearness(NamedTuple):
    """How near a move is to one scenario."""

    scenario: int
    """Place in the library; -1 for none."""
    progress: float
    """Projection on the scenario, 1 where it has been reached."""
    alignment: float
    """Cosine in the metric of the correlation."""
    value: float


def use_of(need: float, liquid: float) -> float:
    """Need over liquidity, held to 0 and 1; all is used where there is none."""
    if need <= 0.0:
        return 0.0
    return min(1.0, need / liquid) if liquid > 0.0 else 1.0


def nearest(move: FloatArray, scenarios: FloatArray, correlation: FloatArray) -> Nearness:
    """The scenario that the last days' standardised move comes nearest to.

    In the metric of the correlation C, with s the scenario and z the move: progress z'C^-1 s over
    s'C^-1 s, alignment z'C^-1 s over both lengths, nearness their product with progress held to 0
    and 1 and alignment to 0 and above. Ties go to the earlier scenario.

    Args:
        move: Return of the last five days over its deviation, one entry a factor.
        scenarios: The same of each scenario, scenarios x factors; one without a move is skipped.
        correlation: Factors x factors, positive definite.
    """
    if len(scenarios) == 0:
        return Nearness(-1, 0.0, 0.0, 0.0)
    solved = np.linalg.solve(correlation, scenarios.T)
    along, lengths = move @ solved, np.einsum("kf,fk->k", scenarios, solved)
    own = float(move @ np.linalg.solve(correlation, move))
    is_move = lengths > 0.0
    safe = np.where(is_move, lengths, 1.0)
    progress = np.where(is_move, along / safe, 0.0)
    alignment = np.where(is_move & (own > 0.0), along / np.sqrt(safe * max(own, 1e-300)), 0.0)
    value = np.clip(progress, 0.0, 1.0) * np.maximum(alignment, 0.0)
    best = int(np.argmax(value))
    return Nearness(best, float(progress[best]), float(alignment[best]), float(value[best]))


def percentile(history: FloatArray, now: float) -> float:
    """Share of past values below the one of now, equals counting half; 0.5 without a past."""
    if len(history) == 0:
        return 0.5
    below = np.count_nonzero(history < now) + 0.5 * np.count_nonzero(history == now)
    return float(below / len(history))


def coefficients(levels: WarningLevels) -> FloatArray:
    """Intercept and the four coefficients, unfitted."""
    return np.array([levels.intercept, levels.use, levels.proximity, levels.spiral, levels.leading])


def score(components: Components, beta: FloatArray) -> float:
    """Logistic function of the components, 0 to 1: higher is nearer to exhaustion."""
    return float(scores(np.array([components]), beta)[0])


def scores(features: FloatArray, beta: FloatArray) -> FloatArray:
    """The same of many rows of components."""
    argument = beta[0] + features @ beta[1:]
    return 1.0 / (1.0 + np.exp(-np.clip(argument, -500.0, 500.0)))


def fitted(features: FloatArray, labels: FloatArray, penalty: float = 1e-3) -> FloatArray:
    """Coefficients fitted to labelled path-days, those of the components not below 0.

    Penalised likelihood by projected Newton steps, each shortened until it gains (Bertsekas, SIAM
    Journal on Control and Optimization 20, 1982). Columns are the components, labels 1 where
    liquidity was exhausted within three days.

    Raises:
        ValueError: All labels are alike: nothing can be told apart.
    """
    if not 0.0 < float(labels.mean()) < 1.0:
        msg = "the warning cannot be fitted: all path-days have the same label"
        raise ValueError(msg)
    task = _Fit(np.column_stack([np.ones(len(features)), features]), labels, penalty)
    beta = np.zeros(task.design.shape[1])
    for _ in range(_MOST_STEPS):
        moved = _step(task, beta)
        change, beta = float(np.abs(moved - beta).max()), moved
        if change < _SMALL_STEP:
            break
    return beta


class _Fit(NamedTuple):
    """What is fitted: columns with the intercept's, labels, and weight of the squares."""

    design: FloatArray
    labels: FloatArray
    penalty: float

    def loss(self, beta: FloatArray) -> float:
        """Mean negative log-likelihood with the penalty."""
        argument = self.design @ beta
        likelihood = np.logaddexp(0.0, argument) - self.labels * argument
        return float(likelihood.mean() + 0.5 * self.penalty * (beta @ beta))


def _step(task: _Fit, beta: FloatArray) -> FloatArray:
    """The next coefficients: a Newton step of those that are free, cut to 0 and above."""
    chance = scores(task.design[:, 1:], beta)
    slope = task.design.T @ (task.labels - chance) / len(chance) - task.penalty * beta
    # At 0 with a slope that leads below it, a coefficient stays.
    free = (beta > 0.0) | (slope > 0.0)
    free[0] = True
    weighted = task.design[:, free] * (chance * (1.0 - chance))[:, None]
    curvature = task.design[:, free].T @ weighted / len(chance)
    curvature += task.penalty * np.eye(len(curvature))
    step = np.zeros(len(beta))
    step[free] = np.linalg.solve(curvature, slope[free])
    before, length = task.loss(beta), 1.0
    for _ in range(_HALVINGS):
        moved = beta + length * step
        moved[1:] = np.maximum(moved[1:], 0.0)
        if task.loss(moved) <= before - _GAIN * float(slope @ (moved - beta)):
            return moved
        length *= 0.5
    return beta


class RankMap(NamedTuple):
    """A nondecreasing map from score to probability: constant between its steps."""

    score: FloatArray
    """Lowest score of each step, ascending."""
    probability: FloatArray


def isotonic(score_of: FloatArray, labels: FloatArray) -> RankMap:
    """Least-squares nondecreasing fit of labels to scores, by pooling adjacent violators.

    Source: Ayer and others, Annals of Mathematical Statistics 26 (1955).
    """
    order = np.argsort(score_of, kind="stable")
    starts: list[float] = []
    sums: list[float] = []
    counts: list[int] = []
    for place in order:
        starts.append(float(score_of[place]))
        sums.append(float(labels[place]))
        counts.append(1)
        while len(sums) > 1 and _is_pooled(starts, sums, counts):
            starts.pop()
            last_sum, last_count = sums.pop(), counts.pop()
            sums[-1] += last_sum
            counts[-1] += last_count
    return RankMap(np.array(starts), np.array(sums) / np.array(counts))


def _is_pooled(starts: Sequence[float], sums: Sequence[float], counts: Sequence[int]) -> bool:
    return starts[-1] == starts[-2] or sums[-1] * counts[-2] <= sums[-2] * counts[-1]


def mapped(held: RankMap, value: float) -> float:
    """Probability at a score; that of the lowest step below it."""
    place = int(np.searchsorted(held.score, value, side="right")) - 1
    return float(held.probability[max(place, 0)])


class Reading(NamedTuple):
    """One reading and the level after it."""

    score: float
    level: Level
    pending: Level
    """Level that readings in a row point to; the level itself where they point to no other."""
    in_a_row: int
    """Readings in a row that point to it."""


def level_after(before: Reading | None, value: float, levels: WarningLevels) -> Reading:
    """The level after one more reading.

    It rises to critical at once. Any other change takes the stated number of readings in a row that
    point to the same level, and a level is left downwards only at less than its bound by the
    hysteresis. A reading that is no number raises: a warning that cannot be computed is none.

    Raises:
        ValueError: The score is no number.
    """
    if math.isnan(value):
        msg = "the early warning has no score: one of its components is no number"
        raise ValueError(msg)
    held = Level.NORMAL if before is None else before.level
    pointed = _pointed(held, value, levels)
    if pointed is held:
        return Reading(value, held, held, 0)
    if pointed is Level.CRITICAL:
        return Reading(value, pointed, pointed, 0)
    is_same = before is not None and before.pending is pointed
    count = before.in_a_row + 1 if before is not None and is_same else 1
    if count >= levels.readings:
        return Reading(value, pointed, pointed, 0)
    return Reading(value, held, pointed, count)


def _pointed(held: Level, value: float, levels: WarningLevels) -> Level:
    critical = levels.critical - (levels.hysteresis if held is Level.CRITICAL else 0.0)
    high = levels.high - (0.0 if held is Level.NORMAL else levels.hysteresis)
    if value >= critical:
        return Level.CRITICAL
    return Level.HIGH if value >= high else Level.NORMAL


class Skill(NamedTuple):
    """How well a warning did on path-days that it was not fitted on."""

    detected: float
    """Share of exhausted paths flagged high at least a day before; not a number if none was."""
    false_alarms: float
    """Share of path-days of paths never exhausted that were flagged."""
    exhausted_paths: int
    calm_days: int


def skill(flagged: FloatArray, exhausted_on: Int64Array) -> Skill:
    """Detection and false alarms.

    Args:
        flagged: Whether each path was high at the end of each day, paths x days, 0 or 1.
        exhausted_on: Day of exhaustion, from 0, one entry a path; negative for never.
    """
    days = np.arange(flagged.shape[1])
    hit = exhausted_on >= 0
    before = (flagged > 0) & (days[None, :] < exhausted_on[:, None])
    detected = float(before[hit].any(axis=1).mean()) if hit.any() else math.nan
    calm = flagged[~hit] > 0
    return Skill(detected, float(calm.mean()) if calm.size else 0.0, int(hit.sum()), int(calm.size))
