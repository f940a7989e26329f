"""GOOG's weekly options of 31 December 2015 end. MARGIN_MARKET_DATA names the folder of prices."""

import csv
import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tests.support.live_driver import Firm, account, cash, instrument, price
from tests.support.live_driver import fill as filled
from tests.support.option_books import option

FOLDER = os.environ.get("MARGIN_MARKET_DATA")
OPENED = datetime(2015, 12, 24, 17, tzinfo=UTC)
LANDED = datetime(2016, 6, 1, tzinfo=UTC)


def chain(folder: Path) -> list[tuple[str, str, Decimal, str]]:
    """Contracts near the money: symbol, right, strike and quoted close."""
    with (folder / "goog_option_chain_eod_file_20151224.csv").open() as rows:
        contracts = [row for row in csv.reader(rows) if row[0] == "20151231"]
    return [
        (f"GOOG {day[2:]}{right}{strike}", right, Decimal(strike), row[6])
        for row in contracts
        for day, strike, right in [row[:3]]
        if 742 <= Decimal(strike) <= 775 and Decimal(row[6]) > 0
    ]


def closes(folder: Path) -> list[tuple[datetime, str]]:
    days = pl.read_parquet(folder / "us_equity_daily_raw_1998_2021.parquet").filter(
        pl.col("symbol") == "GOOG", pl.col("date").cast(pl.String).str.slice(0, 7) >= "2015-12"
    )
    found = {str(row["date"])[:10]: f"{row['close']:.2f}" for row in days.to_dicts()}
    wanted = ("2015-12-24", "2015-12-28", "2015-12-29", "2015-12-30", "2015-12-31", "2016-01-04")
    hours = (18, 21, 21, 21, 21, 21)
    days_at = [datetime.fromisoformat(day).replace(tzinfo=UTC) for day in wanted]
    return [(d.replace(hour=h), found[w]) for d, h, w in zip(days_at, hours, wanted, strict=True)]


@pytest.mark.skipif(FOLDER is None, reason="MARGIN_MARKET_DATA names no folder")
def test_goog_on_the_last_day_of_2015(tmp_path: Path):
    folder, firm = Path(FOLDER or ""), Firm(tmp_path)
    listed, days = chain(folder), closes(folder)
    assert dict(days)[datetime(2015, 12, 31, 21, tzinfo=UTC)] == "758.88"
    quotes = [price(symbol, usd, OPENED) for symbol, _, _, usd in listed]
    firm.cycle(
        LANDED,
        accounts=[account("LONG", when=OPENED), account("SHORT", when=OPENED)],
        cash_movements=[cash(f"m{who}", who, "5000000", OPENED) for who in ("LONG", "SHORT")],
        instruments=[instrument("GOOG", OPENED), *(option(row[0], OPENED) for row in listed)],
        prices=[price("GOOG", "748.40", OPENED), *quotes],
        fills=[
            filled(f"{who}{symbol}", sign + "1", usd, OPENED, account_id=who, symbol=symbol)
            for symbol, _, _, usd in listed
            for who, sign in (("LONG", ""), ("SHORT", "-"))
        ],
    )
    for when, usd in days:
        firm.cycle(LANDED, prices=[price("GOOG", usd, when)])

    close = Decimal("758.88")
    exercised = [
        (right, strike) for _, right, strike, _ in listed if _gap(right, strike, close) > 0
    ]
    paid = sum(Decimal(usd) * 100 for *_, usd in listed)
    assert 0 < len(exercised) < len(listed)
    shares = sum(100 if right == "C" else -100 for right, _ in exercised)
    cost = sum((100 if right == "C" else -100) * strike for right, strike in exercised)
    assert firm.position("GOOG", "LONG") == (shares, 5_000_000 - paid - cost)
    assert firm.position("GOOG", "SHORT") == (-shares, 5_000_000 + paid + cost)
    rows = firm.table("settlements")
    assert (rows.height, rows["settled_by_rule"].all()) == (2 * len(listed), True)
    assert set(rows["settlement_value"]) == {close}


def _gap(right: str, strike: Decimal, close: Decimal) -> Decimal:
    return close - strike if right == "C" else strike - close
