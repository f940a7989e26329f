from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from tests.support.live_driver import (
    CYCLE_TABLES,
    Firm,
    Row,
    account,
    cash,
    fill,
    instrument,
    price,
)

TEN = datetime(2026, 6, 8, 14, 0, tzinfo=UTC)
"""Ten o'clock in New York on a Monday, four days after the rule took effect."""


def later(**more: float) -> datetime:
    return TEN + timedelta(**more)


def day_of_trading(*trades: Row, kind: str = "reg_t") -> dict[str, list[Row]]:
    return {
        "accounts": [account("A", kind, TEN)],
        "instruments": [instrument("X", TEN)],
        "prices": [price("X", "60", TEN)],
        "cash_movements": [cash("C1", "A", "10000", TEN)],
        "fills": list(trades),
    }


LANDED = later(days=120)
BOUGHT = fill("F1", "1000", "60", later(minutes=1))
SOLD = fill("F2", "-1000", "60", later(hours=5))


def deficits(firm: Firm) -> list[Row]:
    table = firm.table("intraday_deficits").sort("account_id", "deficit_date")
    return table.select("amount", "status", "is_de_minimis", "credited").to_dicts()


def test_deficit_survives_the_liquidation_of_the_same_day(tmp_path: Path):
    firm = Firm(tmp_path)

    firm.cycle(LANDED, **day_of_trading(BOUGHT, SOLD))

    assert deficits(firm) == [
        {"amount": 5000, "status": "open", "is_de_minimis": False, "credited": 0}
    ]


@pytest.mark.parametrize(
    ("kind", "amounts"),
    [
        pytest.param("reg_t", [5000], id="a margin account"),
        pytest.param("portfolio_margin", [], id="portfolio margin needs 9,000 of its 10,000"),
        pytest.param("cash", [], id="not a cash account"),
    ],
)
def test_who_is_measured(tmp_path: Path, kind: str, amounts: list[int]):
    firm = Firm(tmp_path)

    firm.cycle(LANDED, **day_of_trading(BOUGHT, kind=kind))

    assert [row["amount"] for row in deficits(firm)] == amounts


def test_trades_of_one_instant_count_in_the_worst_order(tmp_path: Path):
    firm = Firm(tmp_path)
    sold = SOLD | {"event_time": BOUGHT["event_time"]}

    firm.cycle(LANDED, **day_of_trading(sold, BOUGHT))

    assert [row["amount"] for row in deficits(firm)] == [5000]


def test_trades_of_one_second_in_order_of_their_times(tmp_path: Path):
    firm = Firm(tmp_path)
    first = fill("F1", "600", "60", later(seconds=60.1))
    sold = fill("F2", "-600", "60", later(seconds=60.2))
    again = fill("F3", "700", "60", later(seconds=60.3))

    firm.cycle(LANDED, **day_of_trading(first, sold, again))

    # 700 x 60 x 25% = 10,500 against 10,000: never both at once.
    assert [row["amount"] for row in deficits(firm)] == [500]


def test_deposit_of_the_next_day_satisfies(tmp_path: Path):
    firm = Firm(tmp_path)
    rows = day_of_trading(BOUGHT, SOLD)
    rows["cash_movements"].append(cash("C2", "A", "5000", later(days=1)))
    rows["prices"].append(price("X", "60", later(days=2)))

    firm.cycle(LANDED, **rows)

    assert [(row["status"], row["credited"]) for row in deficits(firm)] == [("satisfied", 5000)]


def test_deficit_expires_after_the_fifteenth_business_day(tmp_path: Path):
    firm = Firm(tmp_path)
    rows = day_of_trading(BOUGHT, SOLD)
    # Juneteenth lies between: 8 June plus fifteen business days is 30 June.
    rows["prices"].append(price("X", "60", datetime(2026, 6, 30, 19, tzinfo=UTC)))
    firm.cycle(LANDED, **rows)
    assert [row["status"] for row in deficits(firm)] == ["open"]

    firm.cycle(LANDED, prices=[price("X", "60", datetime(2026, 7, 1, 14, tzinfo=UTC))])

    assert [row["status"] for row in deficits(firm)] == ["expired"]


def test_batches_and_restarts_change_no_table(tmp_path: Path):
    rows = day_of_trading(BOUGHT, SOLD)
    rows["cash_movements"].append(cash("C2", "A", "5000", later(days=1)))
    rows["prices"].append(price("X", "60", later(days=2)))
    whole, parts = Firm(tmp_path / "whole"), Firm(tmp_path / "parts")
    whole.cycle(LANDED, **rows)
    events = [(row["event_time"], feed, row) for feed, many in rows.items() for row in many]

    for _, feed, row in sorted(events, key=lambda event: (event[0], event[1])):
        parts.cycle(LANDED, **{feed: [row]})
        parts.restart()

    for name in ("intraday_deficits", "intraday_state", "account_state", "positions"):
        assert name in CYCLE_TABLES
        one, other = (firm.table(name).drop("cycle") for firm in (whole, parts))
        assert one.drop("as_of").equals(other.drop("as_of")), name


def test_account_may_switch_later_within_the_phase_in(tmp_path: Path):
    firm = Firm(tmp_path)
    rows = day_of_trading(BOUGHT)
    rows["accounts"] = [account("A", "reg_t", TEN) | {"intraday_margin_from": "2026-09-01"}]

    firm.cycle(LANDED, **rows)

    assert deficits(firm) == []
    assert firm.table("intraday_state").filter(pl.col("open_deficits") > 0).is_empty()
