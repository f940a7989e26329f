"""What a campaign needs of the machine."""

from collections.abc import Iterator

import pytest

from tests.support import machine


@pytest.fixture(autouse=True)
def _rivals_run_at_once() -> Iterator[None]:
    with machine.every_core():
        yield
