"""Viewers whose browsers run elsewhere: they hear of a cycle and read their rows, as a page does.

Ten pages drawn on the machine of the session take its processors from it. Here each viewer is what
the server sees of one: a websocket, and after each cycle the rows of its own sort and filter.
"""

import asyncio
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
import websockets

_ROWS = 100
"""Rows of a block, as the page asks for them."""
Seen = list[tuple[int, float]]
"""Cycle of rows and when they had come, milliseconds since 1970."""


@contextmanager
def readers(url: str, sorts: Sequence[str]) -> Iterator[Seen]:
    """A reader for each sort meanwhile; what they have seen, all in one list."""
    seen: Seen = []
    over = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_all(url, sorts, seen, over)))
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


async def _all(url: str, sorts: Sequence[str], seen: Seen, over: threading.Event) -> None:
    """All readers side by side until it is over."""
    tasks = [asyncio.create_task(_read(url, sort, n, seen)) for n, sort in enumerate(sorts)]
    await asyncio.to_thread(over.wait)
    for task in tasks:
        task.cancel()
    # One that failed says so by what it has not seen.
    await asyncio.gather(*tasks, return_exceptions=True)


async def _read(url: str, sort: str, place: int, seen: Seen) -> None:
    """Reads the first rows of a view after each cycle that the websocket tells of."""
    asked = {"sort": sort, "offset": "0", "limit": str(_ROWS)} | (
        {"q": str(place)} if place else {}
    )
    address = url.replace("http", "ws", 1) + "/ws"
    last = -1
    async with (
        httpx.AsyncClient(base_url=url, timeout=60) as client,
        websockets.connect(address, additional_headers={"Origin": url}) as socket,
    ):
        async for message in socket:
            if json.loads(message)["cycle"] == last:
                continue
            answer = (await client.get("/api/accounts", params=asked)).raise_for_status().json()
            last = answer["cycle"]
            seen.append((last, 1000 * time.time()))
