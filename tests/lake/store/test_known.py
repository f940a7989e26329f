"""Commits that follow on a known version: what they write, and when the library writes instead."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, QueryBuilder, TableFeatures, write_deltalake
from deltalake.exceptions import DeltaError
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from margin_assets.lake.objects.objects import LocalObjects
from margin_assets.lake.store import declared, held, known
from margin_assets.lake.store.known import known_version
from margin_assets.lake.store.shards import Shards, hashes, shards_of
from margin_assets.lake.store.store import Lake
from schemas import TABLES
from tests.support.empty_lake import created
from tests.support.mini_session import NOON, rows

IN_CYCLE = [name for name, table in TABLES.items() if table.in_cycle]
Library = Callable[[], int]


@pytest.fixture
def local(tmp_path: Path) -> Lake:
    return created(Lake(str(tmp_path / "lake")))


@pytest.fixture
def by_library(monkeypatch: pytest.MonkeyPatch) -> Library:
    """How many commits the library has made."""
    made: list[str] = []

    def write(handle: DeltaTable, *arguments: object, **named: object) -> None:
        made.append(handle.table_uri)
        write_deltalake(handle, *arguments, **named)  # type: ignore[call-overload]  # as handed on

    monkeypatch.setattr(held, "write_deltalake", write)
    return lambda: len(made)


def spread(name: str) -> pl.DataFrame:
    """Three rows of a table: what differs between them, a null wherever one may be."""
    nullable = [c for c, found in declared.schema_of(name).columns().items() if found.nullable]
    whole = rows(name, 2)
    texts = pl.Series(["a", "zé"])
    changed = [
        pl.Series(column, texts)
        for column, dtype in whole.schema.items()
        if dtype == pl.String and column not in nullable
    ]
    return pl.concat([whole.with_columns(changed), rows(name, 1, **dict.fromkeys(nullable))])


@pytest.mark.parametrize("name", IN_CYCLE)
def test_rows_come_back_from_every_engine(local: Lake, name: str, by_library: Library):
    frame = spread(name)

    local.write(name, frame, 1)

    assert by_library() == 0
    order = list(TABLES[name].order)
    assert_frame_equal(local.scan(name).collect(), frame, check_row_order=False)
    engine = QueryBuilder().register("t", local.held(name).open())
    columns = ", ".join(f'"{column}"' for column in frame.columns)
    found = pl.DataFrame(engine.execute(f"SELECT {columns} FROM t").read_all())
    assert_frame_equal(found.cast(dict(frame.schema)).sort(order), frame.sort(order))


@pytest.mark.parametrize("name", IN_CYCLE)
def test_bounds_are_those_of_the_library(local: Lake, name: str):
    ours = spread(name)
    local.write(name, ours, 1)
    before = local.held(name).open()
    stored = ours.with_columns(shard=pl.lit(0, pl.Int32)) if declared.is_sharded(name) else ours
    theirs = local.held(name).open()
    write_deltalake(theirs, stored, mode="append")

    first, second = (pl.DataFrame(t.get_add_actions(flatten=True)) for t in (before, theirs))

    second = second.filter(~pl.col("path").is_in(first["path"].to_list()))
    plain = known_version(before)
    assert plain is not None
    kinds = ("min", "max", "null_count")
    told = [c for kind in kinds for name in plain.bounded if (c := f"{kind}.{name}") in second]
    assert len(told) >= (3 if declared.is_sharded(name) else 6)
    assert_frame_equal(first.select("num_records", *told), second.select("num_records", *told))


@given(
    st.lists(st.text(max_size=80), min_size=1, max_size=8),
    st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001 (made UTC below)
)
def test_no_value_is_outside_its_bounds(texts: list[str], at: datetime):
    times = [at.replace(tzinfo=UTC) + timedelta(microseconds=n) for n in range(len(texts))]
    frame = pl.DataFrame({"text": texts, "at": times, "none": [None] * len(texts)})

    told = known._statistics(frame, ["text", "at", "none"])

    if "text" in told["minValues"]:
        assert told["minValues"]["text"] == min(texts, key=str.encode)
        assert told["maxValues"]["text"] == max(texts, key=str.encode)
    else:
        assert max(map(len, texts)) > known._LONGEST_BOUND
    assert datetime.fromisoformat(told["minValues"]["at"]) == times[0]
    assert datetime.fromisoformat(told["maxValues"]["at"]) == times[-1]
    assert told["nullCount"] == {"text": 0, "at": 0, "none": len(texts)}


def test_readers_find_rows_by_their_bounds(local: Lake):
    for cycle in range(1, 5):
        at = NOON + timedelta(microseconds=cycle)
        local.write(
            "prices", rows("prices", 2, symbol=["A", "B"], cycle=cycle, event_time=at), cycle
        )

    found = local.scan("prices").filter(pl.col("event_time") == NOON + timedelta(microseconds=3))

    assert found.collect()["cycle"].to_list() == [3, 3]
    assert local.scan("prices").filter(symbol="B", cycle=2).collect().height == 1


def test_only_the_chosen_shards_are_replaced(local: Lake, by_library: Library):
    accounts = [f"A{number}" for number in range(40)]
    of = dict(zip(accounts, shards_of(pl.Series(accounts), 4), strict=True))
    state = rows("account_state", 40, account_id=accounts, cycle=1)
    local.write("account_state", state, 1, Shards(4))

    chosen = [account for account in accounts if of[account] in (1, 2)]
    changed = rows("account_state", len(chosen), account_id=chosen, cycle=2)
    local.write("account_state", changed, 2, Shards(4, (1, 2)))
    local.write("account_state", changed.clear(), 3, Shards(4, (2,)))

    found = dict(local.scan("account_state").select("account_id", "cycle").collect().iter_rows())
    expected = {a: 2 if shard == 1 else 1 for a, shard in of.items() if shard != 2}
    assert found == expected
    assert by_library() == 0
    assert len(local.held("account_state").open().file_uris()) == 3


def test_rows_outside_the_chosen_shards_are_refused(local: Lake):
    accounts = ["A0", "A1", "A2", "A3", "A4"]
    state = rows("account_state", 5, account_id=accounts)

    with pytest.raises(DeltaError):
        local.write("account_state", state, 1, Shards(4, (1,)))

    assert local.scan("account_state").collect().is_empty()


def test_commits_of_both_kinds_and_of_rivals_follow_on_each_other(
    local: Lake, monkeypatch: pytest.MonkeyPatch, by_library: Library
):
    rival = Lake(local.uri)
    versions = {}
    for cycle in range(1, 13):
        # Every third commit is too large to be made here, every fourth is a rival's.
        monkeypatch.setattr(known, "_MOST_BYTES", 0 if cycle % 3 == 0 else 1 << 26)
        writer = rival if cycle % 4 == 0 else local
        frames = {
            "fills": rows("fills", fill_id=str(cycle), cycle=cycle),
            "positions": rows("positions", cycle=cycle),
        }
        versions[cycle] = writer.write_all(frames, cycle)
        assert local.write_all(frames, cycle) == versions[cycle]

    assert 0 < by_library() < 24
    for cycle, at in versions.items():
        fills = local.scan("fills", at["fills"]).collect()["cycle"].to_list()
        assert sorted(fills) == list(range(1, cycle + 1))
        assert local.scan("positions", at["positions"]).collect()["cycle"].to_list() == [cycle]


def test_a_version_that_is_taken_is_left_alone(local: Lake):
    local.write("fills", rows("fills", fill_id="a"), 1)
    rival = Lake(local.uri)
    rival.write("prices", rows("prices"), 1)
    rival.write("fills", rows("fills", fill_id="b"), 2)

    local.write("fills", rows("fills", fill_id="c"), 3)

    assert sorted(local.scan("fills").collect()["fill_id"]) == ["a", "b", "c"]
    history = local.held("fills").open().history()
    assert [entry.get("cycle") for entry in history][:3] == ["3", "2", "1"]


def test_what_is_left_of_a_commit_that_was_broken_off_is_no_commit(
    local: Lake, monkeypatch: pytest.MonkeyPatch
):
    create = LocalObjects.create

    def dies(self: LocalObjects, path: str, content: bytes) -> bool:
        if path.endswith(".json"):
            (Path(local.uri) / path).with_name(f".{Path(path).name}.0123.part").write_bytes(b"{")
            raise OSError("No space left on device")
        return create(self, path, content)

    monkeypatch.setattr(LocalObjects, "create", dies)
    with pytest.raises(OSError, match="No space left"):
        local.write("fills", rows("fills"), 1)
    monkeypatch.undo()

    assert local.scan("fills").collect().is_empty()
    local.write("fills", rows("fills"), 1)
    local.held("fills").open().create_checkpoint()
    assert Lake(local.uri).scan("fills").collect().height == 1


@pytest.mark.parametrize(
    ("check", "by_the_library"),
    [
        pytest.param("file_row < 7", 1, id="that can be checked here"),
        pytest.param(
            "arrow_typeof(symbol) = 'x' OR file_row < 7", 2, id="that only the library knows"
        ),
    ],
)
def test_a_constraint_that_came_later_holds(
    local: Lake, check: str, by_the_library: int, by_library: Library
):
    local.write("prices", rows("prices"), 1)
    local.held("prices").open().alter.add_constraint({"later": check})

    local.write("prices", rows("prices", file_row=6), 2)
    local.write("prices", rows("prices", file_row=6), 3)
    # The version of the constraint was taken by another: the library goes on, and then we do.
    assert by_library() == by_the_library
    with pytest.raises(DeltaError, match="failed validation"):
        local.write("prices", rows("prices", file_row=7), 4)

    assert local.scan("prices").collect().height == 3


def test_features_unknown_here_are_left_to_the_library(local: Lake, by_library: Library):
    handle = local.held("prices").open()
    assert known_version(handle) is not None
    handle.alter.add_feature(TableFeatures.DeletionVectors, allow_protocol_versions_increase=True)

    assert known_version(local.held("prices").open()) is None
    local.write("prices", rows("prices"), 1)

    assert by_library() == 1
    assert local.scan("prices").collect().height == 1


def test_an_append_table_is_not_replaced_here(local: Lake):
    found = known_version(local.held("prices").open())

    assert found is not None
    assert found.takes(rows("prices"), None)
    assert not found.takes(rows("prices"), Shards(1))


def test_an_object_is_created_once(lake: Lake):
    contents = [bytes([number]) * 1_000 for number in range(6)]

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda c: lake._objects.create("landed/one", c), contents))

    assert sum(made) == 1
    with lake.open_object("landed/one") as stream:
        assert stream.read() == contents[made.index(True)]
    assert list(lake.objects_below("landed")) == ["landed/one"]


@given(st.lists(st.text(max_size=3), max_size=30), st.sampled_from([1, 2, 16]))
def test_every_row_is_in_the_shard_of_its_account(accounts: list[str], count: int):
    found = shards_of(pl.Series("account_id", accounts, dtype=pl.String), count)

    assert found.to_list() == [int(of) % count for of in hashes(accounts)]
    assert found.dtype == pl.Int32


def test_rows_that_come_in_parts_are_one_commit(local: Lake):
    ids = [f"A{number}" for number in range(8)]
    of = shards_of(pl.Series(ids), 2).to_list()
    parts = [
        {"account_state": rows("account_state", len(its), account_id=its)}
        for its in ([n for n, s in zip(ids, of, strict=True) if s == shard] for shard in (0, 1))
    ]
    first = local.write_parts(parts, 1, Shards(2))["account_state"]
    again = local.write_parts(parts, 1, Shards(2))["account_state"]

    assert again == first == local.version("account_state")
    assert sorted(local.scan("account_state").collect()["account_id"]) == ids
    assert local.write_parts(parts[:1], 2, Shards(2))["account_state"] == first + 1
    assert local.scan("account_state").collect().height == of.count(0)


def test_a_part_that_breaks_a_constraint_leaves_the_table_as_it_was(local: Lake):
    before = local.version("account_state")
    parts = [{"account_state": rows("account_state", 1, cycle=cycle)} for cycle in (1, -1)]

    with pytest.raises(declared.SchemaMismatch, match="break a constraint"):
        local.write_parts(parts, 1, Shards(1))

    assert local.version("account_state") == before
    assert local.scan("account_state").collect().is_empty()
