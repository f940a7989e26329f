"""A damaged log is told by table and file, with a way out where there is one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from margin_assets.lake.store.damage import TableDamaged
from margin_assets.lake.store.store import Lake
from tests.support.empty_lake import created
from tests.support.mini_session import rows

Damage = Callable[[Path], object]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log of `fills`: commits 0 to 4, a checkpoint at 4, then a commit after it."""
    lake = created(Lake(str(tmp_path / "lake")))
    for cycle in (1, 2, 3):
        lake.write("fills", rows("fills", fill_id=str(cycle)), cycle)
    lake.held("fills").open().create_checkpoint()
    lake.write("fills", rows("fills", fill_id="4"), 4)
    return tmp_path / "lake" / "fills" / "_delta_log"


def fills_in(log: Path) -> int:
    return Lake(str(log.parents[1])).scan("fills").collect().height


def checkpoint(log: Path) -> Path:
    return next(log.glob("*.checkpoint.parquet"))


def hint(log: Path) -> Path:
    return log / "_last_checkpoint"


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def newest(log: Path) -> Path:
    return max(log.glob("*.json"))


@pytest.mark.parametrize(
    ("damage", "file", "way_out"),
    [
        (lambda log: halve(checkpoint(log)), checkpoint, "remove it and fills/_delta_log/_last"),
        (lambda log: checkpoint(log).write_bytes(b""), checkpoint, "remove it and fills"),
        (lambda log: checkpoint(log).unlink(), hint, "names a checkpoint that is gone"),
        (lambda log: halve(newest(log)), newest, "restore it from a copy of the lake"),
    ],
)
def test_the_table_and_the_file_are_named(
    log: Path, damage: Damage, file: Callable[[Path], Path], way_out: str
):
    name = file(log).name
    damage(log)

    with pytest.raises(TableDamaged, match=way_out) as told:
        fills_in(log)

    assert "table fills" in str(told.value)
    assert f"fills/_delta_log/{name}" in str(told.value)


def test_the_way_out_brings_every_row_back(log: Path):
    halve(checkpoint(log))
    checkpoint(log).unlink()
    hint(log).unlink()

    assert fills_in(log) == 4


def test_no_way_out_is_promised_where_the_commits_before_are_gone(log: Path):
    halve(checkpoint(log))
    min(log.glob("*.json")).unlink()

    with pytest.raises(TableDamaged, match="the commits before it are gone"):
        fills_in(log)


def test_a_gap_names_the_table(log: Path):
    sorted(log.glob("*.json"))[-1].rename(log / f"{9:020d}.json")

    with pytest.raises(TableDamaged, match="table fills cannot be read"):
        fills_in(log)
