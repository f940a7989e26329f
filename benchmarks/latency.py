"""From landed to sealed: the rename of a landing file to the commit that seals its cycle.

Usage: python -m benchmarks.latency --accounts 10000 --load prices [--daemon] [--seconds 60].
Ten positions an account. Each second lands: `prices` of all 500 symbols, one `fill`, or one
`tick` of one symbol. Prints JSON. The book lands first and the process warms up; the first ten
seconds do not count. A commit's time is that of its file in the ledger's log, so that nothing
reads the lake while it is measured.
"""

import argparse
import json
import re
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.cycles import SYMBOLS, opening, prices
from benchmarks.processes import daemon, live
from margin_assets.lake.landing.archive import BEGUN
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.store import Lake
from margin_assets.live.acceptance.held import AWAITS
from margin_assets.scenarios.batch import Batch, write_batch

WARM_SECONDS, PATIENCE = 10, 300
LOADS = ("prices", "fill", "tick")
_SEALED = re.compile(r'"appId":"ledger","version":(\d+)')


def batch(load: str, number: int, rng: np.random.Generator, accounts: int) -> Batch:
    """What lands in one second."""
    at = datetime.now(UTC)
    if load == "fill":
        fill = {
            "fill_id": [f"N{number}"],
            "account_id": [f"A{int(rng.integers(accounts)):06d}"],
            "symbol": [f"S{int(rng.integers(SYMBOLS)):04d}"],
        }
        money = {"quantity": pl.Decimal(18, 6), "price": pl.Decimal(18, 6)}
        columns = {n: pl.lit(100).cast(t) for n, t in money.items()}
        return Batch(at, {"fills": pl.DataFrame(fill).with_columns(event_time=at, **columns)})
    moved = prices(at, rng)
    return Batch(at, {"prices": moved.sample(1, seed=number) if load == "tick" else moved})


def seal_times(lake: Path) -> dict[int, float]:
    """When each cycle's seal was committed, by the clock of the file system."""
    found = {}
    for log in (lake / "cycles" / "_delta_log").glob("*.json"):
        number = _SEALED.search(log.read_text())
        if number and int(number[1]) % 2:
            found[int(number[1]) // 2] = log.stat().st_mtime
    return found


def land(folder: Path, load: str, accounts: int, seconds: int) -> dict[str, float]:
    """Lands a batch each second; when each path was renamed."""
    rng, landed = np.random.default_rng(29), {}
    begun = time.time()
    for number in range(1, seconds + 1):
        made = batch(load, number, rng, accounts)
        time.sleep(max(0.0, begun + number - time.time()))
        for path in write_batch(made, folder / "landing", number):
            landed[str(path.relative_to(folder / "landing"))] = time.time()
    return landed


def wait_for(lake: Lake, paths: set[str]) -> None:
    """Waits until these files are in sealed cycles, to their last row, and evaluated."""
    end = time.time() + PATIENCE
    while time.time() < end:
        if Path(lake.uri, "cycles", "_delta_log").is_dir() and lake.is_created():
            sealed = Ledger(lake).all_sealed()
            taken = {file["path"] for one in sealed for file in one.manifest["files"]}
            # A large file is in a manifest from its first stretch on; the last tells of no more.
            if paths <= taken and not {BEGUN, AWAITS} & sealed[-1].manifest.keys():
                return
        time.sleep(0.5)
    raise TimeoutError(f"not sealed within {PATIENCE} s: {sorted(paths)}")


def measure(accounts: int, load: str, seconds: int, *, under_daemon: bool) -> dict[str, Any]:
    """Percentiles of landed to sealed, in milliseconds, of a warm process."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        lake = Lake(str(folder / "lake"))
        first = opening(accounts, datetime.now(UTC) - timedelta(seconds=5))
        book = write_batch(first, folder / "landing", 0)
        with (daemon if under_daemon else live)(folder):
            wait_for(lake, {str(path.relative_to(folder / "landing")) for path in book})
            landed = land(folder, load, accounts, WARM_SECONDS + seconds)
            time.sleep(PATIENCE / 30)
        sealed = _sealed_paths(lake)
    warm = sorted(landed, key=landed.__getitem__)[WARM_SECONDS:]
    took = [1000 * (sealed[path] - landed[path]) for path in warm if path in sealed]
    return {
        "accounts": accounts,
        "load": load,
        "landed": len(warm),
        "sealed": len(took),
        "p50_ms": round(statistics.median(took), 1),
        "p90_ms": round(float(np.quantile(took, 0.9)), 1),
        "p99_ms": round(float(np.quantile(took, 0.99)), 1),
        "max_ms": round(max(took), 1),
    }


def _sealed_paths(lake: Lake) -> dict[str, float]:
    times = seal_times(Path(lake.uri))
    return {
        file["path"]: times[sealed.cycle]
        for sealed in Ledger(lake).all_sealed()
        for file in sealed.manifest["files"]
        if sealed.cycle in times
    }


def main() -> None:
    """Reads the arguments, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--load", choices=LOADS, default="prices")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--daemon", action="store_true")
    given = parser.parse_args()
    result = measure(given.accounts, given.load, given.seconds, under_daemon=given.daemon)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
