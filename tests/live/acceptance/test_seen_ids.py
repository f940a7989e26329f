import numpy as np
import polars as pl
import pytest

from margin_assets.live.acceptance import seen_ids
from margin_assets.live.acceptance.seen_ids import SeenIds, hashed

LANDED = [f"F{number}" for number in range(1_000)]


def landed(asked: list[list[str]]) -> SeenIds:
    def confirm(ids: list[str]) -> list[str]:
        asked.append(ids)
        return [name for name in ids if name in LANDED]

    return SeenIds(hashed(pl.Series(LANDED)), confirm)


def test_only_suspects_are_looked_up():
    asked: list[list[str]] = []
    seen = landed(asked)
    seen.check(["new", "F7", "F8", "F7", "newer"])

    assert [name in seen for name in ("new", "F7", "F8", "newer")] == [False, True, True, False]
    assert asked == [["F7", "F8"]]


def test_new_ids_are_seen_and_not_looked_up():
    asked: list[list[str]] = []
    seen = landed(asked)
    seen.add("new")
    seen.check(["new", "other"])

    assert "new" in seen
    assert not seen.isdisjoint(["other", "new"])
    assert seen.isdisjoint(["other"])
    assert asked == []


def test_an_id_outside_the_batch_is_settled_by_itself():
    seen = landed([])
    seen.check(["a"])

    assert "F3" in seen
    assert "F1000" not in seen


def test_two_ids_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(seen_ids, "hashed", lambda ids: np.zeros(len(ids), dtype=np.uint64))
    seen = SeenIds(np.zeros(3, dtype=np.uint64), lambda ids: [n for n in ids if n == "landed"])
    seen.check(["landed", "other"])

    assert "landed" in seen
    assert "other" not in seen


def test_ids_that_are_surely_new_are_told_at_once():
    asked: list[list[str]] = []
    seen = landed(asked)
    seen.add("new")

    assert seen.are_new(pl.Series(["a", "b"]))
    assert not seen.are_new(pl.Series(["a", "a"]))
    assert not seen.are_new(pl.Series(["a", "new"]))
    assert not seen.are_new(pl.Series(["a", "F7"]))
    assert asked == []


def test_an_id_given_free_lands_again_among_many(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(seen_ids, "_MOST_NEW", 0)
    seen = SeenIds(np.zeros(0, dtype=np.uint64), lambda ids: ids)
    seen.add("a")
    seen.discard("a")
    assert seen.are_new(pl.Series(["a", "b"]))
    seen.add_all(pl.Series(["a", "b"]))
    seen.settle()

    assert "a" in seen


def test_many_ids_cycle_after_cycle_are_all_seen(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(seen_ids, "_MOST_NEW", 3)
    landed_by_now: set[str] = set()
    seen = SeenIds(np.zeros(0, dtype=np.uint64), lambda ids: [n for n in ids if n in landed_by_now])
    for cycle, count in enumerate([5, 2, 9, 1, 4, 4]):
        ids = pl.Series([f"{cycle}-{n}" for n in range(count)])
        assert seen.are_new(ids)
        seen.add_all(ids)
        assert ids[0] in seen

        landed_by_now |= set(ids)
        seen.settle()

        assert not any(seen.are_new(pl.Series(["other", name])) for name in sorted(landed_by_now))
        assert all(name in seen for name in landed_by_now)


def test_nothing_landed_yet():
    seen = SeenIds(np.zeros(0, dtype=np.uint64), lambda ids: ids)
    seen.check(["a"])

    assert "a" not in seen
