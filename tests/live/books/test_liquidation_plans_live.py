"""Liquidation plans of the live day: acts, fills that name their orders, restarts, old lakes."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from margin_assets.desk.agent import Agent
from margin_assets.kernels.liquidation.proposals import order_id
from margin_assets.live.past.replay import replay
from margin_assets.live.session import planning
from margin_assets.rulebooks import installed
from tests.support.live_driver import Firm, Row, at, cash, fill, opening, price, text
from tests.support.plans import order, proposal, text_of

# 1,000 X at 100 on 60,000 of cash: a debit of 40,000, maintenance 25%.
BOOK: dict[str, list[Row]] = opening("A", "B") | {
    "cash_movements": [cash("c", "A", "60000")],
    "fills": [fill("f", "1000", "100")],
}
PLAN, TERMS = proposal(order("X", "300", "41"))
OTHER, OTHERS_TERMS = proposal(order("X", "300", "41"), cycle=3)
ORDER = order_id(PLAN, "X")
# At 41: value 41,000, equity 1,000, requirement 10,250: less than the house bears.
FALL = {"prices": [price("X", "39", at(60))]}


def act(kind: str, subject: str, when: int, actor: str = "planner", **more: object) -> Row:
    row = {"action_id": f"{kind}-{when}", "kind": kind, "subject": subject, "actor": actor}
    return row | {"event_time": text(at(when))} | more


def proposes(when: int, plan: str = PLAN, terms: Row = TERMS, actor: str = "planner") -> Row:
    return act("plan_propose", plan, when, actor, details=text_of(terms))


def plans(firm: Firm, *columns: str) -> list[tuple[Any, ...]]:
    chosen = columns or ("version", "state", "is_live", "actor")
    rows = firm.table("liquidation_plans").sort("changed_at", "plan_id", "version")
    return rows.select(chosen).rows()


def orders(firm: Firm) -> list[tuple[Any, ...]]:
    rows = firm.table("liquidation_orders").sort("order_id", "version")
    return rows.select("version", "state", "filled_quantity", "average_price").rows()


def refusals(firm: Firm) -> list[str | None]:
    return [why for (why,) in firm.rows("desk_outcomes", "reason")]


@pytest.fixture
def firm(tmp_path: Path) -> Firm:
    firm = Firm(tmp_path)
    firm.run(**BOOK)
    return firm


STORY: list[dict[str, list[Row]]] = [
    FALL,
    {"desk_actions": [proposes(120)]},
    {"desk_actions": [act("plan_approve", PLAN, 180, "mary", reason="as planned")]},
    {"desk_actions": [act("plan_send", PLAN, 240)]},
    {"fills": [fill("s1", "-100", "41", at(300), order=ORDER)]},
    {
        "fills": [
            fill("s2", "-200", "40", at(360), order=ORDER),
            fill("s3", "-5", "40", at(360), order="the broker's own"),
        ]
    },
    {"fills": [fill("k", "0", "40", at(420), corrects="s2")]},
    {"fills": [fill("s4", "-200", "41", at(480), order=ORDER)]},
    {"prices": [price("X", "39", at(days=1))]},
]


def test_a_plan_lives_from_its_proposal_to_its_last_fill(firm: Firm):
    for feeds in STORY:
        firm.run(**feeds)

    assert plans(firm) == [
        (1, "proposed", True, "planner"),
        (2, "approved", True, "mary"),
        (3, "sent", True, "planner"),
        (4, "part_filled", True, None),
        (5, "filled", False, None),
        (6, "part_filled", True, None),
        (7, "filled", False, None),
    ]
    assert orders(firm)[3:] == [
        (4, "part_filled", Decimal(100), Decimal(41)),
        (5, "other_price", Decimal(300), Decimal("40.333333")),
        (6, "part_filled", Decimal(100), Decimal(41)),
        (7, "filled", Decimal(300), Decimal(41)),
    ]
    assert firm.rows("order_fills", "fill_id", "order_id") == [
        ("s1", ORDER),
        ("s2", ORDER),
        ("s4", ORDER),
    ]
    assert set(refusals(firm)) == {None}
    (first, *_) = plans(firm, "planned_from", "ends_at", "cost", "cost_lower_bound", "proposed_at")
    ends = at(hours=8)
    assert first == (2, ends, Decimal("12.34"), Decimal(12), at(120))


def test_versions_depend_neither_on_cycles_nor_on_restarts(tmp_path: Path):
    once, often = Firm(tmp_path / "once"), Firm(tmp_path / "often")
    for feeds in (BOOK, *STORY):
        once.land(**feeds)
        often.run(**feeds)
        often.restart()
    once.run()

    for name in ("liquidation_plans", "liquidation_orders", "desk_outcomes", "order_fills"):
        frames = [firm.table(name).drop("cycle") for firm in (once, often)]
        ordered = [frame.sort(frame.columns) for frame in frames]
        assert ordered[0].height
        assert ordered[0].equals(ordered[1]), name


def test_an_account_that_was_liquidated_otherwise_needs_its_plan_no_more(firm: Firm):
    firm.run(**FALL)
    firm.run(desk_actions=[proposes(120)])
    firm.run(cash_movements=[cash("d", "A", "50000", at(180))])

    told = ("state", "is_live", "is_of_liquidation", "reason", "changed_at")
    assert plans(firm, *told)[-1] == (
        "cancelled",
        False,
        True,
        "the liquidation that it answers has ended",
        at(180),
    )
    firm.run(desk_actions=[act("plan_approve", PLAN, 240, "mary")])
    assert refusals(firm)[-1] == "the plan is cancelled and over, not proposed"


def called(firm: Firm) -> str:
    """Id of the call of an account that is called and not liquidated: 1,000 X at 52."""
    firm.run(prices=[price("X", "52", at(60))])
    ((call,),) = firm.rows("margin_calls", "call_id")
    return call


MET = {"cash_movements": [cash("d", "A", "50000", at(300))]}


@pytest.mark.parametrize("anew", [False, True])
def test_a_plan_whose_call_is_met_otherwise_is_cancelled_and_never_leaves(firm: Firm, anew: bool):
    plan, terms = proposal(order("X", "300", "52"), answers=called(firm))
    firm.run(desk_actions=[proposes(120, plan, terms)])
    firm.run(desk_actions=[act("plan_approve", plan, 180, "mary")])
    if anew:
        firm.restart()
    firm.run(**MET)

    told = plans(firm, "state", "is_live", "is_of_liquidation", "reason", "changed_at")
    assert told[-1] == ("cancelled", False, False, "the call that it answers is over", at(300))
    assert [*Agent(firm.lake, firm.landing, firm.landing / "../out").send()] == []


def test_orders_that_are_out_when_their_call_is_met_are_recalled_and_reconciled(firm: Firm):
    plan, terms = proposal(order("X", "300", "52"), answers=called(firm))
    name = order_id(plan, "X")
    firm.run(desk_actions=[proposes(120, plan, terms)])
    firm.run(desk_actions=[act("plan_approve", plan, 180, "mary"), act("plan_send", plan, 200)])
    firm.run(fills=[fill("s1", "-20", "52", at(240), order=name)])
    firm.run(**MET)
    met = "the call that it answers is over"
    assert plans(firm, "state", "is_live", "reason")[-1] == (
        "recalled",
        False,
        f"{met}; out are sell 280 X",
    )

    # The book is in memory no more: a late fill, and the bust of an old one, are told all the same.
    firm.restart()
    firm.run(prices=[price("X", "80", at(days=1))])
    firm.run(fills=[fill("s2", "-280", "52", at(60, days=1), order=name)])
    firm.run(fills=[fill("k", "0", "52", at(120, days=1), corrects="s1")])
    assert orders(firm)[-2:] == [
        (5, "filled", Decimal(300), Decimal(52)),
        (6, "part_filled", Decimal(280), Decimal(52)),
    ]
    assert [state for (state,) in plans(firm, "state")][-1] == "recalled"
    assert replay(firm.lake).difference is None


def test_a_plan_that_answers_what_is_over_is_refused(firm: Firm):
    plan, terms = proposal(order("X", "300", "52"), answers=called(firm))
    firm.run(**MET)
    firm.run(desk_actions=[proposes(360, plan, terms)])
    assert refusals(firm) == ["what it answers is over"]


def test_between_cycles_only_open_plans_are_in_memory(firm: Firm):
    firm.run(**FALL)
    firm.run(desk_actions=[proposes(120)])
    book = firm.session._runner.monitor.plans.book
    assert book.orders(PLAN)
    firm.run(desk_actions=[act("plan_reject", PLAN, 180, "john", reason="wire is in")])
    assert not book.orders(PLAN)
    firm.run(desk_actions=[proposes(240), act("plan_approve", PLAN, 250, "mary")])

    assert {*refusals(firm)} == {
        None,
        "the plan has been proposed before",
        "the plan is rejected and over, not proposed",
    }
    assert not book.orders(PLAN)


def test_a_cycle_planned_before_there_were_recalls_lets_orders_go_on(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(planning, "WITH_RECALLS", 1)
    for feeds in STORY[:4]:
        firm.run(**feeds)
    firm.run(**MET)

    assert plans(firm, "state", "is_live")[-1] == ("sent", True)
    assert replay(firm.lake).difference is None


def test_a_plan_ends_with_its_business_day(firm: Firm):
    firm.run(**FALL)
    firm.run(desk_actions=[proposes(120)])
    firm.run(prices=[price("X", "39", at(days=1))])

    told = plans(firm, "state", "reason", "changed_at")
    assert told[-1] == ("cancelled", "its business day has ended", at(hours=8))


@pytest.mark.parametrize(
    ("details", "why"),
    [
        pytest.param(None, "its details are no JSON", id="none"),
        pytest.param("{" * 50_000, "its details are no JSON", id="deep"),
        pytest.param(json.dumps(TERMS | {"account_id": "?"}), "its id is not", id="of another"),
        pytest.param(text_of(TERMS | {"cost": "NaN"}), "cost is no decimal", id="NaN"),
        pytest.param(text_of(TERMS | {"cost": "9" * 90_000}), "cost is no decimal", id="huge"),
        pytest.param(text_of(proposal(account="Z")[1]), "no such account", id="unknown account"),
        pytest.param(
            text_of(proposal(order("X", "1001"))[1]), "X: more than is held to sell", id="beyond"
        ),
        pytest.param(
            text_of(proposal(order("X", "1", side="buy"))[1]),
            "X: more than is held to buy",
            id="bought",
        ),
        pytest.param(
            text_of(proposal(order("NONE", "1"))[1]), "NONE: more than is held", id="not held"
        ),
    ],
)
def test_a_hostile_proposal_is_refused_with_its_reason(firm: Firm, details: str, why: str):
    subject = PLAN
    if details and "orders" in details:
        told = json.loads(details)
        subject = proposal_id(told)
    firm.run(desk_actions=[act("plan_propose", subject, 120, details=details)])

    ((outcome, reason),) = firm.rows("desk_outcomes", "outcome", "reason")
    assert outcome == "refused"
    assert reason.startswith(why)
    assert firm.table("liquidation_plans").is_empty()


def proposal_id(told: Row) -> str:
    """The id that a told plan should have, but where the plan tells of another account."""
    if told["account_id"] == "?":
        return PLAN
    bare = [{k: v for k, v in row.items() if k != "order_id"} for row in told["orders"]]
    return proposal(*bare, account=told["account_id"])[0]


def test_an_account_has_one_plan_at_a_time(firm: Firm):
    firm.run(**FALL)
    firm.run(desk_actions=[proposes(120), proposes(121, OTHER, OTHERS_TERMS)])
    assert refusals(firm) == [None, f"plan {PLAN} of the account is at work"]

    firm.run(desk_actions=[act("plan_reject", PLAN, 180, "john", reason="wire is in")])
    firm.restart()
    firm.run(desk_actions=[proposes(240, OTHER, OTHERS_TERMS)])
    assert [state for (state,) in plans(firm, "state")] == ["proposed", "rejected", "proposed"]


def test_who_proposed_does_not_approve(firm: Firm):
    firm.run(desk_actions=[proposes(120, actor="mary")])
    firm.run(desk_actions=[act("plan_approve", PLAN, 180, "mary")])
    firm.restart()
    firm.run(desk_actions=[act("plan_approve", PLAN, 181, "john")])

    assert refusals(firm) == [None, "mary proposed it: another approves", None]
    assert plans(firm, "state", "is_of_liquidation")[-1] == ("approved", False)


def test_a_plan_of_more_than_is_held_by_now_is_not_approved(firm: Firm):
    firm.run(desk_actions=[proposes(120)])
    firm.run(fills=[fill("s", "-800", "41", at(180))])
    firm.run(desk_actions=[act("plan_approve", PLAN, 240, "mary")])

    assert refusals(firm)[-1] == "X: more than is held to sell"


def test_a_fill_that_lands_before_what_sent_it_counts(firm: Firm):
    for feeds in STORY[:3]:
        firm.run(**feeds)
    firm.run(fills=[fill("s1", "-300", "41", at(230), order=ORDER)])
    firm.restart()
    firm.run(desk_actions=[act("plan_send", PLAN, 240)])

    assert plans(firm, "state", "sent_at")[-2:] == [("filled", None), ("filled", at(240))]


def test_a_lake_from_before_plans_ignores_orders_and_acts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    firm = Firm(tmp_path)
    without = {name: dates for name, dates in installed().items() if name != "liquidation"}
    with monkeypatch.context() as before:
        before.setattr(planning, "installed", lambda: without)
        for feeds in (BOOK, *STORY[:5]):
            firm.cycle(**feeds)
    for name in ("order_fills", "liquidation_plans", "liquidation_orders", "desk_outcomes"):
        assert firm.table(name).is_empty(), name
    named = firm.table("landed_files").filter(pl.col("extra_columns") != "")
    assert named["extra_columns"].to_list() == ["order_id"]
    firm.restart()
    firm.run(desk_actions=[proposes(400)])
    assert plans(firm) == [(1, "proposed", True, "planner")]


@pytest.mark.parametrize("anew", [False, True])
def test_fills_that_are_held_fill_their_orders_when_they_count(firm: Firm, anew: bool):
    for feeds in STORY[:4]:
        firm.run(**feeds)
    named = [fill(f"s{n}", "-100", "41", at(300), order=ORDER) for n in range(3)]
    for row in named:
        firm.land(fills=[row])
    firm.session.planner.bounds = firm.session.planner.bounds | {"max_files": 1}
    before = orders(firm)
    # Of three files of one landing time the last plan alone evaluates.
    for _ in range(2):
        firm.run()
        assert orders(firm) == before
        if anew:
            firm.restart()
            firm.session.planner.bounds = firm.session.planner.bounds | {"max_files": 1}
    firm.run()

    assert orders(firm)[-1] == (4, "filled", Decimal(300), Decimal(41))
    assert replay(firm.lake).difference is None
