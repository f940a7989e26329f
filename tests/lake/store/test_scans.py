"""Versions of tables opened once, and what a log tells without being opened."""

from pathlib import Path

import pytest

from margin_assets.lake.objects.objects import LocalObjects
from margin_assets.lake.store import held
from margin_assets.lake.store.held import HeldTable
from margin_assets.lake.store.log_files import is_as_made, newest_version
from margin_assets.lake.store.store import Lake
from tests.support.empty_lake import created
from tests.support.mini_session import rows


@pytest.fixture
def local(tmp_path: Path) -> Lake:
    return created(Lake(str(tmp_path / "lake")))


def never_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_held: HeldTable, version: int | None = None) -> None:
        raise AssertionError(f"version {version} was opened")

    monkeypatch.setattr(HeldTable, "open", refused)


def test_a_table_as_it_was_made_is_not_opened(local: Lake, monkeypatch: pytest.MonkeyPatch):
    never_opened(monkeypatch)

    assert local.version("fills") == 1
    assert not local.opened("fills", 1).files
    assert local.scan("fills", 1).collect().is_empty()


def test_a_version_is_opened_once(local: Lake, monkeypatch: pytest.MonkeyPatch):
    written = local.write("fills", rows("fills"), 1)
    assert local.scan("fills", written).collect().height == 1

    never_opened(monkeypatch)
    assert local.scan("fills", written).collect().height == 1


def test_of_two_versions_each_has_its_rows(local: Lake):
    first = local.write("fills", rows("fills", fill_id="a"), 1)
    second = local.write("fills", rows("fills", fill_id="b"), 2)

    found = [local.scan("fills", version).collect().height for version in (first, second, first)]
    assert found == [1, 2, 1]
    assert local.version("fills") == second


@pytest.mark.parametrize("is_plain", [True, False])
def test_rows_that_are_read_stay_where_they_are(
    local: Lake, monkeypatch: pytest.MonkeyPatch, is_plain: bool
):
    before = local.write("fills", rows("fills", fill_id="a"), 1)
    if not is_plain:
        # As of a table with a feature unknown here: the library writes, and moves its handle.
        monkeypatch.setattr(held, "known_version", lambda _: None)
    other = Lake(local.uri)
    read, newest = other.scan("fills", before), other.scan("fills")

    other.write("fills", rows("fills", fill_id="b"), 2)
    assert [found.collect()["fill_id"].to_list() for found in (read, newest)] == [["a"], ["a"]]
    assert other.scan("fills").collect().height == 2


def test_commits_go_on_from_what_was_read(local: Lake, monkeypatch: pytest.MonkeyPatch):
    before = local.write("fills", rows("fills", fill_id="a"), 1)
    other = Lake(local.uri)
    other.scan("fills", before)
    monkeypatch.setattr(HeldTable, "_open", lambda *_: pytest.fail("opened once more"))

    assert other.write("fills", rows("fills", fill_id="b"), 2) == before + 1
    assert other.write("fills", rows("fills", fill_id="c"), 3) == before + 2


def test_a_handle_that_can_read_no_more_is_let_go(local: Lake, monkeypatch: pytest.MonkeyPatch):
    before = local.write("fills", rows("fills", fill_id="a"), 1)
    other = Lake(local.uri)

    def refused(_app_id: str) -> None:
        raise PermissionError("the token is over")

    monkeypatch.setattr(other.held("fills").read(before), "transaction_version", refused)
    with pytest.raises(PermissionError):
        other.write("fills", rows("fills", fill_id="b"), 2)
    assert other.write("fills", rows("fills", fill_id="b"), 2) == before + 1


def test_commits_do_not_go_on_with_credentials_of_before(local: Lake):
    before = local.write("fills", rows("fills", fill_id="a"), 1)
    other = Lake(local.uri)
    read = other.held("fills").read(before)
    other.access.renew()

    assert other.held("fills")._held() is not read


def test_a_commit_sees_what_came_after_what_was_read(local: Lake):
    before = local.write("fills", rows("fills", fill_id="a"), 1)
    other = Lake(local.uri)
    other.scan("fills", before)
    local.write("fills", rows("fills", fill_id="b"), 2)
    last = local.write("fills", rows("fills", fill_id="c"), 3)
    # Upkeep drops entries that nobody needs: that there is none after an old one says nothing.
    local.held("fills").open().create_checkpoint()
    for version in range(last):
        (Path(local.uri) / "fills" / "_delta_log" / f"{version:020d}.json").unlink()

    assert other.write("fills", rows("fills", fill_id="c"), 3) == last
    assert other.scan("fills").collect().height == 3


@pytest.mark.parametrize(
    ("entries", "is_made"),
    [
        pytest.param(['{"metaData":{}}', '{"metaData":{}}'], True, id="made and constrained"),
        pytest.param(['{"metaData":{}}', '{"add":{}}'], False, id="rows in the second entry"),
        pytest.param(['{"add":{}}', '{"metaData":{}}'], False, id="rows from the beginning"),
        pytest.param(['{"metaData":{}}', '{"txn":{}}'], False, id="written without a row"),
        pytest.param([None, '{"metaData":{}}'], False, id="an entry is gone"),
        pytest.param(['{"metaData"', '{"metaData":{}}'], False, id="an entry is cut off"),
        pytest.param(['{"metaData":{}}'] * 3, False, id="a third entry"),
    ],
)
def test_what_first_entries_tell(tmp_path: Path, entries: list[str | None], is_made: bool):
    log = tmp_path / "T" / "_delta_log"
    log.mkdir(parents=True)
    for version, entry in enumerate(entries):
        if entry is not None:
            (log / f"{version:020d}.json").write_text(entry)

    objects, last = LocalObjects(str(tmp_path)), len(entries) - 1
    assert is_as_made(objects, "T", last) is is_made
    assert newest_version(objects, "T") == last
    assert newest_version(objects, "U") is None
