"""A small firm whose cycles are computed again, and bases kept of them."""

from pathlib import Path

from margin_assets.lake.ledger import bases
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.store import Lake
from tests.support.live_driver import Firm, at, fill, opening, price

CYCLES = 6


def grown(folder: Path, lake: Lake | None = None) -> Firm:
    """Six cycles with a correction, a repeated id and a late price among them."""
    firm = Firm(folder, lake)
    firm.run(**opening("A", "B"), fills=[fill("F1", "100", "90"), fill("F2", "5", "90")])
    firm.run(prices=[price("X", "80", at(seconds=1))])
    firm.run(fills=[fill("F3", "120", "90", at(seconds=2), corrects="F1"), fill("F2", "5", "90")])
    firm.run(prices=[price("X", "10", at(seconds=3)), price("X", "99", at(seconds=1))])
    firm.run(fills=[fill("F4", "-7", "90", at(seconds=4), account_id="B")])
    firm.run(prices=[price("X", "70", at(seconds=5))])
    return firm


def keep_base(lake: Lake, cycle: int) -> None:
    sealed = Ledger(lake).sealed(cycle)
    for name in bases.STATE_TABLES:
        bases.keep_table(lake, sealed, name)
    bases.complete(lake, sealed)
