"""When options nobody reports are settled, and by which price of their underlying."""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from margin_assets.calendar import calendar
from margin_assets.kernels.corporate.settlement_values import settlement_values, windows
from margin_assets.kernels.numeric.money import MICRO, instants, to_instants
from margin_assets.kernels.rules.expiry import last_instants
from margin_assets.kernels.rules.instants import NEVER


@pytest.mark.parametrize(
    ("expiry", "on_opening", "due", "session", "is_first"),
    [
        pytest.param("2024-06-21", False, "2024-06-24T15:30", "2024-06-21", False, id="a Friday"),
        pytest.param("2015-12-18", True, "2015-12-18T16:30", "2015-12-18", True, id="an opening"),
        pytest.param("2012-12-22", False, "2012-12-24T16:30", "2012-12-21", False, id="a Saturday"),
        pytest.param("2012-12-22", True, "2012-12-21T16:30", "2012-12-21", True, id="its opening"),
        pytest.param("2020-07-02", False, "2020-07-06T15:30", "2020-07-02", False, id="a holiday"),
    ],
)
def test_it_is_settled_in_the_session_after_its_last_one(
    expiry: str,
    on_opening: bool,
    due: str,
    session: str,
    is_first: bool,
):
    times = calendar().times
    days, on = pl.Series([date.fromisoformat(expiry)]), pl.Series([on_opening])
    ends = last_instants(days, on, times)
    found = windows(pl.DataFrame({"expiry": days, "expires_at": ends}), times)

    assert to_instants(found.due).item() == datetime.fromisoformat(due).replace(tzinfo=UTC)
    assert str(to_instants(found.starts).item().date()) == session
    assert found.is_first.item() == is_first
    assert found.starts.item() < found.ends.item()


def test_what_is_no_option_is_never_settled():
    none = pl.DataFrame(
        {"expiry": [None], "expires_at": [None]},
        schema={"expiry": pl.Date, "expires_at": pl.Datetime("us", "UTC")},
    )

    assert windows(none, calendar().times).due.item() == NEVER


@pytest.mark.parametrize(
    ("is_first", "minutes", "value"),
    [
        pytest.param(False, (0, 5, 9), "9", id="the last price of the session"),
        pytest.param(True, (0, 5, 9), "0", id="the first"),
        pytest.param(False, (-1, 11), None, id="none of another session"),
        pytest.param(False, (4, 4), "4 again", id="of two at one time the later landed"),
    ],
)
def test_a_value_is_a_price_of_its_session(is_first: bool, minutes: tuple[int, ...], value: str):
    start = datetime(2024, 6, 21, 13, tzinfo=UTC)
    times = [start.replace(minute=0).timestamp() + 60 * m for m in minutes]
    prices = pl.DataFrame(
        {
            "symbol": ["X"] * len(minutes),
            "event_time": pl.Series(
                [datetime.fromtimestamp(t, UTC) for t in times], dtype=pl.Datetime("us", "UTC")
            ),
            "price": pl.Series([100 + m for m in minutes], dtype=pl.Decimal(38, 6)),
        }
    )
    if value == "4 again":
        prices = prices.with_columns(price=pl.Series([100, 104], dtype=pl.Decimal(38, 6)))
    at = instants(pl.Series([start], dtype=pl.Datetime("us", "UTC"))).item()
    asked = pl.DataFrame(
        {
            "symbol": ["O"],
            "underlying": ["X"],
            "starts": [at],
            "ends": [at + 10 * 60 * MICRO],
            "is_first": [is_first],
        }
    )
    expected = {} if value is None else {"O": (100 + int(value[0])) * MICRO}

    assert settlement_values(asked, prices) == expected


def test_windows_stand_by_place():
    times = calendar().times
    ends = last_instants(pl.Series([date(2024, 6, 21)]), pl.Series([False]), times)
    frame = pl.DataFrame({"expiry": [date(2024, 6, 21)], "expires_at": ends})
    both = pl.concat([frame.with_columns(pl.lit(None).cast(pl.Date).alias("expiry")), frame])

    assert np.count_nonzero(windows(both, times).due < NEVER) == 1
