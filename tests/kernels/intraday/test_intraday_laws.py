"""Laws over two months of entries of three accounts."""

from datetime import date, datetime
from itertools import permutations
from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from margin_assets.kernels.intraday.intraday import worst_order
from margin_assets.kernels.intraday.intraday_book import intraday_deficits
from tests.support.desk import (
    DAYS,
    END,
    RULES,
    Desk,
    Entry,
    Life,
    after,
    assert_same,
    at,
    choosing,
    entries,
    finished,
    history,
    lives,
    places,
)

OPENING = at("2026-06-08 04:00")
_HALF_DAY = 12 * 3_600_000_000


@st.composite
def walks(draw: st.DrawFn) -> list[Entry]:
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 70),
                st.sampled_from([-120_001, -100_000, -70_000, -1, 0, 50_000, 200_000]),
                st.booleans(),
                st.sampled_from([0, 0, 0, 70_000, 100_000, -50_000]),
                st.sampled_from([10_000, 2_000_000, 10_000_000]),
                st.sampled_from([0, 0, 1, -1]),
                st.sampled_from([True, True, False]),
                st.integers(0, 2),
            ),
            max_size=25,
        )
    )
    return [
        Entry(OPENING + half * _HALF_DAY + n, *shown)
        for n, (half, *shown) in enumerate(sorted(rows))
    ]


@settings(max_examples=60, deadline=None)
@given(walks(), st.lists(st.integers(0, 25), max_size=6), st.booleans())
def test_any_cut_of_the_entries_gives_the_same_rows(
    walk: list[Entry], cuts: list[int], at_once: bool
):
    inside = sorted(min(cut, len(walk)) for cut in cuts)

    with choosing(only_at_day_end=not at_once):
        assert_same(after(walk, inside), after(walk, []))


@settings(max_examples=60, deadline=None)
@given(walks(), st.integers(0, 25), st.integers(0, 80), st.booleans())
def test_saved_and_loaded_book_goes_on_the_same(
    walk: list[Entry], cut: int, pause: int, at_once: bool
):
    desk, loaded = Desk(), Desk()
    upto = max([OPENING + pause * _HALF_DAY, *(row.point for row in walk[:cut])])
    if walk[cut:]:
        upto = min(upto, walk[cut].point - 1)
    with choosing(only_at_day_end=not at_once):
        desk.book.step(entries(walk[:cut]))
        saved = finished(desk.book, upto)
        loaded.book.load(saved, places, upto)

        assert_same(finished(loaded.book, upto), saved)
        assert loaded.book.next_deadline == desk.book.next_deadline
        assert loaded.frozen() == desk.frozen()
        watched = [book.watched(upto + 1).tolist() for book in (desk.book, loaded.book)]
        assert watched[0] == watched[1]
        for book in (desk.book, loaded.book):
            book.step(entries(walk[cut:]))
        assert_same(finished(loaded.book, END), finished(desk.book, END))


@settings(max_examples=60, deadline=None)
@given(walks())
def test_every_deficit_lives_as_its_definition_says(walk: list[Entry]):
    own = [row._replace(rule=0, is_known=True) for row in walk if row.account == 0]
    rows = after(own, []).deficits.rows(named=True)

    found = [
        Life(
            row["deficit_date"],
            int(row["amount"] * 100),
            _day(row["satisfied_at"]),
            _day(row["expired_at"]),
            _day(row["failed_at"]),
            _day(row["freeze_from"]),
        )
        for row in rows
    ]
    assert found == lives(own, date(2026, 7, 31), RULES)


def _day(moment: datetime | None) -> date | None:
    if moment is None:
        return None
    return DAYS.date_of(int(np.searchsorted(DAYS.ends, round(moment.timestamp() * 1e6))))


@settings(max_examples=20, deadline=None)
@given(walks())
def test_history_as_a_frame_is_the_live_book(walk: list[Entry]):
    found = intraday_deficits(history(entries(walk)), DAYS, END)

    assert_frame_equal(found, after(walk, []).deficits)


class Trade(NamedTuple):
    """A transaction as what it does to equity and requirement, cents."""

    time: int
    equity: int
    requirement: int

    @property
    def is_reducing(self) -> bool:
        return self.equity - self.requirement < 0


trades = st.lists(
    st.builds(Trade, st.integers(0, 1), st.integers(-500, 500), st.integers(-900, 900)),
    min_size=1,
    max_size=5,
)


def deficit(order: list[Trade]) -> int:
    level, worst = 300, 0
    for trade in order:
        level += trade.equity - trade.requirement
        if trade.is_reducing:
            worst = max(worst, -level)
    return worst


@settings(deadline=None)
@given(trades)
def test_worst_order_shows_at_least_the_deficit_of_any_other(made: list[Trade]):
    order = worst_order(
        account=np.zeros(len(made), dtype=np.int64),
        event_time=np.array([trade.time for trade in made]),
        is_reducing=np.array([trade.is_reducing for trade in made]),
        tie=np.arange(len(made)),
        rules=RULES,
    )
    worst = deficit([made[place] for place in order.place])

    in_time = [
        other for other in permutations(made) if list(other) == sorted(other, key=lambda t: t.time)
    ]
    assert worst == max(deficit(list(other)) for other in in_time)
