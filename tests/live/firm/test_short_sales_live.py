"""What short stock was sold at, and what a short sale against a long call opens with."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl

from margin_assets.assets.partitions import closes
from margin_assets.calendar import calendar
from margin_assets.kernels.history import history
from tests.support.live_driver import (
    Firm,
    Row,
    account,
    cash,
    everything_landed,
    fill,
    instrument,
    price,
)

MONDAY = datetime(2024, 6, 3, 14, 0, tzinfo=UTC)
LANDED = datetime(2026, 7, 2, 1, 1, tzinfo=UTC)
Trade = tuple[str, str, str, str | None]
"""Id, quantity, price, and what it corrects."""
# Opening sales and what they brought, by hand.
STORIES: dict[str, tuple[list[Trade], tuple[int, int] | None]] = {
    "once": ([("a", "-100", "47", None)], (100, 4700)),
    "twice": ([("a", "-100", "100", None), ("b", "-100", "80", None)], (200, 18_000)),
    "partly covered": (
        [("a", "-100", "100", None), ("b", "50", "90", None), ("c", "-50", "70", None)],
        (150, 13_500),
    ),
    "again": (
        [("a", "-100", "100", None), ("b", "100", "90", None), ("c", "-50", "70", None)],
        (50, 3500),
    ),
    "through zero": ([("a", "40", "50", None), ("b", "-100", "90", None)], (60, 5400)),
    "bust of a sale": (
        [("a", "-100", "100", None), ("b", "-100", "80", None), ("c", "0", "100", "a")],
        (100, 8000),
    ),
    "other price": ([("a", "-100", "100", None), ("b", "-100", "95.5", "a")], (100, 9550)),
    "other price of one that closed too": (
        [("a", "100", "50", None), ("b", "-300", "90", None), ("c", "-300", "80", "b")],
        (200, 16_000),
    ),
    "bust of the cover": (
        [("a", "-100", "100", None), ("b", "100", "90", None), ("c", "0", "90", "b")],
        (100, 10_000),
    ),
    # The purchase stands alone then: 100 of the later 200 close it.
    "bust of a sale covered long ago": (
        [
            ("a", "-100", "60", None),
            ("b", "100", "55", None),
            ("c", "-200", "50", None),
            ("d", "0", "60", "a"),
        ],
        (100, 5000),
    ),
    "bust of a bust": (
        [("a", "-100", "60", None), ("b", "0", "60", "a"), ("c", "-100", "61", "b")],
        (100, 6100),
    ),
    "long": ([("a", "-100", "60", None), ("b", "150", "55", None)], None),
}


def rows_of(name: str, trades: list[Trade], start: datetime = MONDAY) -> list[Row]:
    found = []
    for n, (own, quantity, usd, corrects) in enumerate(trades):
        place = {"account_id": name, "corrects": corrects and f"{name} {corrects}"}
        when = start + timedelta(minutes=n + 1)
        found.append(fill(f"{name} {own}", quantity, usd, when, **place))
    return found


def begun(firm: Firm) -> None:
    known = {"accounts": [account(name, when=MONDAY) for name in STORIES]}
    known |= {"instruments": [instrument("X", MONDAY)], "prices": [price("X", "75", MONDAY)]}
    firm.cycle(LANDED, **known)


def sales(positions: pl.DataFrame) -> dict[str, tuple[int, int] | None]:
    named = positions.select("account_id", "sale_quantity", "sale_proceeds").rows()
    return {name: None if units is None else (units, usd) for name, units, usd in named}


EXPECTED = {name: told for name, (_, told) in STORIES.items()}


def test_what_short_stock_was_sold_at(tmp_path: Path):
    whole, parts = Firm(tmp_path / "whole"), Firm(tmp_path / "parts")
    fills = {name: rows_of(name, trades) for name, (trades, _) in STORIES.items()}
    begun(whole)
    whole.cycle(LANDED, fills=[row for rows in fills.values() for row in rows])
    begun(parts)
    for n in range(max(map(len, fills.values()))):
        parts.cycle(LANDED, fills=[rows[n] for rows in fills.values() if n < len(rows)])
        parts.restart()
    days = closes(["2024-06-03"])
    daily = history.positions_at(everything_landed(whole)[0], days, calendar().times)

    assert sales(whole.table("positions")) == EXPECTED
    assert sales(parts.table("positions")) == EXPECTED
    assert sales(daily) == EXPECTED


CALL: Row = {"asset_class": "option", "underlying": "X", "right": "call", "style": "american"}
CALL |= {"strike": 40, "expiry": "2026-10-16", "multiplier": 100}


def test_a_short_sale_against_a_call_is_not_called(tmp_path: Path):
    """Public report, McMillan's short sale: 2,400 paid in, a call bought at 8, 100 sold at 47."""
    firm, day = Firm(tmp_path), datetime(2026, 7, 1, 14, tzinfo=UTC)
    minute, close = timedelta(minutes=1), day + timedelta(hours=11)
    firm.cycle(
        LANDED,
        accounts=[account("A", when=day - timedelta(days=1))],
        instruments=[instrument("X", day), instrument("XC40", day, **CALL)],
        cash_movements=[cash("m", "A", "2400", day)],
        fills=[
            fill("f2", "1", "8", day + minute, symbol="XC40"),
            fill("f3", "-100", "47", day + 2 * minute),
        ],
        prices=[
            price("X", "47", day + minute),
            price("XC40", "8", day + minute),
            price("X", "47", close),
        ],
    )

    assert firm.rows("special_memorandum_accounts", "sma", "open_calls") == [(1600, 0)]
    assert firm.table("reg_t_calls").height == 0
    # The call's cost and 10% of its strike, as carrying them takes.
    assert firm.rows("margin_summary", "initial_requirement") == [(Decimal(1200),)]
