"""Rows of state tables that come in parts, made files while the next part is shaped."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future

import polars as pl

from margin_assets.lake.objects.access import Access
from margin_assets.lake.store import declared
from margin_assets.lake.store.held import HeldTable
from margin_assets.lake.store.known import Made
from margin_assets.lake.store.shards import Shards, shards_of


class Making:
    """Files of several tables, of which only the rows of the part at work are in memory."""

    def __init__(
        self, held: Callable[[str], HeldTable], access: Access, pool: Executor, shards: Shards
    ) -> None:
        self._held, self._access, self._pool, self._shards = held, access, pool, shards
        self._made: dict[str, Made] = {}
        self._at_work: dict[str, Future[Made]] = {}

    def take(self, part: Mapping[str, pl.DataFrame]) -> None:
        """Begins to make files of a part, once those of the part before are made."""
        self._settle()
        self._at_work = {n: self._pool.submit(self._make, n, rows) for n, rows in part.items()}

    def ended(self) -> dict[str, Made]:
        """The files of all parts, by table."""
        self._settle()
        return self._made

    def _settle(self) -> None:
        for name, made in self._at_work.items():
            self._made.setdefault(name, Made()).add(made.result())
        self._at_work = {}

    def _make(self, name: str, rows: pl.DataFrame) -> Made:
        table = self._held(name)
        known = table.known()
        if known is None:
            raise declared.SchemaMismatch(f"{name}: not a table as this product makes them")
        frame = declared.conform(name, rows)
        sharded = frame.with_columns(shards_of(frame["account_id"], self._shards.count))
        if not known.fits(sharded):
            raise declared.SchemaMismatch(f"{name}: rows do not fit, or break a constraint")
        return self._access.keep(
            f"writing {name}", lambda: known.made(table.files, sharded), rows=rows.height
        )
