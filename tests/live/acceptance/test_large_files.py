"""A file larger than a cycle may hold is taken in stretches, and comes to what it says."""

import weakref
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from margin_assets.lake.landing import archive
from margin_assets.lake.landing.backlog import waiting
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.landing.reading import cuts
from margin_assets.lake.landing.reading import landed as reading
from margin_assets.lake.ledger import audit
from margin_assets.live.acceptance.acceptance import Lookup
from margin_assets.live.past.replay import replay
from margin_assets.live.session import session
from margin_assets.live.session.session import CycleResult
from tests.support.live_driver import Firm, at, fill, line, opening, price

LANDED = at(days=400)
# A fill a second; some lines are none, and the last fill repeats the first's id.
LINES = [line(fill(f"F{n}", "1", "2", at(n // 8))) for n in range(3_000)]
LINES[10::500] = ["[\n"] * len(LINES[10::500])
LINES[-1] = line(fill("F0", "7", "2", at(400)))
ACCEPTED = 3_000 - len(LINES[10::500]) - 1


@pytest.fixture
def firm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Firm:
    made = Firm(tmp_path)
    made.run(**opening("A"))
    for module in (cuts, reading):
        monkeypatch.setattr(module, "READER_BYTES", 2_500_000)
    monkeypatch.setattr(archive, "_MOST", 2_500_000)
    return made


def waits(firm: Firm) -> list[str]:
    """What a reader without a session says is left."""
    ledger = firm.session.ledger
    entries = LocalLanding(firm.landing).entries()
    return [e.path for e in waiting(firm.lake, ledger.last_sealed(), None, entries)]


def test_a_large_file_is_taken_in_stretches_across_restarts(firm: Firm):
    path = firm.put("fills/big.ndjson", "".join(LINES).encode(), LANDED)
    firm.land(at(days=401), prices=[price("X", "2", at(500))])

    firm.run()
    assert waits(firm) == ["fills/big.ndjson", "prices/000004.ndjson"]
    # From the first stretch on its bytes are kept, and any session goes on where this one ended.
    path.unlink()
    firm.restart()
    cycles = 1
    while firm.cycle():
        cycles += 1

    assert cycles > 2
    assert waits(firm) == []
    assert firm.position() == (ACCEPTED, -2 * ACCEPTED)
    assert firm.reasons() == ["id_reused"] + ["invalid_json"] * 6
    refused = firm.table("quarantine").filter(reasons="id_reused").row(0, named=True)
    assert (refused["file_row"], refused["raw"]) == (3_000, LINES[-1].rstrip().encode())
    read = firm.table("landed_files").filter(path="fills/big.ndjson")
    assert read["rows_read"].sum() == 3_000
    firm.check_nothing_lost()
    assert audit.verify(firm.lake).broken is None
    assert replay(firm.lake).difference is None


def test_what_waits_of_a_large_file_shrinks_to_nothing(firm: Firm):
    data = "".join(LINES).encode()
    firm.put("fills/big.ndjson", data, LANDED)
    left, evaluated = [], list[str]()
    firm.session.tell = evaluated.append

    while firm.cycle():
        assert firm.session.waiting is not None
        left.append(firm.session.waiting.bytes)
        stretch = firm.session.planner.known.begun
        taken = None if stretch is None or stretch.begun is None else stretch.begun.stretch()
        assert left[-1] == (0 if taken is None else len(data) - (taken.end or 0))

    assert len(left) > 2
    assert len(data) > left[0] > left[1] > left[-1] == 0
    assert evaluated == []


def test_a_cycle_that_evaluates_many_rows_says_so(firm: Firm, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session, "_MANY_ROWS", 2_000)
    firm.put("fills/big.ndjson", "".join(LINES).encode(), LANDED)
    told: list[str] = []
    firm.session.tell = told.append

    while done := firm.cycle():
        last = done.sealed.cycle

    # Those that only hold their rows say nothing.
    assert told == [f"cycle {last}: {ACCEPTED:,} rows are evaluated"]


def test_a_large_file_that_its_end_refuses_leaves_no_row(firm: Firm):
    rows = "".join(f"F{n},A,X,1,2,2020-03-09T16:00:00Z\n" for n in range(3_000))
    head = "fill_id,account_id,symbol,quantity,price,event_time\n"
    firm.put("fills/big.csv", f'{head}{rows}"'.encode(), LANDED)
    firm.run()

    assert firm.cycle() is None
    assert firm.reasons() == ["malformed_csv"]
    assert firm.table("fills").is_empty()


def test_what_lands_with_a_large_file_waits_for_its_turn(firm: Firm):
    prices = [line(price(f"S{n}", "3", at(5))) for n in range(2_000)]
    firm.put("prices/big.ndjson", "".join(prices).encode(), LANDED)
    firm.land(LANDED, fills=[fill("f", "1", "3", at(6), symbol="S1999")])
    firm.land(at(days=399), fills=[fill("e", "1", "3", at(4), symbol="S0")])

    seen = []
    while firm.cycle():
        cycle = firm.session.ledger.last_sealed().cycle
        seen.append(set(firm.table("landed_files").filter(cycle=cycle)["path"]))

    # The earlier landing time alone; then the prices; the fills of their time after them.
    assert seen[0] == {"fills/000005.ndjson"}
    assert all(paths == {"prices/big.ndjson"} for paths in seen[1:-1])
    assert "fills/000004.ndjson" in seen[-1]
    marks = firm.table("positions").filter(pl.col("symbol").is_in(["S0", "S1999"]))
    assert marks["price"].to_list() == [3, 3]


def test_many_files_are_no_more_than_a_cycle_may_hold(firm: Firm):
    for number in range(20):
        rows = "".join(line(fill(f"F{number}.{n}", "1", "2", at(n))) for n in range(200))
        firm.put(f"fills/{number:02}.ndjson", rows.encode(), at(days=400, seconds=number))

    counts = []
    while result := firm.cycle():
        counts.append(result.sealed.counts["fills"])

    assert sum(counts) == 4_000
    # 200 rows cost 200 x (2048 + 6 x 106) = 0.54 MB: four files in 2.5 MB.
    assert set(counts) == {800}


def test_a_stretch_looks_up_no_more_than_its_own_refused_rows(firm: Firm):
    firm.put("prices/bad.ndjson", b'{"symbol": "X"}\n' * 3_000, LANDED)
    heights, cycles = [], 0
    while True:
        refusals = firm.session._ready().acceptor.refusals
        plain = refusals._lookup

        def counted(*args: Any, plain: Lookup = plain, **kwargs: Any) -> pl.DataFrame:
            heights.append((found := plain(*args, **kwargs)).height)
            return found

        refusals._lookup = counted
        if not firm.cycle():
            break
        refusals._lookup = plain
        cycles += 1

    assert cycles > 2
    assert firm.table("quarantine").height == 3_000
    # Rows of a file grow with it, those of a stretch do not.
    assert max(heights) == 0


@pytest.mark.parametrize("anew", [False, True])
def test_a_large_file_that_lands_again_releases_rows_stretch_by_stretch(firm: Firm, anew: bool):
    lines = [line(fill(f"F{n}", "1", "2", at(n // 8))) for n in range(3_000)]
    # In the first stretch and in the last: later than the landing of their file, by nine days.
    for number in (100, 2_900):
        lines[number] = line(fill(f"F{number}", "1", "2", at(days=409)))
    # Refused whenever it is read, in the first stretch.
    lines[200] = "[\n"
    for landed in (LANDED, at(days=410)):
        firm.put("fills/big.ndjson", "".join(lines).encode(), landed)
        closed = []
        while firm.cycle():
            closed.append(firm.table("quarantine_closings").height)
            if anew:
                firm.restart()

    assert len(closed) > 2
    assert (closed[0], closed[-2], closed[-1]) == (1, 1, 2)
    assert firm.table("fills").height == 2_999
    refused = firm.table("quarantine")
    still = refused.join(firm.table("quarantine_closings"), on="quarantine_id", how="anti")
    assert still["reasons"].to_list() == ["invalid_json"]
    assert refused.height == 3
    assert replay(firm.lake).difference is None


def test_what_a_cycle_wrote_is_gone_when_the_next_begins(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
):
    firm.put("prices/bad.ndjson", b'{"symbol": "X"}\n' * 3_000, LANDED)
    written: list[weakref.ref[CycleResult]] = []
    left: list[weakref.ref[CycleResult]] = []
    plain = firm.session.cycle

    def cycle(landing: LocalLanding) -> CycleResult | None:
        left.extend(ref for ref in written if ref() is not None)
        return plain(landing)

    monkeypatch.setattr(firm.session, "cycle", cycle)
    for result in firm.session.run(LocalLanding(firm.landing), until_idle=True):
        written.append(weakref.ref(result))
        del result

    assert len(written) > 2
    assert not left
