"""Processes that answer questions, watched, ended when one runs away, and replaced."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from typing import Any

import pyarrow as pa

from margin_assets.serving.limits import TICK, Limits, Started, resident_bytes, started
from margin_assets.serving.worker import BATCH, END, READY, REFUSED, SCHEMA, Described, Question
from margin_assets.serving.worker import work as _work

_START_SECONDS = 120.0
_REPLACED_SECONDS = 5.0
"""Within which one that broke a limit is seen, ended and replaced."""
_ASKER_GONE = "the asker is gone"
_GONE = "the engine ended while it answered; ask again, or ask for less"


class Refused(ValueError):
    """A statement that is not answered, with the reason in one line."""


class Stopped(RuntimeError):
    """A statement that broke a limit, or whose asker is gone, with the reason in one line."""


class Busy(RuntimeError):
    """Every process answers somebody else, and went on doing so."""


class _Worker:
    """One process, what it is doing, and why it was ended."""

    def __init__(self, uri: str) -> None:
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(uri, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.question: Started | None = None
        """What it is at."""
        self.ended_for: str | None = None
        self.held = 0
        """Memory that it held before its first question."""
        self._is_ready = False

    def wait_until_ready(self) -> None:
        if not self._is_ready:
            # A process that cannot start says so by ending.
            if not self.connection.poll(_START_SECONDS) or self.connection.recv()[0] != READY:
                raise Busy("the engine does not start")
            self.held, self._is_ready = resident_bytes(self.process.pid or 0), True

    def end(self, reason: str | None = None) -> None:
        if self.ended_for is None:
            self.ended_for = reason
        # The connection is left to whoever still reads it: there it ends.
        self.process.kill()
        self.process.join()


class Answer:
    """A statement's columns, the cycle they are of, and its rows as they are computed."""

    def __init__(
        self, workers: "Workers", worker: _Worker, is_cancelled: Callable[[], bool]
    ) -> None:
        self._workers, self._worker, self._is_cancelled = workers, worker, is_cancelled
        self._is_open = True
        described: Described = self._next(SCHEMA)
        self.cycle = described.cycle
        self.schema = pa.ipc.read_schema(pa.py_buffer(described.schema))

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows. Left before its end, the statement is stopped."""
        try:
            while (piece := self._next(BATCH)) is not None:
                yield pa.ipc.read_record_batch(pa.py_buffer(piece), self.schema)
        finally:
            self.close()

    def close(self) -> None:
        """Stops what still runs."""
        if self._is_open:
            self._is_open = False
            self._workers.release(self._worker, is_idle=False)

    def finish(self) -> None:
        """Takes the end of an answer without rows."""
        self._next(BATCH)

    def _next(self, expected: str) -> Any:  # noqa: ANN401 (whatever the message carries)
        word, content = self._received()
        if word == expected:
            return content
        self._is_open = False
        self._workers.release(self._worker, is_idle=True)
        if word == REFUSED:
            raise Refused(content)
        assert word == END, word  # noqa: S101 (the words there are)
        return None

    def _received(self) -> tuple[str, Any]:
        try:
            while not self._worker.connection.poll(TICK):
                if self._is_cancelled():
                    self.close()
                    raise Stopped(_ASKER_GONE)
            message: tuple[str, Any] = self._worker.connection.recv()
        except (EOFError, OSError):
            self.close()
            raise Stopped(self._worker.ended_for or _GONE) from None
        return message


class Workers:
    """A fixed number of processes over one lake: so many statements are answered at once."""

    def __init__(self, uri: str, limits: Limits, count: int) -> None:
        self._uri, self.limits, self._count = uri, limits, count
        self._idle: queue.Queue[_Worker] = queue.Queue()
        self._all: set[_Worker] = set()
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="limits", daemon=True)
        for _ in range(count):
            self._add()
        self._watcher.start()

    def ask(
        self,
        statement: str,
        cycle: int | None = None,
        *,
        is_for_rows: bool = True,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Answer:
        """The start of the answer about a cycle, or the newest at this moment.

        Raises:
            Refused: It is no question, or the engine cannot answer it.
            Stopped: It broke a limit before its columns were known.
            Busy: No process became free within the time of a statement and of a replacement.
        """
        worker = self._idle_one(is_cancelled)
        try:
            worker.wait_until_ready()
            worker.question = started(worker.process.pid or 0)
            worker.connection.send(Question(statement, cycle, is_for_rows))
        except (EOFError, OSError, Busy) as error:
            self.release(worker, is_idle=False)
            raise Busy("the engine does not start: ask again later") from error
        return Answer(self, worker, is_cancelled)

    def _idle_one(self, is_cancelled: Callable[[], bool]) -> _Worker:
        # Those that all began just before are ended at the same moment: it is not too late then.
        end = time.monotonic() + self.limits.seconds + _REPLACED_SECONDS
        while time.monotonic() < end:
            if is_cancelled():
                raise Stopped(_ASKER_GONE)
            with contextlib.suppress(queue.Empty):
                return self._idle.get(timeout=TICK)
        raise Busy(f"{self._count} statements run already: ask again later")

    def describe(
        self, statement: str, is_cancelled: Callable[[], bool] = lambda: False
    ) -> Described:
        """Columns of the answer, and the newest cycle, which it is to be of; no rows are read."""
        answer = self.ask(statement, is_for_rows=False, is_cancelled=is_cancelled)
        answer.finish()
        return Described(answer.cycle, answer.schema.serialize().to_pybytes())

    def release(self, worker: _Worker, *, is_idle: bool) -> None:
        """Takes a process back; one that is at work, or has grown, is ended and replaced."""
        grown = resident_bytes(worker.process.pid or 0) - worker.held
        is_fit = is_idle and grown < self.limits.bytes // 2 and worker.process.is_alive()
        with self._lock:
            worker.question = None
            is_ours = worker in self._all
            if is_ours and is_fit:
                self._idle.put(worker)
                return
            self._all.discard(worker)
        worker.end()
        if is_ours and not self._done.is_set():
            self._add()

    def close(self) -> None:
        """Ends every process; what they were asked is stopped."""
        self._done.set()
        self._watcher.join()
        with self._lock:
            left = list(self._all)
        for worker in left:
            self.release(worker, is_idle=False)

    def _add(self) -> None:
        worker = _Worker(self._uri)
        with self._lock:
            self._all.add(worker)
        self._idle.put(worker)

    def _watch(self) -> None:
        """Ends processes whose statement has broken a limit, whether anybody reads it or not."""
        while not self._done.wait(TICK):
            with self._lock:
                asked = [worker for worker in self._all if worker.question is not None]
            for worker in asked:
                self._check(worker)

    def _check(self, worker: _Worker) -> None:
        with self._lock:
            # It may have finished, and begun another, since it was listed.
            reason = None if worker.question is None else self.limits.broken(worker.question)
            if reason is None:
                return
            worker.end(reason)
        self.release(worker, is_idle=False)
