"""A live session reduced to its storage: plan, write three tables, seal; it may be killed."""

import os
import signal
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl

from margin_assets.lake.ledger.canonical import digest
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store import declared, faults
from margin_assets.lake.store.store import Lake
from schemas import TABLES

NOON = datetime(2020, 3, 9, 16, 0, tzinfo=UTC)
_VALUES: dict[type[pl.DataType], object] = {
    pl.String: "x",
    pl.Binary: b"x",
    pl.Boolean: True,
    pl.Int64: 1,
    pl.Float64: 0.5,
    pl.Decimal: Decimal(1),
    pl.Datetime: NOON,
    pl.Date: date(2020, 3, 9),
}


def rows(name: str, count: int = 1, /, **columns: object) -> pl.DataFrame:
    """Rows that fit the table, alike but for the columns given (a value, or one a row)."""
    schema = pl.Schema(declared.schema_of(name))
    values = {
        column: columns.get(column, _VALUES[dtype.base_type()]) for column, dtype in schema.items()
    }
    spread = {
        column: value if isinstance(value, list) else [value] * count
        for column, value in values.items()
    }
    return pl.DataFrame(spread, schema=schema)


def cycle_frames(cycle: int) -> dict[str, pl.DataFrame]:
    ids = [f"{cycle}-{number}" for number in range(3)]
    return {
        "fills": rows("fills", 3, fill_id=ids, cycle=cycle),
        "positions": rows("positions", cycle, symbol=[f"S{n}" for n in range(cycle)], cycle=cycle),
        "quarantine": rows("quarantine", 0),
    }


def run_cycle(lake: Lake, ledger: Ledger) -> Sealed:
    """Finish the open plan, or do the next cycle."""
    faults.reach("before_plan")
    plan = ledger.open_plan() or ledger.plan({"files": ["a"]})
    faults.reach("planned")
    frames = cycle_frames(plan.cycle)
    versions = lake.write_all(frames, plan.cycle)
    faults.reach("before_seal")
    digests = {name: digest(frames[name], TABLES[name]) for name in versions}
    counts = {name: frames[name].height for name in versions}
    sealed = ledger.seal(plan, NOON, versions, digests, counts)
    faults.reach("sealed")
    return sealed


def die_at(point: str) -> None:
    """Be killed like a process whose machine is gone, when the cycle comes to `point`."""

    def hook(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    faults.arm(hook)


def killed_cycle(uri: str, options: dict[str, str], point: str) -> None:
    """A cycle in a process of its own, which dies when it comes to `point`."""
    lake = Lake(uri, options)
    die_at(point)
    run_cycle(lake, Ledger(lake))
