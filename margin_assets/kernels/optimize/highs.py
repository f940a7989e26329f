"""HiGHS as it is asked here: silent, serial and seeded, so it always ends in the same place."""

import highspy
from highspy._core import _Highs

Solver = _Highs
"""The class above it, `highspy.Highs`, prints a banner to standard output."""


def solver_of(model: highspy.HighsLp) -> Solver:
    """A simplex solver that has taken a programme."""
    solver = Solver()
    for name, setting in (
        ("output_flag", False),
        ("threads", 1),
        ("parallel", "off"),
        ("solver", "simplex"),
        ("random_seed", 0),
    ):
        solver.setOptionValue(name, setting)
    solver.passModel(model)
    return solver
