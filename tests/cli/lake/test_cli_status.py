"""What `margin status` says of the daily tables and of the exchange."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from margin_assets.calendar import is_open
from margin_assets.cli.lake.standing import show, standing
from margin_assets.lake.store.store import Lake
from tests.support.margin_command import Margin, landed

THURSDAY, FRIDAY = date(2020, 3, 5), date(2020, 3, 6)
"""The sessions before the Monday at whose noon the story stands."""
BEFORE_THE_LAST = ("account_state", "positions", "stress_results", "margin_summary")


def make(folder: Path, day: date, *names: str, cycle: int = 11) -> None:
    """What a daily run leaves of a date: rows as of the state, in the tables named."""
    lake = Lake(str(folder / "lake"))
    for name in names:
        rows = lake.scan(name).collect()
        rows = rows.filter(pl.col("cycle") == rows["cycle"].max()).with_columns(
            business_date=pl.lit(day), cycle=pl.lit(cycle, pl.Int64)
        )
        lake.replace_days(name, rows, [day])


def daily(margin: Margin, folder: Path) -> tuple[str, list[str], list[str]]:
    found = margin("status", *landed(folder), "--json").document
    unwell = found["daily"]["state"] in ("unfinished", "late")
    assert ("attention" in found["states"]) == unwell
    return found["daily"]["state"], found["daily"]["unfinished"], found["daily"]["missing"]


def test_status_tells_of_dates_that_a_daily_run_did_not_finish(margin: Margin, copied: Path):
    assert daily(margin, copied) == ("none", [], [])

    # As a blocking check that fails leaves it: all but the last table.
    make(copied, THURSDAY, *BEFORE_THE_LAST)
    assert daily(margin, copied) == ("unfinished", ["2020-03-05"], ["2020-03-06"])

    make(copied, THURSDAY, "firm_risk")
    assert daily(margin, copied) == ("late", [], ["2020-03-06"])

    make(copied, FRIDAY, *BEFORE_THE_LAST, "firm_risk")
    assert daily(margin, copied) == ("ok", [], [])

    # Begun again from a later cycle, and not finished.
    make(copied, THURSDAY, *BEFORE_THE_LAST, cycle=12)
    assert daily(margin, copied) == ("unfinished", ["2020-03-05"], [])
    said = margin("status", *landed(copied)).out
    assert "daily tables  unfinished: 1 dates, the last 2020-03-06" in said
    assert "  unfinished  2020-03-05" in said


@pytest.mark.parametrize(
    ("now", "word"),
    [
        pytest.param("2020-03-14T16:00Z", "closed", id="Saturday"),
        pytest.param("2020-03-13T13:29Z", "closed", id="before the opening"),
        pytest.param("2020-03-13T13:30Z", "open", id="at the opening"),
        pytest.param("2020-03-13T20:00Z", "closed", id="at the close"),
        pytest.param("2020-04-10T16:00Z", "closed", id="Good Friday"),
        pytest.param("2019-11-29T18:00Z", "closed", id="after an early close"),
    ],
)
def test_status_knows_whether_the_exchange_is_open(
    told: Path, capsys: pytest.CaptureFixture[str], now: str, word: str
):
    at = datetime.fromisoformat(now).astimezone(UTC)
    show(standing(Lake(str(told / "lake")), told / "landing", at))

    said = capsys.readouterr().out
    assert f"the exchange is {word}" in said
    assert said.count("exchange is") == 1
    assert is_open(at) == (word == "open")


def test_status_names_a_table_that_no_session_could_open(margin: Margin, copied: Path):
    table = Lake(str(copied / "lake")).held("volatilities")
    table.open().create_checkpoint()
    checkpoint = next((copied / "lake/volatilities/_delta_log").glob("*.checkpoint.parquet"))
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])

    found = margin("status", *landed(copied), "--json").document

    assert [row["table"] for row in found["damaged_tables"]] == ["volatilities"]
    assert checkpoint.name in found["damaged_tables"][0]["problem"]
    assert "attention" in found["states"]
