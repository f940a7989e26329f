import hashlib
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from margin_assets.lake.ledger.cycles import Plan, seal_hash
from margin_assets.lake.ledger.ledger import (
    FIRST_PREVIOUS_HASH,
    AnotherSession,
    Ledger,
    SealMismatch,
)
from margin_assets.lake.store import held
from margin_assets.lake.store.store import Lake
from margin_assets.lake.upkeep.upkeep import tidy
from schemas import TABLES
from tests.support.empty_lake import created
from tests.support.forked import exit_code_of
from tests.support.mini_session import NOON, killed_cycle, run_cycle


def rival_of(lake: Lake) -> Lake:
    return Lake(lake.uri, lake.storage_options)


def ledger_rows(lake: Lake) -> list[tuple[int, str]]:
    return lake.scan("cycles").select("cycle", "state").sort("cycle", "state").collect().rows()


def test_an_empty_ledger(lake: Lake):
    ledger = Ledger(lake)

    assert ledger.last_sealed() is None
    assert ledger.open_plan() is None
    assert ledger.all_sealed() == []
    with pytest.raises(LookupError, match="cycle 1 is not sealed"):
        ledger.sealed(1)


def test_cycles_follow_each_other_by_number_and_hash(lake: Lake):
    ledger = Ledger(lake)

    first, second = run_cycle(lake, ledger), run_cycle(lake, ledger)

    assert (first.cycle, first.previous_hash) == (1, FIRST_PREVIOUS_HASH)
    assert (second.cycle, second.previous_hash) == (2, first.hash)
    assert ledger.open_plan() is None
    assert lake.version("cycles") - 1 == 4


def test_a_reader_finds_what_the_writer_knows(lake: Lake):
    ledger = Ledger(lake)
    first, second = run_cycle(lake, ledger), run_cycle(lake, ledger)
    plan = ledger.plan({"files": [{"path": "b", "bytes": 3}], "bound": None})

    reader = Ledger(rival_of(lake))

    assert reader.last_sealed() == ledger.last_sealed() == second
    assert reader.open_plan() == ledger.open_plan() == plan
    assert reader.all_sealed() == [first, second]
    assert reader.sealed(1) == first


def test_a_seal_pins_every_table_of_a_cycle(lake: Lake):
    ledger = Ledger(lake)

    first, second = run_cycle(lake, ledger), run_cycle(lake, ledger)

    expected = {table.name for table in TABLES.values() if table.in_cycle}
    assert first.table_versions.keys() == second.table_versions.keys() == expected
    assert lake.scan("fills", first.table_versions["fills"]).collect().height == 3
    assert lake.scan("fills", second.table_versions["fills"]).collect().height == 6
    assert second.table_versions["prices"] == first.table_versions["prices"]


def test_a_hash_is_over_what_the_cycle_is():
    plan = Plan(1, {"b": 1, "a": [2]}, FIRST_PREVIOUS_HASH)
    made = seal_hash(plan, NOON, {"fills": "f0"}, {"fills": 3})
    by_hand = (
        '{"as_of":"2020-03-09T16:00:00.000000+00:00","counts":{"fills":3},"cycle":1,'
        '"digests":{"fills":"f0"},"manifest":{"a":[2],"b":1},"previous_hash":"' + "0" * 64 + '"}'
    )

    assert made == hashlib.sha256(by_hand.encode()).hexdigest()
    others = [
        seal_hash(replace(plan, cycle=2), NOON, {"fills": "f0"}, {"fills": 3}),
        seal_hash(replace(plan, manifest={}), NOON, {"fills": "f0"}, {"fills": 3}),
        seal_hash(replace(plan, previous_hash="1" * 64), NOON, {"fills": "f0"}, {"fills": 3}),
        seal_hash(plan, None, {"fills": "f0"}, {"fills": 3}),
        seal_hash(plan, NOON, {"fills": "f1"}, {"fills": 3}),
        seal_hash(plan, NOON, {"fills": "f0"}, {"fills": 4}),
    ]
    assert len({made, *others}) == 7


def test_only_one_of_the_rivals_plans(lake: Lake):
    def plan(ledger: Ledger) -> Plan | None:
        try:
            return ledger.plan({"by": id(ledger)})
        except AnotherSession:
            return None

    ledgers = [Ledger(rival_of(lake)) for _ in range(4)]
    for ledger in ledgers:
        assert ledger.open_plan() is None
    with ThreadPoolExecutor(4) as pool:
        won = [found for found in pool.map(plan, ledgers) if found]

    assert len(won) == 1
    assert ledger_rows(lake) == [(1, "planned")]
    assert [ledger.open_plan() for ledger in ledgers] == won * 4


def test_a_session_that_slept_steps_aside(lake: Lake):
    sleeper = Ledger(rival_of(lake))
    assert sleeper.last_sealed() is None
    ledger = Ledger(lake)
    newest = [run_cycle(lake, ledger) for _ in range(3)][-1]

    with pytest.raises(AnotherSession, match="another session planned cycle 1"):
        sleeper.plan({})

    assert sleeper.last_sealed() == newest
    assert sleeper.plan({}).cycle == 4


def test_no_second_plan_while_one_is_open(lake: Lake):
    ledger = Ledger(lake)
    ledger.plan({})

    with pytest.raises(ValueError, match="cycle 1 is planned and not sealed"):
        ledger.plan({})


