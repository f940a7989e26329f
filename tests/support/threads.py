"""Tests that compare one thread with several."""

import pytest

from margin_assets.kernels.numeric.threads import allowed

several_threads = pytest.mark.skipif(allowed() < 2, reason="one processor")
