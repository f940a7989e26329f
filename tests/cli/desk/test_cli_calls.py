"""Margin calls on the command line."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.live_driver import (
    NOON,
    Firm,
    account,
    at,
    cash,
    fill,
    instrument,
    opening,
    price,
    text,
)
from tests.support.margin_command import Margin, landed, live, place

LATER = text(at(60, hours=2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two accounts in call since a minute after noon of 9 March 2020."""
    folder = tmp_path_factory.mktemp("calls")
    firm = Firm(folder)
    rows = opening("A", "B")
    rows["cash_movements"] = [cash(name, name, "60000") for name in ("A", "B")]
    rows["fills"] = [fill(name, "1000", "100", account_id=name) for name in ("A", "B")]
    firm.run(**rows)
    firm.run(prices=[price("X", "50", at(60))])
    firm.run(cash_movements=[cash("d", "B", "2500", at(120))])
    return folder


def test_open_calls_are_listed(margin: Margin, folder: Path):
    (row,) = margin("calls", "list", "--json", *place(folder)).document

    assert (row["account_id"], row["call_type"], row["amount"]) == ("A", "maintenance", 2500)
    assert row["due_at"] == "2020-03-09T16:31:00Z"
    assert len(margin("calls", "list", "--all", "--json", *place(folder)).document) == 2
    assert "1 calls, 2,500.00 USD owed" in margin("calls", "list", *place(folder)).err


@pytest.mark.parametrize(
    ("day", "count"), [("today", 1), ("2020-03-09", 1), ("2020-03-08", 0), ("2020-03-31", 1)]
)
def test_calls_due_by_a_day(margin: Margin, folder: Path, day: str, count: int):
    found = margin("calls", "list", "--due", day, "--json", *place(folder)).document

    assert len(found) == count


def test_a_call_is_shown_with_its_life(margin: Margin, folder: Path):
    listed = margin("calls", "list", "--account", "B", "--all", "--json", *place(folder)).document
    shown = margin("calls", "show", listed[0]["call_id"][:10], "--json", *place(folder)).document

    assert [version["change"] for version in shown["versions"]] == ["opened", "met"]
    assert shown["call"]["met_by_deposits"] == 2500
    assert (
        "FINRA Rule 4210(c), (f)(6)"
        in margin("calls", "show", listed[0]["call_id"], *place(folder)).out
    )


def test_a_call_is_extended_by_an_act_that_lands(margin: Margin, tmp_path: Path):
    firm = Firm(tmp_path)
    rows = opening("A")
    rows["cash_movements"], rows["fills"] = [cash("c", "A", "60000")], [fill("f", "1000", "100")]
    firm.run(**rows)
    firm.run(prices=[price("X", "50", at(60))])
    (call,) = margin("calls", "list", "--json", *place(tmp_path)).document
    how = ("--until", LATER, "--reason", "wired", "--as", "mary", "--json")
    said = margin("calls", "extend", call["call_id"], *how, *landed(tmp_path))

    row = json.loads(Path(said.document["path"]).read_text())
    # The lake lives in the past: the act does not move it on to today.
    assert row["event_time"] == "2020-03-09T16:01:01+00:00"
    live(margin, tmp_path)
    (now,) = margin("calls", "list", "--json", *place(tmp_path)).document
    assert (now["state"], now["extended_by"], now["due_at"]) == ("extended", "mary", LATER_Z)
    story = margin("explain", "A", "--json", *place(tmp_path)).document
    (act,) = story["calls"][0]["acts"]
    assert (act["actor"], act["outcome"], act["reason"]) == ("mary", "done", "wired")


LATER_Z = "2020-03-09T18:01:00Z"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--until", "2020-06-01"], "is after 2020-03-31T00:00:00Z, the latest its rule"),
        (["--until", "2020-13-01"], "'2020-13-01' is no date"),
        (["--until", "3000-01-01"], "the calendar does not reach to 3000-01-01"),
    ],
)
def test_what_the_rule_does_not_allow_does_not_land(
    margin: Margin, folder: Path, arguments: list[str], why: str
):
    (call,) = margin("calls", "list", "--json", *place(folder)).document
    said = margin("calls", "extend", call["call_id"], *arguments, "--reason", "r", *landed(folder))

    assert said.code in (1, 2)
    assert why in said.err
    assert not (folder / "landing" / "desk_actions").exists()


def test_an_id_must_name_one_call(margin: Margin, folder: Path):
    assert (
        "no call has an id that starts with 'zz'"
        in margin("calls", "show", "zz", *place(folder)).err
    )
    assert "several calls have" in margin("calls", "show", "", *place(folder)).err
    late = ["--until", text(NOON + timedelta(days=1)), "--reason", "r"]
    ended = margin("calls", "list", "--account", "B", "--all", "--json", *place(folder)).document
    said = margin("calls", "extend", ended[0]["call_id"], *late, *landed(folder))
    assert "is met" in said.err


def test_frozen_cash_accounts_are_listed(margin: Margin, tmp_path: Path):
    """Bought on Monday with 200 of 1,000 paid, sold on Tuesday: 90 days, 12 CFR 220.8(c)."""
    firm, tuesday = Firm(tmp_path), at(days=1)
    firm.run(
        accounts=[account("C", "cash")],
        instruments=[instrument("X")],
        cash_movements=[cash("c", "C", "200")],
        fills=[fill("c", "10", "100", account_id="C")],
        prices=[price("X", "100")],
    )
    sold = [fill("c-", "-10", "100", tuesday, account_id="C")]
    firm.run(fills=sold, prices=[price("X", "100", tuesday)])

    (row,) = margin("calls", "frozen", "--json", *place(tmp_path)).document
    assert (row["account_id"], row["unpaid"], row["settled_funds"]) == ("C", 800, 0)
    # T+2 in 2020, and two business days more.
    assert (row["frozen_until"], row["due_on"]) == ("2020-06-08", "2020-03-13")
    assert "1 purchases sold" in margin("calls", "frozen", *place(tmp_path)).err
    told = margin("explain", "C", *place(tmp_path)).out
    assert "frozen until 2020-06-08, 12 CFR 220.8(c): it buys with settled cash alone, 0.00" in told
