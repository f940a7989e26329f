"""From landed to sealed under a real Dagster daemon: one landing file a second.

Usage: python -m benchmarks.daemon_latency [--seconds 60]. Prints JSON. Latency is from the
rename that lands a file to the moment its sealed row can be read from the ledger, which a second
process would see. The first run takes seconds to start: it is reported apart, and files that
landed before its first seal do not count in the percentiles of the warm session.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from margin_assets.lake.ledger import Ledger
from margin_assets.lake.store import Lake

ROOT = Path(__file__).resolve().parents[1]
_GRACE_SECONDS = 90


def environment(folder: Path) -> dict[str, str]:
    """Environment of a daemon whose lake, landing folder and instance lie in `folder`."""
    home = folder / "dagster_home"
    home.mkdir(parents=True, exist_ok=True)
    settings = (ROOT / "infra" / "dagster" / "dagster.yaml").read_text()
    (home / "dagster.yaml").write_text(settings)
    return {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "MARGIN_LAKE": str(folder / "lake"),
        "MARGIN_LANDING": str(folder / "landing"),
    }


@contextmanager
def daemon(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A real `dagster-daemon` with its code server and runs, all stopped at the end."""
    with (folder / "daemon.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dagster._daemon", "run", "-w", str(ROOT / "workspace.yaml")],
            cwd=ROOT,
            env=environment(folder),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stops the daemon and everything it started, which shares its process group."""
    with suppress(subprocess.TimeoutExpired, ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def land(folder: Path, number: int) -> tuple[str, float]:
    """Lands one file of fills, and now and then prices; its path and when it was renamed."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    rows = [
        {
            "fill_id": f"f-{number}-{k}",
            "account_id": f"A{(number * 7 + k) % 200:04d}",
            "symbol": "SPY",
            "quantity": 10 if k % 3 else -5,
            "price": 400 + number % 10,
            "event_time": at,
        }
        for k in range(20)
    ]
    return _put(folder, "fills", f"{number:06d}.ndjson", rows)


def land_reference(folder: Path) -> None:
    """An account row each, the instrument, a price and a beta."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    accounts = [
        {
            "account_id": f"A{k:04d}",
            "account_type": "reg_t",
            "opened_on": "2020-01-02",
            "event_time": at,
        }
        for k in range(200)
    ]
    instrument = {"symbol": "SPY", "asset_class": "broad_index", "marginable": True}
    _put(folder, "accounts", "0.ndjson", accounts)
    _put(folder, "instruments", "0.ndjson", [instrument | {"event_time": at}])
    _put(folder, "prices", "0.ndjson", [{"symbol": "SPY", "price": 400, "event_time": at}])
    _put(folder, "betas", "0.ndjson", [{"symbol": "SPY", "beta": 1, "as_of_date": "2020-01-02"}])


def _put(folder: Path, feed: str, name: str, rows: list[dict[str, Any]]) -> tuple[str, float]:
    landing = folder / "landing"
    staged = landing / ".staging" / f"{feed}-{name}"
    staged.parent.mkdir(parents=True, exist_ok=True)
    (landing / feed).mkdir(exist_ok=True)
    staged.write_text("".join(json.dumps(row) + "\n" for row in rows))
    staged.replace(landing / feed / name)
    return f"{feed}/{name}", time.time()


class Watch:
    """Reads the ledger over and over, and notes when each landed path is first seen sealed."""

    def __init__(self, folder: Path) -> None:
        self._lake = Lake(str(folder / "lake"))
        self._cycle = 0
        self.sealed: dict[str, float] = {}

    def look(self) -> None:
        """Notes what has been sealed since the last look."""
        if not (Path(self._lake.uri) / "cycles" / "_delta_log").is_dir():
            return
        ledger = Ledger(self._lake)
        ledger.refresh()
        try:
            last = ledger.last_sealed()
        except Exception:  # the table is being created
            return
        now = time.time()
        while last is not None and self._cycle < last.cycle:
            self._cycle += 1
            files = ledger.sealed(self._cycle).manifest["files"]
            self.sealed.update({file["path"]: now for file in files})


def measure(seconds: int, folder: Path) -> dict[str, Any]:
    """Lands a file a second under a daemon and waits until all are sealed."""
    landed: dict[str, float] = {}
    watch = Watch(folder)
    with daemon(folder):
        land_reference(folder)
        started = time.time()
        # The daemon, its code server and the first run start first.
        path, at = land(folder, 0)
        landed[path] = at
        _wait(watch, landed, _GRACE_SECONDS)
        first = watch.sealed[path] - at
        begun = time.time()
        for number in range(1, seconds + 1):
            while time.time() < begun + number:
                watch.look()
                time.sleep(0.005)
            path, at = land(folder, number)
            landed[path] = at
        _wait(watch, landed, _GRACE_SECONDS)
    warm = [watch.sealed[p] - at for p, at in landed.items() if at > begun]
    return {
        "files": len(landed),
        "first_sealed_seconds": round(first, 2),
        "started_to_end_seconds": round(time.time() - started, 1),
        "landed_to_sealed_ms": {
            "p50": _percentile(warm, 0.50),
            "p90": _percentile(warm, 0.90),
            "p99": _percentile(warm, 0.99),
            "max": _percentile(warm, 1.0),
        },
    }


def _wait(watch: Watch, landed: dict[str, float], seconds: float) -> None:
    end = time.time() + seconds
    while set(landed) - set(watch.sealed):
        if time.time() > end:
            raise TimeoutError(f"not sealed: {sorted(set(landed) - set(watch.sealed))}")
        watch.look()
        time.sleep(0.005)


def _percentile(seconds: list[float], part: float) -> float:
    ordered = sorted(seconds)
    return round(1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))], 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        print(json.dumps(measure(arguments.seconds, Path(made)), indent=2))
