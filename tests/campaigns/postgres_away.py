"""A live service while Dagster's Postgres is away: sealing goes on, and Dagster is told later.

Real parts: the service as a process, SeaweedFS, Postgres of Debian (`apt-get install postgresql`).
Run by `make postgres`; ends with what was seen, or with the first thing that does not hold.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from tests.support import ROOT, seaweed
from tests.support.live_driver import at, line, opening, price

PATIENCE_SECONDS = 900
_INSTALLED = Path("/usr/lib/postgresql")
VERB = "import sys; from margin_assets.cli import main; sys.exit(main(sys.argv[1:]))"
INSTANCE = """
storage:
  postgres:
    postgres_db:
      scheme: postgresql+psycopg2
      hostname: 127.0.0.1
      port: {}
      username: dagster
      password: none
      db_name: postgres
telemetry: {{enabled: false}}
"""


class Postgres:
    """A server of our own on loopback, stopped and started again."""

    def __init__(self, folder: Path) -> None:
        if not self.is_installed():
            raise SystemExit("this needs Postgres: apt-get install postgresql")
        found = sorted(_INSTALLED.glob("*/bin"))
        self._bin, self._data, self._log = found[-1], folder / "data", folder / "log"
        # It refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(folder, self._user)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._run("initdb", "--username=dagster", "--auth=trust")

    @staticmethod
    def is_installed() -> bool:
        return any(_INSTALLED.glob("*/bin"))

    def start(self) -> None:
        """Starts it, unless it runs."""
        if self._runs():
            return
        where = f"-h 127.0.0.1 -p {self.port} -k {self._data}"
        self._run(
            "pg_ctl", "--wait", "--silent", f"--log={self._log}", f"--options={where}", "start"
        )

    def stop(self) -> None:
        """Stops it at once, unless it is stopped."""
        if self._runs():
            self._control("--mode=immediate", "stop")

    def _runs(self) -> bool:
        return (self._data / "postmaster.pid").exists()

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "--wait", "--silent", *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), f"--pgdata={self._data}", *arguments]
        subprocess.run(command, user=self._user, check=True, stdout=subprocess.DEVNULL, cwd="/")


class Service:
    """`margin serve live` as a process, and what it said."""

    def __init__(self, server: seaweed.S3Server, folder: Path, home: Path) -> None:
        uri = server.uri()
        self.landing = folder / "landing"
        (self.landing / "prices").mkdir(parents=True)
        options = ["--lake", uri, "--landing", str(self.landing), "--dagster"]
        self._files = 0
        self.said: list[dict[str, Any]] = []
        self._process = subprocess.Popen(
            [sys.executable, "-c", VERB, "serve", "live", *options],
            cwd=ROOT,
            env=os.environ | server.storage_options | {"DAGSTER_HOME": str(home)},
            stdout=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for text in self._process.stdout:
            self.said.append(json.loads(text))

    def land(self, **feeds: Any) -> None:
        for feed, rows in feeds.items():
            self._files += 1
            staged = self.landing / ".staging" / f"{self._files}"
            staged.parent.mkdir(exist_ok=True)
            staged.write_text("".join(map(line, rows)))
            (self.landing / feed).mkdir(exist_ok=True)
            staged.rename(self.landing / feed / f"{self._files:06d}.ndjson")

    def sealed(self) -> int:
        return max((told["cycle"] for told in self.said if told["event"] == "sealed"), default=0)

    def alive(self) -> dict[str, Any]:
        return [told for told in self.said if told["event"] == "alive"][-1]

    def await_(self, what: str, is_so: Any) -> float:
        started = time.monotonic()
        while not is_so():
            assert self._process.poll() is None, f"it ended, waiting for {what}"
            assert time.monotonic() - started < PATIENCE_SECONDS, f"in vain: {what}"
            time.sleep(0.05)
        return time.monotonic() - started

    def end(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(PATIENCE_SECONDS)


@contextmanager
def _away(postgres: Postgres) -> Iterator[None]:
    postgres.stop()
    try:
        yield
    finally:
        postgres.start()


def told_cycles(home: Path, since: float = 0.0) -> set[int]:
    """Cycles whose seal Dagster knows, of those told since some time of this machine."""
    which = dg.AssetRecordsFilter(asset_key=dg.AssetKey("cycles"), after_timestamp=since)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        events = instance.fetch_materializations(which, limit=1000).records
        found = (event.asset_materialization for event in events)
        return {int(each.metadata["cycle"].value) for each in found if each is not None}


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Runs it once."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-away"))
    folder.chmod(0o755)
    (folder / "postgres").mkdir()
    home = folder / "home"
    home.mkdir()
    postgres = Postgres(folder / "postgres")
    (home / "dagster.yaml").write_text(INSTANCE.format(postgres.port))
    postgres.start()
    try:
        with seaweed.running() as server:
            return _witness(Service(server, folder, home), postgres, home)
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _witness(service: Service, postgres: Postgres, home: Path) -> int:
    service.land(**opening("A"))
    service.await_("the first seal", lambda: service.sealed() >= 1)
    service.await_("Dagster to be told", lambda: told_cycles(home) >= {1})
    with _away(postgres):
        for second in range(1, 4):
            service.land(prices=[price("X", f"10{second}", at(second))])
            before = service.sealed()
            took = service.await_("a seal without Postgres", lambda: service.sealed() > before)  # noqa: B023
            say(f"cycle {service.sealed()} sealed {took:.2f} s after it landed, Postgres away")
        service.await_("word of it", lambda: service.alive().get("dagster_behind", 0) > 0)
        say(f"dagster_behind {service.alive()['dagster_behind']} s")
    last = service.sealed()
    service.await_("Dagster to follow", lambda: told_cycles(home) >= set(range(1, last + 1)))
    assert service.end() == 0
    assert service.said[-1]["event"] == "released", service.said[-1]
    say(f"{last} cycles sealed and told to Dagster; lease let go")
    return 0


if __name__ == "__main__":
    sys.exit(main())
