"""A firm for tests: rows become landing files with stated times, cycles run, tables are read."""

import json
import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from margin_assets.kernels.history.history import Booked, Landed
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.ledger.canonical import canonical_bytes
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.store import Lake
from margin_assets.live.session.session import CycleResult, Session
from schemas import TABLES
from tests.support.empty_lake import created

Row = dict[str, Any]
NOON = datetime(2020, 3, 9, 16, 0, tzinfo=UTC)
"""A Monday in session; New York is four hours behind."""
STATE_TABLES = [table.name for table in TABLES.values() if table.mode == "state"]
CYCLE_TABLES = [table.name for table in TABLES.values() if table.in_cycle]


def at(seconds: float = 0, **more: float) -> datetime:
    return NOON + timedelta(seconds=seconds, **more)


def text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def account(account_id: str, kind: str = "reg_t", when: datetime = NOON) -> Row:
    day = when.date().isoformat()
    row = {"account_id": account_id, "account_type": kind, "opened_on": day}
    return row | {"event_time": text(when)}


def instrument(symbol: str, when: datetime = NOON, **more: object) -> Row:
    row: Row = {"symbol": symbol, "asset_class": "equity", "marginable": True}
    return row | {"event_time": text(when)} | more


def beta(symbol: str, value: str, day: str) -> Row:
    return {"symbol": symbol, "beta": Decimal(value), "as_of_date": day}


def cash(
    movement_id: str, account_id: str, usd: str, when: datetime = NOON, kind: str = "deposit"
) -> Row:
    row = {"movement_id": movement_id, "account_id": account_id, "amount": Decimal(usd)}
    return row | {"kind": kind, "event_time": text(when)}


def fill(
    fill_id: str,
    quantity: str,
    price: str,
    when: datetime = NOON,
    *,
    account_id: str = "A",
    symbol: str = "X",
    corrects: str | None = None,
    order: str | None = None,
) -> Row:
    row: Row = {"fill_id": fill_id, "account_id": account_id, "symbol": symbol}
    row |= {"quantity": Decimal(quantity), "price": Decimal(price), "event_time": text(when)}
    row |= {} if corrects is None else {"corrects_fill_id": corrects}
    return row if order is None else row | {"order_id": order}


def price(symbol: str, usd: str, when: datetime = NOON) -> Row:
    return {"symbol": symbol, "price": Decimal(usd), "event_time": text(when), "source": "test"}


def line(row: Row) -> str:
    members = (f'"{name}":{_value(value)}' for name, value in row.items())
    return "{" + ",".join(members) + "}\n"


def _value(value: object) -> str:
    return format(value, "f") if isinstance(value, Decimal) else json.dumps(value)


