"""Margin calls of the live day, against figures worked out by hand."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from margin_assets.kernels.calls.call_frames import call_id
from margin_assets.live.session import planning
from margin_assets.rulebooks import installed
from tests.support.live_driver import (
    NOON,
    Firm,
    Row,
    account,
    assert_a_process_takes_over,
    at,
    cash,
    fill,
    instrument,
    opening,
    price,
    text,
)
from tests.support.reg_t_stories import later, lived, marks, pays, trades

LANDED = datetime(2026, 11, 1, tzinfo=UTC)
# 1,000 X at 100 on 60,000 of cash: a debit of 40,000, maintenance 25%.
BOOK: dict[str, list[Row]] = opening("A") | {
    "cash_movements": [cash("c", "A", "60000")],
    "fills": [fill("f", "1000", "100")],
}


def act(kind: str, subject: str, when: datetime, **details: object) -> Row:
    row = {"action_id": f"{kind}-{text(when)}", "kind": kind, "subject": subject}
    row |= {"actor": "mary", "details": json.dumps(details), "event_time": text(when)}
    return row


def lives(firm: Firm, *columns: str) -> list[tuple[Any, ...]]:
    chosen = columns or ("call_type", "version", "change", "state", "amount")
    rows = firm.table("margin_calls").sort("changed_at", "call_type", "version")
    return rows.select(chosen).rows()


def usd(amount: str) -> Decimal:
    return Decimal(amount).quantize(Decimal("0.01"))


@pytest.fixture
def firm(tmp_path: Path) -> Firm:
    firm = Firm(tmp_path)
    firm.run(**BOOK)
    return firm


STORY: list[dict[str, list[Row]]] = [
    # At 50: value 50,000, equity 10,000, requirement 12,500.
    {"prices": [price("X", "50", at(60))]},
    # At 49: equity 9,000, requirement 12,250: 3,250 is more than 10% from 2,500.
    {"prices": [price("X", "49", at(120))]},
    {"cash_movements": [cash("d", "A", "1000", at(180))]},
    # Sold 100 at 49: the requirement falls by 1,225.
    {"fills": [fill("s", "-100", "49", at(240))]},
    # A cent more: 1,018.25 is owed, too little a change to strike anew.
    {"prices": [price("X", "49.01", at(60, minutes=31))]},
    {"cash_movements": [cash("e", "A", "5000", at(60, minutes=40))]},
]


def test_a_call_is_made_struck_again_part_met_overdue_and_met(firm: Firm):
    for feeds in STORY:
        firm.run(**feeds)

    assert lives(firm) == [
        ("maintenance", 1, "opened", "open", usd("2500")),
        ("maintenance", 2, "restruck", "open", usd("3250")),
        ("maintenance", 3, "part_met", "part_met", usd("2250")),
        ("maintenance", 4, "transacted", "part_met", usd("1025")),
        # Half an hour after the call, to the second, the ladder closes the account.
        ("maintenance", 5, "consequence", "overdue", usd("1025")),
        ("maintenance", 6, "met", "met", usd("0")),
    ]
    split = ("first_amount", "met_by_deposits", "met_by_trades", "met_by_market")
    assert lives(firm, *split)[-1] == tuple(map(usd, ("2500", "2018.25", "1225", "-743.25")))


def test_a_call_has_the_ladders_deadline_beside_the_rules(firm: Firm):
    firm.run(**STORY[0])

    # Fifteen business days after Monday 9 March 2020, four hours after the close in New York.
    legal = datetime(2020, 3, 31, 0, 0, tzinfo=UTC)
    assert lives(firm, "house_due_at", "legal_due_at", "rule", "consequence") == [
        (at(60, minutes=30), legal, "FINRA Rule 4210(c), (f)(6)", "none")
    ]
    assert lives(firm, "call_id") == [(call_id("A", "maintenance", micros(at(60))),)]


def test_versions_depend_neither_on_cycles_nor_on_restarts(tmp_path: Path):
    once, often = Firm(tmp_path / "once"), Firm(tmp_path / "often")
    for feeds in (BOOK, *STORY):
        once.land(**feeds)
        often.run(**feeds)
        often.restart()
    once.run()

    without = [f.table("margin_calls").drop("cycle") for f in (once, often)]
    assert without[0].equals(without[1])
    assert_a_process_takes_over(often)


def test_an_extended_call_restricts_only_when_its_new_deadline_has_passed(firm: Firm):
    firm.run(**STORY[0])
    subject = call_id("A", "maintenance", micros(at(60)))
    firm.run(desk_actions=[act("call_extend", subject, at(90), until=text(at(60, hours=2)))])
    firm.restart()
    firm.run(prices=[price("X", "50.01", at(60, hours=3))])

    assert lives(firm, "change", "state", "changed_at", "extended_by", "consequence") == [
        ("opened", "open", at(60), None, "none"),
        ("extended", "extended", at(90), "mary", "none"),
        ("consequence", "overdue", at(60, hours=2), "mary", "close_only"),
    ]
    overdue = firm.table("enforcement_decisions").filter(reason="overdue_call")
    assert overdue["decided_at"].to_list() == [at(60, hours=2)]
    assert firm.rows("desk_outcomes", "outcome", "reason") == [("done", None)]


@pytest.mark.parametrize(
    ("subject", "details", "reason"),
    [
        ("", {"until": text(NOON + timedelta(days=60))}, "after 2020-03-31T00:00:00+00:00"),
        ("", {"until": text(at(100))}, "not after 2020-03-09T16:31:00+00:00"),
        ("", {"until": "9999-12-31T23:59:59Z"}, "after 2020-03-31T00:00:00+00:00"),
        ("", {"until": "tomorrow"}, "its details name no instant"),
        ("", {"until": "2020-03-10"}, "its details name no instant"),
        ("", {}, "its details name no instant"),
        ("0" * 32, {"until": text(at(9000))}, "no open call has this id"),
    ],
)
def test_an_extension_that_the_rule_does_not_allow_is_refused(
    firm: Firm, subject: str, details: dict[str, str], reason: str
):
    firm.run(**STORY[0])
    subject = subject or call_id("A", "maintenance", micros(at(60)))
    firm.run(desk_actions=[act("call_extend", subject, at(90), **details)])

    ((outcome, why),) = firm.rows("desk_outcomes", "outcome", "reason")
    assert outcome == "refused"
    assert why.startswith(reason)
    assert [change for (change,) in lives(firm, "change")] == ["opened"]


def test_details_nested_without_end_are_refused_and_do_not_hold_up_the_lake(firm: Firm):
    # A planned cycle that cannot be computed would never be sealed, whoever starts again.
    firm.run(**STORY[0])
    subject = call_id("A", "maintenance", micros(at(60)))
    firm.run(desk_actions=[act("call_extend", subject, at(90)) | {"details": "[" * 100_000}])

    ((outcome, why),) = firm.rows("desk_outcomes", "outcome", "reason")
    assert (outcome, why) == ("refused", "its details name no instant `until`")


def test_each_account_is_called_by_its_own_rule(tmp_path: Path):
    firm = Firm(tmp_path)
    kinds = {"CASH": "cash", "MARGIN": "reg_t", "PM": "portfolio_margin"}
    firm.run(
        accounts=[account(name, kind) for name, kind in kinds.items()],
        instruments=BOOK["instruments"],
        prices=BOOK["prices"],
        cash_movements=[cash(name, name, "60000") for name in kinds],
        fills=[fill(name, "1000", "100", account_id=name) for name in kinds],
    )
    firm.run(prices=[price("X", "45", at(60))])

    # Equity 5,000. Margin: 25% of 45,000. Portfolio margin: 15% of it, and a minimum of 100,000.
    assert set(lives(firm, "account_id", "call_type", "first_amount")) == {
        ("CASH", "reg_t", usd("40000")),
        ("MARGIN", "maintenance", usd("6250")),
        ("PM", "minimum_equity", usd("40000")),
        ("PM", "portfolio_margin", usd("1750")),
    }
    firm.run(prices=[price("X", "44", at(days=4))])
    late = firm.table("margin_calls").filter(account_id="PM", change="expired")
    # The third business day ends four hours after its close. The ladder had closed the account.
    ends = datetime(2020, 3, 13, 0, 0, tzinfo=UTC)
    told = late.select("call_type", "state", "consequence", "changed_at").rows()
    assert told == [("portfolio_margin", "expired", "close_only", ends)]
    low = firm.table("margin_calls").filter(account_id="PM", change="overdue")
    told = low.select("call_type", "state", "consequence", "changed_at").rows()
    assert told == [("minimum_equity", "overdue", "reduce_only", ends)]


def test_what_is_owed_is_struck_at_the_end_of_the_business_day(firm: Firm):
    firm.run(**STORY[0])
    firm.run(prices=[price("X", "50.2", at(60, hours=1))])
    firm.run(prices=[price("X", "50.2", at(days=1))])

    ends = datetime(2020, 3, 10, 0, 0, tzinfo=UTC)
    struck = ("restruck", ends, usd("2350"))
    assert struck in lives(firm, "change", "changed_at", "amount")


def test_a_call_is_not_met_while_an_input_is_missing(firm: Firm):
    firm.run(**STORY[0])
    firm.run(fills=[fill("u", "1", "1", at(120), symbol="UNKNOWN")])
    firm.run(cash_movements=[cash("d", "A", "50000", at(180))])

    newest = firm.table("margin_calls").sort("version").row(-1, named=True)
    assert newest["is_open"]
    assert newest["amount"] >= usd("2500")


def test_regulation_t_calls_by_its_own_book_and_its_period_can_be_extended(tmp_path: Path):
    # Bought 10,000 on 3,500: 1,500 short at the end of Monday, due three business days later.
    told = {name: [pays("3500", hours=1), trades("100", "100", hours=2)] for name in ("L", "M")}
    firm = lived(tmp_path, told | {"clock": [marks("100", days=1)]})
    monday_ends = datetime(2024, 6, 4, 0, 0, tzinfo=UTC)
    subject = call_id("M", "reg_t", micros(monday_ends))
    until = monday_ends + timedelta(days=7)
    firm.cycle(
        LANDED,
        desk_actions=[act("call_extend", subject, later(days=1, hours=1), until=text(until))],
    )
    firm.cycle(LANDED, prices=[price("L", "100", later(days=9)), price("M", "100", later(days=9))])

    thursday_ends = monday_ends + timedelta(days=3)
    columns = ("account_id", "change", "state", "amount", "changed_at", "consequence")
    calls = firm.table("margin_calls").filter(call_type="reg_t")
    assert sorted(calls.select(columns).rows()) == [
        ("L", "consequence", "expired", usd("1500"), thursday_ends, "liquidation"),
        ("L", "opened", "open", usd("1500"), monday_ends, "none"),
        ("M", "consequence", "expired", usd("1500"), until, "liquidation"),
        ("M", "extended", "extended", usd("1500"), later(days=1, hours=1), "none"),
        ("M", "opened", "open", usd("1500"), monday_ends, "none"),
    ]
    assert dict(firm.rows("reg_t_calls", "account_id", "due_on")) == {
        "L": date(2024, 6, 6),
        "M": date(2024, 6, 10),
    }


def test_a_deficit_of_intraday_margin_is_a_call_until_it_is_paid(tmp_path: Path):
    ten = datetime(2026, 6, 8, 14, 0, tzinfo=UTC)
    firm = Firm(tmp_path)
    # 60,000 bought on 10,000: maintenance 15,000, a deficit of 5,000.
    firm.cycle(
        LANDED,
        accounts=[account("A", "reg_t", ten)],
        instruments=[instrument("X", ten)],
        prices=[price("X", "60", ten)],
        cash_movements=[cash("c", "A", "10000", ten)],
        fills=[
            fill("f", "1000", "60", ten + timedelta(minutes=1)),
            fill("g", "-1000", "60", ten + timedelta(minutes=2)),
        ],
    )
    firm.cycle(LANDED, cash_movements=[cash("d", "A", "5000", ten + timedelta(days=1))])
    firm.cycle(LANDED, prices=[price("X", "60", ten + timedelta(days=3))])

    calls = firm.table("margin_calls").filter(call_type="intraday")
    end = datetime(2026, 6, 10, 0, 0, tzinfo=UTC)
    told = calls.select("change", "state", "amount", "legal_due_at", "met_by_deposits").rows()
    fifth = datetime(2026, 6, 16, 0, 0, tzinfo=UTC)
    assert told[0] == ("opened", "open", usd("5000"), fifth, None)
    assert told[-1] == ("met", "met", usd("0"), None, None)
    assert calls["changed_at"].to_list()[-1] >= end


def test_a_special_call_of_day_trading_ends_in_cash_only(tmp_path: Path):
    day = [trades(q, "100", hours=1 + n / 20) for n, q in enumerate(["10", "-10"] * 4)]
    told = [pays("30000", hours=0.5), *day]
    much = [trades(q, "100.01", days=1, hours=1 + n) for n, q in enumerate(["1200", "-1200"])]
    firm = lived(tmp_path, {"A": [*told, *much], "clock": [marks("100", days=12)]})

    calls = firm.table("margin_calls").filter(call_type="day_trading")
    told = calls.select("change", "state", "amount", "consequence", "consequence_until").rows()
    # A quarter of the twelve dollars beyond 120,000. Due on the 11th, then 90 days of cash.
    free = datetime(2024, 9, 10, 4, 0, tzinfo=UTC)
    assert told == [
        ("opened", "open", usd("3"), "none", None),
        ("consequence", "expired", usd("3"), "cash_only", free),
    ]


def test_a_lake_from_before_calls_begins_them_at_its_next_grid_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    firm = Firm(tmp_path)
    without = {name: dates for name, dates in installed().items() if name != "calls"}
    with monkeypatch.context() as before:
        before.setattr(planning, "installed", lambda: without)
        for feeds in (BOOK, STORY[0]):
            firm.run(**feeds)
    assert firm.table("margin_calls").is_empty()
    versions = [json.loads(r) for (r,) in firm.rows("enforcement_decisions", "rulebooks")]
    assert all("calls" not in found for found in versions)
    firm.restart()
    firm.run(prices=[price("Y", "1", at(90))])

    # Its account was not touched; its call is the ladder's, of a minute after noon.
    assert lives(firm, "change", "opened_at", "changed_at") == [("opened", at(60), at(90))]


def micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)
