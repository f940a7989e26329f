"""Orders checked from memory: ten clients, 100,000 accounts, one process.

Usage: python -m benchmarks.desk_pretrade [--accounts N] [--clients N] [--seconds N] [--rests S].
Each client asks again as soon as it is answered, or after a rest; each order is of another account
and symbol. While they ask, the firm of a newer cycle is made in the same process, as it is beside a
live session. What is measured is the check, text of the order to the document as JSON; a web server
adds its own.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cycles import START, SYMBOLS, opening, prices
from benchmarks.output import show
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.store.store import Lake
from margin_assets.live.checking import Follower
from margin_assets.live.session.session import Session
from margin_assets.scenarios.batch import Batch, write_batch
from margin_assets.whatif.orders import parse_orders


def lake_of(folder: Path, accounts: int) -> tuple[Lake, Session, LocalLanding]:
    """A lake of so many accounts, ten positions each; a large book takes several cycles."""
    lake = Lake(str(folder / "lake"))
    lake.create()
    session, landing = Session(lake), LocalLanding(folder / "landing")
    session.recover()
    write_batch(opening(accounts), folder / "landing", 0)
    while session.cycle(landing) is not None:
        pass
    return lake, session, landing


def ask(follower: Follower, accounts: int, until: float, rest: float, seed: int) -> list[float]:
    """Milliseconds of each question of one client until a moment."""
    rng, took = np.random.default_rng(seed), []
    while time.perf_counter() < until:
        account, symbol = int(rng.integers(accounts)), int(rng.integers(SYMBOLS))
        side = "BUY" if rng.random() < 0.5 else "SELL"
        order = f"{side} {int(rng.integers(1, 200))} S{symbol:04d} @ 100.25"
        begun = time.perf_counter()
        json.dumps(follower.check(f"A{account:06d}", parse_orders([order])), default=str)
        took.append(1000 * (time.perf_counter() - begun))
        time.sleep(rest * 2 * rng.random())
    return took


def asked(follower: Follower, accounts: int, clients: int, times: tuple[float, float]) -> Any:
    """Percentiles over clients at once."""
    # Nothing follows here: on a busy machine what is held would grow too old to answer by.
    follower.look()
    seconds, rest = times
    found: list[list[float]] = [[] for _ in range(clients)]
    until, cpu = time.perf_counter() + seconds, time.process_time()

    def client(n: int) -> None:
        found[n] = ask(follower, accounts, until, rest, n)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = np.concatenate([np.array(one) for one in found])
    return {
        "checks": len(took),
        "per_second": round(len(took) / seconds, 1),
        "p50_ms": round(float(np.quantile(took, 0.5)), 2),
        "p99_ms": round(float(np.quantile(took, 0.99)), 2),
        "max_ms": round(float(took.max()), 2),
        "cpu_ms_a_check": round(1000 * (time.process_time() - cpu) / len(took), 3),
    }


def measure(accounts: int, clients: int, seconds: float, rest: float) -> dict[str, Any]:
    """Alone, with ten clients at once, and with them while a newer cycle is taken."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        lake, session, landing = lake_of(folder, accounts)
        follower, begun = Follower(lake), time.perf_counter()
        follower.look()
        loading = time.perf_counter() - begun
        asked(follower, accounts, 1, (1.0, 0.0))
        result: dict[str, Any] = {
            "accounts": accounts,
            "clients": clients,
            "load_average": round(os.getloadavg()[0], 1),
            "take_cycle_s": round(loading, 2),
            "one client": asked(follower, accounts, 1, (seconds, 0.0)),
            "clients at once": asked(follower, accounts, clients, (seconds, 0.0)),
            "clients who rest": asked(follower, accounts, clients, (seconds, rest)),
        }
        at = START + timedelta(seconds=1)
        moved = Batch(at, {"prices": prices(at, np.random.default_rng(3))})
        write_batch(moved, folder / "landing", 1)
        session.cycle(landing)
        taking = threading.Thread(target=follower.look)
        taking.start()
        times = (max(seconds, loading), rest)
        result["clients who rest, a cycle being taken"] = asked(follower, accounts, clients, times)
        taking.join()
    return result


def main() -> dict[str, Any]:
    """Figures of the check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rests", type=float, default=0.1, help="seconds between two questions")
    args = parser.parse_args()
    return measure(args.accounts, args.clients, args.seconds, args.rests)


if __name__ == "__main__":
    show({"pretrade": main()})