class Firm:
    """One lake, its landing folder, and the session that runs it."""

    def __init__(self, folder: Path, lake: Lake | None = None) -> None:
        self.landing = folder / "landing"
        self.landing.mkdir(parents=True)
        self.lake = created(lake or Lake(str(folder / "lake")))
        self.files = 0
        self.restart()

    def restart(self) -> None:
        """Another process takes over: a session that remembers nothing."""
        self.lake = Lake(self.lake.uri, self.lake.storage_options)
        self.session = Session(self.lake)
        self.session.recover()

    def copied(self, folder: Path) -> "Firm":
        """The same firm elsewhere, run by another process."""
        other = Firm.__new__(Firm)
        other.landing = Path(shutil.copytree(self.landing, folder / "landing"))
        other.lake = Lake(str(shutil.copytree(self.lake.uri, folder / "lake")))
        other.files = self.files
        other.restart()
        return other

    def put(self, path: str, data: bytes, landed: datetime) -> Path:
        target = self.landing / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        stamp(target, landed)
        return target

    def land(self, landed: datetime | None = None, **feeds: Iterable[Row]) -> None:
        """One file for each feed, in the order given, landing at one time."""
        for feed, rows in feeds.items():
            self.files += 1
            name = f"{feed}/{self.files:06d}.ndjson"
            self.put(name, "".join(map(line, rows)).encode(), landed or at(days=400))

    def cycle(self, landed: datetime | None = None, **feeds: Iterable[Row]) -> CycleResult | None:
        """Lands the rows and runs one cycle over all that is pending."""
        self.land(landed, **feeds)
        return self.session.cycle(LocalLanding(self.landing))

    def run(self, **feeds: Iterable[Row]) -> CycleResult:
        result = self.cycle(**feeds)
        assert result is not None
        return result

    def table(self, name: str) -> pl.DataFrame:
        sealed = self.session.ledger.last_sealed()
        frame = SealedTables(self.lake, sealed)(name)
        return frame.sort(TABLES[name].order)

    def rows(self, name: str, *columns: str) -> list[tuple[Any, ...]]:
        return self.table(name).select(columns).rows()

    def reasons(self) -> list[str]:
        return sorted(self.table("quarantine")["reasons"].to_list())

    def position(self, symbol: str = "X", account_id: str = "A") -> tuple[Decimal, Decimal]:
        """Quantity held and cash."""
        held = dict(
            self.table("positions")
            .filter(pl.col("account_id") == account_id)
            .select("symbol", "quantity")
            .rows()
        )
        money = dict(self.rows("account_state", "account_id", "cash"))
        return held.get(symbol, Decimal(0)), money[account_id]

    def state(self) -> dict[str, bytes]:
        """Canonical state tables, whatever cycle wrote them."""
        return {
            name: canonical_bytes(self.table(name).with_columns(cycle=0), TABLES[name])
            for name in STATE_TABLES
        }

    def everything(self) -> dict[str, bytes]:
        return {name: canonical_bytes(self.table(name), TABLES[name]) for name in CYCLE_TABLES}

    def hashes(self) -> list[str]:
        return [sealed.hash for sealed in self.session.ledger.all_sealed()]

    def check_nothing_lost(self) -> None:
        """Every row read was accepted, dropped as a duplicate or quarantined."""
        for row in self.table("landed_files").iter_rows(named=True):
            ends = row["rows_accepted"] + row["rows_duplicate"] + row["rows_quarantined"]
            is_whole = row["status"] in ("quarantined", "ignored")
            assert ends == (1 if is_whole else row["rows_read"]), row


def stamp(path: Path, landed: datetime) -> None:
    nanoseconds = int(landed.timestamp()) * 10**9 + landed.microsecond * 1000
    os.utime(path, ns=(nanoseconds, nanoseconds))


def opening(*accounts: str, symbol: str = "X", usd: str = "100") -> dict[str, list[Row]]:
    """Registered accounts and a priced instrument at noon."""
    return {
        "accounts": [account(name) for name in accounts],
        "instruments": [instrument(symbol)],
        "prices": [price(symbol, usd)],
    }


def everything_landed(firm: Firm) -> tuple[Landed, Booked]:
    """What the daily twins of a firm are computed from."""
    sealed = firm.session.ledger.last_sealed()
    assert sealed is not None
    tables = SealedTables(firm.lake, sealed)
    settled = tables("settlements")
    feeds = [name for name in Landed._fields if name != "settlements"]
    rows = {name: tables.in_landing_order(name).collect() for name in feeds}
    landed = Landed(**rows, settlements=settled)
    movements, owners = (
        tables.in_landing_order(name).collect() for name in ("cash_movements", "accounts")
    )
    books = landed.corporate_actions, landed.opening_balances, settled
    told = landed.fills, movements, owners, landed.instruments, *books
    return landed, Booked(*told, tables("accrued_dividends"))


def assert_a_process_takes_over(firm: Firm) -> None:
    """What a process loads is what the one that wrote it held."""
    before = _held(firm)
    firm.restart()
    for name, frame in _held(firm).items():
        assert frame.equals(before[name]), name


def _held(firm: Firm) -> dict[str, pl.DataFrame]:
    """What the session's memory comes to as frames."""
    monitor = firm.session._runner.monitor
    era = monitor.margined()
    return {
        "positions": era.positions,
        "account_state": era.accounts,
        "enforcement_state": monitor.enforcement_state(),
        **monitor.reg_t_tables(),
    }
