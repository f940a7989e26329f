from datetime import UTC, datetime, timedelta

from margin_assets.lake.ledger.cycle_times import CycleTime, cycle_times
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.store import Lake
from margin_assets.lake.upkeep.upkeep import tidy

AT = datetime(2020, 3, 9, 16, 0, tzinfo=UTC)


def seal(lake: Lake, count: int) -> None:
    ledger = Ledger(lake)
    for _ in range(count):
        plan = ledger.plan({"archive": "", "files": []})
        ledger.seal(plan, AT, {}, {}, {})


def test_times_come_from_the_log_and_survive_upkeep(lake: Lake):
    before = datetime.now(UTC) - timedelta(seconds=1)
    assert cycle_times(lake, 10) == []

    seal(lake, 2)
    tidy(lake, "cycles")
    seal(lake, 2)
    Ledger(lake).plan({"archive": "", "files": []})
    times = cycle_times(lake, 3)

    assert [time.cycle for time in times] == [2, 3, 4]
    assert all(time.seconds is not None and time.seconds >= 0 for time in times)
    assert before < times[0].sealed_at <= times[-1].sealed_at < datetime.now(UTC)


def test_a_time_that_is_not_known_is_none():
    assert CycleTime(1, None, AT).seconds is None
    assert CycleTime(1, AT + timedelta(seconds=1), AT).seconds is None
    assert CycleTime(1, AT, AT + timedelta(seconds=1)).seconds == 1.0
