"""The size of a credit line on paths whose own smallest lines are known."""

import math

import numpy as np

from margin_assets.kernels.avalanche.answers.facility import (
    Sought,
    Verdict,
    facility_size,
    first_guess,
)
from margin_assets.kernels.avalanche.answers.quantiles import ranks

LINES = np.sort(np.maximum(np.random.default_rng(3).normal(size=2_000) * 1e8, 0.0))
"""Smallest line that keeps each path from exhaustion."""


def _exhausted(commitment: float) -> int:
    return int((commitment < LINES).sum())


def test_the_size_is_the_order_statistic_of_the_paths_own_lines():
    found = facility_size(_exhausted, 5e7, Sought(paths=2_000))
    low, high = ranks(2_000, 0.99)

    assert found.verdict is Verdict.SIZED
    assert found.commitment == 1e6 * math.ceil(LINES[1_979] / 1e6)
    assert found.low == 1e6 * math.ceil(LINES[low - 1] / 1e6)
    assert found.high == 1e6 * math.ceil(LINES[high - 1] / 1e6)
    assert found.exhausted_without == int((LINES > 0).sum())
    assert found.exhausted_with <= 20


def test_any_first_guess_finds_the_same():
    sizes = {
        facility_size(_exhausted, guess, Sought(paths=2_000)).commitment
        for guess in (0.0, 1e6, 2.4e8, 1e10)
    }
    assert len(sizes) == 1


def test_nothing_is_needed_where_paths_are_not_exhausted_without():
    found = facility_size(lambda _: 3, 1e8, Sought(paths=2_000))

    assert (found.verdict, found.commitment, found.low) == (Verdict.NONE_NEEDED, 0.0, 0.0)


def test_a_line_that_comes_too_late_is_told():
    found = facility_size(lambda f: _exhausted(f) + 21, 1e8, Sought(paths=2_000, most=1e9))

    assert found.verdict is Verdict.NO_LINE_SUFFICES
    assert (found.exhausted_with, found.high) == (21, math.inf)


def test_the_first_guess_is_what_cash_and_bonds_leave():
    assert first_guess(10.0, 3.0, 4.0) == 3.0
    assert first_guess(5.0, 3.0, 4.0) == 0.0
