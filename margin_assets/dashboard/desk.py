"""What the routes share: the lake followed, its tables, where acts land, and who may act."""

import json
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from starlette.responses import Response

from margin_assets.dashboard.figures import Figures
from margin_assets.dashboard.following import Follower
from margin_assets.dashboard.tables import Sealed

_REMEMBERED = 512
_HOLDERS_SECONDS = 30.0


class Window:
    """Answers over one set of figures, each made once; all go when newer figures come."""

    def __init__(self, figures: Figures, follower: Follower) -> None:
        self.figures, self.deadlines = figures, follower.deadlines
        self.accounts = _with_deadlines(figures.accounts, self.deadlines.by_account).with_columns(
            change=follower.past.change(figures)
        )
        self._lock = threading.Lock()
        self._answers: dict[Hashable, Future[bytes]] = {}

    def once(self, key: Hashable, make: Callable[[], dict[str, Any]]) -> bytes:
        """The answer as JSON with its cycle; viewers who ask the same are answered once."""
        with self._lock:
            held = self._answers.get(key)
            mine: Future[bytes] = Future()
            if held is None and len(self._answers) < _REMEMBERED:
                self._answers[key] = mine
        if held is not None:
            # All come at once, after each seal: the first makes it, the others wait for that.
            return held.result()
        try:
            mine.set_result(encoded({"cycle": self.figures.cycle} | make()))
        except BaseException as error:
            self._answers.pop(key, None)
            mine.set_exception(error)
        return mine.result()


@dataclass
class Desk:
    """One lake and where files land for it, as they are served."""

    follower: Follower
    landing: Path | str
    token: str
    sealed: Sealed = field(init=False)
    _window: Window = field(init=False)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Begins with what the follower has."""
        self.sealed = Sealed(self.follower)
        self._window = Window(self.follower.figures, self.follower)

    def window(self) -> Window:
        """Answers over the newest figures."""
        with self._lock:
            held, figures = self._window, self.follower.figures
            if held.figures is not figures or not held.deadlines.is_as(self.follower.deadlines):
                held = self._window = Window(figures, self.follower)
            return held

    def holders(self, symbol: str) -> frozenset[str]:
        """Accounts that hold a symbol, by the positions as sealed."""
        found: frozenset[str] = self.sealed.for_a_while(
            ("holders", symbol), _HOLDERS_SECONDS, lambda: self._holders(symbol)
        )
        return found

    def _holders(self, symbol: str) -> frozenset[str]:
        held = self.sealed.rows("positions", pl.col("symbol") == symbol)
        return frozenset(held["account_id"].to_list())


def _with_deadlines(accounts: pl.DataFrame, due: pl.DataFrame) -> pl.DataFrame:
    """The earlier of what the ladder's clock and the open calls say."""
    if due.is_empty():
        return accounts
    joined = accounts.join(due, on="account_id", how="left", maintain_order="left", validate="1:1")
    return joined.with_columns(deadline=pl.min_horizontal("deadline", "due")).drop("due")


def encoded(answer: object) -> bytes:
    """JSON without spaces; a number that JSON has not is an error, never text."""
    return json.dumps(answer, separators=(",", ":"), allow_nan=False).encode()


def answered(answer: object) -> Response:
    """An answer, made already or to be made."""
    content = answer if isinstance(answer, bytes) else encoded(answer)
    return Response(content, media_type="application/json")
