"""Stories of Regulation T accounts, told as hours after a Monday's noon."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from tests.support.live_driver import (
    Firm,
    Row,
    account,
    cash,
    fill,
    instrument,
    price,
)

MONDAY = datetime(2024, 6, 3, 14, 0, tzinfo=UTC)
"""Ten o'clock in New York: a week of trades that settle on the next day."""

LANDED = datetime(2025, 1, 1, tzinfo=UTC)


def later(**more: float) -> datetime:
    return MONDAY + timedelta(**more)


def pays(usd: str, kind: str = "deposit", **when: float) -> tuple[str, Row]:
    name = f"{kind}{usd}{sorted(when.items())}"
    return "cash_movements", cash(name, "", usd, later(**when), kind)


def trades(quantity: str, usd: str, symbol: str = "", **when: float) -> tuple[str, Row]:
    name = f"{quantity}{symbol}{sorted(when.items())}"
    return "fills", fill(name, quantity, usd, later(**when), symbol=symbol)


def marks(usd: str, **when: float) -> tuple[str, Row]:
    return "prices", price("", usd, later(**when))


def becomes(kind: str, **when: float) -> tuple[str, Row]:
    return "accounts", account("", kind, later(**when))


Told = list[tuple[str, Row]]


def lived(folder: Path, stories: dict[str, Told]) -> Firm:
    """One firm that lives through every story, each with an account and a stock of its name."""
    feeds: dict[str, list[Row]] = {}
    for name, told in stories.items():
        start: Told = [becomes("reg_t"), ("instruments", instrument("")), marks("100")]
        start[1][1]["event_time"] = start[0][1]["event_time"]
        for feed, row in [*start, *told]:
            mine = {"account_id": name, "symbol": row.get("symbol") or name}
            mine |= {key: name + row[key] for key in ("fill_id", "movement_id") if key in row}
            own = {key: value for key, value in mine.items() if key in row}
            feeds.setdefault(feed, []).append(row | own)
    firm = Firm(folder)
    firm.cycle(LANDED, **feeds)
    return firm


def of(firm: Firm, table: str, name: str) -> list[Row]:
    return firm.table(table).filter(pl.col("account_id") == name).to_dicts()


def cycle(firm: Firm, rows: Iterable[tuple[datetime, str, Row]]) -> None:
    feeds: dict[str, list[Row]] = {}
    for _, feed, row in rows:
        feeds.setdefault(feed, []).append(row)
    firm.cycle(LANDED, **feeds)
