"""A large firm on one machine: its first load, a cycle of prices, one of a fill, and a restart.

Usage: margin bench large_firm --accounts 1000000 [--cycles 20] [--folder .]. Ten positions an
account. The book lands as one delivery and is taken until all of it is sealed; then as many cycles
as asked for with the prices of all 500 symbols, and as many with one fill, each from before it is
looked for to its seal; then a session dies with a plan on its hands, and another process starts and
seals it. Memory is the most that was resident, and on a busy machine processor seconds tell more
than the clock.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.cycles import PER_ACCOUNT, SYMBOLS, opening, prices
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.store import faults
from margin_assets.lake.store.store import Lake
from margin_assets.live.session.session import Session
from margin_assets.scenarios.batch import Batch, write_batch

LOADS = ("prices", "fill")
_OF_SYMBOLS = ("instruments", "betas", "prices")
_INSTANT = "%Y-%m-%dT%H:%M:%SZ"
Told = dict[str, Any]


def land_book(accounts: int, landing: Path, at: datetime) -> None:
    """Lands the book of `benchmarks.cycles.opening`, cash a second before fills, in seconds."""
    symbols = {n: f for n, f in opening(1, at).frames.items() if n in _OF_SYMBOLS}
    write_batch(Batch(at, symbols), landing, 0)
    place = pl.DataFrame({"place": np.arange(accounts)})
    owner = pl.format("A{}", pl.col("place").cast(pl.String).str.zfill(6))
    early = f'"event_time": "{at - timedelta(seconds=1):{_INSTANT}}"'
    told = f'"account_type": "reg_t", "opened_on": "{at:%Y-%m-%d}", {early}'
    paid = f'"amount": 1000000, "kind": "deposit", {early}'
    _land(place, f'"account_id": "%s", {told}', [owner], landing / "accounts")
    movement = f'"movement_id": "M%s", "account_id": "%s", {paid}'
    _land(place, movement, ["place", owner], landing / "cash_movements")
    rng, count = np.random.default_rng(17), accounts * PER_ACCOUNT
    fills = pl.DataFrame(
        {
            "fill": np.arange(count),
            "place": np.repeat(np.arange(accounts), PER_ACCOUNT),
            "symbol": rng.integers(0, SYMBOLS, count),
            "quantity": rng.integers(1, 500, count),
        }
    )
    symbol = pl.col("symbol").cast(pl.String).str.zfill(4)
    text = '"fill_id": "F%s", "account_id": "%s", "symbol": "S%s", "quantity": %s, "price": 100'
    text += f', "event_time": "{at:{_INSTANT}}"'
    _land(fills, text, ["fill", owner, symbol, "quantity"], landing / "fills")
    for path in landing.rglob("*.ndjson"):
        os.utime(path, (at.timestamp(), at.timestamp()))


def _land(rows: pl.DataFrame, text: str, values: list[str | pl.Expr], folder: Path) -> None:
    """One file, a line a row: the members with `%s` for each value."""
    folder.mkdir(parents=True)
    first, *others = f"{{{text}}}".split("%s")
    parts: list[pl.Expr] = [pl.lit(first)]
    for value, following in zip(values, others, strict=True):
        shown = pl.col(value) if isinstance(value, str) else value
        parts += [shown.cast(pl.String), pl.lit(following)]
    lines = rows.select(pl.concat_str(parts))
    lines.write_csv(folder / f"{folder.name}.ndjson", include_header=False, quote_style="never")


def batch(load: str, accounts: int, number: int, at: datetime) -> Batch:
    """What lands for one cycle."""
    rng = np.random.default_rng(number)
    if load == "prices":
        return Batch(at, {"prices": prices(at, rng)})
    fill = {
        "fill_id": [f"N{number}"],
        "account_id": [f"A{int(rng.integers(accounts)):06d}"],
        "symbol": [f"S{int(rng.integers(SYMBOLS)):04d}"],
    }
    money = {n: pl.lit(100).cast(pl.Decimal(18, 6)) for n in ("quantity", "price")}
    return Batch(at, {"fills": pl.DataFrame(fill).with_columns(event_time=at, **money)})


def live(folder: Path, accounts: int, cycles: int) -> Told:
    """Loads the book, runs cycles over it, and leaves a plan without its seal."""
    lake, landing = Lake(str(folder / "lake")), LocalLanding(folder / "landing")
    with _timed() as loading:
        lake.create()
        session = Session(lake)
        for done in session.run(landing, until_idle=True):
            _say(f"cycle {done.sealed.cycle}: {sum(done.sealed.counts.values()):,} rows")
    found: Told = {"first_load": loading, "cycles": done.sealed.cycle}
    for load in LOADS:
        times = [_cycle(session, landing, load, accounts) for _ in range(cycles)]
        found[load] = {
            name: _spread([one[name] for one in times])
            for name in ("seconds", "cpu_seconds", "compute", "write")
        }
    _leave_a_plan(session, landing, accounts)
    return found | {"resident_most_mb": _resident_mb()}


def _cycle(session: Session, landing: LocalLanding, load: str, accounts: int) -> Told:
    _land_next(session, landing, load, accounts)
    with _timed() as told:
        done = session.cycle(landing)
    return told | ({} if done is None else done.seconds)


def _land_next(session: Session, landing: LocalLanding, load: str, accounts: int) -> None:
    last = session.ledger.last_sealed()
    if last is None or last.as_of is None:
        sys.exit("the book was not evaluated")
    number, at = last.cycle + 1, last.as_of + timedelta(seconds=1)
    write_batch(batch(load, accounts, number, at), landing.folder, number)


class _DiedError(Exception):
    pass


def _leave_a_plan(session: Session, landing: LocalLanding, accounts: int) -> None:
    def die(point: str) -> None:
        if point == "planned":
            raise _DiedError

    _land_next(session, landing, "prices", accounts)
    faults.arm(die)
    try:
        session.cycle(landing)
    except _DiedError:
        _say("died with a plan")
    finally:
        faults.arm(None)
    session.caretaker.settle()


def restart(folder: Path) -> Told:
    """Starts a session on the lake, which finishes the plan it finds."""
    with _timed() as told:
        done = Session(Lake(str(folder / "lake"))).recover()
    if done is None:
        sys.exit("no plan was left")
    return {"restart": told | {"of_it_the_cycle": sum(done.seconds.values())}} | {
        "restart_resident_most_mb": _resident_mb()
    }


@contextmanager
def _timed() -> Iterator[Told]:
    told: Told = {}
    clock, processor = time.perf_counter(), time.process_time()
    yield told
    told["seconds"] = time.perf_counter() - clock
    told["cpu_seconds"] = time.process_time() - processor


def _spread(values: list[float]) -> dict[str, float]:
    return {"p50": statistics.median(values), "p99": float(np.quantile(values, 0.99))}


def _resident_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _say(text: str) -> None:
    sys.stderr.write(f"{text}  {time.process_time():.0f} cpu s  most {_resident_mb():,.0f} MB\n")


def main() -> Told:
    """Figures of a firm of the size asked for; progress goes to stderr."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--folder", type=Path, default=None, help="where the lake is made")
    parser.add_argument("--step", choices=("live", "restart"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step == "restart":
        return restart(given.folder)
    if given.step == "live":
        return live(given.folder, given.accounts, given.cycles)
    if given.folder is not None:
        given.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.folder) as made:
        at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        land_book(given.accounts, Path(made, "landing"), at)
        asked = ["--accounts", str(given.accounts), "--cycles", str(given.cycles)]
        found: Told = {"accounts": given.accounts}
        for step in ("live", "restart"):
            command = [sys.executable, "-m", "benchmarks.large_firm", "--step", step, *asked]
            ended = subprocess.run(
                [*command, "--folder", made], stdout=subprocess.PIPE, text=True, check=True
            )
            found |= json.loads(ended.stdout)
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main()))
