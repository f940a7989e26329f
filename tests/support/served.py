"""`margin serve sql` as a process of its own, and drivers that connect to it."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import adbc_driver_flightsql.dbapi as adbc
from adbc_driver_flightsql import DatabaseOptions

_PROGRAM = "from margin_assets.cli import main; raise SystemExit(main())"
TOKEN = "a-token-for-these-tests"


class Served(NamedTuple):
    uri: str
    token: str
    process: "subprocess.Popen[str]"

    @contextmanager
    def connected(self, **options: str) -> Iterator[Any]:
        """A connection of the ADBC driver, with the token unless options say otherwise."""
        bearer = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {self.token}"}
        with adbc.connect(self.uri, db_kwargs=options or bearer, autocommit=True) as connection:
            yield connection

    def ask(self, sql: str, **options: str) -> list[tuple[Any, ...]]:
        with self.connected(**options) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def workers(self) -> set[int]:
        """Processes that answer: a thread's children are listed with that thread alone."""
        found: set[int] = set()
        for children in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            # Threads and processes end meanwhile.
            with suppress(OSError):
                pids = [int(pid) for pid in children.read_text().split()]
                found |= {p for p in pids if "spawn_main" in Path(f"/proc/{p}/cmdline").read_text()}
        return found


@contextmanager
def serving(
    lake: Path | str,
    *options: str,
    token: str | None = TOKEN,
    settings: dict[str, str] | None = None,
) -> Iterator[Served]:
    """Serves a lake until the block ends, at a free port."""
    words = ["serve", "sql", "--lake", str(lake), "--port", "0", *options]
    environment = {name: v for name, v in os.environ.items() if name != "MARGIN_SQL_TOKEN"}
    environment |= settings or {}
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *words],
        env=environment | ({"MARGIN_SQL_TOKEN": token} if token else {}),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        said = process.stderr.readline()
        assert said.startswith("Flight SQL at grpc"), said + process.stderr.read()
        made = said.split("token ")[1].split(" ")[0]
        uri = said.removeprefix("Flight SQL at ").split(",")[0]
        yield Served(uri, token or made, process)
    finally:
        process.terminate()
        # Nothing it says may fill the pipe and keep it.
        threading.Thread(target=process.communicate, daemon=True).start()
        assert process.wait(60) == 0
