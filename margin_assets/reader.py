"""Frames of a lake for an analyst: read-only, all pinned to one sealed cycle."""

from datetime import datetime

import polars as pl

from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.moment import is_pinned, sealed_moment, unreadable
from margin_assets.lake.sql.sql import query
from margin_assets.lake.sql.sql_catalog import not_found, sql_names, sql_schemas
from margin_assets.lake.sql.views import VIEWS
from margin_assets.lake.store.store import Lake


class Reader:
    """The tables as one sealed cycle left them, by the names that SQL has for them.

    Daily twins (`daily_<table>`) and the results of validations belong to no cycle and are read
    at their newest.
    """

    def __init__(self, lake: Lake, sealed: Sealed) -> None:
        self._lake, self._sealed = lake, sealed
        self._moment = sealed_moment(lake, sealed)

    @property
    def cycle(self) -> int:
        """Number of the cycle."""
        return self._sealed.cycle

    @property
    def as_of(self) -> datetime | None:
        """Its last grid point; None where nothing has been evaluated."""
        return self._sealed.as_of

    @property
    def tables(self) -> list[str]:
        """Names of every table, daily twin and view."""
        return list(sql_schemas())

    def table(self, name: str) -> pl.DataFrame:
        """All rows of a table.

        Raises:
            LookupError: there is no such table, or the cycle's versions of it are gone.
        """
        if name in VIEWS:
            return self.sql(f"SELECT * FROM {name}")
        stored = sql_names().get(name)
        if stored is None:
            raise LookupError(not_found(name))
        if not is_pinned(stored):
            return self._lake.scan(stored).collect()
        if unreadable(self._lake, self._sealed, [stored]):
            raise LookupError(
                f"cycle {self.cycle} of {name} is no longer kept: "
                f"`margin sql --cycle {self.cycle}` computes it again"
            )
        return self._moment(stored)

    def sql(self, question: str) -> pl.DataFrame:
        """The answer to one question in SQL.

        Raises:
            ValueError: it is none, or the engine cannot answer it; the message is one line.
        """
        return query(self._lake, question, self._moment)

    def at(self, cycle: int | None = None, as_of: datetime | None = None) -> "Reader":
        """The same lake at another cycle: by number, or the last one as of an instant."""
        return _reader(self._lake, cycle, as_of)

    def __repr__(self) -> str:
        return f"<{self._lake.uri}: cycle {self.cycle}, as of {self.as_of}>"


def open_lake(uri: str = "lake", cycle: int | None = None, as_of: datetime | None = None) -> Reader:
    """A lake as of its last sealed cycle, or of the one named.

    Raises:
        LookupError: no lake is there, or no such cycle is sealed.
    """
    lake = Lake(uri.removeprefix("file://"))
    if not lake.is_there():
        raise LookupError(f"no lake at {uri}: `margin demo` fills one")
    return _reader(lake, cycle, as_of)


def _reader(lake: Lake, cycle: int | None, as_of: datetime | None) -> Reader:
    if cycle is not None and as_of is not None:
        raise ValueError("give a cycle or an instant, not both")
    ledger = Ledger(lake)
    if as_of is not None:
        cycle = ledger.last_before(as_of)
    sealed = ledger.last_sealed() if cycle is None else ledger.sealed(cycle)
    if sealed is None:
        raise LookupError(f"nothing is sealed in {lake.uri}: `margin live` processes what lands")
    return Reader(lake, sealed)
