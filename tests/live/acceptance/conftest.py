from pathlib import Path
from typing import Any

import pytest

from margin_assets.live.session.session import CycleResult
from tests.support.live_driver import Firm


@pytest.fixture(params=["same process", "a process for each cycle"])
def firm(request: pytest.FixtureRequest, tmp_path: Path) -> Firm:
    """A firm of which all holds whether or not a new process takes over between the cycles."""
    made = Firm(tmp_path)
    if request.param == "a process for each cycle":
        plain = made.cycle

        def restarted(*args: Any, **kwargs: Any) -> CycleResult | None:
            if made.session.ledger.last_sealed() is not None:
                made.restart()
            return plain(*args, **kwargs)

        made.cycle = restarted
    return made
