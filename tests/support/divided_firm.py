"""A firm in divisions, run by turns in one process, and what is compared with one lake."""

import polars as pl

from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.ledger import divisions
from margin_assets.lake.ledger.canonical import canonical_bytes
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.moment import sealed_moment
from margin_assets.lake.store.store import Lake
from margin_assets.live.divisions.firm_session import FirmSession
from margin_assets.live.divisions.owner import Owner
from schemas import TABLES, Table
from tests.support.empty_lake import created

Text = dict[str, list[str]]


class DividedFirm:
    """The firm's session and the owners of its divisions, taking turns in one process."""

    def __init__(self, lake: Lake, count: int = 2) -> None:
        self.lake = lake
        divisions.create(self.lake, count, created)
        self.count = count
        self.restart()

    def restart(self) -> None:
        """Other processes take over, which remember nothing."""
        self.lake = Lake(self.lake.uri, self.lake.storage_options)
        self.session = FirmSession(self.lake)
        self.owners = [Owner(self.lake, number) for number in range(self.count)]
        for owner in self.owners:
            assert owner.session.recover() is None

    def cycle(self, landing: LocalLanding) -> Sealed:
        """One cycle of the firm over what is pending; the owners work while it waits."""
        (result,) = self.session.run(landing, max_cycles=1, stop=self._work)
        return result.sealed

    def drain(self, landing: LocalLanding) -> None:
        """Cycles until nothing is pending and no row is behind."""
        for _ in self.session.run(landing, until_idle=True, stop=self._work):
            pass

    def _work(self) -> bool:
        for owner in self.owners:
            owner.step()
        return False

    def table(self, name: str) -> pl.DataFrame:
        """A table of the whole firm as of its last seal."""
        last = Ledger(self.lake).last_sealed()
        assert last is not None
        return sealed_moment(self.lake, last)(name).sort(TABLES[name].order)


def everything(lake: Lake, cycle: int) -> Text:
    """Every table as of a cycle, as lines."""
    moment = sealed_moment(lake, Ledger(lake).sealed(cycle))
    written = (table for table in TABLES.values() if table.in_cycle)
    return {table.name: lines_of(moment(table.name), table) for table in written}


def lines_of(rows: pl.DataFrame, table: Table) -> list[str]:
    """Rows as lines of canonical text in one order.

    Without the number that a decision has among those of its lake's cycle.
    """
    if "decision_number" in rows.columns:
        rows = rows.with_columns(decision_number=pl.lit(0, pl.Int64))
    return sorted(canonical_bytes(rows, table).decode().splitlines())
