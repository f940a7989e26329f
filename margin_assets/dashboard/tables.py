"""Rows of the sealed tables as the pages have them, each question answered once a cycle."""

import threading
import time
from collections.abc import Callable, Hashable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from margin_assets.dashboard.following import Follower
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.store import Lake
from schemas import TABLES

_REMEMBERED = 256
_SECONDS = 30.0


class Sealed:
    """The tables as of the last sealed cycle. A table that this lake has not is said to be absent.

    Many viewers ask the same: an answer is made once and remembered for the cycle.
    """

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._lock = threading.Lock()
        self._at = -1
        self._scan: SealedTables | None = None
        self._answers: dict[Hashable, Any] = {}
        self._held: dict[Hashable, tuple[float, Any]] = {}

    def cycle(self) -> int:
        """The cycle that is read; 0 before the first."""
        return self._opened()[0]

    def rows(self, table: str, *conditions: pl.Expr, newest: int | None = None) -> pl.DataFrame:
        """Rows that fulfil the conditions, in the table's order; the `newest` last ones at most.

        Of a table that belongs to no cycle they are those that are there now.
        """
        if not self.has(table):
            return TABLES[table].schema.create_empty() if table in TABLES else pl.DataFrame()
        found = self._read(table, conditions).sort(TABLES[table].order)
        return found if newest is None else found.tail(newest)

    def _read(self, table: str, conditions: tuple[pl.Expr, ...]) -> pl.DataFrame:
        _, scan = self._opened()
        if scan is not None and TABLES[table].in_cycle:
            return scan(table, *conditions)
        lake = self._follower.lake
        return lake.read(table, lambda: lake.scan(table).filter(*conditions))

    def daily(self, table: str, *conditions: pl.Expr) -> pl.DataFrame:
        """Rows by business date that fulfil the conditions, as they are now; none where none are.

        They belong to no cycle: who shows them says of which date they are.
        """
        lake, name = self._follower.lake, f"daily/{table}"
        if not lake.has_table(name):
            return pl.DataFrame()
        return lake.read(name, lambda: lake.scan(name).filter(*conditions))

    def has(self, table: str) -> bool:
        """Whether this lake has the table: one made before the table was declared has not."""
        sealed = self._follower.sealed()
        if table not in TABLES or sealed is None:
            return False
        return table in sealed.table_versions or not TABLES[table].in_cycle

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:  # noqa: ANN401 (what is made)
        """What `make` gives, made once a cycle for each key."""
        cycle, _ = self._opened()
        with self._lock:
            if (cycle, key) in self._answers:
                return self._answers[cycle, key]
        made = make()
        with self._lock:
            if len(self._answers) >= _REMEMBERED:
                self._answers.clear()
            self._answers[cycle, key] = made
        return made

    def for_a_while(self, key: Hashable, seconds: float, make: Callable[[], Any]) -> Any:  # noqa: ANN401
        """What `make` gives, made again only when it is older than so many seconds."""
        now = time.monotonic()
        with self._lock:
            until, held = self._held.get(key, (0.0, None))
        if now < until:
            return held
        made = make()
        now = time.monotonic()
        with self._lock:
            if len(self._held) >= _REMEMBERED:
                self._held = {k: held for k, held in self._held.items() if held[0] > now}
            self._held[key] = (now + seconds, made)
        return made

    def _opened(self) -> tuple[int, SealedTables | None]:
        sealed = self._follower.sealed()
        if sealed is None:
            return 0, None
        with self._lock:
            if sealed.cycle != self._at or self._scan is None:
                self._at = sealed.cycle
                self._scan = SealedTables(self._follower.lake, sealed)
                self._answers.clear()
            return self._at, self._scan


class Kept:
    """Tables that belong to no cycle, as they are now, also in a lake where nothing was sealed."""

    def __init__(self, lake: Lake, sealed: Sealed, room: str) -> None:
        self._lake, self._sealed, self._room = lake, sealed, room

    def once(self, key: str, make: Callable[[], Any]) -> Any:  # noqa: ANN401 (what is made)
        """What `make` gives, remembered for half a minute."""
        return self._sealed.for_a_while((self._room, key), _SECONDS, make)

    def rows(self, name: str, *conditions: pl.Expr) -> pl.DataFrame:
        """Rows of a table in its order; none of a lake made before the table was declared."""
        if not self._lake.has_table(name):
            return TABLES[name].schema.create_empty()
        rows = self._lake.read(name, lambda: self._lake.scan(name).filter(*conditions))
        return rows.sort(TABLES[name].order)


def plain(value: object) -> Any:  # noqa: ANN401 (whatever JSON has)
    """A cell as JSON has it: decimals and instants as text, bytes with escapes."""
    if isinstance(value, Decimal | date | datetime):
        return value.isoformat() if isinstance(value, date) else str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return value


def listed(frame: pl.DataFrame, *columns: str) -> list[dict[str, Any]]:
    """Rows as JSON has them: all columns, or those named."""
    chosen = frame.select([c for c in columns if c in frame.columns]) if columns else frame
    return [{name: plain(value) for name, value in row.items()} for row in chosen.to_dicts()]
