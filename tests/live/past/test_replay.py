"""Replay of a small firm: from S3, on one thread, from a base, and where rows were changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from margin_assets.engines import InProcess
from margin_assets.lake.ledger import bases
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.store import Lake
from margin_assets.lake.upkeep.upkeep import tidy
from margin_assets.live.past.rehearsal import Rehearsal
from margin_assets.live.past.replay import ReplayReport, replay, replay_on
from tests.support import seaweed
from tests.support.replays import CYCLES, grown, keep_base


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return grown(tmp_path_factory.mktemp("history")).lake


@pytest.fixture
def own(history: Lake, tmp_path: Path) -> Lake:
    """The same lake, to be changed."""
    return Lake(str(shutil.copytree(history.uri, tmp_path / "lake")))


def change(lake: Lake, table: str, changed: pl.Expr) -> None:
    """Rewrites rows of a table behind everybody's back: its last data file, and the file's size."""
    file = max(Path(lake.uri, table).rglob("*.parquet"), key=lambda path: path.stat().st_mtime_ns)
    place, before = file.relative_to(Path(lake.uri, table)), file.stat().st_size
    pl.read_parquet(file, hive_partitioning=False).with_columns(changed).write_parquet(file)
    for commit in Path(lake.uri, table, "_delta_log").glob("*.json"):
        text = commit.read_text("utf-8")
        if f'"add":{{"path":"{place}"' in text:
            size = f'"size":{file.stat().st_size},'
            commit.write_text(text.replace(f'"size":{before},', size), "utf-8")


@pytest.mark.s3
def test_a_lake_on_s3_replays_after_upkeep(tmp_path: Path, s3_server: seaweed.S3Server) -> None:
    firm = grown(tmp_path, Lake(s3_server.uri(), s3_server.storage_options))
    for name in ("fills", "prices", "positions", "cycles"):
        tidy(firm.lake, name)

    assert replay(firm.lake).cycles == CYCLES
    assert replay(firm.lake).difference is None


def test_a_replay_may_begin_at_a_base(own: Lake) -> None:
    keep_base(own, 3)

    assert replay(own, 3).cycles == CYCLES
    found = replay(own, 5)
    assert (found.cycles, found.difference) == (3, None)


def test_parts_between_bases_find_what_one_walk_does(own: Lake) -> None:
    keep_base(own, 2)
    keep_base(own, 4)
    assert replay_on(InProcess(), own) == ReplayReport(CYCLES, None)

    change(own, "fills", (pl.col("quantity") + 1).cast(pl.Decimal(38, 6)))
    found = replay_on(InProcess(), Lake(own.uri))
    assert found.cycles == 5
    assert (found.difference or "").startswith("cycle 5: fills: cycle=5")


def test_a_base_that_the_cycles_before_it_do_not_come_to_is_named(
    own: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_base(own, 3)
    # A seal's digest covers what its cycle wrote: of a firm this small all of it.
    monkeypatch.setattr(bases, "_check", lambda *_: None)
    file = Path(own.uri, "bases", f"{3:012d}", "account_state.parquet")
    more = (pl.col("cash") + 1).cast(pl.Decimal(38, 2))
    pl.read_parquet(file).with_columns(more).write_parquet(file)

    found = replay_on(InProcess(), own)

    assert found.cycles == 3
    assert (found.difference or "").startswith("the base of cycle 3: account_state: account_id=A")


def test_a_stored_row_that_was_changed_is_named(own: Lake) -> None:
    change(own, "fills", (pl.col("quantity") + 1).cast(pl.Decimal(38, 6)))

    found = replay(own)

    assert found.difference is not None
    assert found.difference.startswith("cycle 5: fills: cycle=5")


def test_a_state_row_that_was_changed_is_named(own: Lake) -> None:
    change(own, "account_state", (pl.col("cash") + 1).cast(pl.Decimal(38, 2)))

    assert "account_state: account_id=A differs" in (replay(own).difference or "")


def test_a_rehearsal_writes_nothing(history: Lake) -> None:
    before = sorted(Path(history.uri).rglob("*"))
    rehearsal = Rehearsal(history)
    for sealed in Ledger(history).sealed_from(1):
        assert rehearsal.run(sealed).sealed.hash == sealed.hash

    assert sorted(Path(history.uri).rglob("*")) == before


def test_one_thread_replays_what_several_wrote(history: Lake) -> None:
    said = subprocess.run(
        [Path(sys.executable).with_name("margin"), "replay", "--verify", "--lake", history.uri],
        env=os.environ | {"NUMBA_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert said.returncode == 0, said.stderr
    assert said.stdout == f"{CYCLES} cycles replayed\n"
