"""The outgoing folder: orders that leave for the broker, and which of them are taken back.

A file is whole or not there, under its plan's id, and is never written over. Who reads may take it
away.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl

from margin_assets.desk.plans import Row
from margin_assets.lake.landing.places import put_new

_ORDERS, _RECALLS, _LEAVING = "orders", "recalls", ".leaving"
_OF_ORDER = ("order_id", "plan_id", "account_id", "symbol", "side")


@dataclass(frozen=True)
class Outgoing:
    """Where orders leave from."""

    folder: Path

    def orders_path(self, plan_id: str) -> Path:
        """Where the orders of a plan leave."""
        return self.folder / _file(_ORDERS, plan_id)

    def let_go(self, plan_id: str, content: bytes) -> None:
        """Lets the orders of a plan leave, where they have not."""
        # Who takes files away leaves none by which one could tell later that this one was out.
        put_new(self.folder, _file(_LEAVING, plan_id), content)
        put_new(self.folder, _file(_ORDERS, plan_id), content)

    def is_leaving(self, plan_id: str) -> bool:
        """Whether the orders of a plan were let go, or were about to be."""
        return (self.folder / _file(_LEAVING, plan_id)).exists()

    def take_back(self, plan_id: str, content: bytes) -> Path:
        """Writes which orders of a plan are taken back, and returns where that is."""
        put_new(self.folder, _file(_RECALLS, plan_id), content)
        return self.folder / _file(_RECALLS, plan_id)


def order_file(rows: pl.DataFrame) -> bytes:
    """The orders of a plan as NDJSON, one a line by symbol: day orders, each with its own id."""
    return _lines({**_told(row), "time_in_force": "day"} for row in _by_symbol(rows))


def recall_file(rows: pl.DataFrame) -> bytes:
    """The orders of a plan that are taken back, as they left, each with what of it was filled.

    Orders that are filled whole are not among them; empty where none is left.
    """
    left = rows.filter(pl.col("filled_quantity") < pl.col("quantity"))
    return _lines(
        {**_told(row), "filled_quantity": _plain(row["filled_quantity"])}
        for row in _by_symbol(left)
    )


def _file(kind: str, plan_id: str) -> str:
    return f"{kind}/{plan_id}.ndjson"


def _by_symbol(rows: pl.DataFrame) -> Iterator[Row]:
    return rows.sort("symbol").iter_rows(named=True)


def _told(order: Row) -> Row:
    amounts = {name: _plain(order[name]) for name in ("quantity", "price")}
    return {name: order[name] for name in _OF_ORDER} | amounts


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _lines(rows: Iterable[Row]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
