"""Walks over ranges of rows: all of them, each once, and what one raises is raised."""

import threading

import pytest

from margin_assets.kernels.numeric.threads import allowed, at_most, keep_to, over_ranges
from tests.support.threads import several_threads


@pytest.mark.parametrize("rows", [0, 1, 7, 8, 9, 16, 17, 1000])
def test_every_row_is_walked_once(rows: int):
    walked: list[tuple[int, int]] = []

    over_ranges(lambda first, end: walked.append((first, end)), rows, 8)

    assert [n for first, end in sorted(walked) for n in range(first, end)] == list(range(rows))
    assert len(walked) <= allowed()


@several_threads
def test_few_rows_wake_no_thread_and_many_do():
    walkers: list[int] = []

    over_ranges(lambda *_: walkers.append(threading.get_ident()), 8, 8)
    assert walkers == [threading.get_ident()]

    over_ranges(lambda *_: walkers.append(threading.get_ident()), 9, 8)
    # The asker walks too.
    assert walkers[1:].count(threading.get_ident()) == 1
    assert len({*walkers[1:]}) > 1


def test_what_a_walk_raises_is_raised_when_all_have_ended():
    ended: list[int] = []

    def walk(first: int, end: int) -> None:
        ended.append(end)
        if not first:
            raise OverflowError("the first")

    with pytest.raises(OverflowError, match="the first"):
        over_ranges(walk, 100, 8)

    assert max(ended) == 100


def test_a_block_keeps_its_walks_to_fewer_and_gives_them_back():
    before = allowed()
    walked: list[int] = []

    with at_most(1):
        over_ranges(lambda first, end: walked.append(end - first), 1000, 8)
        assert allowed() == 1

    assert walked == [1000]
    assert allowed() == before


def test_who_is_kept_to_one_keeps_nobody_else():
    found: list[int] = []

    def kept() -> None:
        keep_to(1)
        found.append(allowed())

    before = allowed()
    other = threading.Thread(target=kept)
    other.start()
    other.join()

    assert found == [1]
    assert allowed() == before
