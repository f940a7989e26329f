"""What age costs: a cycle and a restart after ever more cycles, over a small book.

    python -m benchmarks.old_lake --cycles 20 2000 10000 [--lake DIR]

The landing folder is emptied as cycles go, as a feed's house-keeping would, unless --keep-landing.
"""

import argparse
import gc
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.output import show
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.store.store import Lake
from margin_assets.live.session.session import Session
from margin_assets.scenarios.batch import Batch, write_batch

START = datetime(2020, 3, 9, 14, 30, tzinfo=UTC)
ACCOUNTS, SYMBOLS, MOVED, FILLS, SAMPLE = 50, 40, 10, 5, 100


def opening() -> Batch:
    """Fifty accounts with cash, forty instruments with a beta and a price."""
    symbols = pl.Series("symbol", [f"S{i:03d}" for i in range(SYMBOLS)])
    ids = pl.Series("account_id", [f"A{i:03d}" for i in range(ACCOUNTS)])
    return Batch(
        START,
        {
            "accounts": ids.to_frame().with_columns(
                account_type=pl.lit("reg_t"),
                opened_on=pl.lit(START.date()),
                event_time=pl.lit(START),
            ),
            "instruments": symbols.to_frame().with_columns(
                asset_class=pl.lit("equity"),
                marginable=pl.lit(value=True),
                event_time=pl.lit(START),
            ),
            "betas": symbols.to_frame().with_columns(
                beta=pl.lit(1).cast(pl.Decimal(9, 3)), as_of_date=pl.lit(START.date())
            ),
            "cash_movements": ids.to_frame().with_columns(
                movement_id="M" + pl.col("account_id"),
                amount=pl.lit(1_000_000).cast(pl.Decimal(18, 2)),
                kind=pl.lit("deposit"),
                event_time=pl.lit(START),
            ),
            "prices": _prices(START, symbols.to_list(), np.random.default_rng(1)),
        },
    )


def _prices(at: datetime, symbols: list[str], rng: np.random.Generator) -> pl.DataFrame:
    cents = pl.Series(rng.integers(9_000, 11_000, len(symbols))).cast(pl.Decimal(18, 6)) / 100
    return pl.DataFrame({"symbol": symbols}).with_columns(
        price=cents, event_time=pl.lit(at), source=pl.lit("bench")
    )


def second(number: int) -> Batch:
    """Ten prices and five fills of one second."""
    rng = np.random.default_rng(number)
    at = START + timedelta(seconds=number)
    picks = [f"S{i:03d}" for i in sorted(rng.choice(SYMBOLS, MOVED, replace=False))]
    fills = pl.DataFrame(
        {
            "fill_id": [f"F{number}-{i}" for i in range(FILLS)],
            "account_id": [f"A{i:03d}" for i in rng.integers(0, ACCOUNTS, FILLS)],
            "symbol": [f"S{i:03d}" for i in rng.integers(0, SYMBOLS, FILLS)],
            "quantity": pl.Series(rng.integers(-50, 60, FILLS) | 1).cast(pl.Decimal(18, 6)),
        }
    ).with_columns(price=pl.lit(100).cast(pl.Decimal(18, 6)), event_time=pl.lit(at))
    return Batch(at, {"prices": _prices(at, picks, rng), "fills": fills})


def grow(
    lake: Lake, landing: Path, to: int, *, keep: bool, on_cycle: Callable[[float], None]
) -> Session:
    """A session that seals one second a cycle until so many are sealed."""
    session = Session(lake)
    session.recover()
    last = session.ledger.last_sealed()
    for number in range(0 if last is None else last.cycle, to):
        write_batch(second(number) if number else opening(), landing, number)
        started = time.perf_counter()
        session.cycle(LocalLanding(landing))
        on_cycle(time.perf_counter() - started)
        if not keep:
            shutil.rmtree(landing)
            landing.mkdir()
    return session


def measure(folder: Path, ages: list[int], *, keep: bool) -> dict[str, Any]:
    """Cycle and restart at each age: medians in milliseconds, and memory."""
    found: dict[str, Any] = {}
    lake, landing = Lake(str(folder / "lake")), folder / "landing"
    lake.create()
    landing.mkdir(exist_ok=True)
    for age in ages:
        took: list[float] = []
        processor = time.process_time()
        session = grow(lake, landing, age, keep=keep, on_cycle=took.append)
        processor = time.process_time() - processor
        session.caretaker.settle()
        del session
        gc.collect()
        started, busy = time.perf_counter(), time.process_time()
        again = Session(Lake(lake.uri))
        again.recover()
        found[f"{age} cycles"] = {
            "cycle_ms": round(statistics.median(took[-SAMPLE:]) * 1e3, 1),
            "cycle_p95_ms": round(float(np.quantile(took[-SAMPLE:], 0.95)) * 1e3, 1),
            "processor_ms_a_cycle": round(processor / max(len(took), 1) * 1e3, 1),
            "restart_ms": round((time.perf_counter() - started) * 1e3, 1),
            "restart_processor_ms": round((time.process_time() - busy) * 1e3, 1),
            "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
        again.caretaker.settle()
        show({"old_lake": found})
    return found


def main() -> None:
    """Measures in a folder of its own, or grows the lake that is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, nargs="+", default=[20, 2_000])
    parser.add_argument("--lake", type=Path, help="folder of lake and landing; kept")
    parser.add_argument("--keep-landing", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = given.lake or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        measure(place, given.cycles, keep=given.keep_landing)


if __name__ == "__main__":
    main()
