"""A firm in two divisions on a store that speaks S3, against one session in a folder.

Usage: python -m tests.campaigns.divided_on_s3
Ends with what was seen, or with the first thing that does not hold.
"""

import sys
import tempfile
from pathlib import Path

from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.ledger.firm_audit import verify_firm
from margin_assets.lake.ledger.ledger import AnotherSession, Ledger
from margin_assets.lake.store.store import Lake
from margin_assets.live.divisions.owner import Owner
from tests.support import seaweed
from tests.support.divided_firm import DividedFirm, everything
from tests.support.divided_story import batches
from tests.support.live_driver import Firm


def main() -> int:
    """Runs it once."""
    with tempfile.TemporaryDirectory() as folder, seaweed.running() as server:
        one = Firm(Path(folder))
        divided = DividedFirm(Lake(server.uri(), server.storage_options))
        for number, feeds in enumerate(batches(one)):
            one.run(**feeds)
            if number == 1:
                old = _taken_over(divided)
            divided.cycle(LocalLanding(one.landing))
            _compare(divided.lake, one.lake)
        _expect_fenced(old, divided)
        broken = {found.broken for found in verify_firm(divided.lake).values()}
        assert broken == {None}, broken
    sys.stdout.write(
        f"{number + 1} cycles as in one folder, chains whole, who was taken over is refused\n"
    )
    return 0


def _taken_over(divided: DividedFirm) -> Owner:
    """Another process takes the second division; who had it knows nothing of that."""
    old, heir = divided.owners[1], Owner(divided.lake, 1)
    old.ledger.claim(1)
    heir.ledger.claim(2)
    divided.owners[1] = heir
    return old


def _compare(told: Lake, expected: Lake) -> None:
    last = Ledger(expected).last_sealed()
    assert last is not None
    found = everything(told, last.cycle)
    for name, lines in everything(expected, last.cycle).items():
        assert found[name] == lines, f"cycle {last.cycle}: {name} differs"


def _expect_fenced(old: Owner, divided: DividedFirm) -> None:
    old.ledger.refresh()
    try:
        old.ledger.plan(divided.owners[1].ledger.planned(2).manifest)
    except AnotherSession:
        return
    raise AssertionError("who was taken over planned a cycle")


if __name__ == "__main__":
    sys.exit(main())
