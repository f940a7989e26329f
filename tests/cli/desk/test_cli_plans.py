"""Liquidation plans on the command line: from the fall of a price to the cured account."""

import json
from pathlib import Path
from typing import Any

import pytest

from margin_assets.desk import agent
from margin_assets.desk.acts import Act, Refused, Where, act_of, land_act
from margin_assets.desk.agent import Agent
from tests.support.live_driver import Firm, at, cash, fill, line, opening, price, text
from tests.support.margin_command import Margin, land, landed, live, place
from tests.support.stages import stage

BOOK = opening("A") | {
    "cash_movements": [cash("c", "A", "60000")],
    "fills": [fill("f", "1000", "100")],
}
LATE = text(at(minutes=85))


def called(folder: Path) -> Firm:
    """At 44: equity 4,000, requirement 11,000: 7,000 are missing, more than half of it."""
    firm = Firm(folder)
    firm.run(**BOOK)
    firm.run(prices=[price("X", "44", at(60))])
    return firm


@stage
def triggered(folder: Path) -> None:
    """An hour later it is to be liquidated."""
    called(folder).run(prices=[price("X", "44", at(60, minutes=61))])


def killed(_agent: Agent, _act: Act, _sealed: object) -> Path:
    raise KeyboardInterrupt


def works(margin: Margin, folder: Path) -> list[dict[str, Any]]:
    out = ["--outgoing", str(folder / "outgoing")]
    return margin("plans", "work", "--once", "--json", *landed(folder), *out).document


def listed(margin: Margin, folder: Path) -> list[dict[str, Any]]:
    return margin("plans", "list", "--all", "--json", *place(folder)).document


def acts(folder: Path) -> list[Path]:
    return sorted((folder / "landing" / "desk_actions").glob("*"))


def test_a_triggered_account_is_cured_by_a_plan_that_a_person_approved(
    margin: Margin, tmp_path: Path
):
    triggered(tmp_path)
    (done,) = works(margin, tmp_path)
    assert (done["kind"], done["account_id"]) == ("plan_propose", "A")
    assert works(margin, tmp_path) == [done]
    assert len(acts(tmp_path)) == 1

    live(margin, tmp_path)
    (plan,) = listed(margin, tmp_path)
    assert (plan["state"], plan["proposed_by"], plan["deficiency"]) == ("proposed", "planner", 7000)
    assert plan["is_of_liquidation"]
    margin("plans", "approve", plan["plan_id"][:10], "--as", "john", *landed(tmp_path))
    live(margin, tmp_path)
    (sent,) = works(margin, tmp_path)
    assert sent["kind"] == "plan_send"
    live(margin, tmp_path)
    (order,) = [json.loads(row) for row in Path(sent["note"]).read_text().splitlines()]
    # 7,000 / 0.25 / 44 is 636.4.
    assert (order["side"], order["symbol"], order["quantity"]) == ("sell", "X", "637")
    filled = fill("s", "-637", "44", at(minutes=70), order=order["order_id"])
    land(tmp_path, "fills/s.ndjson", line(filled))
    live(margin, tmp_path)

    shown = margin("plans", "show", plan["plan_id"], "--json", *place(tmp_path)).document
    assert [v["state"] for v in shown["versions"]] == ["proposed", "approved", "sent", "filled"]
    assert (shown["orders"][0]["state"], shown["orders"][0]["filled_quantity"]) == ("filled", 637)
    question = "SELECT margin_status, liquidation FROM enforcement_state"
    (now,) = margin("sql", question, "--json", *place(tmp_path)).document
    assert now["liquidation"] == "none"
    assert works(margin, tmp_path) == []
    assert_told(margin, tmp_path, plan["plan_id"])
    assert margin("replay", "--verify", *place(tmp_path)).code == 0


def assert_told(margin: Margin, folder: Path, plan: str) -> None:
    """The account's story has the plan, its orders, and who did what."""
    (told,) = margin("explain", "A", "--json", *place(folder)).document["plans"]
    assert [(act["kind"], act["actor"], act["outcome"]) for act in told["acts"]] == [
        ("plan_propose", "planner", "done"),
        ("plan_approve", "john", "done"),
        ("plan_send", "planner", "done"),
    ]
    assert len(told["versions"]) == len(told["orders"]) == 4
    assert f"liquidation plan {plan[:12]}" in margin("explain", "A", *place(folder)).out


