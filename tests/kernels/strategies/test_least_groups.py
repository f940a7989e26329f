"""Class groups that no exact search proves: near the stated bound, worthless positions never raise.

On small books the bound is set against the least that the exact search proves, which is checked
by exhaustion elsewhere.
"""

import random
import subprocess
import sys

import numpy as np
import pytest

from margin_assets.kernels.numeric.threads import at_most
from margin_assets.kernels.strategies import least_groups
from margin_assets.kernels.strategies.drafts import Grouping
from margin_assets.kernels.strategies.grouping import PROOF, TOO_LARGE, WORK
from margin_assets.kernels.strategies.least_groups import (
    _by_relaxation,
    large_grouping,
    least_requirements,
)
from margin_assets.kernels.strategies.problems import Problems
from margin_assets.kernels.strategies.solutions import least_grouping
from margin_assets.kernels.strategies.strategies import NONE, SPREAD, Records
from tests.support.leg_books import DAYS, MICRO, RATES, Leg, book, gross, records, stock
from tests.support.threads import several_threads


def worthless(rng: random.Random) -> Leg:
    days, is_call = rng.choice(DAYS[:4]), rng.random() < 0.5
    return rng.randint(1, 9), is_call, 400.0 if is_call else 1.0, days, 0.0


def assert_whole(legs: Records, shares: int, found: Grouping) -> None:
    """The groups take every contract and share, once."""
    taken, held = np.zeros(len(legs), dtype=np.int64), 0
    for n in range(found.count):
        held += int(found.activities.count[n] * found.activities.shares[n])
        if found.activities.kind[n] != SPREAD:
            for i in found.activities.members[n]:
                if i != NONE:
                    taken[i] += found.activities.count[n]
    assert taken.tolist() == np.abs(legs["contracts"]).tolist()
    assert held == shares * MICRO


@pytest.mark.parametrize("shares", [0, 1000])
@pytest.mark.parametrize(("legs", "expiries"), [(30, 8), (48, 4), (65, 1), (150, 2), (400, 1)])
def test_a_book_requires_little_more_than_the_bound_stated_with_it(
    legs: int, expiries: int, shares: int
):
    held = records(book(legs + expiries, legs, expiries))

    found = large_grouping(held, stock(shares), RATES, WORK)

    assert_whole(held, shares, found)
    required = gross(held, found)
    assert found.gap <= 0.005 * (required - found.gap)


def test_the_solver_prints_nothing():
    """A what-if answers on standard output. A process of its own: a banner comes but once."""
    code = (
        "import numpy as np\n"
        "from margin_assets.kernels.optimize.relaxation import most_saving_sparse\n"
        "from margin_assets.kernels.optimize.program import NO_LOSS, Program\n"
        "from margin_assets.kernels.optimize.sparse import sparse_of\n"
        "rows = np.array([[2, 1, 0], [1, 1, 0], [3, -1, -1]])\n"
        "hard = np.array([NO_LOSS, NO_LOSS, 2], dtype=np.int32)\n"
        "parts = np.full(3, -1, dtype=np.int32)\n"
        "saving, most, bound = np.array([[3, 2, -1], [5, 5, 100], [5, 4, 0]])\n"
        "posed = Program(saving, most, parts, 0, 2, rows, bound, hard)\n"
        "print(most_saving_sparse(sparse_of(posed), 20.0).saving)\n"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout == "9\n"  # 1 and 3 of them: 3 + 6, and 3 of loss less 3


def test_no_bound_lies_above_the_least_that_an_exact_search_proves():
    """The second route is the exact search, whose least is checked by exhaustion elsewhere."""
    proven = 0
    for seed in range(30):
        held = records(book(seed, 8 + seed % 9, 1 + seed % 3))
        exact = least_grouping(held, stock(300), RATES, WORK)
        found = _by_relaxation(held, stock(300), RATES)
        if exact.gap < PROOF:
            proven += 1
            assert found.maintenance - found.gap <= exact.maintenance + PROOF
            assert found.maintenance >= exact.maintenance
    assert proven > 20


def test_a_position_worth_nothing_never_raises_the_requirement():
    """At times it lowers it: it may limit what a spread loses."""
    rng, lowered = random.Random(4210), 0
    for seed in range(6):
        legs = book(seed, rng.randint(30, 80), rng.randint(1, 3))
        legs = [leg for leg in legs if leg[4] > 0 or leg[0] < 0]
        more = sorted([*legs, worthless(rng)], key=lambda leg: (leg[3], leg[2], leg[1]))

        one = large_grouping(records(legs), stock(0), RATES, WORK)
        other = large_grouping(records(more), stock(0), RATES, WORK)

        assert other.maintenance <= one.maintenance
        assert_whole(records(more), 0, other)
        lowered += other.maintenance < one.maintenance
    assert lowered > 0


def test_beyond_what_is_written_down_whole_a_group_goes_by_pieces(monkeypatch: pytest.MonkeyPatch):
    """The bound is then only that nothing requires less than the longs lend: 0."""
    held = records(book(3, 70, 2))
    monkeypatch.setattr("margin_assets.kernels.strategies.least_groups._ENTRIES", 0)
    monkeypatch.setattr("margin_assets.kernels.strategies.least_groups._PIECE", 30)

    found = _by_relaxation(held, stock(500), RATES)

    assert_whole(held, 500, found)
    assert found.gap == found.maintenance


def problems(books: list[Records]) -> Problems:
    legs = np.concatenate(books)
    ends = np.cumsum([0, *map(len, books)])
    none = np.zeros(len(books) + 1, dtype=np.int64)
    return Problems(
        np.arange(len(books) + 1),
        ends,
        none,
        legs,
        stock(0),
        np.arange(len(legs)),
        np.zeros(0, dtype=np.int64),
    )


@several_threads
def test_threads_do_not_change_a_bit_of_a_large_grouping():
    posed = problems([records(book(seed, 70, 2)) for seed in range(3)])
    results = []
    for threads in (1, 2):
        least_groups._kept.cache_clear()
        with at_most(threads):
            results.append(least_requirements(posed, RATES))

    assert (results[0].gap != TOO_LARGE).all()
    for one, other in zip(*results, strict=True):
        assert one.tobytes() == other.tobytes()
