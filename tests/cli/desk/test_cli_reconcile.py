"""The firm's own books against ours: what differs, since when, and what it is worth."""

from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from margin_assets.checks.consistency import breaks_result
from margin_assets.desk.reconciliation import breaks_on, known_of
from margin_assets.kernels.history.breaks import breaks_at
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.store import Lake
from margin_assets.live.past.replay import replay
from tests.support.live_driver import (
    Firm,
    Row,
    at,
    cash,
    fill,
    instrument,
    opening,
    price,
    text,
)
from tests.support.margin_command import Margin, place

MONDAY, TUESDAY, THURSDAY = (at(days=n).date() for n in (0, 1, 3))


def held(account: str, symbol: str, quantity: int, day: object = MONDAY) -> Row:
    row: Row = {"account_id": account, "symbol": symbol, "quantity": Decimal(quantity)}
    return row | {"as_of": str(day)}


def balance(account: str, usd: str, day: object = MONDAY) -> Row:
    return {"account_id": account, "cash": Decimal(usd), "as_of": str(day)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A holds 100 X, B is short 50, C has cash; the firm differs on two days."""
    place = tmp_path_factory.mktemp("reconciled")
    firm = Firm(place)
    firm.run(
        **opening("A", "B", "C"),
        cash_movements=[cash("a", "A", "20000"), cash("b", "B", "20000"), cash("c", "C", "500")],
        fills=[fill("F1", "100", "100"), fill("F2", "-50", "100", account_id="B")],
    )
    before = firm.state()
    monday = [held("A", "X", 100), balance("A", "10000"), held("B", "X", -60)]
    firm.run(stock_record=[*monday, balance("B", "25000"), held("D", "X", 10)])
    assert firm.state() == before
    firm.restart()
    firm.run(
        prices=[price("X", "100", at(days=1))],
        stock_record=[
            held("A", "X", 80, TUESDAY),
            held("A", "X", 90, TUESDAY),
            balance("A", "10000.25", TUESDAY),
            held("B", "X", -60, TUESDAY),
            balance("C", "500", TUESDAY),
        ],
    )
    firm.run(
        prices=[price("X", "100", at(days=3))],
        stock_record=[
            held("A", "X", 100, THURSDAY),
            balance("A", "10000", THURSDAY),
            held("B", "X", -60, THURSDAY),
            balance("B", "25000", THURSDAY),
            balance("C", "500", THURSDAY),
        ],
    )
    return place


def reconciled(margin: Margin, folder: Path, day: object) -> tuple[int, list[tuple[Any, ...]]]:
    said = margin("reconcile", "--as-of", day, *place(folder), "--json")
    names = ("account_id", "kind", "ours", "theirs")
    amounts = ("market_value", "requirement_change", "excess_change", "age")
    return said.code, [tuple(r[n] for n in (*names, *amounts)) for r in said.document["breaks"]]


def test_each_difference_is_worth_what_it_changes(margin: Margin, folder: Path) -> None:
    # Short 60 at 100 needs 30% of it; long 90 needs 25%. The later row of a day stands.
    assert reconciled(margin, folder, TUESDAY) == (
        1,
        [
            ("B", "quantity", -50, -60, -1000, 300, -1300, 1),
            ("A", "quantity", 100, 90, -1000, -250, -750, 0),
            ("A", "cash", 10000, 10000.25, 0.25, 0, 0.25, 0),
        ],
    )


def test_an_account_on_one_side_only_is_named(margin: Margin, folder: Path) -> None:
    assert reconciled(margin, folder, MONDAY) == (
        1,
        [
            ("B", "quantity", -50, -60, -1000, 300, -1300, 0),
            ("C", "account_missing", 0, 0, 0, 0, 0, 0),
            ("D", "account_unknown", 0, 10, 1000, 250, 750, 0),
        ],
    )


def test_a_day_without_a_record_is_refused(margin: Margin, folder: Path) -> None:
    said = margin("reconcile", "--as-of", "2020-03-11", *place(folder))

    assert said.code == 1
    assert said.err == (
        "margin: no stock_record of 2020-03-11 has landed; the last is of 2020-03-12\n"
    )


def test_books_that_agree_end_well(margin: Margin, tmp_path: Path) -> None:
    firm = Firm(tmp_path)
    firm.run(**opening("A"), cash_movements=[cash("a", "A", "20000")], fills=[fill("F1", "9", "9")])
    firm.run(stock_record=[held("A", "X", 9), balance("A", "19919")])
    said = margin("reconcile", "--as-of", MONDAY, *place(tmp_path))

    assert (said.code, said.err) == (0, f"no breaks on {MONDAY}\n")


def test_everybody_has_the_default_of_a_merger_and_another_election_is_a_break(tmp_path: Path):
    firm = Firm(tmp_path)
    merger = {"action_id": "M", "symbol": "X", "kind": "merger", "effective_on": str(TUESDAY)}
    merger |= {"to_symbol": "Y", "new_units": 1, "per_units": 2, "cash_amount": 10}
    merger |= {"fractions": "cash", "fraction_price": 80, "event_time": text(at())}
    firm.run(
        **opening("A", "B") | {"instruments": [instrument("X"), instrument("Y")]},
        cash_movements=[cash("a", "A", "20000"), cash("b", "B", "20000")],
        fills=[fill("F1", "101", "100"), fill("F2", "-100", "100", account_id="B")],
        corporate_actions=[merger],
    )
    # A took 50 a share in cash.
    firm.run(
        prices=[price("Y", "80", at(days=1))],
        stock_record=[
            balance("A", "14950", TUESDAY),
            held("B", "Y", -50, TUESDAY),
            balance("B", "29000", TUESDAY),
        ],
    )

    # 101 are 50 of Y, half a one at 80, and 1,010; 100 short owe 50 of Y and 1,000.
    assert firm.position("Y", "A") == (50, 9_900 + 40 + 1_010)
    assert firm.position("Y", "B") == (-50, 30_000 - 1_000)
    tables = SealedTables(firm.lake, firm.session.ledger.last_sealed())
    found = breaks_on(tables, TUESDAY).select("account_id", "kind", "symbol", "ours", "theirs")
    assert sorted(found.rows()) == [
        ("A", "cash", None, 10_950, 14_950),
        ("A", "quantity", "Y", 50, 0),
    ]


def test_the_record_is_replayed_and_creates_nobody(folder: Path) -> None:
    lake = Lake(str(folder / "lake"))
    report = replay(lake)

    assert (report.cycles, report.difference) == (4, None)
    assert "D" not in lake.scan("account_state").collect()["account_id"].to_list()


def test_the_check_counts_breaks_by_value(folder: Path) -> None:
    lake = Lake(str(folder / "lake"))
    tables = SealedTables(lake, Ledger(lake).last_sealed())
    found = breaks_result({"breaks": breaks_on(tables, TUESDAY)})

    told = {name: value.value for name, value in found.metadata.items()}
    assert not found.passed
    assert told == {
        "breaks": 3,
        "market_value": 2000.25,
        "requirement_change": 550.0,
        "excess_change": 2050.25,
        "unpriced": 0,
        "oldest": 1,
    }
    nothing = breaks_on(tables, TUESDAY).clear()
    assert breaks_result({"breaks": nothing}).passed


def test_what_has_no_price_is_worth_nobody_knows_what(margin: Margin, tmp_path: Path) -> None:
    """Y was bought and never quoted: its fill marks it. Nothing was ever paid for Z."""
    firm = Firm(tmp_path)
    bought = fill("y", "5", "40", symbol="Y")
    firm.run(
        **opening("A") | {"instruments": [instrument("X"), instrument("Y"), instrument("Z")]},
        cash_movements=[cash("a", "A", "20000")],
        fills=[fill("x", "100", "100"), bought],
    )
    firm.run(
        stock_record=[
            held("A", "X", 90),
            held("A", "Y", 7),
            held("A", "Z", 1),
            balance("A", "9800"),
        ]
    )

    said = margin("reconcile", "--as-of", MONDAY, *place(tmp_path), "--json")

    worth = {row["symbol"]: row["market_value"] for row in said.document["breaks"]}
    assert worth == {"X": -1000, "Y": 80, "Z": None}
    totals = said.document["totals"]
    assert (totals["breaks"], totals["gross_value"], totals["unpriced"]) == (3, 1080, 1)
    lake = Lake(str(tmp_path / "lake"))
    breaks = breaks_on(SealedTables(lake, Ledger(lake).last_sealed()), MONDAY)
    found = breaks_result({"breaks": breaks}).metadata
    assert (found["market_value"].value, found["unpriced"].value) == (1080.0, 1)


def test_a_record_that_agrees_ends_the_breaks_of_its_account(margin: Margin, folder: Path) -> None:
    lake = Lake(str(folder / "lake"))
    tables = SealedTables(lake, Ledger(lake).last_sealed())
    close = datetime.combine(THURSDAY, time(20), UTC)
    closes = pl.DataFrame({"business_date": [THURSDAY], "as_of": [int(close.timestamp() * 1e6)]})

    rows = breaks_at(known_of(tables), closes)

    # B has differed since Monday; C is right, and was.
    found = rows.select("account_id", "kind", "first_seen", "age").rows()
    assert found == [("B", "quantity", MONDAY, 3), ("A", "agreed", THURSDAY, 0)]
    assert breaks_result({"breaks": rows}).metadata["breaks"].value == 1
    assert not breaks_result({"breaks": rows}).passed
    code, told = reconciled(margin, folder, THURSDAY)
    assert (code, [row[:2] for row in told]) == (1, [("B", "quantity")])


@pytest.mark.parametrize(
    "row",
    [
        {"account_id": "A", "as_of": str(MONDAY)},
        {"account_id": "A", "symbol": "X", "cash": 5, "as_of": str(MONDAY)},
    ],
)
def test_a_row_of_neither_or_of_both_is_quarantined(row: Row, tmp_path: Path) -> None:
    firm = Firm(tmp_path)
    firm.run(stock_record=[row])
    assert firm.reasons() == ["symbol_or_cash"]
