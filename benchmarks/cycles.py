"""Cycle time by book size, in its parts, and the bytes a cycle writes."""

import statistics
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.output import show
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.store.store import Lake
from margin_assets.live.session.session import CycleResult, Session
from margin_assets.scenarios.batch import Batch, write_batch

SIZES = (1_000, 10_000, 100_000)
PER_ACCOUNT, SYMBOLS, CYCLES = 10, 500, 7
START = datetime(2020, 3, 9, 14, 30, tzinfo=UTC)


def opening(accounts: int, start: datetime = START) -> Batch:
    """Accounts with cash and ten positions each, all priced."""
    rng = np.random.default_rng(17)
    ids = pl.Series([f"A{i:06d}" for i in range(accounts)])
    symbols = [f"S{i:04d}" for i in range(SYMBOLS)]
    picks = rng.integers(0, SYMBOLS, accounts * PER_ACCOUNT)
    owners = ids.gather(np.repeat(np.arange(accounts), PER_ACCOUNT))
    quantity = pl.Series(rng.integers(1, 500, len(owners))).cast(pl.Decimal(18, 6))
    count = len(owners)
    return Batch(
        start,
        {
            "accounts": pl.DataFrame({"account_id": ids}).with_columns(
                account_type=pl.lit("reg_t"),
                opened_on=pl.lit(start.date()),
                event_time=pl.lit(start),
            ),
            "instruments": pl.DataFrame({"symbol": symbols}).with_columns(
                asset_class=pl.lit("equity"),
                marginable=pl.lit(value=True),
                event_time=pl.lit(start),
            ),
            "betas": pl.DataFrame(
                {"symbol": symbols, "beta": rng.uniform(0.5, 2, SYMBOLS).round(3)}
            ).with_columns(pl.col("beta").cast(pl.Decimal(9, 3)), as_of_date=pl.lit(start.date())),
            "cash_movements": pl.DataFrame(
                {"movement_id": [f"M{i}" for i in range(accounts)], "account_id": ids}
            ).with_columns(
                amount=pl.lit(1_000_000).cast(pl.Decimal(18, 2)),
                kind=pl.lit("deposit"),
                event_time=pl.lit(start),
            ),
            "fills": pl.DataFrame(
                {
                    "fill_id": [f"F{i}" for i in range(count)],
                    "account_id": owners,
                    "symbol": [symbols[i] for i in picks],
                    "quantity": quantity,
                }
            ).with_columns(price=pl.lit(100).cast(pl.Decimal(18, 6)), event_time=pl.lit(start)),
            "prices": prices(start, rng),
        },
    )


def prices(at: datetime, rng: np.random.Generator) -> pl.DataFrame:
    """A price of every symbol."""
    cents = rng.integers(9_000, 11_000, SYMBOLS)
    price = pl.Series(cents).cast(pl.Decimal(18, 6)) / 100
    return pl.DataFrame({"symbol": [f"S{i:04d}" for i in range(SYMBOLS)]}).with_columns(
        price=price, event_time=pl.lit(at), source=pl.lit("bench")
    )


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def measure(accounts: int) -> dict[str, Any]:
    """Cycles with the prices of all symbols moving, over a book of a size."""
    rng = np.random.default_rng(23)
    with tempfile.TemporaryDirectory() as folder:
        lake_folder, landing_folder = Path(folder, "lake"), Path(folder, "landing")
        lake = Lake(str(lake_folder))
        lake.create()
        session, landing = Session(lake), LocalLanding(landing_folder)
        write_batch(opening(accounts), landing_folder, 0)
        # A large book's delivery takes several cycles, and nothing is evaluated before the last.
        opened = sum(sum(done.seconds.values()) for done in session.run(landing, until_idle=True))
        results: list[CycleResult] = []
        before = _bytes_below(lake_folder)
        for number in range(1, CYCLES + 1):
            at = START + timedelta(seconds=number)
            write_batch(Batch(at, {"prices": prices(at, rng)}), landing_folder, number)
            result = session.cycle(landing)
            if result is not None:
                results.append(result)
        written = (_bytes_below(lake_folder) - before) / len(results)
    parts = {
        part: statistics.median(result.seconds[part] for result in results)
        for part in results[0].seconds
    }
    return {
        "opening_s": opened,
        "cycle_s": sum(parts.values()),
        "parts_s": parts,
        "bytes_written": written,
    }


def main() -> dict[str, Any]:
    """Median cycle and its parts for each book size."""
    return {f"{accounts} accounts": measure(accounts) for accounts in SIZES}


if __name__ == "__main__":
    show({"cycles": main()})
