"""Processes that seal cycles, for benchmarks and tests: a Dagster daemon, or `margin live`."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_DAEMON = ["-m", "dagster._daemon", "run", "-w", str(ROOT / "workspace.yaml")]
_LIVE = ["-c", "from margin_assets.cli import main; main()", "live"]


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
        "MARGIN_OUTBOX": str(folder / "outbox"),
    }


@contextmanager
def daemon(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A real `dagster-daemon` with its code server and runs, all stopped at the end."""
    with _running(_DAEMON, folder) as process:
        yield process


@contextmanager
def live(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`margin live` on the same lake and landing folder."""
    with _running(_LIVE, folder) as process:
        yield process


@contextmanager
def _running(arguments: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "process.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment(folder),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stops the process and everything it started, which shares its group."""
    with suppress(subprocess.TimeoutExpired, ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
