"""The tables as a sealed cycle left them, wherever they can still be read.

A table that is only appended to needs no old version: its rows carry their cycle, and what a
cycle saw is what is there up to it. A state table is read at the version that the cycle sealed,
or in a scratch lake into which the cycle was computed again. Of a firm in divisions the rows of
accounts are in the lakes of its divisions, each as it sealed the same cycle.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.divisions import holders, sealed_parts
from margin_assets.lake.store import declared
from margin_assets.lake.store.store import Lake
from schemas import TABLES, Mode

_LEDGER = "cycles"


@dataclass(frozen=True)
class Moment:
    """One sealed cycle, the lake it was sealed in, and where its state tables are."""

    lake: Lake
    sealed: Sealed
    states: Lake
    versions: Mapping[str, int]
    """Versions of the state tables in `states`."""
    divisions: "tuple[Moment, ...]" = ()
    """Of a firm in divisions: the same cycle of each."""

    @property
    def cycle(self) -> int:
        """Number of the cycle."""
        return self.sealed.cycle

    def scan(self, name: str) -> pl.LazyFrame:
        """Rows of a table that a cycle writes, as the cycle left them.

        None of a table that was declared after the lake was made, and no session since has added.
        """
        if (holders := self.holders(name)) != (self,):
            return pl.concat([holder.scan(name) for holder in holders])
        if is_state(name):
            return self.states.scan(name, self.versions[name])
        if name not in self.sealed.table_versions and not self.lake.has_table(name):
            return TABLES[name].schema.create_empty().lazy()
        return self.lake.scan(name).filter(pl.col("cycle") <= self.cycle)

    def __call__(self, name: str, *conditions: pl.Expr) -> pl.DataFrame:
        """Rows of a table that fulfil the conditions."""
        return self.scan(name).filter(*conditions).collect()

    def holders(self, name: str) -> "tuple[Moment, ...]":
        """The moments of the lakes that have the rows of a table: this one, or its divisions."""
        return holders(name, self, self.divisions)

    def handle(self, name: str) -> DeltaTable:
        """Handle of a table; of one that is appended to, the newest version."""
        if is_state(name):
            return self.states.held(name).open(self.versions[name])
        return self.lake.held(name).open()


def sealed_moment(lake: Lake, sealed: Sealed) -> Moment:
    """The moment read from table versions alone.

    Raises:
        DivisionsDiffer: A division of the firm holds another seal than the firm's.
    """
    divisions = tuple(sealed_moment(*part) for part in sealed_parts(lake, sealed))
    return Moment(lake, sealed, lake, sealed.table_versions, divisions)


def is_state(name: str) -> bool:
    """Whether a cycle replaces rows of the table, so that it takes a version to see them."""
    return is_pinned(name) and declared.table_of(name).mode is Mode.STATE


def is_pinned(name: str) -> bool:
    """Whether a table has one content a cycle; daily twins and validations have not."""
    is_twin = name.startswith(declared.DAILY)
    return not is_twin and (declared.table_of(name).in_cycle or name == _LEDGER)


def unreadable(lake: Lake, sealed: Sealed, names: Collection[str]) -> list[str]:
    """State tables among `names` whose version is gone from the log, or a file of it.

    Of a firm in divisions: of any of them.
    """
    if parts := sealed_parts(lake, sealed):
        return sorted({name for part in parts for name in unreadable(*part, names)})
    return [n for n in names if is_state(n) and not _is_whole(lake, n, sealed.table_versions[n])]


def _is_whole(lake: Lake, name: str, version: int) -> bool:
    try:
        files = lake.held(name).open(version).file_uris()
    except (DeltaError, OSError) as error:
        lake.access.refuse_trouble(error)
        return False
    return all(lake.has_object(f"{name}/{uri.rsplit(f'/{name}/', 1)[-1]}") for uri in files)
