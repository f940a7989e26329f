"""The integrated score: one number from 0 to 100 over three horizons, and what it is made of."""

from typing import NamedTuple

from margin_assets.kernels.avalanche.answers.policy import ScoreWeights


class ScoreInputs(NamedTuple):
    """What the score is made of."""

    exhaustion: float
    """Probability of exhaustion over the horizon."""
    limit_use: float
    """Largest use of a concentration limit: share over limit."""
    coverage_shortfall: float
    """What thirty days' 95% outflow and buffer exceed liquidity by, over them: 0 to 1."""
    index_excess: float
    """Mean excess of the concentration indices, 0 to 1."""
    hidden_share: float
    """Hidden concentration, 0 to 1."""
    spiral: float
    """Spiral condition; counts in full from 1."""


class Score(NamedTuple):
    """The score and its parts, each from 0 (good) to 1."""

    value: float
    """0 to 100."""
    immediate: float
    medium: float
    structural: float


def integrated_score(standing: ScoreInputs, weights: ScoreWeights) -> Score:
    """100 (w1 immediate + w2 medium + w3 structural), each part held to 0 and 1.

    No network model stands behind it: the text that asked for one names it and defines none.
    """
    immediate = _held(standing.exhaustion / weights.full_exhaustion)
    medium = 0.5 * (_held(standing.limit_use) + _held(standing.coverage_shortfall))
    structural = (
        _held(standing.index_excess) + _held(standing.hidden_share) + _held(standing.spiral)
    ) / 3.0
    total = (
        weights.immediate * immediate + weights.medium * medium + weights.structural * structural
    )
    return Score(100.0 * total, immediate, medium, structural)


def _held(part: float) -> float:
    return min(1.0, max(0.0, part))
