"""What every request and websocket must pass, and what every answer carries."""

import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "Content-Security-Policy"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{}; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
SECURITY = {
    POLICY: _POLICY.format(""),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_REFUSED_SOCKET = 4403
_OWNER_ONLY = 0o600
_READ_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Guard:
    """Lets in who asks for a known host from a page of that host: DNS may say anything.

    Plain ASGI, so that websockets pass it too: the middleware of a framework sees requests alone.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses with 421 or 403, a websocket by closing it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _REFUSED_SOCKET, "reason": refusal[1]})
        else:
            answer = JSONResponse({"detail": refusal[1]}, refusal[0])
            await answer(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host not in self._hosts:
            return 421, "this host is not served here"
        origin = headers.get("origin")
        is_bound = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")
        # A program of the user's sends no origin, a page of another site its own.
        if is_bound and origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return 403, "a page of another origin asks"
        return None


def policy(nonce: str) -> str:
    """The policy of a page whose own style elements carry a nonce."""
    return _POLICY.format(f" 'nonce-{nonce}'")


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sending


def token_in(file: Path) -> str:
    """The token that acts ask for; made, for the owner's eyes alone, where there is none.

    Raises:
        PermissionError: others may read the file.
        ValueError: what it holds is no token.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except FileExistsError:
        if file.stat().st_mode & _READ_BY_OTHERS:
            raise PermissionError(f"others may read {file}: chmod 600 it") from None
        return _checked(file.read_text("ascii").strip(), file)
    token = secrets.token_urlsafe(32)
    with os.fdopen(descriptor, "w") as written:
        written.write(f"{token}\n")
    return token


_SHORTEST = 16


def _checked(token: str, file: Path) -> str:
    if len(token) < _SHORTEST or not token.isprintable():
        raise ValueError(f"{file} holds no token of {_SHORTEST} printable characters or more")
    return token


def is_token(given: str, token: str) -> bool:
    """Whether a header `Bearer ...` brings the token; takes as long whatever it brings."""
    scheme, _, value = given.partition(" ")
    is_same = secrets.compare_digest(value.strip().encode(), token.encode())
    return is_same and scheme.lower() == "bearer"