def test_an_agent_that_is_killed_loses_nothing_and_sends_nothing_twice(
    margin: Margin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    approved(margin, tmp_path)
    with monkeypatch.context() as between:
        between.setattr(Agent, "_land", killed)
        out = ("--outgoing", str(tmp_path / "outgoing"))
        assert margin("plans", "send", *landed(tmp_path), *out).code != 0
    (file,) = (tmp_path / "outgoing" / "orders").iterdir()
    before, landed_before = file.stat().st_mtime_ns, len(acts(tmp_path))

    for _ in range(2):
        (done,) = works(margin, tmp_path)
        assert done["note"] == str(file)
    assert file.stat().st_mtime_ns == before
    assert len(acts(tmp_path)) == landed_before + 1
    live(margin, tmp_path)
    assert listed(margin, tmp_path)[0]["state"] == "sent"
    assert works(margin, tmp_path) == []


@stage
def approved(margin: Margin, folder: Path) -> str:
    """Id of a plan of the triggered account that a person approved: 637 X are to be sold."""
    triggered(folder)
    works(margin, folder)
    live(margin, folder)
    (plan,) = listed(margin, folder)
    margin("plans", "approve", plan["plan_id"], "--as", "john", *landed(folder))
    live(margin, folder)
    return plan["plan_id"]


def pays(margin: Margin, folder: Path) -> None:
    """The account is cured by a deposit."""
    land(folder, "cash_movements/d.ndjson", line(cash("d", "A", "50000", at(minutes=80))))
    live(margin, folder)


def state(margin: Margin, folder: Path) -> str:
    return listed(margin, folder)[0]["state"]


def recalls(folder: Path) -> list[dict[str, Any]]:
    files = sorted((folder / "outgoing" / "recalls").glob("*"))
    return [json.loads(row) for file in files for row in file.read_text().splitlines()]


def recalled(margin: Margin, folder: Path) -> dict[str, Any]:
    """The order of a plan that is recalled when 100 of it are filled."""
    approved(margin, folder)
    (sent,) = works(margin, folder)
    live(margin, folder)
    (order,) = [json.loads(row) for row in Path(sent["note"]).read_text().splitlines()]
    filled = fill("s", "-100", "44", at(minutes=70), order=order["order_id"])
    land(folder, "fills/s.ndjson", line(filled))
    live(margin, folder)
    assert recalls(folder) == []
    pays(margin, folder)
    # More comes back before anybody is told: the file says what was out when it was recalled.
    land(folder, "fills/t.ndjson", line(filled | {"fill_id": "t", "event_time": LATE}))
    live(margin, folder)
    return order


def test_orders_that_are_out_are_taken_back_once(
    margin: Margin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    order = recalled(margin, tmp_path)

    with monkeypatch.context() as between:
        between.setattr(Agent, "_land", killed)
        out = ("--outgoing", str(tmp_path / "outgoing"))
        assert margin("plans", "send", *landed(tmp_path), *out).code != 0
    del order["time_in_force"]
    assert recalls(tmp_path) == [order | {"filled_quantity": "100"}]
    (file,) = (tmp_path / "outgoing" / "recalls").iterdir()
    before, landed_before = file.stat().st_mtime_ns, len(acts(tmp_path))
    for _ in range(2):
        (done,) = works(margin, tmp_path)
        assert (done["kind"], done["note"]) == ("plan_recall", str(file))
    assert file.stat().st_mtime_ns == before
    assert len(acts(tmp_path)) == landed_before + 1

    live(margin, tmp_path)
    file.unlink()
    assert works(margin, tmp_path) == []
    assert state(margin, tmp_path) == "recalled"
    question = "SELECT outcome, reason FROM desk_outcomes WHERE kind = 'plan_recall'"
    (told,) = margin("sql", question, "--json", *place(tmp_path)).document
    assert told == {"outcome": "done", "reason": None}
    assert margin("replay", "--verify", *place(tmp_path)).code == 0


@pytest.mark.parametrize("taken_away", [False, True])
def test_orders_whose_agent_was_killed_before_it_said_so_are_taken_back(
    margin: Margin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, taken_away: bool
):
    approved(margin, tmp_path)
    with monkeypatch.context() as between:
        between.setattr(Agent, "_land", killed)
        out = ("--outgoing", str(tmp_path / "outgoing"))
        assert margin("plans", "send", *landed(tmp_path), *out).code != 0
    (file,) = (tmp_path / "outgoing" / "orders").iterdir()
    if taken_away:
        file.unlink()
    pays(margin, tmp_path)
    assert state(margin, tmp_path) == "cancelled"

    assert [done["kind"] for done in works(margin, tmp_path)] == ["plan_send"]
    assert file.exists() == (not taken_away)
    live(margin, tmp_path)
    assert state(margin, tmp_path) == "recalled"
    assert [done["kind"] for done in works(margin, tmp_path)] == ["plan_recall"]
    assert [row["quantity"] for row in recalls(tmp_path)] == ["637"]


def test_of_a_plan_that_ended_before_it_left_nothing_leaves(margin: Margin, tmp_path: Path):
    approved(margin, tmp_path)
    pays(margin, tmp_path)

    assert works(margin, tmp_path) == []
    assert not (tmp_path / "outgoing").exists()


def test_orders_do_not_leave_after_their_day(
    margin: Margin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    approved(margin, tmp_path)
    monkeypatch.setattr(agent, "time_of_act", lambda *_: at(hours=8))

    (done,) = works(margin, tmp_path)
    assert (done["kind"], done["note"]) == ("plan_send", "its business day is over")
    assert not (tmp_path / "outgoing").exists()
    assert len(acts(tmp_path)) == 2


def test_what_a_person_rejected_the_agent_does_not_propose_again(margin: Margin, tmp_path: Path):
    triggered(tmp_path)
    works(margin, tmp_path)
    live(margin, tmp_path)
    (plan,) = listed(margin, tmp_path)
    why = ("--reason", "wire is in", "--as", "john")
    margin("plans", "reject", plan["plan_id"], *why, *landed(tmp_path))
    live(margin, tmp_path)

    assert works(margin, tmp_path) == []
    again = margin("plans", "approve", plan["plan_id"], "--as", "john", *landed(tmp_path))
    assert "is rejected, not proposed" in again.err
    assert margin("plans", "list", "--json", *place(tmp_path)).document == []


def test_a_person_proposes_for_a_call_and_another_approves(margin: Margin, tmp_path: Path):
    called(tmp_path)
    (call,) = margin("calls", "list", "--json", *place(tmp_path)).document
    how = ("--propose", "--as", "mary", "--reason", "no wire", "--buffer", "0")
    said = margin("liquidate", "A", *how, "--json", *landed(tmp_path)).document
    live(margin, tmp_path)
    (plan,) = listed(margin, tmp_path)
    assert plan["plan_id"] == said["plan_id"]
    assert (plan["answers"], plan["proposed_by"]) == (call["call_id"], "mary")
    assert not plan["is_of_liquidation"]
    own = margin("plans", "approve", plan["plan_id"], "--as", "Mary", *landed(tmp_path))
    assert f"Mary proposed plan {plan['plan_id'][:12]}: another approves it" in own.err
    # Landed all the same it is refused, and what is refused keeps nobody from deciding.
    for who, refused in (("mary", 0), ("planner", 0)):
        act = act_of("plan_approve", plan["plan_id"], who, None, refused)
        land_act(act, Where(tmp_path / "landing", who), at(minutes=3))
    live(margin, tmp_path)
    question = "SELECT reason FROM desk_outcomes WHERE outcome = 'refused' ORDER BY reason"
    told = margin("sql", question, "--json", *place(tmp_path)).document
    assert [row["reason"] for row in told] == [
        "a person approves, not the planner",
        "mary proposed it: another approves",
    ]
    margin("plans", "approve", plan["plan_id"], "--as", "john", *landed(tmp_path))
    (act,) = [json.loads(p.read_text()) for p in acts(tmp_path) if '"john"' in p.read_text()]
    assert json.loads(act["details"]) == {"by": "john", "refused": 2}
    live(margin, tmp_path)
    assert state(margin, tmp_path) == "approved"


def test_a_plan_that_no_act_can_hold_is_told_and_the_others_go_on(
    margin: Margin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    triggered(tmp_path)

    def refused(_agent: Agent, _act: Act, _sealed: object) -> Path:
        raise Refused("details_too_long")

    monkeypatch.setattr(Agent, "_land", refused)
    (done,) = works(margin, tmp_path)
    assert (done["plan_id"], done["note"]) == (None, "details_too_long")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["plans", "show", "zz"], "no plan has an id that starts with 'zz'"),
        (["liquidate", "A", "--propose", "--cycle", "1"], "only a plan of an account as sealed"),
    ],
)
def test_slips_are_named(margin: Margin, tmp_path: Path, arguments: list[str], why: str):
    called(tmp_path)
    assert why in margin(*arguments, *place(tmp_path)).err
