"""The Arrow Flight SQL endpoint: questions of BI tools and drivers, each of one sealed cycle."""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyarrow as pa
from pyarrow import flight

from margin_assets.serving.access import OpenHandshake, TokenGate
from margin_assets.serving.catalog import COMMANDS, catalog
from margin_assets.serving.messages import packed, unpacked
from margin_assets.serving.worker import Described
from margin_assets.serving.workers import Answer, Busy, Refused, Stopped, Workers

Certificate = tuple[bytes, bytes]
"""Certificate and key, PEM."""
_LAST_WORDS = 5.0
"""Seconds in which readers hear that the server ends."""
_READ_ONLY = "the lake is read-only: only questions are answered"


class SqlEndpoint(flight.FlightServerBase):  # type: ignore[misc] # pyarrow has no types
    """Flight SQL over one lake. It keeps nothing between calls: handles hold the statement."""

    def __init__(
        self,
        location: str,
        workers: Workers,
        token: str,
        certificate: Certificate | None = None,
    ) -> None:
        super().__init__(
            location,
            auth_handler=OpenHandshake(),
            middleware={"token": TokenGate(token)},
            tls_certificates=[certificate] if certificate else None,
        )
        self._workers = workers

    def get_flight_info(
        self, context: flight.ServerCallContext, descriptor: flight.FlightDescriptor
    ) -> flight.FlightInfo:
        """Columns of what is asked, and the ticket for its rows: of the newest cycle now."""
        with _refusals():
            schema, ticket = self._planned(descriptor.command or b"", context.is_cancelled)
        return flight.FlightInfo(schema, descriptor, [flight.FlightEndpoint(ticket, [])], -1, -1)

    def get_schema(
        self, context: flight.ServerCallContext, descriptor: flight.FlightDescriptor
    ) -> flight.SchemaResult:
        """Columns of what is asked."""
        with _refusals():
            schema, _ = self._planned(descriptor.command or b"", context.is_cancelled)
        return flight.SchemaResult(schema)

    def do_get(
        self, context: flight.ServerCallContext, ticket: flight.Ticket
    ) -> flight.FlightDataStream:
        """The rows of a ticket, as they are computed."""
        with _refusals():
            name, asked = unpacked(ticket.ticket)
            if name in COMMANDS:
                return flight.RecordBatchStream(catalog(name, asked))
            if name != "TicketStatementQuery":
                raise Refused(f"no ticket: {name}")
            statement, cycle = _held(asked.statement_handle)
            answer = self._workers.ask(statement, cycle, is_cancelled=context.is_cancelled)
        return flight.GeneratorStream(answer.schema, _rows(answer))

    def list_actions(self, _: flight.ServerCallContext) -> list[tuple[str, str]]:
        """The actions that there are."""
        return [
            ("CreatePreparedStatement", "Plan a statement without parameters."),
            ("ClosePreparedStatement", "Forget it."),
        ]

    def do_action(
        self, context: flight.ServerCallContext, action: flight.Action
    ) -> Iterator[flight.Result]:
        """Prepares a statement, or forgets it."""
        with _refusals():
            return iter(self._acted(context, action))

    def do_put(self, *_: object) -> None:
        """Refused: a write, or parameters, of which a statement has none."""
        raise flight.FlightUnauthorizedError(_READ_ONLY)

    def _planned(self, command: bytes, is_cancelled: Callable[[], bool]) -> tuple[pa.Schema, bytes]:
        name, asked = unpacked(command)
        if name in COMMANDS:
            return catalog(name, asked).schema, command
        if name == "CommandStatementQuery":
            statement = asked.query
        elif name == "CommandPreparedStatementQuery":
            statement, _ = _held(asked.prepared_statement_handle)
        else:
            raise Refused(f"not served: {name}")
        found = self._workers.describe(statement, is_cancelled)
        handle = _handle(statement, found.cycle)
        return _schema(found), packed("TicketStatementQuery", statement_handle=handle)

    def _acted(
        self, context: flight.ServerCallContext, action: flight.Action
    ) -> list[flight.Result]:
        if action.type not in {kind for kind, _ in self.list_actions(context)}:
            raise Refused(f"not served: {action.type}")
        _, asked = unpacked(action.body.to_pybytes())
        if action.type == "ClosePreparedStatement":
            return []
        found = self._workers.describe(asked.query, context.is_cancelled)
        result = packed(
            "ActionCreatePreparedStatementResult",
            prepared_statement_handle=_handle(asked.query, None),
            dataset_schema=found.schema,
            parameter_schema=pa.schema([]).serialize().to_pybytes(),
        )
        return [flight.Result(pa.py_buffer(result))]


def _rows(answer: Answer) -> Iterator[pa.RecordBatch]:
    with _refusals():
        yield from answer.batches()


def _schema(found: Described) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(found.schema))


def _handle(statement: str, cycle: int | None) -> bytes:
    return json.dumps([statement, cycle]).encode()


def _held(handle: bytes) -> tuple[str, int | None]:
    """Statement and cycle of a handle: whoever has the token may ask either anyway."""
    try:
        statement, cycle = json.loads(handle)
    except ValueError:
        raise Refused("no such statement") from None
    if not isinstance(statement, str) or not isinstance(cycle, int | None):
        raise Refused("no such statement")
    return statement, cycle


@contextmanager
def _refusals() -> Iterator[None]:
    """Refusals as the errors that clients know, in one line."""
    try:
        yield
    except Stopped as stopped:
        raise flight.FlightTimedOutError(str(stopped)) from None
    except Busy as busy:
        raise flight.FlightUnavailableError(str(busy)) from None
    except ValueError as refused:
        # Of Arrow's own errors clients would be shown the traceback, which Flight's do not carry.
        raise flight.FlightServerError(str(refused)) from None
    except Exception as error:
        if isinstance(error, flight.FlightError):
            raise
        name = type(error).__name__
        raise flight.FlightInternalError(f"{name}: {' '.join(str(error).split())}") from None


def run(endpoint: SqlEndpoint, workers: Workers) -> None:
    """Answers until the process is interrupted or told to end, then stops what still runs.

    Readers have seconds to hear so; the process ends then, whatever they do.
    """
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    # It listens since it was made; its own `serve` would hear of no signal but an interrupt.
    told.wait()
    workers.close()
    ending = threading.Thread(target=endpoint.shutdown, daemon=True)
    ending.start()
    ending.join(_LAST_WORDS)
    if ending.is_alive():
        # A call whose rows nobody takes does not end: Flight, and then the interpreter, would wait.
        sys.stderr.flush()
        os._exit(0)
