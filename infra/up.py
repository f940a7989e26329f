"""Everything on one machine: Dagster's UI and daemon, the dashboard, and the demo feed landing.

`make up` runs it; it stops all it started on Ctrl-C.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
FIRST_PORT = 3000
FIRST_METRICS_PORT = 9464
FIRST_DASHBOARD_PORT = 3030
_ENDINGS = (signal.SIGINT, signal.SIGTERM)
# A session of the demo in about three seconds.
SPEED = "30000"
PATIENCE_SECONDS = 10
SHOWN_AT_THE_END = 20
"""Lines of the log that are shown when Dagster ends by itself."""


def free_port(first: int = FIRST_PORT) -> int:
    """The first free port on loopback from `first` on."""
    for port in range(first, first + 50):
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) != 0:
                return port
    raise OSError(f"no free port from {first} on")


def environment() -> dict[str, str]:
    """Where the instance, the lake and the landing folder are; what is set already stands."""
    places = {
        "DAGSTER_HOME": ROOT / ".dagster_home",
        "MARGIN_LAKE": ROOT / "demo" / "up" / "lake",
        "MARGIN_LANDING": ROOT / "demo" / "up" / "landing",
        "MARGIN_OUTBOX": ROOT / "demo" / "up" / "outbox",
    }
    found = {name: str(place) for name, place in places.items()} | dict(os.environ)
    if "MARGIN_METRICS_PORT" not in found:
        found["MARGIN_METRICS_PORT"] = str(free_port(FIRST_METRICS_PORT))
    return found


def metrics_address(variables: dict[str, str]) -> str:
    """Where a live run serves its metrics."""
    port = variables["MARGIN_METRICS_PORT"]
    if port == "0":
        return "off"
    host = variables.get("MARGIN_METRICS_HOST", HOST)
    return f"http://{host}:{port}/metrics while a live run is warm"


def commands(port: int, dashboard_port: int, landing: str) -> list[list[str]]:
    """The processes to start: the UI with its daemon, the feed, and the dashboard."""
    bin_folder = Path(sys.executable).parent
    margin = str(bin_folder / "margin")
    dagster = [str(bin_folder / "dagster"), "dev", "-h", HOST, "-p", str(port)]
    feed = [margin, "feed", "covid-2020", "--landing", landing, "--speed", SPEED]
    # It shows a lake and makes none: the first run of Dagster would be too late for it.
    made_first = '"$0" init && exec "$0" dashboard --port "$1"'
    dashboard = ["sh", "-c", made_first, margin, str(dashboard_port)]
    return [[*dagster, "-w", str(ROOT / "workspace.yaml")], feed, dashboard]


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and its children: asked first, made to after a while."""
    for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sent)
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            return


def start(
    made: list[list[str]], variables: dict[str, str], log: Path
) -> list[subprocess.Popen[bytes]]:
    """Starts the processes, each in a group of its own; all write to one log."""
    with log.open("wb") as written:
        return [
            subprocess.Popen(  # noqa: S603 (our own commands)
                command,
                env=variables,
                cwd=ROOT,
                start_new_session=True,
                stdout=written,
                stderr=subprocess.STDOUT,
            )
            for command in made
        ]


def main() -> int:
    """Starts all, waits for Dagster, stops all."""
    # Told to end in whatever way, also where a shell that started it in the background ignores
    # Ctrl-C, it leaves nothing behind: while a process is being started, that is waited for.
    told: list[int] = []
    for ending in _ENDINGS:
        signal.signal(ending, lambda number, _: told.append(number))
    variables, port = environment(), free_port()
    dashboard_port = free_port(FIRST_DASHBOARD_PORT)
    dashboard = f"http://{HOST}:{dashboard_port}"
    variables["MARGIN_DASHBOARD"] = dashboard
    home = Path(variables["DAGSTER_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "infra" / "dagster" / "dagster.yaml", home / "dagster.yaml")
    log = home / "up.log"
    say(f"starting Dagster, which takes half a minute; its log is {log}")
    started = start(commands(port, dashboard_port, variables["MARGIN_LANDING"]), variables, log)
    try:
        for ending in _ENDINGS:
            signal.signal(ending, signal.default_int_handler)
        if told:
            raise KeyboardInterrupt
        if is_up(port, started[0]):
            say(
                f"lake         {variables['MARGIN_LAKE']}\n"
                f"landing      {variables['MARGIN_LANDING']}\n"
                f"metrics      {metrics_address(variables)}\n"
                "Ctrl-C stops everything.\n"
                f"dashboard    {dashboard}\n"
                f"Dagster UI   http://{HOST}:{port}"
            )
        code = started[0].wait()
        say("\n".join(log.read_text(errors="replace").splitlines()[-SHOWN_AT_THE_END:]))
        return code
    except KeyboardInterrupt:
        return 0
    finally:
        for process in started:
            stop(process)


def is_up(port: int, dagster: "subprocess.Popen[bytes]") -> bool:
    """Waits until Dagster's page answers; False once its process has ended."""
    while dagster.poll() is None:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://{HOST}:{port}/server_info", timeout=PATIENCE_SECONDS),
        ):
            return True
        time.sleep(0.5)
    return False


def say(text: str) -> None:
    """Shows lines at once, also where nobody watches a terminal."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
