"""What a manager or a strategy earns on the margin, the need and the risk that it brings."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from margin_assets.kernels.numeric.arrays import FloatArray


class Brought(NamedTuple):
    """Components by member; each adds up over the members to the fund's figure."""

    names: Sequence[str]
    expected_return: FloatArray
    """USD a year; not a number where nobody stated one."""
    margin: FloatArray
    """Euler component of initial margin, USD."""
    need: FloatArray
    """Component of the 99% need, USD."""
    value_at_risk: FloatArray
    """Component of value at risk, USD."""


class Efficiency(NamedTuple):
    """One member's ratios; None where what they divide by is no cost, or the return is unknown."""

    name: str
    expected_return: float | None
    margin: float
    need: float
    value_at_risk: float
    return_on_margin: float | None
    return_on_need: float | None
    margin_over_risk: float | None
    is_diversifier: bool
    """Its component of margin is negative: it lowers what the others post."""


def efficiency(brought: Brought) -> tuple[Efficiency, ...]:
    """Ratios by member, in the order given.

    A component of 0 or less is shown and divided by nothing: a diversifier has no return on
    margin, and a ratio would rank it below all.
    """
    return tuple(_of(brought, place) for place in range(len(brought.names)))


def _of(brought: Brought, place: int) -> Efficiency:
    stated = float(brought.expected_return[place])
    expected = None if math.isnan(stated) else stated
    margin, need = float(brought.margin[place]), float(brought.need[place])
    risk = float(brought.value_at_risk[place])
    return Efficiency(
        name=brought.names[place],
        expected_return=expected,
        margin=margin,
        need=need,
        value_at_risk=risk,
        return_on_margin=_ratio(expected, margin),
        return_on_need=_ratio(expected, need),
        margin_over_risk=_ratio(margin, risk),
        is_diversifier=margin < 0.0,
    )


def _ratio(above: float | None, below: float) -> float | None:
    return above / below if above is not None and below > 0.0 else None
