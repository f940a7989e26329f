import numpy as np
import polars as pl
import pytest

from margin_assets.kernels.numeric.money import to_instants
from margin_assets.lake.store.shards import shard_count, shards_of
from margin_assets.live.session import shards as shards_module
from margin_assets.live.session.shards import SAMPLED, Bounds, StateShards

SECOND = 1_000_000
NAMES = [f"A{number}" for number in range(64)]
NOBODY = np.zeros(0, dtype=np.int64)


def large(sample_seconds: int = 60) -> StateShards:
    """64 accounts in 16 shards, a minute to write them all."""
    return StateShards(
        Bounds(
            accounts_per_shard=4,
            whole_shards=2,
            least_shards=1,
            settled_shards=5,
            sample_seconds=sample_seconds,
            counted_pause_seconds=20,
        )
    )


@pytest.mark.parametrize(
    ("accounts", "count"), [(0, 1), (4, 1), (5, 2), (9, 4), (16, 4), (17, 8), (64, 16)]
)
def test_shards_hold_about_as_many_accounts_as_told(accounts: int, count: int) -> None:
    assert shard_count(accounts, 4) == count


def test_the_shard_of_an_account_is_its_own() -> None:
    ids = pl.Series(["A", "O'NEIL", "A", "\u00e4"])

    # The published CRC-32 of the one letter.
    assert shards_of(ids, 1).to_list() == [0, 0, 0, 0]
    assert shards_of(ids, 4).to_list()[0] == 0xD3D99E8B % 4
    assert shards_of(ids, 4)[0] == shards_of(ids, 4)[2]
    assert shards_of(ids[::-1], 4).to_list() == shards_of(ids, 4).to_list()[::-1]


def test_a_small_book_is_written_whole() -> None:
    shards = large()

    assert shards.choose(NAMES[:8], NOBODY, SECOND).places is None
    assert shards.choose(NAMES[:8], NOBODY, 2 * SECOND).places is None


def test_a_large_book_is_written_whole_once_and_then_by_what_is_oldest() -> None:
    shards = large()
    assert shards.choose(NAMES, NOBODY, 0).places is None

    written = [shards.choose(NAMES, NOBODY, n * 4 * SECOND) for n in range(1, 16)]

    # Four seconds of sixty ask for a little more than one shard of sixteen.
    counts = [len(part.shards.chosen or ()) for part in written]
    assert counts == [1] * 14 + [2]
    every = [number for part in written for number in part.shards.chosen or ()]
    assert sorted(every) == list(range(16))


def test_a_change_is_written_at_once_with_its_shard() -> None:
    shards = large()
    shards.choose(NAMES, NOBODY, 0)
    mine = int(shards_of(pl.Series(["A7"]), 16)[0])

    part = shards.choose(NAMES, np.array([7]), 1)

    assert mine in (part.shards.chosen or ())
    assert part.places is not None
    assert 7 in part.places


def test_a_long_pause_asks_for_no_more_than_what_counts_of_it() -> None:
    shards = large()
    shards.choose(NAMES, NOBODY, 0)

    # Twenty seconds of sixty ask for a third of sixteen shards.
    counted = shards.choose(NAMES, NOBODY, 3600 * SECOND).shards.chosen
    assert len(counted or ()) == 6
    # What is written next is what the pause left oldest.
    following = shards.choose(NAMES, NOBODY, 3604 * SECOND).shards.chosen
    assert not {*(counted or ())} & {*(following or ())}


def test_a_cycle_from_before_pauses_were_counted_writes_all_that_one_lasted() -> None:
    shards = large()
    shards.has_pauses = False
    shards.choose(NAMES, NOBODY, 0)

    assert shards.choose(NAMES, NOBODY, 60 * SECOND).places is None


def test_a_book_that_asks_for_too_much_each_second_is_bounded_a_cycle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shards_module, "SAMPLED_SHARDS", 1)
    fits, shards = large(16), large(15)
    for one in (fits, shards):
        one.choose(NAMES, NOBODY, 0)
    assert fits.bound() == {}
    assert shards.bound() == {SAMPLED: 1}

    shards.most = shards.bound()[SAMPLED]
    mine = int(shards_of(pl.Series(["A7"]), 16)[0])
    written = [shards.choose(NAMES, NOBODY, n * 15 * SECOND).shards.chosen for n in range(1, 17)]

    # One a cycle however long ago the last was, each in its turn; what changed comes on top.
    assert sorted(number for part in written for number in part or ()) == list(range(16))
    assert all(len(part or ()) == 1 for part in written)
    changed = [shards.choose(NAMES, np.array([7]), n * 15 * SECOND).shards.chosen for n in (17, 18)]
    assert all(mine in (part or ()) and len(part or ()) <= 2 for part in changed)


def test_settling_ends() -> None:
    shards = large()
    shards.choose(NAMES, NOBODY, 0)
    shards.choose(NAMES, NOBODY, SECOND)
    cycles = 0
    while shards.is_behind(SECOND):
        assert len(shards.settle(SECOND).shards.chosen or ()) <= 5
        cycles += 1

    assert cycles == 3


def test_a_restart_chooses_what_the_dead_session_would_have() -> None:
    one, other = large(), large()
    at = np.zeros(len(NAMES), dtype=np.int64)
    one.choose(NAMES, NOBODY, 0)
    for second in (1, 3, 9):
        part = one.choose(NAMES, NOBODY, second * SECOND)
        at[part.places] = second * SECOND
    other.load(NAMES, to_instants(at))

    for second in (10, 25, 26):
        now = second * SECOND
        assert one.choose(NAMES, NOBODY, now).shards == other.choose(NAMES, NOBODY, now).shards


@pytest.mark.parametrize("most", [1, 10, 64])
def test_parts_hold_every_account_once_and_whole_shards(most: int) -> None:
    shards = large()
    shards.choose(NAMES, NOBODY, 0)
    of = shards_of(pl.Series(NAMES), 16).to_numpy()

    parts = shards.parts(most)

    assert sorted(np.concatenate(parts).tolist()) == list(range(64))
    held = [{*of[part].tolist()} for part in parts]
    assert sum(map(len, held)) == len(set().union(*held)) == 16
    assert all(len(part) <= most or len(its) == 1 for part, its in zip(parts, held, strict=True))
