"""A session watched from inside tells the same as its lake read from outside."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from margin_assets.lake.landing.backlog import Backlog
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.live.session.watch import Watch, landing_lag
from margin_assets.monitoring.health import Rows, Seen
from margin_assets.monitoring.observed import observed
from margin_assets.rulebooks import in_force, versions
from tests.support.live_driver import Firm, at, cash, fill, opening, price, text

NOW = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)


@pytest.fixture
def firm(tmp_path: Path) -> Firm:
    return Firm(tmp_path)


def watch_of(firm: Firm) -> Watch:
    return Watch(firm.lake, NOW, backlog=lambda: firm.session.waiting)


def from_outside(firm: Firm) -> tuple[object, ...]:
    entries = list(LocalLanding(firm.landing).entries())
    seen = observed(firm.lake, Ledger(firm.lake), entries, NOW, is_attended=True)
    return _shown(seen)


def _shown(seen: Seen) -> tuple[object, ...]:
    return (
        seen.last_cycle,
        seen.as_of,
        seen.is_plan_open,
        seen.backlog,
        seen.rows,
        seen.refused_rows,
    )


def from_inside(watch: Watch) -> tuple[object, ...]:
    return _shown(watch.seen(NOW))


def test_it_goes_on_where_the_lake_ended(firm: Firm):
    firm.run(**opening("A"))
    firm.run(fills=[fill("F1", "1", "100", at(1)), fill("F2", "1", "100", at(1), symbol="??")])
    firm.restart()
    watch = watch_of(firm)
    before = watch.seen(NOW)
    bad = [cash("M1", "A", "5", at(2), kind="fee")]
    result = firm.run(prices=[price("X", "101", at(2))], cash_movements=bad)
    watch.take(result, NOW)

    assert (before.last_cycle, before.backlog, before.missing_inputs) == (2, None, 1)
    assert from_inside(watch) == from_outside(firm)
    assert from_inside(watch)[-1] == 1
    assert watch.seen(NOW).rows == before.rows._replace(
        landed=before.rows.landed + 2, quarantined=before.rows.quarantined + 1
    )
    assert len(watch.seen(NOW).cycle_seconds) == len(before.cycle_seconds) + 1


def test_accounts_without_inputs_are_counted_when_only_some_are_written(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
):
    # A book too large to be written whole: the shards of the accounts that changed are.
    bounds = in_force("lake", versions("lake")[-1]).numbers["state"]
    for name, value in (("accounts_per_shard", 1), ("whole_shards", 0), ("least_shards", 1)):
        monkeypatch.setitem(bounds, name, value)
    firm.restart()
    watch = watch_of(firm)

    def missing() -> int | None:
        return watch.seen(NOW).missing_inputs

    counts = [missing()]
    watch.take(firm.run(**opening("A", "C", "D", "E")), NOW)
    lost = [fill("F1", "1", "5", at(1), account_id=name, symbol="Y") for name in ("A", "B")]
    lost[1]["fill_id"] = "F2"
    watch.take(firm.run(fills=lost), NOW)
    counts.append(missing())
    result = firm.run(fills=[fill("F3", "1", "5", at(2), account_id="C")])
    watch.take(result, NOW)
    counts.append(missing())

    assert "accounts_written" in result.sealed.counts
    assert counts == [0, 2, 2]
    assert watch_of(firm).seen(NOW).missing_inputs == 2


def test_what_a_cycle_had_to_leave_waits(firm: Firm):
    firm.session.planner.bounds = firm.session.planner.bounds | {"max_files": 1}
    feeds = opening("A")
    landed = NOW - timedelta(minutes=1)
    for number, (feed, rows) in enumerate(feeds.items()):
        firm.land(landed + timedelta(seconds=number), **{feed: rows})
    size = [f.stat().st_size for f in sorted(firm.landing.rglob("*.ndjson"), key=lambda p: p.name)]
    waited = []
    while firm.session.cycle(LocalLanding(firm.landing)):
        waited.append(firm.session.waiting)

    assert waited == [
        Backlog(2, size[1] + size[2], landed + timedelta(seconds=1)),
        Backlog(1, size[2], landed + timedelta(seconds=2)),
        Backlog(),
    ]


def test_what_cannot_be_taken_keeps_waiting(firm: Firm, monkeypatch: pytest.MonkeyPatch):
    watch = watch_of(firm)
    firm.land(NOW - timedelta(minutes=1), **opening("A"))

    def fail(*_: object) -> None:
        raise OSError("no store")

    monkeypatch.setattr(firm.lake, "put_object", fail)
    with pytest.raises(OSError, match="no store"):
        firm.session.cycle(LocalLanding(firm.landing))

    found = watch.health(NOW)
    assert found.states == ("behind", "empty")
    assert found.backlog.figures["files"] == 3
    assert found.backlog.figures["oldest_seconds"] == 60.0


def test_trouble_degrades(firm: Firm):
    trouble = [""]
    watch = Watch(firm.lake, NOW, backlog=Backlog, failing=lambda: trouble[0])
    watch.take(firm.run(**opening("A")), NOW)
    states = [watch.health(NOW).states]
    trouble[0] = "the store does not answer"
    states.append(watch.health(NOW).states)

    assert states == [("ok",), ("degraded",)]


def test_a_refused_row_is_open_until_it_is_dismissed(firm: Firm):
    watch = watch_of(firm)
    found = []
    watch.take(firm.run(**opening("A"), fills=[fill("F1", "0", "5")]), NOW)
    found.append(watch.health(NOW).refused)
    row = firm.table("quarantine")["quarantine_id"].item()
    act = {"action_id": "D1", "kind": "quarantine_dismiss", "subject": row, "actor": "desk"}
    watch.take(firm.run(desk_actions=[act | {"event_time": text(at(5))}]), NOW)
    found.append(watch.health(NOW).refused)

    assert [(one.state, one.figures) for one in found] == [
        ("open", {"rows": 1}),
        ("ok", {"rows": 0}),
    ]
    assert watch.seen(NOW).rows == Rows(5, 0)
    assert from_inside(watch) == from_outside(firm)


def test_landing_lag_is_that_of_the_oldest_file_that_could_be_read(firm: Firm):
    firm.put("notes/readme.md", b"hello", NOW - timedelta(days=1))
    alone = firm.session.cycle(LocalLanding(firm.landing))
    firm.land(NOW - timedelta(seconds=9), **opening("A"))
    firm.land(NOW - timedelta(seconds=4), fills=[fill("F1", "1", "5", at(1))])
    both = firm.session.cycle(LocalLanding(firm.landing))

    assert alone is not None
    assert both is not None
    assert landing_lag(alone, NOW) is None
    assert landing_lag(both, NOW) == 9.0
