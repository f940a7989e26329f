"""How long a step waits for a store in trouble: retried with growing pauses, inside a budget.

Pauses have no jitter: one session writes to a lake, so there is no herd to spread. What a step
does is exactly once by its application transaction, so that trying it again changes no result.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Protocol, TypeVar

from margin_assets.lake.objects.troubles import Kind, cause_of, endpoint_in, trouble_of
from margin_assets.rulebooks import in_force, versions

if TYPE_CHECKING:
    from tenacity import RetryCallState

Result = TypeVar("Result")

_ADVICE = "Start the store, or correct AWS_ENDPOINT_URL, the credentials and the bucket."


class StoreUnavailable(RuntimeError):
    """The store does not answer, or does not let us in."""


@dataclass(frozen=True)
class Bounds:
    """Numbers of the lake's rulebook, `[store]`; seconds unless named otherwise."""

    retry_seconds: float
    reader_seconds: float
    refused_seconds: float
    first_pause_seconds: float
    longest_pause_seconds: float
    request_seconds: float
    connect_seconds: float
    request_retries: int
    slow_seconds: float
    slow_rows_per_second: float


@cache
def declared_bounds() -> Bounds:
    """Those of the newest rulebook: time does not pass in bounds."""
    return Bounds(**in_force("lake", versions("lake")[-1]).numbers["store"])


class Listener(Protocol):
    """Who is told of trouble. Called from any thread."""

    def failing(self, step: object, cause: str) -> None:
        """A step has failed and will be tried again, or has no answer yet."""

    def recovered(self, step: object) -> None:
        """A step that failed is done, or has ended for good."""


@dataclass
class Patience:
    """Retries the steps of one lake. A reader's budget, until a session asks for its own."""

    place: str
    """URI of the lake, for messages."""
    renew: Callable[[], None]
    """Reads the credentials anew."""
    bounds: Bounds = field(default_factory=lambda: declared_bounds())
    listener: Listener | None = None
    is_session: bool = False

    def serve(self, listener: Listener) -> None:
        """From now on, a session's budget; its listener is told of trouble."""
        self.listener, self.is_session = listener, True

    def keep(self, step: str, call: Callable[[], Result], rows: int | None = None) -> Result:
        """The result of a call that may be made again, as often as the budget allows.

        `rows` is how much it writes: what takes far longer than that should is told as slow.

        Raises:
            StoreUnavailable: the store was in trouble for longer than the budget.
        """
        # Loaded here: a lake in a folder has no use for it.
        from tenacity import Retrying, wait_exponential

        attempts = _Attempts(self, step)
        retrying = Retrying(
            retry=attempts.may_try_again,
            stop=attempts.is_over,
            wait=wait_exponential(
                multiplier=self.bounds.first_pause_seconds, max=self.bounds.longest_pause_seconds
            ),
            before_sleep=attempts.told,
            reraise=True,
        )
        try:
            with self._watched(attempts, rows):
                return retrying(call)
        except Exception as error:
            if (refusal := attempts.refusal(error)) is None:
                raise
            raise refusal from error
        finally:
            attempts.over()

    @property
    def budget_seconds(self) -> float:
        """How long one step may retry."""
        return self.bounds.retry_seconds if self.is_session else self.bounds.reader_seconds

    @contextmanager
    def _watched(self, attempts: "_Attempts", rows: int | None) -> Iterator[None]:
        if rows is None or self.listener is None:
            yield
            return
        seconds = self.bounds.slow_seconds + rows / self.bounds.slow_rows_per_second
        timer = threading.Timer(seconds, attempts.slow, [seconds])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


class _Attempts:
    """One step: what its attempts ended in."""

    def __init__(self, patience: Patience, step: str) -> None:
        self._patience, self._step = patience, step
        self._seconds = 0.0
        self._refused_at: float | None = None
        self._is_told = self._is_done = False
        self._lock = threading.Lock()

    def may_try_again(self, state: "RetryCallState") -> bool:
        error = state.outcome.exception() if state.outcome else None
        return error is not None and trouble_of(error) is not None

    def is_over(self, state: "RetryCallState") -> bool:
        error = state.outcome.exception() if state.outcome else None
        trouble = None if error is None else trouble_of(error)
        self._seconds = state.seconds_since_start or 0.0
        soon = self._seconds + state.upcoming_sleep
        if trouble is None or trouble.kind is not Kind.REFUSED:
            self._refused_at = None
        elif self._refused_at is None:
            self._refused_at = self._seconds
        refused = 0.0 if self._refused_at is None else soon - self._refused_at
        is_locked_out = refused >= self._patience.bounds.refused_seconds
        return is_locked_out or soon >= self._patience.budget_seconds

    def told(self, state: "RetryCallState") -> None:
        error = state.outcome.exception() if state.outcome else None
        trouble = None if error is None else trouble_of(error)
        if trouble is None:
            return
        if trouble.kind is not Kind.TRANSIENT:
            self._patience.renew()
        self._tell(trouble.cause)

    def slow(self, seconds: float) -> None:
        self._tell(f"no answer for {seconds:.0f} s")

    def _tell(self, cause: str) -> None:
        with self._lock:
            if self._patience.listener is not None and not self._is_done:
                self._is_told = True
                self._patience.listener.failing(self, f"{self._step}: {cause}")

    def over(self) -> None:
        """The step has ended; a timer that fires now is too late."""
        with self._lock:
            self._is_done = True
            if self._is_told and self._patience.listener is not None:
                self._patience.listener.recovered(self)

    def refusal(self, error: Exception) -> StoreUnavailable | None:
        """What to raise when the budget is spent; None if the error is no trouble of the store."""
        trouble = trouble_of(error)
        if trouble is None:
            return None
        place, spent = self._patience.place, f"{self._step}, tried for {self._seconds:.0f} s"
        advice = _ADVICE
        if trouble.kind is not Kind.TRANSIENT:
            advice = "Correct the credentials: AWS_* variables, or the credentials file."
        elif self._patience.is_session:
            advice = "Nothing sealed is lost; the next start finishes a planned cycle."
        return StoreUnavailable(f"{_told(place, error, trouble.cause)}, {spent}. {advice}")


def unavailable(place: str, error: BaseException) -> StoreUnavailable:
    """What to raise after a first contact that ended in an error of a client."""
    return StoreUnavailable(f"{_told(place, error, cause_of(error))}. {_ADVICE}")


def _told(place: str, error: BaseException, cause: str) -> str:
    where = endpoint_in(error)
    return f"cannot use {place}{' at ' if where else ''}{where}: {cause}"
