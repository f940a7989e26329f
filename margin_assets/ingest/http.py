"""The small server of `POST /landing/{feed}`."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi import Path as InPath
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp

from margin_assets.dashboard.guard import Guard, is_token
from margin_assets.ingest.delivering import MOST_BYTES, Delivered, KeyReused, deliver
from margin_assets.lake.landing.places import LandingPlace
from margin_assets.lake.objects.patience import StoreUnavailable

_KINDS = ("application/x-ndjson", "application/ndjson", "application/jsonl")
Feed = Annotated[str, InPath(pattern=r"^[a-z_]{1,40}$")]
Key = Annotated[str | None, Header(pattern=r"^[!-~]{1,200}$")]


class Taken(BaseModel):
    """The rows are kept; the next cycle decides row by row what counts."""

    file_id: str
    path: str
    is_new: bool


def application(place: LandingPlace, token: str, hosts: Iterable[str]) -> ASGIApp:
    """Takes deliveries for a landing place from who brings the token, at these hosts."""
    app = FastAPI(title="Margin ingest", version="1", docs_url=None, redoc_url=None)

    def has_token(authorization: Annotated[str, Header(max_length=500)] = "") -> None:
        if not is_token(authorization, token):
            raise HTTPException(401, "no token, or not this one", {"WWW-Authenticate": "Bearer"})

    @app.get("/health")
    def health() -> dict[str, str]:
        """Whether somebody listens."""
        return {"status": "listening"}

    @app.post("/landing/{feed}", status_code=202, dependencies=[Depends(has_token)])
    async def land(feed: Feed, request: Request, idempotency_key: Key = None) -> Taken:
        """Lands rows of a feed, one JSON object a line."""
        content = await _body(request)
        taken = await run_in_threadpool(_delivered, place, feed, content, idempotency_key)
        return Taken(**taken._asdict())

    return Guard(app, hosts)


async def _body(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _KINDS or request.headers.get("content-encoding", "identity") != "identity":
        raise HTTPException(415, f"send {_KINDS[0]}, not compressed")
    # Counted as it comes: a header may say anything.
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > MOST_BYTES:
            raise HTTPException(413, f"more than {MOST_BYTES} bytes: land a file instead")
    if not found.strip():
        raise HTTPException(422, "no row")
    return bytes(found)


def _delivered(place: LandingPlace, feed: str, content: bytes, key: str | None) -> Delivered:
    try:
        return deliver(place, feed, content, key)
    except KeyError:
        raise HTTPException(404, f"no feed {feed}") from None
    except KeyReused as error:
        raise HTTPException(409, str(error)) from None
    except (OSError, StoreUnavailable) as error:
        raise HTTPException(503, f"the landing place does not take it: {error}") from None
