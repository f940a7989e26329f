import numpy as np
import pytest
from portfolios import RULES

from margin_assets.kernels.marks import NEVER, next_change, price_states, session_of
from schemas.margin import PRICE_STATES

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
