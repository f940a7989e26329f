"""What the routes share: the lake followed, its tables, where acts land, and who may act."""

import json
from collections.abc import Callable, Hashable
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
        self._answers: dict[Hashable, bytes] = {}

    def once(self, key: Hashable, make: Callable[[], dict[str, Any]]) -> bytes:
        """The answer as JSON with its cycle; viewers who ask the same are answered once."""
        held = self._answers.get(key)
        if held is None:
            held = encoded({"cycle": self.figures.cycle} | make())
            if len(self._answers) < _REMEMBERED:
                self._answers[key] = held
        return held


@dataclass
class Desk:
    """One lake and its landing folder, as they are served."""

    follower: Follower
    landing: Path
    token: str
    sealed: Sealed = field(init=False)
    _window: Window = field(init=False)

    def __post_init__(self) -> None:
        """Begins with what the follower has."""
        self.sealed = Sealed(self.follower)
        self._window = Window(self.follower.figures, self.follower)

    def window(self) -> Window:
        """Answers over the newest figures."""
        held, figures = self._window, self.follower.figures
        if held.figures is not figures or not held.deadlines.is_as(self.follower.deadlines):
            # Two threads may both make one: either serves.
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
