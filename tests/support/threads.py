"""Tests that compare one thread with several."""

import numba
import pytest

several_threads = pytest.mark.skipif(
    vars(numba.config)["NUMBA_NUM_THREADS"] < 2, reason="one processor"
)
