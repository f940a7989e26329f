"""A burst costs memory by the bound of a cycle, not by what landed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from margin_assets.lake.landing.cut import cut_of
from margin_assets.lake.landing.landing import Pending
from margin_assets.live.session.session import Session
from tests.support import ROOT
from tests.support.live_driver import Firm, at, fill, opening, price


def drained(seconds: int) -> dict[str, float]:
    """A burst through a process of its own, two megabytes a cycle."""
    arguments = ["--accounts", "20", "--symbols", "4000", "--seconds", str(seconds), "--bound", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.burst", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def test_memory_follows_the_bound_and_not_the_burst() -> None:
    small, large = drained(6), drained(60)

    assert large["landed_mb"] > 9 * small["landed_mb"]
    assert large["cycles"] > 9 * small["cycles"] - 9
    # 22 MB more of text, some 200 MB as rows, would show here; a few cycles' leavings do not.
    assert large["resident_most_mb"] - small["resident_most_mb"] < 120


def test_a_burst_is_drained_in_order_and_says_what_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm = Firm(tmp_path)
    firm.run(**opening("A"))
    for second in range(1, 8):
        usd = str(100 - second)
        firm.land(at(second), prices=[price("X", usd, at(second))])
        firm.land(at(second), fills=[fill(f"F{second}", "10", usd, at(second))])
    monkeypatch.setitem(firm.session.planner.bounds, "max_files", 4)

    waits, ends = [], []
    while result := firm.cycle():
        waits.append(firm.session.waiting.files if firm.session.waiting else None)
        ends.append(result.sealed.as_of)

    assert waits == [10, 6, 2, 0]
    assert ends == [at(2), at(4), at(6), at(7)]
    assert not firm.table("fills")["is_late"].any()
    assert Session(firm.lake).ledger.last_sealed() is not None


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        pytest.param(["a.ndjson", "b.ndjson", "c.ndjson"], 2, id="text as it is"),
        pytest.param(["a.ndjson.gz", "b.ndjson.gz"], 1, id="compressed text for what it becomes"),
        pytest.param(["a.ndjson", "b.parquet"], 1, id="and parquet"),
        pytest.param(["huge.csv.zst"], 1, id="at least one file"),
    ],
)
def test_the_bound_is_of_plain_text(names: list[str], taken: int) -> None:
    entries = [Pending("fills", name, name, 100, at(n)) for n, name in enumerate(names)]

    assert len(cut_of(entries, max_bytes=250, max_files=9).taken) == taken
