"""Files that landed ahead of our clock, and beyond the calendar."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from margin_assets.cli.lake.standing import standing
from margin_assets.lake.landing import archive
from margin_assets.lake.landing.cut import Cut
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.live.session import planning
from margin_assets.rulebooks import installed
from tests.support.live_driver import (
    Firm,
    account,
    at,
    beta,
    fill,
    instrument,
    line,
    opening,
    price,
    stamp,
)


@pytest.fixture
def firm(tmp_path: Path) -> Firm:
    made = Firm(tmp_path)
    made.run(**opening("A"))
    return made


class Clock(datetime):
    """A planner's clock that a test sets."""

    at = datetime(2026, 3, 3, 15, tzinfo=UTC)

    @classmethod
    def now(cls, _zone: object = None) -> datetime:  # type: ignore[override]  # a clock stopped
        return cls.at


@pytest.mark.parametrize(
    ("ahead", "is_taken"),
    [
        pytest.param(timedelta(minutes=5), True, id="five minutes are granted"),
        pytest.param(timedelta(minutes=5, seconds=1), False, id="more are not"),
        pytest.param(timedelta(days=9_000), False, id="nor are years"),
    ],
)
def test_a_file_ahead_of_the_clock_waits_for_its_time(
    firm: Firm, monkeypatch: pytest.MonkeyPatch, ahead: timedelta, is_taken: bool
):
    monkeypatch.setattr(planning, "datetime", Clock)
    monkeypatch.setattr(Clock, "at", datetime(2026, 3, 3, 15, tzinfo=UTC))
    firm.land(Clock.at + ahead, fills=[fill("F", "1", "2", at(5))])

    assert (firm.cycle() is not None) == is_taken
    told = standing(firm.lake, firm.landing, Clock.at)
    paths = ["fills/000004.ndjson"]
    assert [row["path"] for row in told["waiting_files"]] == ([] if is_taken else paths)
    assert told["backlog"]["files"] == 0
    monkeypatch.setattr(Clock, "at", Clock.at + ahead)
    firm.cycle()
    assert firm.position() == (1, -2)
    assert standing(firm.lake, firm.landing, Clock.at)["waiting_files"] == []


def land_at_the_end(firm: Firm, year: int) -> None:
    when = datetime(year, 1, 3, 15, tzinfo=UTC)
    firm.land(when, instruments=[instrument("Z", when)], prices=[price("Z", "5", when)])


# A public report: one row of 2051 in a file of 2051, and no session ran again.
@pytest.mark.parametrize("year", [2051, 2060, 9999])
def test_a_file_beyond_the_calendar_is_refused_whole(firm: Firm, year: int):
    land_at_the_end(firm, year)
    firm.run()
    firm.run(fills=[fill("F", "1", "2", at(5))])

    assert firm.reasons() == ["file_in_future"] * 2
    assert firm.position() == (1, -2)
    firm.check_nothing_lost()


def test_a_lake_that_was_stopped_by_such_a_plan_goes_on(firm: Firm):
    land_at_the_end(firm, 2051)
    entries = Cut(list(LocalLanding(firm.landing).entries()), [])
    manifest, _ = archive.archive(firm.lake, LocalLanding(firm.landing), entries, 2)
    firm.session.ledger.plan(manifest | {"rulebooks": installed()})
    for path in firm.landing.rglob("*.ndjson"):
        path.unlink()
    firm.restart()

    assert "file_in_future" in firm.reasons()
    firm.run(fills=[fill("F", "1", "2", at(5))])
    assert firm.position() == (1, -2)


def test_the_last_days_of_the_calendar_have_deadlines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # Bought on credit on the last day of 2050: calls whose days are of the year after.
    last = datetime(2050, 12, 31, 23, 59, tzinfo=UTC)
    monkeypatch.setattr(planning, "datetime", Clock)
    monkeypatch.setattr(Clock, "at", last)
    begun, firm = last - timedelta(days=7), Firm(tmp_path)
    known = {"instruments": [instrument("X", begun)], "prices": [price("X", "100", begun)]}
    firm.cycle(begun, accounts=[account("A", when=begun)], **known)
    rows = [fill("F", "1000", "90", last), fill("G", "1", "1", last + timedelta(minutes=4))]
    for number, row in enumerate(rows):
        target = firm.put(f"fills/last{number}.ndjson", line(row).encode(), last)
        stamp(target, last)
    firm.run()

    assert firm.session.ledger.last_sealed().as_of == last + timedelta(minutes=4)
    assert {due.year for (due,) in firm.rows("margin_calls", "legal_due_at")} == {2051}
    firm.restart()
    assert firm.position() == (1_001, -90_001)


def test_dates_at_the_end_of_all_calendars_stop_nothing(firm: Firm):
    terms = {
        "asset_class": "option",
        "underlying": "X",
        "right": "call",
        "strike": 100,
        "expiry": "9999-12-31",
        "style": "american",
        "multiplier": 100,
    }
    firm.run(
        accounts=[account("B") | {"opened_on": "9999-12-31"}],
        instruments=[instrument("O", at(1), **terms)],
        betas=[beta("X", "2", "9999-12-31"), beta("X", "1", "2020-03-09")],
        volatilities=[
            {"symbol": "X", "volatility_annual": 0.2, "as_of_date": "9999-12-31", "kind": k}
            for k in ("historical_30d", "implied")
        ],
        prices=[price("O", "20", at(2)), price("X", "100", at(2))],
        fills=[fill("F", "1", "20", at(3), symbol="O"), fill("S", "5", "100", at(3))],
    )
    firm.restart()
    firm.run(prices=[price("X", "101", at(4))])

    assert firm.position("O")[0] == 1
    assert firm.table("positions").filter(symbol="X")["beta"].to_list() == [1.0]
    assert firm.reasons() == []
