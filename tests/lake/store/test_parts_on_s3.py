"""State tables that are never whole in memory, and a base made of them, on an S3 store."""

from pathlib import Path

import pytest

from margin_assets.lake.ledger import bases
from margin_assets.lake.ledger.audit import verify
from margin_assets.lake.store.store import Lake
from margin_assets.live.past.replay import replay
from margin_assets.live.session import large_state
from margin_assets.rulebooks import in_force, versions
from tests.support.live_driver import Firm, Row, account, cash, fill, instrument, price
from tests.support.seaweed import S3Server

NAMES = [f"A{number:02d}" for number in range(60)]


def book() -> dict[str, list[Row]]:
    return {
        "accounts": [account(name) for name in NAMES],
        "instruments": [instrument("X")],
        "cash_movements": [cash(f"M{name}", name, "60") for name in NAMES[::3]],
        "fills": [fill(f"F{name}", "1", "100", account_id=name) for name in NAMES[:50]],
        "prices": [price("X", "100")],
    }


@pytest.fixture(autouse=True)
def _eight_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(in_force("lake", versions("lake")[-1]).numbers["state"], "whole_shards", 1)
    monkeypatch.setitem(
        in_force("lake", versions("lake")[-1]).numbers["state"], "accounts_per_shard", 8
    )


def test_parts_and_a_base_on_s3_are_what_one_machine_writes_at_once(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    at_once = Firm(tmp_path / "at_once")
    at_once.run(**book())
    monkeypatch.setattr(large_state, "MOST_AT_ONCE", 20)
    by_parts = Firm(tmp_path / "by_parts", Lake(s3_server.uri(), s3_server.storage_options))
    done = by_parts.run(**book())

    assert "positions" not in done.frames
    assert by_parts.hashes() == at_once.hashes()
    assert by_parts.state() == at_once.state()

    lake, sealed = by_parts.lake, done.sealed
    kept = [name for name in bases.STATE_TABLES if bases.keep_table(lake, sealed, name)]
    bases.complete(lake, sealed)
    assert {"positions", "margin_summary"} <= set(kept) == set(bases.tables_of(lake, sealed))

    by_parts.restart()
    by_parts.run(fills=[fill("later", "-1", "100", account_id="A05")])
    assert by_parts.position(account_id="A05")[0] == 0
    assert verify(by_parts.lake).broken is None
    # From the base alone: what was in the cycle before it is not computed again.
    found = replay(by_parts.lake, from_cycle=2)
    assert (found.cycles, found.difference) == (1, None)
