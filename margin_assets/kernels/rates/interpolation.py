"""Between the nodes of a curve: what is read off it, and how that moves with each node.

Every way here is homogeneous: the value is the weights times the nodes, also where a monotone
cubic makes the weights depend on the nodes.
"""

from collections.abc import Iterator

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array


def linear_weights(nodes: FloatArray, at: FloatArray) -> FloatArray:
    """Weights of the nodes at each place; beyond the first and the last node, that node alone.

    Returns:
        Places by nodes.
    """
    weights = np.zeros((at.size, nodes.size))
    if nodes.size == 1:
        weights[:, 0] = 1.0
        return weights
    left = np.clip(np.searchsorted(nodes, at, side="right") - 1, 0, nodes.size - 2)
    share = np.clip((at - nodes[left]) / (nodes[left + 1] - nodes[left]), 0.0, 1.0)
    rows = np.arange(at.size)
    weights[rows, left] = 1.0 - share
    weights[rows, left + 1] = share
    return weights


def cubic_weights(nodes: FloatArray, heights: FloatArray, way: str, at: FloatArray) -> FloatArray:
    """Weights of the nodes of a cubic at each place within the nodes.

    Args:
        nodes: places of the nodes, ascending, at least two.
        heights: values at the nodes, on which a monotone or a Kruger cubic's weights depend.
        way: one of `SLOPED`.
        at: places within the nodes; outside, the cubic of the first or the last stretch.

    Returns:
        Places by nodes.
    """
    left, share, width = _stretches(nodes, at)
    rest = 1.0 - share
    slopes = slope_weights(nodes, heights, way)
    rows = np.arange(at.size)
    weights = np.zeros((at.size, nodes.size))
    weights[rows, left] = rest * rest * (1.0 + 2.0 * share)
    weights[rows, left + 1] = share * share * (3.0 - 2.0 * share)
    weights += (width * share * rest * rest)[:, None] * slopes[left]
    weights -= (width * share * share * rest)[:, None] * slopes[left + 1]
    return weights


def _stretches(nodes: FloatArray, at: FloatArray) -> tuple[Int64Array, FloatArray, FloatArray]:
    left = np.clip(np.searchsorted(nodes, at, side="right") - 1, 0, nodes.size - 2)
    width = nodes[left + 1] - nodes[left]
    return left, (at - nodes[left]) / width, width


def slope_weights(nodes: FloatArray, heights: FloatArray, way: str) -> FloatArray:
    """Weights of the heights in the slope at each node; nodes by nodes.

    By steps in the imaginary direction, which are exact to the last digits.
    """
    tiny = 1e-40
    count = nodes.size
    return (
        np.stack(
            [
                _slopes(nodes, heights + 1j * tiny * np.eye(count)[j], way).imag
                for j in range(count)
            ],
            axis=1,
        )
        / tiny
    )


def _slopes(nodes: FloatArray, heights: FloatArray, way: str) -> FloatArray:
    width = np.diff(nodes)
    rise = np.diff(heights) / width
    if nodes.size == 2:
        return np.array([rise[0], rise[0]])
    if way == "kruger":
        return _kruger(rise)
    slopes = _natural(width, rise)
    return slopes if way == "natural" else _monotone(width, rise, slopes)


def _natural(width: FloatArray, rise: FloatArray) -> FloatArray:
    """Slopes of the cubic spline without curvature at both ends."""
    count = rise.size + 1
    system = np.zeros((count, count))
    right = np.zeros(count, rise.dtype)
    system[0, :2], right[0] = (2.0, 1.0), 3.0 * rise[0]
    system[-1, -2:], right[-1] = (1.0, 2.0), 3.0 * rise[-1]
    for i in range(1, count - 1):
        before, after = width[i - 1], width[i]
        system[i, i - 1 : i + 2] = (after, 2.0 * (before + after), before)
        right[i] = 3.0 * (after * rise[i - 1] + before * rise[i])
    return np.asarray(np.linalg.solve(system, right))


def _kruger(rise: FloatArray) -> FloatArray:
    """Slopes of C. Kruger, Constrained cubic spline interpolation (2003)."""
    before, after = rise[:-1], rise[1:]
    is_turning = before.real * after.real <= 0.0
    total = np.where(is_turning, 1.0, before + after)
    inner = np.where(is_turning, 0.0, 2.0 * before * after / total)
    first = (3.0 * rise[0] - inner[0]) / 2.0
    last = (3.0 * rise[-1] - inner[-1]) / 2.0
    return np.concatenate([[first], inner, [last]])


def _size(x: FloatArray) -> FloatArray:
    """Absolute value, differentiable where it is not zero."""
    return np.where(x.real < 0.0, -x, x)


def _least(*values: FloatArray) -> FloatArray:
    return min(values, key=lambda value: float(value.real))


def _monotone(width: FloatArray, rise: FloatArray, slopes: FloatArray) -> FloatArray:
    """Slopes held back so that the cubic rises and falls as the nodes do.

    Source: J. M. Hyman, SIAM J. Sci. Stat. Comput. 4(4), 1983, with the wider bound at an inner
    node of R. L. Dougherty, A. Edelman and J. M. Hyman, Math. Comp. 52 (1989).
    """
    held = slopes.copy()
    held[0] = _bounded(slopes[0], rise[0], 3.0 * _size(rise[0]))
    held[-1] = _bounded(slopes[-1], rise[-1], 3.0 * _size(rise[-1]))
    for i in range(1, slopes.size - 1):
        middle = (rise[i - 1] * width[i] + rise[i] * width[i - 1]) / (width[i - 1] + width[i])
        sizes = [3.0 * _least(_size(rise[i - 1]), _size(rise[i]), _size(middle))]
        sizes += [
            1.5 * _least(_size(middle), _size(outer))
            for outer in _outer_slopes(i, width, rise)
            if middle.real * outer.real > 0.0
        ]
        held[i] = _bounded(slopes[i], middle, max(sizes, key=lambda size: float(size.real)))
    return held


def _bounded(slope: FloatArray, towards: FloatArray, most: FloatArray) -> FloatArray:
    """The slope with its size at most that, and flat where it points the other way."""
    if slope.real * towards.real <= 0.0:
        return 0.0 * slope
    return np.sign(slope.real) * _least(_size(slope), most)


def _outer_slopes(i: int, width: FloatArray, rise: FloatArray) -> Iterator[FloatArray]:
    """Slopes at an inner node of the parabolas to its left and right that bend as the data do."""
    bend = rise[i] - rise[i - 1]
    middle = rise[i - 1] * width[i] + rise[i] * width[i - 1]
    if i > 1:
        before = rise[i - 1] - rise[i - 2]
        if before.real * bend.real > 0.0 and middle.real * before.real > 0.0:
            span = width[i - 2] + width[i - 1]
            yield (rise[i - 1] * (span + width[i - 1]) - rise[i - 2] * width[i - 1]) / span
    if i < rise.size - 1:
        after = rise[i + 1] - rise[i]
        if bend.real * after.real > 0.0 and middle.real * bend.real < 0.0:
            span = width[i] + width[i + 1]
            yield (rise[i] * (span + width[i]) - rise[i + 1] * width[i]) / span
