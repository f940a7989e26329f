"""The websocket: it says which cycle is sealed, and never a row of it."""

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from margin_assets.dashboard.following import Follower

_SAY_SECONDS = 2.0
"""A viewer who has heard nothing for longer than twice this has lost the connection."""


class Signal:
    """Tells every viewer of the newest cycle. A slow one misses cycles and holds no memory."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._viewers: set[asyncio.Event] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        follower.listen(self._from_thread)

    @property
    def viewers(self) -> int:
        """How many are connected."""
        return len(self._viewers)

    def attach(self) -> None:
        """Called in the loop that serves."""
        self._loop = asyncio.get_running_loop()

    def _from_thread(self) -> None:
        if self._loop is not None:
            # The loop may have ended a moment ago.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for viewer in self._viewers:
            viewer.set()

    async def serve(self, socket: WebSocket) -> None:
        """One viewer, until it goes."""
        await socket.accept()
        changed = asyncio.Event()
        self._viewers.add(changed)
        gone = asyncio.create_task(_until_gone(socket))
        try:
            while not gone.done():
                await socket.send_json(state(self._follower))
                changed.clear()
                await _first(changed, gone)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            gone.cancel()
            self._viewers.discard(changed)


async def _first(changed: asyncio.Event, gone: "asyncio.Task[None]") -> None:
    """Until a newer cycle, until the viewer goes, or until it is time to say so again."""
    waiting = asyncio.create_task(changed.wait())
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait(
            {waiting, gone}, timeout=_SAY_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
    waiting.cancel()


async def _until_gone(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            # What a viewer says changes nothing: all it may do here is listen.
            await socket.receive_text()


def _deadlines(follower: Follower) -> dict[str, Any]:
    """Of which cycle deadlines are, and why not of the newest; `number` changes with them."""
    known = follower.deadlines
    return {"cycle": known.cycle, "trouble": known.trouble, "number": known.number}


def state(follower: Follower) -> dict[str, Any]:
    """The newest cycle with its counts and sums: a few hundred bytes."""
    figures = follower.figures
    totals = follower.past.totals()
    return {
        "cycle": figures.cycle,
        "as_of": None if figures.as_of is None else figures.as_of.isoformat(),
        "sealed_at": None if figures.sealed_at is None else figures.sealed_at.isoformat(),
        "now": datetime.now(UTC).isoformat(),
        "source": figures.source,
        "trouble": follower.trouble,
        "deadlines": _deadlines(follower),
        "totals": figures.totals,
        "before": None if figures.as_of is None else follower.past.levels_before(figures.as_of),
        "worst": totals[-1]["worst"] if totals else None,
    }
