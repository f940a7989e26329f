"""Crash weeks hour by hour through the ladder. MARGIN_MARKET_DATA names the folder of prices."""

import os
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from margin_assets.backtest.asking import Asked, one_run
from margin_assets.backtest.policy import policy_of
from margin_assets.backtest.results.storing import tables_of
from margin_assets.backtest.running import Ran

FOLDER = os.environ.get("MARGIN_MARKET_DATA")


def ran(first: date, last: date, *, with_bars: bool) -> Ran:
    data = Path(str(FOLDER))
    asked = Asked("us_daily", data, "tempers", first, last, 400, with_bars=with_bars)
    return one_run(asked, policy_of("built-in"))


@pytest.mark.skipif(FOLDER is None, reason="MARGIN_MARKET_DATA names no folder")
@pytest.mark.parametrize(
    ("first", "last"),
    [
        pytest.param(date(2008, 9, 2), date(2008, 10, 31), id="autumn of 2008"),
        pytest.param(date(2020, 2, 19), date(2020, 3, 31), id="March 2020"),
    ],
)
def test_watched_by_the_hour_a_crash_costs_the_firm_less(first: date, last: date):
    closes, hours = (ran(first, last, with_bars=with_bars) for with_bars in (False, True))
    (by_close,), (by_hour,) = (
        tables_of(one)["backtest_runs"].to_dicts() for one in (closes, hours)
    )

    # Ends at 10 to 15 o'clock; that of 16 is the close.
    assert by_hour["bars"] == 6 * by_hour["sessions"] == 6 * by_close["sessions"]
    file = pl.scan_parquet(Path(str(FOLDER)) / "us_equity_hourly_raw_1998_2021.parquet")
    spy = file.filter(pl.col("symbol") == "SPY", pl.col("ts").dt.date() == first).collect()
    bars, security = hours.ground.history.bars, hours.ground.history.symbols.index("SPY")
    told = bars.price[bars.of(hours.sessions.start), security] / 1e6
    assert told.tolist() == spy.sort("ts")["close"].round(6).to_list()[:-1]

    assert by_hour["calls"] > by_close["calls"] > 0
    assert by_hour["liquidations"] > 0
    assert by_hour["lost"] < by_close["lost"]
