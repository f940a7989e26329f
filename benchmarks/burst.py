"""A burst: minutes of events that land at once, drained in bounded cycles.

Usage: python -m benchmarks.burst [--accounts 1000] [--symbols 1000] [--seconds 600] [--bound MB].
Prices of every symbol each second, ten positions an account. Prints JSON: cycles, seconds, how
much faster than the events came, and the most memory that was resident.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cycles import START, opening
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.store.store import Lake
from margin_assets.live.session.session import Session
from margin_assets.rulebooks import in_force, versions
from margin_assets.scenarios.batch import write_batch


def land_prices(landing: Path, symbols: int, seconds: int) -> int:
    """One file of prices for each second; how many bytes they have."""
    rng, total = np.random.default_rng(3), 0
    (landing / "prices").mkdir(parents=True, exist_ok=True)
    for second in range(1, seconds + 1):
        at = START + timedelta(seconds=second)
        file = landing / "prices" / f"{second:06d}-prices.ndjson"
        total += file.write_text(_lines(symbols, at, rng))
        os.utime(file, (at.timestamp(), at.timestamp()))
    return total


def _lines(symbols: int, at: datetime, rng: np.random.Generator) -> str:
    when = f"{at:%Y-%m-%dT%H:%M:%S}Z"
    cents = rng.integers(9_000, 11_000, symbols)
    return "".join(
        f'{{"symbol": "S{n:04d}", "price": {cent / 100:.2f}, "event_time": "{when}", '
        '"source": "bench"}\n'
        for n, cent in enumerate(cents)
    )


def resident_mb() -> float:
    """The most memory that was resident so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(accounts: int, symbols: int, seconds: int, bound_mb: int | None) -> dict[str, Any]:
    """Drains one burst in a fresh lake, in this process."""
    bounds = in_force("lake", versions("lake")[-1]).numbers["plan"]
    if bound_mb is not None:
        bounds["max_bytes"] = bound_mb * 10**6
    with tempfile.TemporaryDirectory() as made:
        landing, lake = Path(made, "landing"), Lake(str(Path(made, "lake")))
        write_batch(opening(accounts), landing, 0)
        landed = land_prices(landing, symbols, seconds)
        lake.create()
        before, started = resident_mb(), time.perf_counter()
        cycles = list(_drained(Session(lake), landing))
        took = time.perf_counter() - started
    return {
        "landed_mb": round(landed / 1e6, 1),
        "bound_mb": round(bounds["max_bytes"] / 1e6, 1),
        "cycles": len(cycles),
        "longest_cycle_s": round(max(cycles), 2),
        "seconds": round(took, 1),
        "times_real_time": round(seconds / took, 1),
        "resident_before_mb": round(before),
        "resident_most_mb": round(resident_mb()),
    }


def _drained(session: Session, landing: Path) -> list[float]:
    results = session.run(LocalLanding(landing), until_idle=True)
    # The frames of a cycle are not kept: they would be the memory that is measured.
    return [sum(result.seconds.values()) for result in results]


def main() -> None:
    """Reads the arguments, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--symbols", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--bound", type=int, default=None, metavar="MB")
    given = parser.parse_args()
    found = measure(given.accounts, given.symbols, given.seconds, given.bound)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
