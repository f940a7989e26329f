"""One process that answers questions, one after another, for the server that may end it.

It reads a lake and writes nothing: the system refuses it any growing file, whatever the gate
before the engine has let pass. Messages are pairs of a word and its content.
"""

import resource
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import pyarrow as pa

from margin_assets.engines.children import end_with_parent
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.moment import Moment, sealed_moment
from margin_assets.lake.sql.pinned import cycle_of, told
from margin_assets.lake.sql.sql import SqlRefused, reader
from margin_assets.lake.store.store import Lake

READY, SCHEMA, BATCH, END, REFUSED = "ready", "schema", "batch", "end", "refused"
_PIECE_BYTES = 2_000_000  # clients take messages of 4 MB and more


class Question(NamedTuple):
    """A statement about a cycle (None: the newest), and whether its rows are wanted."""

    statement: str
    cycle: int | None
    is_for_rows: bool


class Described(NamedTuple):
    """The cycle that an answer is of (None before the first), and its columns as IPC bytes."""

    cycle: int | None
    schema: bytes


def work(uri: str, connection: "Connection[Any, Any]") -> None:
    """Answers what comes over the connection until it ends."""
    # An interrupt at the terminal is the server's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    forbid_files()
    end_with_parent()
    lake = Lake(uri)
    connection.send((READY, None))
    while True:
        try:
            question = connection.recv()
        except EOFError:
            return
        for message in _answer(lake, question):
            connection.send(message)


def forbid_files() -> None:
    """Has the system refuse this process every byte in a file, for good."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(lake: Lake, question: Question) -> Iterator[tuple[str, object]]:
    sealed: Sealed | None = None
    try:
        sealed = cycle_of(lake, question.cycle)
        at: Moment | dict[str, int] = {} if sealed is None else sealed_moment(lake, sealed)
        found = reader(lake, question.statement, at)
        schema = plain(found.schema)
        cycle = None if sealed is None else sealed.cycle
        yield SCHEMA, Described(cycle, schema.serialize().to_pybytes())
        for batch in found if question.is_for_rows else ():
            for piece in _pieces(batch.cast(schema)):
                yield BATCH, piece.serialize().to_pybytes()
        yield END, None
    except (SqlRefused, LookupError) as refusal:
        yield REFUSED, str(refusal)
    except BaseException as error:
        # Also a panic of a compiled library, which is no Exception.
        if isinstance(error, SystemExit | KeyboardInterrupt | GeneratorExit | BrokenPipeError):
            raise
        failed = error if isinstance(error, Exception) else RuntimeError(str(error))
        yield REFUSED, str(told(failed, lake, question.statement, sealed))


def plain(schema: pa.Schema) -> pa.Schema:
    """The columns in types that every driver knows: no views, no large strings, no dictionaries."""
    return pa.schema([field.with_type(_plain(field.type)) for field in schema])


def _plain(kind: pa.DataType) -> pa.DataType:
    types = pa.types
    if types.is_dictionary(kind):
        return _plain(kind.value_type)
    if types.is_string_view(kind) or types.is_large_string(kind):
        return pa.string()
    if types.is_binary_view(kind) or types.is_large_binary(kind):
        return pa.binary()
    if types.is_list(kind) or types.is_large_list(kind):
        return pa.list_(kind.value_field.with_type(_plain(kind.value_type)))
    return kind


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    rows = max(1, int(batch.num_rows * _PIECE_BYTES / max(batch.nbytes, _PIECE_BYTES)))
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)
