"""Tables as a sealed cycle left them, and landed rows in the order in which they landed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property

import polars as pl

from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.divisions import holders, sealed_parts
from margin_assets.lake.store import declared
from margin_assets.lake.store.division import Division
from margin_assets.lake.store.store import Lake
from schemas import FEEDS

_LONGEST_SESSION = timedelta(hours=24)
_FILE = ["cycle", "file_id", "landed_at"]
WHOLE = Division()


class SealedTables:
    """Reads tables as of a sealed cycle; what it never wrote, or none is sealed, is empty.

    Of a firm in divisions rows of accounts are those of all divisions, as each sealed the cycle.
    With `before`, landed rows of that cycle and later ones are left out: those not evaluated yet.
    With a `division` of the firm, so are landed rows of accounts that are not of it.
    """

    def __init__(
        self,
        lake: Lake,
        sealed: Sealed | None,
        before: int | None = None,
        division: Division = WHOLE,
    ) -> None:
        self._lake = lake
        self._sealed = sealed
        self._versions = {} if sealed is None else sealed.table_versions
        self._before = before
        self.division = division

    def of(self, division: Division) -> "SealedTables":
        """The same tables, of the accounts of a division."""
        return SealedTables(self._lake, self._sealed, self._before, division)

    def __call__(
        self, table: str, *conditions: pl.Expr, columns: Sequence[str] = ()
    ) -> pl.DataFrame:
        """Rows of a table that fulfil the conditions, whole or some columns of them."""
        chosen = columns or pl.all()
        return self._lake.read(table, lambda: self.scan(table).filter(*conditions).select(chosen))

    def scan(self, table: str) -> pl.LazyFrame:
        """All rows of a table."""
        if (parts := self._holders(table)) != (self,):
            return pl.concat([part.scan(table) for part in parts])
        if table not in self._versions:
            return declared.empty(table).lazy()
        rows = self._lake.scan(table, self._versions[table])
        if table not in FEEDS:
            return rows
        if self._before is not None:
            rows = rows.filter(pl.col("cycle") < self._before)
        return self.division.scanned(rows)

    def has_rows(self, table: str) -> bool:
        """Whether a table may have rows; of one that has not, none need be looked for."""
        if (parts := self._holders(table)) != (self,):
            return any(part.has_rows(table) for part in parts)
        return table in self._versions and self._lake.has_rows(table, self._versions[table])

    def _holders(self, table: str) -> "tuple[SealedTables, ...]":
        return holders(table, self, self._divisions)

    @cached_property
    def _divisions(self) -> "tuple[SealedTables, ...]":
        return tuple(SealedTables(*part) for part in sealed_parts(self._lake, self._sealed))

    def delivered_positions(self, *conditions: pl.Expr) -> pl.DataFrame:
        """Rows of `positions`, sorted as a book is, with what adjusted contracts deliver."""
        # Who only reads tables does without the compiled loops and the exchange calendar.
        from margin_assets.calendar import sessions
        from margin_assets.kernels.corporate.contracts import Told, delivered_at

        found = self("positions", *conditions).sort("account_id", "class_group", "symbol")
        adjustments, actions = pl.collect_all(
            [self.in_landing_order(name) for name in ("option_adjustments", "corporate_actions")]
        )
        # Terms as listed are asked for only where actions may have changed them.
        asked = pl.lit(value=False)
        if actions.height:
            asked = pl.col("symbol").is_in(found["symbol"].unique().implode())
        listed = self.in_landing_order("instruments").filter(asked).collect()
        told = Told(listed, actions, adjustments)
        return self._decided(delivered_at(found, told, sessions().opens), actions)

    def _decided(self, positions: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
        """Positions with the values that decide options which have ended and wait."""
        ended = positions.filter(pl.col("expires_at") <= pl.col("as_of"))
        if ended.is_empty():
            return positions
        from margin_assets.calendar import sessions
        from margin_assets.kernels.book.deciding import with_values
        from margin_assets.kernels.corporate.actions import register_of
        from margin_assets.kernels.corporate.settlement_values import values_at
        from margin_assets.kernels.numeric.money import instants

        above = pl.col("symbol").is_in(ended["underlying"].unique().implode())
        first = ended.select(pl.col("expires_at").min() - _LONGEST_SESSION).item()
        since = pl.col("event_time") >= first
        prices = self.in_landing_order("prices").filter(above, since).collect()
        register, times = register_of(actions, sessions().opens), sessions().times
        parts = []
        for _, part in positions.group_by("as_of", maintain_order=True):
            at = int(instants(part["as_of"].head(1))[0])
            values = values_at(part, prices, times, register.acted(at), at)
            parts.append(with_values(part, values))
        return pl.concat(parts).sort("account_id", "class_group", "symbol")

    def was_written(self, table: str) -> bool:
        """Whether any cycle up to the sealed one wrote the table, be it empty now or not."""
        if (parts := self._holders(table)) != (self,):
            return any(part.was_written(table) for part in parts)
        return table in self._versions and self._lake.was_written(table, self._versions[table])

    def newest_in_landing_order(self, feed: str, as_of: datetime) -> pl.DataFrame:
        """Rows of the last event time of each symbol up to an instant, first landed first.

        Two columns of the whole history are read, and of few rows the rest.
        """
        if not self.has_rows(feed):
            return self.in_landing_order(feed).collect()
        last = (
            self.scan(feed)
            .filter(pl.col("event_time") <= as_of)
            .group_by("symbol")
            .agg(pl.col("event_time").max())
            .collect(engine="streaming")
        )
        among = self.scan(feed).join(last.lazy(), on=["symbol", "event_time"], how="semi")
        return self._in_landing_order(feed, among.collect(engine="streaming").lazy()).collect()

    def in_landing_order(self, feed: str) -> pl.LazyFrame:
        """Rows of a landed table, first landed first: of two at one time the later one stands."""
        if not self.has_rows(feed):
            number = declared.empty("landed_files").schema["file_number"]
            return declared.empty(feed).lazy().with_columns(file_number=pl.lit(None, number))
        return self._in_landing_order(feed, self.scan(feed))

    def _in_landing_order(self, feed: str, rows: pl.LazyFrame) -> pl.LazyFrame:
        # One file may land twice in a cycle, and be read again if only its time was refused.
        numbers = self._file_numbers.lazy().filter(pl.col("feed") == feed).drop("feed")
        return rows.join(numbers, on=_FILE, how="left", validate="m:1").sort(
            "cycle", "file_number", "file_row"
        )

    @cached_property
    def _file_numbers(self) -> pl.DataFrame:
        """Place of each accepted file in its cycle, by feed; many feeds ask for theirs."""
        is_accepted = pl.col("status") == "accepted"
        return self("landed_files", is_accepted, columns=(*_FILE, "feed", "file_number"))