def test_two_that_finish_one_plan_seal_it_once(lake: Lake):
    Ledger(lake).plan({})
    slow, fast = Ledger(rival_of(lake)), Ledger(rival_of(lake))
    plan = slow.open_plan()

    theirs = fast.seal(fast.open_plan(), NOON, {"fills": 2}, {"fills": "f0"}, {"fills": 1})
    ours = slow.seal(plan, NOON, {"fills": 3}, {"fills": "f0"}, {"fills": 1})

    assert ours == theirs == slow.last_sealed()
    assert slow.open_plan() is None
    assert ledger_rows(lake) == [(1, "planned"), (1, "sealed")]


def test_two_that_finish_one_plan_differently_are_told(lake: Lake):
    Ledger(lake).plan({})
    slow, fast = Ledger(rival_of(lake)), Ledger(rival_of(lake))
    plan = slow.open_plan()
    fast.seal(fast.open_plan(), NOON, {"fills": 2}, {"fills": "f0"}, {"fills": 1})

    with pytest.raises(SealMismatch, match="cycle 1 is sealed as"):
        slow.seal(plan, NOON, {"fills": 2}, {"fills": "another"}, {"fills": 1})

    assert ledger_rows(lake) == [(1, "planned"), (1, "sealed")]


def test_a_ledger_that_is_tidied_goes_on(lake: Lake):
    ledger = Ledger(lake)
    run_cycle(lake, ledger)
    tidy(rival_of(lake), "cycles")
    run_cycle(lake, ledger)

    assert [sealed.cycle for sealed in Ledger(lake).all_sealed()] == [1, 2]


@pytest.mark.parametrize(
    "point",
    ["before_plan", "planned", "before_write:positions", "written:fills", "before_seal", "sealed"],
)
def test_a_killed_cycle_is_finished_once(lake: Lake, point: str):
    ledger = Ledger(lake)
    run_cycle(lake, ledger)

    ended = exit_code_of(killed_cycle, lake.uri, lake.storage_options or {}, point)
    next_lake = rival_of(lake)
    next_ledger = Ledger(next_lake)
    while (newest := next_ledger.last_sealed()) is None or newest.cycle < 3:
        run_cycle(next_lake, next_ledger)

    assert ended == -signal.SIGKILL
    assert [sealed.cycle for sealed in next_ledger.all_sealed()] == [1, 2, 3]
    fills = next_lake.scan("fills", newest.table_versions["fills"]).collect()
    assert sorted(fills["fill_id"]) == [f"{cycle}-{row}" for cycle in (1, 2, 3) for row in range(3)]
    positions = next_lake.scan("positions", newest.table_versions["positions"]).collect()
    assert positions["symbol"].to_list() == ["S0", "S1", "S2"]


def test_a_killed_cycle_leaves_the_same_hashes_as_an_undisturbed_one(
    lake_place: tuple[str, dict[str, str]],
):
    hashes = []
    for uri, point in ((f"{lake_place[0]}-a", "written:fills"), (f"{lake_place[0]}-b", "never")):
        lake = created(Lake(uri, lake_place[1]))
        exit_code_of(killed_cycle, uri, lake_place[1], point)
        ledger = Ledger(lake)
        while (newest := ledger.last_sealed()) is None or newest.cycle < 2:
            run_cycle(lake, ledger)
        hashes.append([sealed.hash for sealed in ledger.all_sealed()])

    assert hashes[0] == hashes[1]


def test_who_claimed_an_epoch_refuses_who_went_before(lake: Lake):
    old, new = Ledger(rival_of(lake)), Ledger(rival_of(lake))
    old.claim(1)
    plan = old.plan({"files": []})

    new.claim(2)

    # The zombie's plan is the successor's to seal; its own seal comes too late.
    with pytest.raises(AnotherSession, match="lease 1 was taken over"):
        old.seal(plan, None, {}, {}, {})
    assert new.seal(new.open_plan(), None, {}, {}, {}).cycle == 1
    with pytest.raises(AnotherSession):
        old.plan({"files": []})
    assert ledger_rows(lake) == [(1, "planned"), (1, "sealed")]


def test_a_claim_that_comes_late_is_refused(lake: Lake):
    Ledger(rival_of(lake)).claim(3)

    for epoch in (2, 3):
        with pytest.raises(AnotherSession, match=f"epoch {epoch} is over"):
            Ledger(rival_of(lake)).claim(epoch)


def test_a_session_that_held_an_epoch_may_claim_a_later_one(lake: Lake):
    ledger = Ledger(lake)
    ledger.claim(1)
    Ledger(rival_of(lake)).claim(2)

    ledger.claim(3)

    assert ledger.plan({"files": []}).cycle == 1


def test_a_commit_by_the_library_conflicts_with_a_claim_as_well(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
):
    old = Ledger(rival_of(lake))
    old.claim(1)
    monkeypatch.setattr(held, "known_version", lambda _handle: None)
    Ledger(rival_of(lake)).claim(2)

    with pytest.raises(AnotherSession, match="lease 1 was taken over"):
        old.plan({"files": []})


def test_ends_of_cycles_sealed_here_are_not_looked_up(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    ledger = Ledger(lake)
    first, second = run_cycle(lake, ledger), run_cycle(lake, ledger)
    looked_up = Ledger(rival_of(lake)).ends([1, 2])
    monkeypatch.delattr(Lake, "scan")

    assert ledger.ends([0, 1, 2]) == {1: first.as_of, 2: second.as_of} == looked_up
