"""How margin moves with the market: what a model charges on a path, and how much that swings.

Source: Murphy, Vasios, Vause, Financial Stability Paper 29 (Bank of England, 2014), for peak to
trough and the largest rise over n days; Gurrola-Perez and Murphy (2024) for the response to a step.
"""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.numeric.proportions import chi_squared_tail, kupiec_ratio

NONE, BUFFER, STRESS, FLOOR = "none", "buffer25", "stress25", "floor10y"
HORIZONS = (1, 5, 30)


class Tool(NamedTuple):
    """A tool against procyclicality."""

    name: str
    share: float = 0.0
    """Of the buffer, or the weight of stress; unused by the others."""


class Swing(NamedTuple):
    """How far margin swings on a path; ratios, 1 is no swing."""

    peak_to_trough: float
    rises: tuple[float, ...]
    """Largest rise over 1, 5 and 30 days, as a share of what it rose from."""
    mean_over_last: float
    """Average charge over the last one: what the tool costs in calm times."""


class Coverage(NamedTuple):
    """How often a loss was above the margin that stood for it."""

    days: int
    breaches: int
    expected: float
    p_value: float
    """Probability of so unlikely a number of breaches, were the model right."""


def charged(raw: FloatArray, anchor: FloatArray, tool: Tool) -> FloatArray:
    """What is charged on a path of a model's margin.

    buffer25 starts with the buffer whole, and lets it be used up before the charge rises. The
    anchor is the stressed or long-run margin, unused otherwise.
    Source: EMIR RTS 153/2013, Article 28(1)(a) to (c).
    """
    if tool.name == STRESS:
        mixed: FloatArray = (1.0 - tool.share) * raw + tool.share * anchor
        return mixed
    if tool.name == FLOOR:
        return np.maximum(raw, anchor)
    if tool.name == NONE:
        return raw
    found = np.empty_like(raw)
    before = (1.0 + tool.share) * raw[0] if len(raw) else 0.0
    for day, model in enumerate(raw):
        before = min(max(before, model), (1.0 + tool.share) * model)
        found[day] = before
    return found


def swing_of(path: FloatArray) -> Swing:
    """Swing of margin charged day by day, all above 0.

    Raises:
        ValueError: There is no day, or a day without margin: no ratio can be taken.
    """
    if not len(path) or path.min() <= 0.0:
        msg = "a path of margin has days, and margin above 0 on each"
        raise ValueError(msg)
    rises = tuple(
        float((path[n:] / path[:-n] - 1.0).max(initial=0.0)) if len(path) > n else 0.0
        for n in HORIZONS
    )
    return Swing(float(path.max() / path.min()), rises, float(path.mean() / path[-1]))


def step_response(multiple: float, decay: float, days: int, tool: Tool) -> FloatArray:
    """[day]: expected charge over that before, when volatility jumps to `multiple` and stays.

    Variance after k days is m^2 - (m^2 - 1) lambda^k; day 0 is before the jump. The anchor of a
    tool stands at what the model charged before.
    """
    k = np.arange(days + 1)
    raw = np.sqrt(multiple**2 - (multiple**2 - 1.0) * decay**k)
    path = charged(raw, np.ones_like(raw), tool)
    found: FloatArray = path / path[0]
    return found


def coverage_of(losses: FloatArray, margin: FloatArray, confidence: float) -> Coverage:
    """Losses against the margin known before each, by Kupiec's test of how many may exceed it.

    Args:
        losses: [day], a loss is positive.
        margin: [day].
        confidence: Of the model, such as 0.99.
    """
    days, breaches = len(losses), int((losses > margin).sum())
    ratio = kupiec_ratio(days, breaches, 1.0 - confidence)
    return Coverage(days, breaches, (1.0 - confidence) * days, chi_squared_tail(ratio))
