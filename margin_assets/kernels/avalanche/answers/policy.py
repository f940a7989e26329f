"""Limits, weights and levels of the answers as typed values: the house's choices, by date."""

from datetime import date
from typing import Any, NamedTuple

from margin_assets.rulebooks import in_force

FAMILY = "avalanche"


class Limits(NamedTuple):
    """Largest share of margin that one of a kind may have."""

    manager: float
    asset_class: float
    venue: float
    counterparty: float


class ScoreWeights(NamedTuple):
    """Weights of the integrated score, and the exhaustion probability that counts in full."""

    immediate: float
    medium: float
    structural: float
    full_exhaustion: float


class WarningLevels(NamedTuple):
    """Where the early warning changes its level, and the unfitted coefficients of its score."""

    high: float
    critical: float
    hysteresis: float
    readings: int
    """Consecutive readings that change a level, but for a rise to critical."""
    intercept: float
    use: float
    proximity: float
    spiral: float
    leading: float


class Plausibility(NamedTuple):
    """How far a reverse stress may go beyond what was ever seen."""

    distance: float
    """Largest distance, as a multiple of the largest historical one."""
    move: float
    """Largest standardised move of a factor, likewise."""
    assumed: float
    """Largest of both where there is no history, in deviations."""
    multiplier_deviation: float
    """Deviation of the logarithm of a volatility multiplier."""
    cosine: float
    """Two answers above it are one."""
    answers: int


class Costs(NamedTuple):
    """What measures cost a year, as a share of their amount; porting is paid once."""

    undrawn_fee: float
    hqla_carry: float
    term_funding: float
    porting: float


class Policy(NamedTuple):
    """Every number of the house that an answer uses."""

    limits: Limits
    score: ScoreWeights
    warning: WarningLevels
    plausibility: Plausibility
    costs: Costs
    exhaustion_limit: float
    """Largest share of paths that may be exhausted under the facility."""
    adjustment: float
    """Most that a manager's book is scaled by in a what-if."""
    buffer: float
    """Operational buffer, as a share of the 95% outflow."""


def policy(on: date) -> Policy:
    """The policy in force on a day.

    Raises:
        ValueError: The rulebook contradicts itself.
    """
    numbers: dict[str, Any] = in_force(FAMILY, on).numbers
    answers = numbers["answers"]
    return Policy(
        limits=Limits(**_values(numbers["concentration"])),
        score=ScoreWeights(**_values(numbers["score"])),
        warning=WarningLevels(**_values(numbers["warning"])),
        costs=Costs(**_values(numbers["measures"])),
        plausibility=Plausibility(**_values(numbers["reverse"])),
        exhaustion_limit=answers["exhaustion_limit"],
        adjustment=answers["adjustment"],
        buffer=answers["buffer"],
    )


def _values(section: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in section.items() if key != "source"}
