import numpy as np
import polars as pl
import pytest

from margin_assets.kernels.book.last_fills import TRADE_COLUMNS, last_fills
from margin_assets.kernels.book.marks import (
    marked_by_fill,
    next_change,
    next_opening,
    price_states,
    session_of,
)
from margin_assets.kernels.rules.instants import NEVER
from schemas.margin import PRICE_STATES
from tests.support.portfolios import RULES

HOUR = 3_600_000_000
DAY = 24 * HOUR
# Ten sessions, opening at 14:00 of days 1 to 5 and 8 to 12.
OPENS = np.array([day * DAY + 14 * HOUR for day in (1, 2, 3, 4, 5, 8, 9, 10, 11, 12)])


def state(price_time: int, at: int) -> str:
    return PRICE_STATES[price_states(np.array([price_time]), at, OPENS, RULES)[0]]


@pytest.mark.parametrize(
    ("instant", "session"),
    [
        pytest.param(0, -1, id="before the first"),
        pytest.param(OPENS[0] - 1, -1, id="a microsecond before the opening"),
        pytest.param(OPENS[0], 0, id="the opening"),
        pytest.param(OPENS[1] - 1, 0, id="the night belongs to the session before"),
        pytest.param(7 * DAY, 4, id="so does the weekend"),
        pytest.param(OPENS[9] + 90 * DAY, 9, id="after the last"),
    ],
)
def test_session_of_an_instant(instant: int, session: int):
    assert session_of(np.array([instant]), OPENS).tolist() == [session]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(OPENS[2], "fresh", id="this session"),
        pytest.param(OPENS[4] - 1, "fresh", id="the session before"),
        pytest.param(OPENS[4], "stale", id="two sessions ago"),
        pytest.param(OPENS[8] - 1, "stale", id="five sessions ago, over a weekend"),
        pytest.param(OPENS[8], "unusable", id="six sessions ago"),
    ],
)
def test_price_of_the_third_session(at: int, expected: str):
    assert state(OPENS[2] + HOUR, at) == expected


def test_no_price_is_missing():
    assert state(-1, OPENS[0]) == "missing"


@pytest.mark.parametrize(
    ("price_time", "at", "expected"),
    [
        pytest.param(OPENS[2], OPENS[2], OPENS[4], id="fresh until the second opening after"),
        pytest.param(OPENS[2], OPENS[4] - 1, OPENS[4], id="a microsecond before it"),
        pytest.param(OPENS[2], OPENS[4], OPENS[8], id="stale until the sixth"),
        pytest.param(OPENS[2], OPENS[8], NEVER, id="unusable for good"),
        pytest.param(OPENS[9], OPENS[9], NEVER, id="no session is known after"),
        pytest.param(-1, OPENS[2], NEVER, id="no price"),
    ],
)
def test_next_change(price_time: int, at: int, expected: int):
    assert next_change(np.array([price_time]), at, OPENS, RULES).tolist() == [expected]


def test_states_change_exactly_where_next_change_says():
    at = OPENS[2]
    times = np.array([0, OPENS[0], OPENS[1], OPENS[2]])
    for _ in range(8):
        before = price_states(times, at, OPENS, RULES)
        changes = next_change(times, at, OPENS, RULES)
        at = int(changes.min())
        if at == NEVER:
            break
        assert (price_states(times, at - 1, OPENS, RULES) == before).all()
        assert ((price_states(times, at, OPENS, RULES) != before) == (changes == at)).all()
    assert at == NEVER


@pytest.mark.parametrize(
    ("fill_time", "at", "expected"),
    [
        pytest.param(OPENS[2] + HOUR, OPENS[2] + HOUR, True, id="at the fill"),
        pytest.param(OPENS[2], OPENS[3] - 1, True, id="until the night after ends"),
        pytest.param(OPENS[3] - 1, OPENS[3], False, id="not from the next opening on"),
        pytest.param(OPENS[4] + 5 * HOUR, 7 * DAY, True, id="over the weekend"),
        pytest.param(-1, OPENS[2], False, id="no fill"),
        pytest.param(-1, 0, False, id="no fill before the first session"),
        pytest.param(HOUR, 2 * HOUR, True, id="before the first session"),
    ],
)
def test_the_last_fill_marks_in_its_session(fill_time: int, at: int, expected: bool):
    states = np.array([PRICE_STATES.index(name) for name in ("missing", "unusable")], np.int8)
    times = np.array([fill_time, fill_time])

    assert marked_by_fill(states, times, at, OPENS).tolist() == [expected, expected]


@pytest.mark.parametrize("name", ["fresh", "stale"])
def test_a_usable_price_stands_before_a_fill(name: str):
    states = np.array([PRICE_STATES.index(name)], np.int8)

    assert marked_by_fill(states, OPENS[2:3], int(OPENS[2]), OPENS).tolist() == [False]


def test_the_mark_of_a_fill_ends_with_the_next_opening():
    assert next_opening(int(OPENS[2]), OPENS) == OPENS[3]
    assert next_opening(int(OPENS[3]) - 1, OPENS) == OPENS[3]
    assert next_opening(int(OPENS[9]), OPENS) == NEVER


# Which fill is a symbol's last, of rows of original, time, landing, version, quantity, price.
F1, F2 = ("f1", 1, 0, "f1", 5, 10), ("f2", 2, 1, "f2", 5, 20)
TRADES = [
    pytest.param([F1], ("f1", 10, 1), id="one fill"),
    pytest.param([F2, F1], ("f2", 20, 2), id="the later"),
    pytest.param([F2, ("f1", 2, 2, "f1", 5, 10)], ("f1", 10, 2), id="of one time the later landed"),
    pytest.param([F1, ("f1", 1, None, "c1", 5, 11)], ("c1", 11, 1), id="corrected"),
    pytest.param(
        [F1, F2, ("f1", 1, None, "c1", 4, 11)],
        ("f2", 20, 2),
        id="a correction stands in the place of its original",
    ),
    pytest.param(
        [F1, F2, ("f2", 2, None, "c2", 0, 20)], ("f1", 10, 1), id="what is busted was no fill"
    ),
    pytest.param([F1, ("f1", 1, None, "c1", 0, 10)], None, id="none is left"),
]


@pytest.mark.parametrize(("rows", "expected"), TRADES)
def test_last_fill(rows: list[tuple[object, ...]], expected: tuple[str, int, int] | None):
    trades = pl.DataFrame([("X", *row) for row in rows], schema=TRADE_COLUMNS, orient="row")

    found = last_fills(trades).select("fill_id", "price", "time").rows()
    assert found == ([] if expected is None else [expected])
