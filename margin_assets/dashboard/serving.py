"""Serves the dashboard of one lake until it is told to stop."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from margin_assets.dashboard.app import application
from margin_assets.dashboard.desk import Desk
from margin_assets.dashboard.following import Follower
from margin_assets.dashboard.guard import token_in
from margin_assets.lake.store.store import Lake

LOOPBACK = "127.0.0.1"
_NAMES = ("127.0.0.1", "localhost", "[::1]")
_GRACE_SECONDS = 2


@dataclass(frozen=True)
class Place:
    """Where it is served, and the file that holds its token."""

    port: int
    token_file: Path
    host: str = LOOPBACK
    names: tuple[str, ...] = ()
    """Hosts as they are asked for at a door in front of it, with the port unless it is usual."""

    def hosts(self) -> frozenset[str]:
        """Values of the Host header that are let in."""
        own = {f"{name}:{self.port}" for name in (*_NAMES, self.host)}
        return frozenset(own | set(self.names))


def serve(lake: Lake, landing: Path | str, place: Place, told: Callable[[str], None]) -> None:
    """Serves until interrupted; `told` gets the address once it listens.

    Raises:
        OSError: nothing can listen there, or the token cannot be kept.
    """
    follower = Follower(lake)
    with follower.following():
        run(lambda token: application(Desk(follower, landing, token), place.hosts()), place, told)


def run(made: Callable[[str], ASGIApp], place: Place, told: Callable[[str], None]) -> None:
    """Serves an application made for the token of the place, until interrupted.

    Raises:
        OSError: nothing can listen there, or the token cannot be kept.
    """
    config = uvicorn.Config(
        made(token_in(place.token_file)),
        host=place.host,
        port=place.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ws_max_size=1024,
    )
    _Told(config, lambda: told(f"http://{place.host}:{place.port}")).run()


class _Told(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, told: Callable[[], None]) -> None:
        super().__init__(config)
        self._told = told

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._told()
