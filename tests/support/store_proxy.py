"""A store that fails on purpose: a real HTTP proxy before a real S3 server, and its faults.

It runs as a process of its own, since some calls of delta-rs keep the interpreter locked while
they wait. Requests go on unchanged, their Host with them: the signature that a client makes for
the proxy's address is the one that the server checks.
"""

import multiprocessing
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection

from tests.support.seaweed import S3Server
from tests.support.store_faults import Fault, Plan, Request, nothing

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade"}
_OURS = _HOP_BY_HOP | {"content-length", "expect"}
_XML = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{}</Code><Message>{}</Message></Error>'


class StoreProxy:
    """A running proxy, as the test that started it sees it."""

    def __init__(self, server: S3Server, port: int, control: Connection) -> None:
        self.server, self.port, self._control = server, port, control

    @property
    def storage_options(self) -> dict[str, str]:
        """Those of the server, by way of the proxy."""
        endpoint = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}"}
        return self.server.storage_options | endpoint

    def follow(self, plan: Plan) -> None:
        """From now on, go wrong by this plan."""
        self._ask(plan)

    @contextmanager
    def failing(self, plan: Plan) -> Iterator[None]:
        """Go wrong by this plan for a while, then not at all."""
        self.follow(plan)
        try:
            yield
        finally:
            self.follow(nothing)

    def counts(self) -> Counter[str]:
        """Faults by kind since the start, and all `requests`."""
        return self._ask(None)

    def _ask(self, question: Plan | None) -> Counter[str]:
        self._control.send(question)
        found: Counter[str] = self._control.recv()
        return found


@contextmanager
def proxied(server: S3Server) -> Iterator[StoreProxy]:
    """A proxy before the server, gone at the end; it does nothing wrong until told."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(server.port, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield StoreProxy(server, ours.recv(), ours)
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()


class _Judge:
    """Which request goes wrong, and how: one at a time, in the order in which they came."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.plan: Plan = nothing
        self.counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def judge(self, method: str, path: str, authorization: str) -> Fault | None:
        key = authorization.partition("Credential=")[2].partition("/")[0]
        with self._lock:
            fault = self.plan(Request(self.counts["requests"], method, path, key))
            self.counts["requests"] += 1
            # Only a request that changes something has an answer worth losing.
            is_change = method in ("PUT", "POST")
            if fault is None or (fault.kind in ("lost", "swallowed") and not is_change):
                return None
            self.counts[fault.kind] += 1
            return fault


def _run(upstream: int, control: Connection) -> None:
    judge = _Judge(upstream)
    handler = type("Handler", (_Handler,), {"judge": judge})
    listener = _Listener(("127.0.0.1", 0), handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    control.send(listener.server_address[1])
    while True:
        try:
            plan = control.recv()
        except EOFError:
            return
        if plan is not None:
            judge.plan = plan
        control.send(judge.counts.copy())


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client, and one to the server behind it."""

    judge: _Judge
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    _upstream: HTTPConnection | None = None

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ValueError, HTTPException):
            self.close_connection = True

    def finish(self) -> None:
        if self._upstream is not None:
            self._upstream.close()
        try:
            super().finish()
        except (OSError, ValueError):
            self.close_connection = True

    def _serve(self) -> None:
        fault = self.judge.judge(self.command, self.path, self.headers.get("Authorization", ""))
        body = self._body()
        match fault:
            case None:
                self._relay(self._forward(body))
            case Fault(kind="swallowed"):
                self._forward(body).read()
                self._refuse(fault)
            case Fault(status=status) if status:
                self._refuse(fault)
            case Fault(kind="reset"):
                self._reset()
            case Fault(kind="lost"):
                self._forward(body).read()
                self._reset()
            case Fault(kind="cut"):
                self._relay(self._forward(body), part=0.5)
            case _:
                time.sleep(fault.seconds)
                self._relay(self._forward(body))

    # The names by which the library looks for them.
    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _serve  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _forward(self, body: bytes) -> HTTPResponse:
        if self._upstream is None:
            self._upstream = HTTPConnection("127.0.0.1", self.judge.upstream, timeout=60)
        upstream = self._upstream
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in _OURS:
                upstream.putheader(name, value)
        if body or self.command in ("PUT", "POST"):
            upstream.putheader("Content-Length", str(len(body)))
        upstream.endheaders(body or None)
        return upstream.getresponse()

    def _relay(self, answer: HTTPResponse, part: float = 1.0) -> None:
        body = answer.read()
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _OURS:
                self.send_header(name, value)
        length = answer.headers.get("Content-Length", "0") if self.command == "HEAD" else len(body)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body[: int(len(body) * part)])
        self.wfile.flush()
        if part < 1:
            self._reset()

    def _refuse(self, fault: Fault) -> None:
        body = b"" if self.command == "HEAD" else _XML.format(fault.code, "on purpose").encode()
        self.send_response_only(fault.status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _reset(self) -> None:
        # Lingering for no time at all makes the close a reset.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.rfile.close()
        self.wfile.close()
        self.connection.close()

    def log_message(self, *_: object) -> None:
        """Nothing: a campaign makes thousands of requests."""
