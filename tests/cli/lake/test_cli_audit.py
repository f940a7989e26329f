"""Tampering with a lake of eleven sealed cycles: the audit names the cycle."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from tests.support.margin_command import Margin


def test_an_honest_lake_holds(margin: Margin, told: Path) -> None:
    verdict = margin("audit", "verify", "--lake", told / "lake", "--json").document

    assert verdict["ok"] is True
    assert verdict["last_cycle"] == 11
    assert len(verdict["hash"]) == 64


def test_a_replay_leaves_a_lake_that_can_be_audited(
    margin: Margin, told: Path, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    said = margin("replay", "--verify", "--lake", told / "lake", "--scratch", scratch)
    verdict = margin("audit", "verify", "--lake", scratch, "--json").document

    assert said.code == 0
    assert verdict["ok"] is True
    assert verdict["last_cycle"] == 11


def _unlocked(table: Path) -> DeltaTable:
    handle = DeltaTable(table)
    handle.alter.set_table_properties({"delta.appendOnly": "false"})
    return DeltaTable(table)


def _delete_a_decision(lake: Path) -> None:
    _unlocked(lake / "enforcement_decisions").delete("to_state = 'warning'")


def _soften_a_decision(lake: Path) -> None:
    decisions = _unlocked(lake / "enforcement_decisions")
    decisions.update(updates={"equity": "equity + 1000"}, predicate="to_state = 'call'")


def _edit_a_data_file(lake: Path) -> None:
    for file in (lake / "cash_movements").glob("*.parquet"):
        rows = pl.read_parquet(file)
        if rows["movement_id"].str.ends_with("CURE").any():
            rows.with_columns(amount=pl.col("amount") * 2).write_parquet(file)


def _slip_in_a_fill(lake: Path) -> None:
    fills = DeltaTable(lake / "fills")
    extra = pl.read_delta(fills).with_columns(fill_id=pl.lit("EXTRA"), cycle=pl.lit(4, pl.Int64))
    write_deltalake(fills, extra, mode="append")


def _slip_in_a_cycle(lake: Path) -> None:
    fills = DeltaTable(lake / "fills")
    extra = pl.read_delta(fills).with_columns(fill_id=pl.lit("EXTRA"), cycle=pl.lit(12, pl.Int64))
    write_deltalake(fills, extra, mode="append")


def _overwrite_the_state(lake: Path) -> None:
    state = DeltaTable(lake / "account_state")
    rows = pl.read_delta(state).with_columns(cash=pl.col("cash") + 1_000_000)
    write_deltalake(state, rows, mode="overwrite")


def _edit_the_ledger(lake: Path) -> None:
    cycles = _unlocked(lake / "cycles")
    cycles.update(
        updates={"counts": """'{"fills":2}'"""}, predicate="cycle = 6 AND state = 'sealed'"
    )


def _forget_a_cycle(lake: Path) -> None:
    _unlocked(lake / "cycles").delete("cycle = 8")


def _forget_the_last_cycle(lake: Path) -> None:
    _unlocked(lake / "cycles").delete("cycle = 11")


def _edit_the_archive(lake: Path) -> None:
    archive = next((lake / "landed").glob("000000000010-*.bin"))
    archive.write_bytes(archive.read_bytes().replace(b"60000", b"90000"))


def _lose_the_archive(lake: Path) -> None:
    next((lake / "landed").glob("000000000003-*.bin")).unlink()


def _lose_a_data_file(lake: Path) -> None:
    next(lake.glob("fills/*.parquet")).unlink()


@pytest.mark.parametrize(
    ("tamper", "cycle", "what"),
    [
        pytest.param(_delete_a_decision, 4, "enforcement_decisions has 0 rows, not 1", id="delete"),
        pytest.param(_soften_a_decision, 6, "enforcement_decisions differ", id="update"),
        pytest.param(_edit_a_data_file, None, "cash_movements", id="data file"),
        pytest.param(_slip_in_a_fill, 4, "fills has 1 rows, not 0", id="append"),
        pytest.param(_slip_in_a_cycle, 12, "of a cycle never sealed", id="append beyond the end"),
        pytest.param(_overwrite_the_state, 11, "account_state, version", id="state"),
        pytest.param(_edit_the_ledger, 6, "its hash does not follow", id="ledger"),
        pytest.param(_forget_a_cycle, 8, "is missing from the ledger", id="lost cycle"),
        pytest.param(_forget_the_last_cycle, 11, "a cycle never sealed", id="lost last cycle"),
        pytest.param(_edit_the_archive, 10, "cash_movements/000010", id="archive"),
        pytest.param(_lose_the_archive, 3, "is gone", id="lost archive"),
        pytest.param(_lose_a_data_file, 1, "table fills cannot be read", id="lost data file"),
    ],
)
def test_tampering_is_found_and_named(
    margin: Margin, copied: Path, tamper: Callable[[Path], None], cycle: int | None, what: str
) -> None:
    tamper(copied / "lake")
    said = margin("audit", "verify", "--lake", copied / "lake", "--json")

    assert said.code == 1
    assert said.err.startswith("margin: chain broken at cycle ")
    assert said.err.count("\n") == 1
    assert what in said.document["broken"]["what"]
    assert cycle in (None, said.document["broken"]["cycle"])
