"""The freeze of a cash account that sold before it had paid, 12 CFR 220.8(c), as sealed rows."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from margin_assets.lake.sql.sql import query
from margin_assets.live.session import planning
from margin_assets.rulebooks import installed
from tests.support.live_driver import (
    Firm,
    Row,
    account,
    assert_a_process_takes_over,
    at,
    cash,
    fill,
    instrument,
    price,
)

Told = list[dict[str, list[Row]]]
# Bought on Monday 9 March 2020 with 200 of 1,000 paid, sold on Tuesday: the payment period ends
# on Friday the 13th, T+2 and two business days more; 90 days from the 10th end on 8 June.
NAMES = ("late", "paid", "took", "full")
STORY: Told = [
    {
        "accounts": [account(name, "cash") for name in NAMES],
        "instruments": [instrument("X")],
        "cash_movements": [cash(name, name, "1000" if name == "full" else "200") for name in NAMES],
        "fills": [fill(name, "10", "100", account_id=name) for name in NAMES],
        "prices": [price("X", "100")],
    },
    {"fills": [fill(f"{n}-", "-10", "100", at(days=1), account_id=n) for n in NAMES]},
    # Other funds pay in time, the whole of it; who took the proceeds first stays frozen.
    {
        "cash_movements": [
            cash("took-", "took", "-200", at(days=3), "withdrawal"),
            cash("took+", "took", "1000", at(days=3, hours=2)),
            cash("paid+", "paid", "800", at(days=3, hours=1)),
        ]
    },
    {"cash_movements": [cash("late+", "late", "800", at(days=14))]},
    {"prices": [price("X", "101", at(days=90))]},
    {"prices": [price("X", "102", at(days=93))]},
]
OPENED = datetime(2020, 3, 11, 0, 0, tzinfo=UTC)
DUE = datetime(2020, 3, 14, 0, 0, tzinfo=UTC)
FREE = datetime(2020, 6, 9, 4, 0, tzinfo=UTC)


def lives(firm: Firm, name: str) -> list[tuple[object, ...]]:
    rows = firm.table("margin_calls").filter(account_id=name, call_type="free_riding")
    columns = ("change", "state", "is_open", "amount", "consequence", "consequence_until")
    return rows.sort("version").select(columns).rows()


@pytest.fixture(scope="module")
def day_by_day(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    firm = Firm(tmp_path_factory.mktemp("days"))
    for n, feeds in enumerate(STORY):
        firm.run(**feeds)
        if n % 2:
            firm.restart()
    return firm


def test_a_freeze_begins_with_the_day_of_the_sale_and_ends_by_time(day_by_day: Firm):
    owed, nothing = Decimal("800.00"), Decimal("0.00")
    begun = ("opened", "open", True, owed, "cash_in_advance", FREE)
    over = ("expired", "expired", True, owed, "cash_in_advance", FREE)

    assert lives(day_by_day, "late") == [
        begun,
        over,
        ("expired", "expired", False, nothing, "none", None),
    ]
    assert lives(day_by_day, "full") == []
    rows = day_by_day.table("margin_calls").filter(
        account_id="late", call_type="free_riding", version=1
    )
    assert rows["changed_at"].to_list() == [OPENED]
    assert rows["legal_due_at"].to_list() == [DUE]


def test_it_does_not_apply_where_other_funds_pay_in_time(day_by_day: Firm):
    """220.8(c)(2)(i), unless the proceeds were withdrawn before."""
    assert [row[:2] for row in lives(day_by_day, "paid")] == [("opened", "open"), ("met", "met")]
    assert [row[:3] for row in lives(day_by_day, "took")] == [
        ("opened", "open", True),
        ("expired", "expired", True),
        ("expired", "expired", False),
    ]


def test_however_it_is_cut_the_same_is_sealed(day_by_day: Firm, tmp_path: Path):
    whole: dict[str, list[Row]] = {}
    for feeds in STORY:
        for feed, rows in feeds.items():
            whole.setdefault(feed, []).extend(rows)
    once = Firm(tmp_path)
    once.run(**whole)

    def told(firm: Firm) -> pl.DataFrame:
        return firm.table("margin_calls").drop("cycle").sort("call_id", "version")

    assert told(once).equals(told(day_by_day))
    assert_a_process_takes_over(once)


def test_it_is_seen_among_the_accounts_until_it_ends(tmp_path: Path):
    firm = Firm(tmp_path)
    for feeds in STORY[:4]:
        firm.run(**feeds)
    asked = "SELECT account_id, open_calls, called, next_deadline, consequences FROM accounts_now"
    sealed = firm.session.ledger.last_sealed()
    assert sealed is not None
    rows = query(firm.lake, f"{asked} ORDER BY account_id", sealed.table_versions).rows()

    frozen = (1, Decimal("0.00"), None, "cash_in_advance")
    assert [row[1:] for row in rows] == [
        (0, Decimal("0.00"), None, None),
        frozen,
        (0, Decimal("0.00"), None, None),
        frozen,
    ]


def test_a_plan_from_before_knows_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    without = {name: dates for name, dates in installed().items() if name != "cash_account"}
    monkeypatch.setattr(planning, "installed", lambda: without)
    firm = Firm(tmp_path)
    for feeds in STORY[:4]:
        firm.run(**feeds)

    assert lives(firm, "late") == []
