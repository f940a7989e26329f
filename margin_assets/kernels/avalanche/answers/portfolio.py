"""The least initial margin that scaling managers' books can reach at a return: a linear programme.

Initial margin is a sum over groups of a maximum over linear forms, so its least value over scales
of managers has one variable a manager and one a group: its epigraph. HiGHS solves it, serial, so
the same programme always ends in the same place.
"""

from typing import NamedTuple

import highspy
import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.optimize.highs import Solver, solver_of

_SCALE = 1e-6  # the solver counts millions of dollars
_FREE = highspy.kHighsInf


class Margins(NamedTuple):
    """Initial margin as maxima over linear forms in the managers' scales."""

    form: FloatArray
    """USD by cut and manager, at scale 1."""
    group: Int64Array
    """Group of each cut, from 0, ascending; a group's margin is its largest cut."""


class Asked(NamedTuple):
    """What the what-if may do, one entry a manager."""

    expected_return: FloatArray
    """USD a year at scale 1."""
    least_return: float
    """USD a year that must be kept."""
    low: FloatArray
    """Least scale, such as 0.75."""
    high: FloatArray


class Scaled(NamedTuple):
    """Scales that were found, and what margin they promise."""

    scales: FloatArray
    before: float
    """Margin at scale 1, USD."""
    promised: float
    """Margin by the linear forms at the scales found; what is realised is a re-run."""
    expected_return: float
    by_group: FloatArray
    """Promised margin of each group, USD."""


def margin_at(margins: Margins, scales: FloatArray) -> FloatArray:
    """Margin of each group at the scales, USD."""
    values = margins.form @ scales
    starts = np.flatnonzero(np.diff(margins.group, prepend=-1))
    if len(starts) == 0:
        return np.zeros(0)
    highest: FloatArray = np.maximum.reduceat(values, starts)
    return highest


def least_margin(margins: Margins, asked: Asked) -> Scaled:
    """Scales within their bounds that keep the return at the least margin.

    Raises:
        ValueError: A manager has no expected return, or no scales within bounds keep the return.
    """
    _check(asked)
    managers, groups = len(asked.low), len(np.unique(margins.group))
    solver = _solver(margins, asked, groups)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        msg = "the portfolio what-if has no answer: HiGHS ended without an optimum"
        raise ValueError(msg)
    scales = np.array(solver.getSolution().col_value)[:managers]
    scales = np.clip(scales, asked.low, asked.high)
    by_group = margin_at(margins, scales)
    return Scaled(
        scales=scales,
        before=float(margin_at(margins, np.ones(managers)).sum()),
        promised=float(by_group.sum()),
        expected_return=float(asked.expected_return @ scales),
        by_group=by_group,
    )


def _check(asked: Asked) -> None:
    unknown = np.flatnonzero(~np.isfinite(asked.expected_return))
    if len(unknown):
        msg = f"manager number {int(unknown[0]) + 1} has no expected return: state one"
        raise ValueError(msg)
    best = np.maximum(asked.expected_return * asked.low, asked.expected_return * asked.high)
    if best.sum() < asked.least_return:
        msg = (
            f"no scales keep a return of {asked.least_return:,.0f}:"
            f" the most within the bounds is {best.sum():,.0f}"
        )
        raise ValueError(msg)


def _solver(margins: Margins, asked: Asked, groups: int) -> Solver:
    """Columns are managers' scales, then groups' margins; rows are cuts, then the return."""
    managers, cuts = len(asked.low), len(margins.form)
    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = cuts + 1, managers + groups
    model.col_cost_ = np.concatenate([np.zeros(managers), np.ones(groups)])
    model.col_lower_ = np.concatenate([asked.low, np.full(groups, -_FREE)])
    model.col_upper_ = np.concatenate([asked.high, np.full(groups, _FREE)])
    # A cut: the group's margin less its linear form is at least 0.
    model.row_lower_ = np.append(np.zeros(cuts), asked.least_return * _SCALE)
    model.row_upper_ = np.full(cuts + 1, _FREE)
    starts, index, value = _rows(margins, asked, managers)
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_, model.a_matrix_.index_ = starts, index
    model.a_matrix_.value_ = value
    return solver_of(model)


def _rows(
    margins: Margins, asked: Asked, managers: int
) -> tuple[list[int], list[int], list[float]]:
    starts, index, value = [0], list[int](), list[float]()
    places = np.unique(margins.group, return_inverse=True)[1]
    for form, place in zip(margins.form, places, strict=True):
        held = np.flatnonzero(form)
        index += [*held.tolist(), managers + int(place)]
        value += [*(-form[held] * _SCALE).tolist(), 1.0]
        starts.append(len(index))
    held = np.flatnonzero(asked.expected_return)
    index += held.tolist()
    value += (asked.expected_return[held] * _SCALE).tolist()
    return [*starts, len(index)], index, value
