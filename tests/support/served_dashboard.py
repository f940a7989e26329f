"""A real dashboard over a real lake, served by a thread; the test runs the session."""

import asyncio
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import uvicorn

from margin_assets.dashboard.app import application
from margin_assets.dashboard.desk import Desk
from margin_assets.dashboard.following import Follower
from margin_assets.dashboard.serving import LOOPBACK, Place
from margin_assets.lake.store.store import Lake

TOKEN = "a-token-of-the-tests-0123456789"


PATIENCE = 60.0


def until(holds: Callable[[], bool]) -> None:
    """Waits until something holds; an error after a time in which it surely would."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Served:
    """Where it is served, and how to ask it."""

    port: int
    follower: Follower
    landing: Path

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def ask(self, path: str, body: object = None, **headers: str) -> Answer:
        """GET, or POST where there is a body. Headers have `_` for `-`."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data)
        for name, value in {"Content_Type": "application/json", **headers}.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), error.read())

    def act(self, path: str, **more: object) -> Answer:
        body = {"actor": "Ada", "reason": "the client wires", **more}
        return self.ask(path, body, Authorization=f"Bearer {TOKEN}")

    def sees(self, cycle: int, source: str = "live") -> None:
        """Waits until the server has a cycle."""
        held: Callable[[], bool] = lambda: (  # noqa: E731
            self.follower.figures.cycle >= cycle and self.follower.figures.source == source
        )
        until(held)


class Placed(Protocol):
    """What has a lake and a landing folder."""

    @property
    def lake(self) -> Lake: ...

    @property
    def landing(self) -> Path: ...


@contextmanager
def served(firm: Placed) -> Iterator[Served]:
    """Serves the firm's lake meanwhile."""
    follower = Follower(firm.lake)
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = probe.getsockname()[1]
    place = Place(port, firm.landing / "unused")
    with follower.following():
        app = application(Desk(follower, firm.landing, TOKEN), place.hosts())
        config = uvicorn.Config(app, host=LOOPBACK, port=port, log_level="error")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
        thread.start()
        try:
            until(lambda: server.started)
            yield Served(port, follower, firm.landing)
        finally:
            server.should_exit = True
            thread.join()
