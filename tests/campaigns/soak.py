"""Commits by the ten thousand, with upkeep beside them: the log folders must stay bounded.

    python -m tests.campaigns.soak --commits 50000

Every cycle is planned, appends to `fills`, replaces `positions` and is sealed, as in a live
session; its computation is left out. Prints the figures of each stretch as JSON, and fails when
a log folder holds more than retention allows or a retained version cannot be read.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from margin_assets.lake.ledger.canonical import digest
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.moment import sealed_moment
from margin_assets.lake.store import declared
from margin_assets.lake.store.store import Lake
from margin_assets.lake.upkeep.caretaker import Caretaker
from margin_assets.lake.upkeep.upkeep import bounds
from schemas import TABLES

NOON = datetime(2020, 3, 9, 16, 0, tzinfo=UTC)
WRITTEN = ("fills", "positions")


def soak(
    lake: Lake, cycles: int, rows: Callable[[int], dict[str, pl.DataFrame]], stretch: int
) -> Iterator[dict[str, Any]]:
    """Seals cycles; yields the figures of each stretch of them."""
    ledger, caretaker = Ledger(lake), Caretaker(lake)
    took: list[float] = []
    for number in range(1, cycles + 1):
        started = time.perf_counter()
        sealed = _cycle(lake, ledger, rows(number))
        caretaker.after(sealed)
        took.append(time.perf_counter() - started)
        if number % stretch == 0 or number == cycles:
            caretaker.settle()
            yield _figures(lake, sealed, took[-stretch:])


def _cycle(lake: Lake, ledger: Ledger, frames: dict[str, pl.DataFrame]) -> Sealed:
    plan = ledger.plan({"files": []})
    stamped = {n: f.with_columns(cycle=pl.lit(plan.cycle)) for n, f in frames.items()}
    versions = lake.write_all(stamped, plan.cycle)
    digests = {name: digest(frame, TABLES[name]) for name, frame in stamped.items()}
    counts = {name: frame.height for name, frame in stamped.items()}
    return ledger.seal(plan, NOON, versions, digests, counts)


def _figures(lake: Lake, sealed: Sealed, took: list[float]) -> dict[str, Any]:
    return {
        "cycles": sealed.cycle,
        "cycle_ms": round(statistics.median(took) * 1e3, 1),
        "slowest_ms": round(max(took) * 1e3, 1),
        "log_files": {
            name: len(lake.objects_below(f"{name}/_delta_log")) for name in (*WRITTEN, "cycles")
        },
        "data_files": {
            name: len(lake.objects_below(name)) - len(lake.objects_below(f"{name}/_delta_log"))
            for name in (*WRITTEN, "cycles")
        },
    }


def most_log_files(name: str) -> int:
    """Files that a log folder may hold: retention, what waits for a turn, a checkpoint each."""
    commits = 2 if name == "cycles" else 1
    waiting = 3 * bounds()["commits"]
    versions = commits * (declared.table_of(name).retention_cycles + waiting)
    return round(versions * 1.1) + 10


def unreadable(lake: Lake) -> list[int]:
    """Cycles within retention whose versions cannot be read, or hold other rows."""
    ledger = Ledger(lake)
    last = ledger.last_sealed()
    assert last is not None
    keep = declared.table_of("positions").retention_cycles
    oldest = max(1, last.cycle - keep + 1)
    broken = []
    for cycle in sorted({oldest, (oldest + last.cycle) // 2, last.cycle}):
        sealed = ledger.sealed(cycle)
        moment = sealed_moment(lake, sealed)
        for name in WRITTEN:
            rows = moment(name)
            own = rows.filter(pl.col("cycle") == cycle)
            if digest(own, TABLES[name]) != sealed.digests[name] or rows["cycle"].max() != cycle:
                broken.append(cycle)
    return broken


def _rows(number: int) -> dict[str, pl.DataFrame]:
    from tests.support.mini_session import rows

    ids = [f"{number}-{place}" for place in range(10)]
    symbols = [f"S{place}" for place in range(100)]
    return {
        "fills": rows("fills", 10, fill_id=ids),
        "positions": rows("positions", 100, symbol=symbols),
    }


def main() -> int:
    """Runs the campaign in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=50_000, help="of each table")
    parser.add_argument("--lake", help="where; a temporary folder unless given")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="margin-soak-") as folder:
        lake = Lake(given.lake or str(Path(folder, "lake")))
        lake.create()
        for figures in soak(lake, given.commits, _rows, max(given.commits // 20, 1)):
            sys.stdout.write(json.dumps(figures) + "\n")
            sys.stdout.flush()
            crowded = {n: c for n, c in figures["log_files"].items() if c > most_log_files(n)}
            if crowded or unreadable(lake):
                sys.stderr.write(f"not bounded: {crowded}; not readable: {unreadable(lake)}\n")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
