"""The application: pages, questions, the websocket, and acts behind a token."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException
from fastapi import Path as InPath
from starlette.responses import Response
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from margin_assets.dashboard import checking, reading
from margin_assets.dashboard.acting import DECISIONS, ROUTES, Accepted, Acting, Extending, acted
from margin_assets.dashboard.desk import Desk
from margin_assets.dashboard.guard import POLICY, Guard, is_token, policy
from margin_assets.dashboard.live import Signal

PAGES = (
    *("/", "/accounts", "/account", "/firm", "/quality", "/executive", "/avalanche", "/rates"),
    "/backtests",
)
_TYPES = {
    "js": "text/javascript",
    "css": "text/css",
    "html": "text/html",
    "svg": "image/svg+xml",
    "txt": "text/plain",
}
_FOREVER = "public, max-age=31536000, immutable"
Subject = Annotated[str, InPath(pattern=r"^[!-~]{1,128}$")]
_ACTS: dict[int | str, dict[str, Any]] = {
    401: {"description": "Without the token nobody acts."},
    409: {"description": "The feed would not take it."},
    422: {"description": "Not an act."},
    503: {"description": "The landing folder does not take it."},
}


def application(desk: Desk, hosts: Iterable[str]) -> ASGIApp:
    """All that is served, to these hosts."""
    signal, checks = Signal(desk.follower), checking.Checks(desk.follower.lake)

    @asynccontextmanager
    async def attached(_: FastAPI) -> AsyncIterator[None]:
        signal.attach()
        yield
        checks.close()

    app = FastAPI(
        title="Margin dashboard",
        version="1",
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=attached,
    )
    app.include_router(reading.router(desk))
    app.include_router(checking.router(checks))
    app.include_router(_acting(desk))
    app.include_router(_assets())

    @app.websocket("/ws")
    async def follow(socket: WebSocket) -> None:
        await signal.serve(socket)

    return Guard(app, hosts)


def _acting(desk: Desk) -> APIRouter:
    def has_token(authorization: Annotated[str, Header(max_length=500)] = "") -> None:
        if not is_token(authorization, desk.token):
            raise HTTPException(401, "no token, or not this one")

    routes = APIRouter(dependencies=[Depends(has_token)], responses=_ACTS)

    @routes.post("/api/calls/{subject}/extend", status_code=202)
    def extend(subject: Subject, body: Extending) -> Accepted:
        """Asks for more time for a call."""
        return _landed(desk, "call_extend", subject, body)

    for path, kind in ROUTES.items():
        routes.add_api_route(path, _act(desk, kind), methods=["POST"], status_code=202)
    return routes


def _act(desk: Desk, kind: str) -> Callable[[Subject, Acting], Accepted]:
    def act(subject: Subject, body: Acting) -> Accepted:
        return _landed(desk, kind, subject, body)

    act.__name__ = kind
    act.__doc__ = f"Lands a `{kind}`; the next cycle decides whether it counts."
    return act


def _landed(desk: Desk, kind: str, subject: str, body: Acting) -> Accepted:
    from margin_assets.desk.acts import Refused
    from margin_assets.desk.plans import refusals

    refused = 0
    if kind in DECISIONS and desk.sealed.has("desk_outcomes"):
        refused = refusals(desk.sealed.rows("desk_outcomes").lazy(), kind, subject)
    try:
        return acted(desk.landing, (kind, subject), body, desk.follower.figures.as_of, refused)
    except Refused as error:
        raise HTTPException(409, str(error)) from None
    except OSError as error:
        raise HTTPException(503, f"the landing folder: {error.strerror or error}") from None


def _assets() -> APIRouter:
    """The page and what it loads: files of the package, read once, by their names alone."""
    held = {file.name: file.read_bytes() for file in _static() if file.is_file()}
    routes = APIRouter(include_in_schema=False)

    def page() -> Response:
        # The grid makes style elements: they are let in by a nonce of this answer alone.
        nonce = secrets.token_urlsafe(16)
        content = held["index.html"].replace(b"{{NONCE}}", nonce.encode())
        return Response(content, media_type="text/html", headers={POLICY: policy(nonce)})

    for path in PAGES:
        routes.add_api_route(path, page, methods=["GET"])

    @routes.get("/static/{name}")
    def asset(name: str) -> Response:
        kind = _TYPES.get(name.rpartition(".")[2])
        if kind is None or name not in held:
            raise HTTPException(404, "no such file")
        return Response(held[name], media_type=kind, headers={"Cache-Control": _FOREVER})

    return routes


def _static() -> Iterable[Traversable]:
    return (files("margin_assets.dashboard") / "static").iterdir()
