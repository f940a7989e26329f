"""Accounts at a glance: the verb and the view, against the tables that they join."""

import shutil
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from margin_assets import open_lake
from margin_assets.cli.written import Format, write
from margin_assets.desk.calls import newest
from margin_assets.lake.store.store import Lake
from schemas.views import VIEWS
from tests.support.margin_command import Margin, place
from tests.support.mini_session import rows

TRAVEL = "2020-03-09T15:00:00Z"


def at(hour: int, minute: int) -> datetime:
    return datetime(2020, 3, 9, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize("cycle", [1, 6, 7, 11])
def test_the_view_says_what_the_tables_do(told: Path, cycle: int) -> None:
    lake = open_lake(str(told / "lake"), cycle=cycle)
    (row,) = lake.table("accounts_now").to_dicts()
    (summary,) = lake.table("margin_summary").to_dicts()
    (state,) = lake.table("enforcement_state").to_dicts()
    decided = lake.table("enforcement_decisions").filter(dimension="margin_status")
    calls = newest(lambda name: lake.table(name).lazy()).filter("is_open").collect()

    assert row["margin_status"] == state["margin_status"]
    assert (row["excess"], row["requirement"]) == (
        summary["excess"],
        summary["governing_requirement"],
    )
    assert (row["determinacy"], row["cheaper_method"]) == (
        summary["status"],
        summary["margin_method"],
    )
    assert row["since"] == decided["decided_at"].max()
    assert row["excess_share"] == float(summary["excess"]) / float(summary["gross_market_value"])
    assert row["open_calls"] == calls.height
    assert row["called"] == (calls["amount"].sum() or 0)
    assert row["next_deadline"] == calls["due_at"].min()
    assert pl.Schema(VIEWS["accounts_now"]) == lake.table("accounts_now").schema


def test_breaks_flag_their_account_with_the_last_close_that_had_any(
    told: Path, tmp_path: Path
) -> None:
    store = Lake(str(shutil.copytree(told / "lake", tmp_path / "lake")))
    (before,) = open_lake(store.uri).table("accounts_now").to_dicts()
    assert (before["breaks"], before["breaks_on"]) == (None, None)
    friday, monday, tuesday = date(2020, 3, 6), date(2020, 3, 9), date(2020, 3, 10)
    name = before["account_id"]
    days, symbols = [friday, friday, friday, monday, monday], ["X", "Y", None, "X", None]
    whose = {"account_id": [name] * 5}
    found = rows("daily/breaks", 5, business_date=days, symbol=symbols, **whose)
    store.replace_days("breaks", found, [friday, monday])

    (after,) = open_lake(store.uri).table("accounts_now").to_dicts()
    assert (after["breaks"], after["breaks_on"]) == (2, monday)

    ended = rows("daily/breaks", 1, business_date=[tuesday], kind=["agreed"], account_id=[name])
    store.replace_days("breaks", ended, [tuesday])
    (cleared,) = open_lake(store.uri).table("accounts_now").to_dicts()
    assert (cleared["breaks"], cleared["breaks_on"]) == (None, None)


def test_accounts_in_call_are_listed_with_their_deadline(margin: Margin, told: Path) -> None:
    (row,) = margin("accounts", "--in-call", "--as-of", TRAVEL, *place(told), "--json").document

    assert row["margin_status"] == "call"
    assert (row["since"], row["next_deadline"]) == ("2020-03-09T14:55:00Z", "2020-03-09T15:25:00Z")
    said = margin("accounts", "--as-of", TRAVEL, *place(told))
    assert "call, liquidation" not in said.out
    assert "2020-03-09T14:55:00Z" in said.out
    assert margin("accounts", "--in-call", *place(told), "--json").document == []


def test_the_view_is_a_table_to_sql(margin: Margin, told: Path) -> None:
    ask = ("sql", "--json", *place(told))

    assert {"table_name": "accounts_now"} in margin(*ask, "SHOW TABLES").document
    columns = margin(*ask, "DESCRIBE accounts_now").document
    assert [row["column_name"] for row in columns] == list(VIEWS["accounts_now"].columns())
    kind = "SELECT table_type FROM information_schema.tables WHERE table_name = 'accounts_now'"
    assert margin(*ask, kind).document == [{"table_type": "VIEW"}]
    joined = "SELECT a.excess - s.excess AS off FROM Accounts_Now a, margin_summary s"
    assert margin(*ask, joined).document == [{"off": 0}]


def test_a_workbook_has_instants_and_money_and_no_formula(tmp_path: Path) -> None:
    rows = pl.DataFrame(
        {
            "account": ["=1+1", "A"],
            "excess": [Decimal("-1234.50"), None],
            "since": [at(14, 55), None],
        },
        schema_overrides={"excess": pl.Decimal(38, 2), "since": pl.Datetime("us", "UTC")},
    )

    write(rows, Format.XLSX, tmp_path / "a.xlsx")

    found = pl.read_excel(tmp_path / "a.xlsx")
    assert found.columns == ["account", "excess", "since (UTC)"]
    assert found.row(0) == ("=1+1", -1234.5, at(14, 55).replace(tzinfo=None))


@pytest.mark.parametrize(
    ("verb", "file"), [(["accounts"], "accounts.xlsx"), (["sql", "SELECT 1 AS one"], "answer.xlsx")]
)
def test_a_form_of_bytes_makes_a_file_and_replaces_none_unasked(
    margin: Margin,
    told: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verb: list[str],
    file: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    said = margin(*verb, "--format", "xlsx", *place(told))
    again = margin(*verb, "--format", "xlsx", *place(told))

    assert said.err == f"1 rows in {file}\n"
    assert pl.read_excel(tmp_path / file).height == 1
    assert (again.code, again.out) == (2, "")
    assert f"{file} is there already: name a file by --output" in again.err
