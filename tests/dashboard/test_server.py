import json
import stat
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from margin_assets.dashboard.at_rest import read_tables
from margin_assets.dashboard.figures import read_published
from margin_assets.dashboard.guard import SECURITY, token_in
from margin_assets.dashboard.pages.accounts import SORTABLE
from margin_assets.lake.published import Published, folder_of
from margin_assets.live.checking import follower
from tests.support.live_driver import Firm, account, at, cash, fill, instrument, price, text
from tests.support.mini_session import rows
from tests.support.served_dashboard import TOKEN, Answer, Served, served, until

ACCOUNTS = ("A", "B", "C", "D", "a/b?c#d", "<img src=x onerror=alert(1)>")
HELD = {"A": "6000", "B": "3000", "C": "2000", "D": "9000"}
"""Deposits behind 100 shares at 100 dollars each."""


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    """Four accounts in as many states, and two names that mean harm."""
    made = Firm(tmp_path_factory.mktemp("firm"))
    Published(folder_of(made.lake)).want()
    made.run(
        accounts=[account(name) for name in ACCOUNTS],
        instruments=[instrument("X"), instrument("Y")],
        prices=[price("X", "100"), price("Y", "1")],
        cash_movements=[
            cash(f"M{n}", name, HELD.get(name, "10")) for n, name in enumerate(ACCOUNTS)
        ],
        fills=[fill(f"F{name}", "100", "100", account_id=name) for name in HELD],
    )
    return made


@pytest.fixture(scope="module")
def server(firm: Firm) -> Iterator[Served]:
    with served(firm) as found:
        found.sees(1)
        yield found


def ids(answer: Answer) -> list[str]:
    return [row[0] for row in answer.json["rows"]]


def test_what_is_published_and_what_is_sealed_show_the_same(firm: Firm):
    sealed = firm.session.ledger.last_sealed()

    live = read_published(Published(folder_of(firm.lake)).newest())
    tables = read_tables(firm.lake, sealed, live.sealed_at)

    order = pl.col("account_id")
    assert_frame_equal(live.accounts.sort(order), tables.accounts.sort(order), check_dtypes=False)
    assert (live.cycle, live.moves, live.restricting) == (
        tables.cycle,
        tables.moves,
        tables.restricting,
    )
    assert live.totals == tables.totals
    assert [row["pnl"] for row in live.firm] == [row["pnl"] for row in tables.firm]


def test_the_worst_comes_first(server: Served):
    # Excess 3,500, 500, -500 and 6,500 of a gross value of 10,000, requirement 2,500.
    found = server.ask("/api/accounts?limit=4").json

    place = found["columns"].index
    shown = [(r[0], r[place("level")], r[place("excess")]) for r in found["rows"]]
    assert shown[:2] == [("C", 3, -50_000), ("B", 3, 50_000)]
    assert found["cycle"] == 1


@pytest.mark.parametrize("sort", SORTABLE)
def test_pages_show_every_account_once_whatever_the_order(server: Served, sort: str):
    windows = [server.ask(f"/api/accounts?sort=-{sort}&limit=2&offset={n}") for n in (0, 2, 4)]

    assert sorted(name for window in windows for name in ids(window)) == sorted(ACCOUNTS)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(
            "state=ok", ["<img src=x onerror=alert(1)>", "A", "D", "a/b?c#d"], id="a state"
        ),
        pytest.param("state=ok&q=A", ["A"], id="a state and part of a name"),
        pytest.param("q=%25", [], id="a wildcard is a character"),
        pytest.param("q=.", [], id="so is a dot"),
        pytest.param("q=%27%20OR%201%3D1--", [], id="and a quote"),
        pytest.param("symbol=X", ["A", "B", "C", "D"], id="who holds a name"),
        pytest.param("symbol=Y", [], id="that nobody holds"),
        pytest.param("id=B&id=D&id=none", ["B", "D"], id="some by name"),
        pytest.param("breach_at=SPY%20-8%25", ["B", "C"], id="who would breach"),
        pytest.param("called_within=1", ["C"], id="called of late"),
        pytest.param("account_type=cash", [], id="a type"),
        pytest.param("rule=reg_t&limit=2", ["<img src=x onerror=alert(1)>", "A"], id="a rule"),
    ],
)
def test_filters(server: Served, asked: str, expected: list[str]):
    assert ids(server.ask(f"/api/accounts?sort=account_id&{asked}")) == expected


@pytest.mark.parametrize(
    "asked",
    [
        "sort=pnl",
        "sort=__class__",
        "sort=excess;drop",
        "sort=",
        "state=broken",
        "limit=201",
        "limit=0",
        "offset=-1",
        "offset=99999999999999999999",
        f"q={'x' * 41}",
        "breach_at=QQQ%20-8%25",
        "account_type=other",
        "unknown=1",
        f"id={'%C3%A9'}",
    ],
)
def test_what_is_no_question_is_refused(server: Served, asked: str):
    assert server.ask(f"/api/accounts?{asked}").status == 422


@pytest.mark.parametrize("name", ["A", "a%2Fb%3Fc%23d", "%3Cimg%20src=x%20onerror=alert(1)%3E"])
@pytest.mark.parametrize("part", ["figures", "positions", "requirements", "history", "desk"])
def test_an_account_is_found_by_any_name_it_may_have(server: Served, name: str, part: str):
    answer = server.ask(f"/api/accounts/{name}/{part}")

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"


def test_a_scenario_that_the_cycle_has_not_is_not_found(server: Served):
    assert server.ask("/api/accounts?breach_at=SPY%20-99%25").status == 404


@pytest.mark.parametrize("name", ["none", "..%2f..%2fetc", "A%00", "%F0%9F%92%A9", "x" * 200])
def test_an_account_that_is_none_is_not_found(server: Served, name: str):
    assert server.ask(f"/api/accounts/{name}/figures").status in (404, 422)


def test_what_decides_is_shown_to_the_cent(server: Served):
    found = server.ask("/api/accounts/B/figures").json

    assert (found["equity"], found["governing_requirement"], found["excess"]) == (
        300_000,
        250_000,
        50_000,
    )
    assert [row["excess"] for row in found["stress"] if row["move"] == -0.06] == [50_000 - 120_000]
    # No beta landed: twice the move. 5% of excess is gone at half of it.
    assert found["fall_to_call"] == pytest.approx(-0.025)


def test_an_account_shows_breaks_until_a_later_record_agrees(firm: Firm, server: Served):
    days = [date(2020, 3, 6), date(2020, 3, 6), date(2020, 3, 9)]
    told: dict[str, object] = {"account_id": ["A", "B", "B"]}
    told |= {"kind": ["quantity", "cash", "agreed"]}
    told |= {"symbol": ["X", None, None], "ours": [Decimal(5), Decimal(0), Decimal(0)]}
    firm.lake.replace_days("breaks", rows("daily/breaks", 3, business_date=days, **told), days)

    # An account that was asked for is answered from memory for two seconds.
    until(lambda: server.ask("/api/accounts/A/desk").json["breaks"] != [])
    (found,) = server.ask("/api/accounts/A/desk").json["breaks"]
    assert (found["business_date"], found["symbol"], found["ours"]) == (
        "2020-03-06",
        "X",
        "5.000000",
    )
    assert server.ask("/api/accounts/B/desk").json["breaks"] == []


@pytest.mark.parametrize("path", ["firm", "names", "quality", "executive", "about", "cycle"])
def test_pages_of_the_whole(server: Served, path: str):
    assert server.ask(f"/api/{path}").status == 200


def test_a_shortfall_is_nobody_elses_excess(server: Served):
    rows = {
        row["level"]: row["deficiency"] for row in server.ask("/api/firm").json["by_state"]["rows"]
    }

    # B lacks 1,100 at -8%, C 2,100; A and D have enough.
    assert (rows["close_only"][0], rows["ok"][0]) == (110_000 + 210_000, 0)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost:1", "", "a@127.0.0.1"])
def test_only_known_hosts_are_served(server: Served, host: str):
    answer = server.ask("/api/about", Host=host)

    assert answer.status == 421


def test_a_page_of_another_origin_acts_on_nothing(server: Served):
    body = {"actor": "Ada", "reason": "x"}
    headers = {"Authorization": f"Bearer {TOKEN}", "Origin": "https://evil.example"}

    answer = server.ask("/api/plans/P/approve", body, **headers)

    assert answer.status == 403
    assert not (server.landing / "desk_actions").exists()


def test_a_page_of_another_origin_hears_nothing(server: Served):
    with pytest.raises(InvalidStatus, match="403"):
        connect(f"ws://127.0.0.1:{server.port}/ws", origin=Origin("https://evil.example"))


def test_the_websocket_tells_of_the_newest_cycle(server: Served):
    with connect(f"ws://127.0.0.1:{server.port}/ws", origin=Origin(server.url)) as socket:
        told = json.loads(socket.recv(timeout=10))

    assert told["cycle"] == 1
    assert told["totals"]["levels"] == {
        "ok": 4,
        "warning": 0,
        "call": 0,
        "close_only": 2,
        "liquidation": 0,
    }


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer é", TOKEN]
)
def test_without_the_token_nobody_acts(server: Served, authorization: str):
    headers = {"Authorization": authorization} if authorization else {}

    answer = server.ask("/api/plans/P/approve", {"actor": "Ada", "reason": "x"}, **headers)

    assert answer.status == 401
    assert not (server.landing / "desk_actions").exists()


@pytest.mark.parametrize(
    "body",
    [
        {"actor": "", "reason": "x"},
        {"actor": "Ada", "reason": " "},
        {"actor": "Ada"},
        {"actor": "Ada", "reason": "x", "amount": 1},
        {"actor": "Ada\n", "reason": "x"},
        {"actor": "Ada", "reason": "x" * 1001},
        [],
        "x",
    ],
)
def test_an_act_names_who_and_why(server: Served, body: object):
    answer = server.ask("/api/plans/P/approve", body, Authorization=f"Bearer {TOKEN}")

    assert answer.status == 422
    assert not (server.landing / "desk_actions").exists()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/plans/P1/approve", "plan_approve"),
        ("/api/plans/P1/reject", "plan_reject"),
        ("/api/notices/N1/acknowledge", "notice_acknowledge"),
        ("/api/breaches/B1/acknowledge", "breach_acknowledge"),
        ("/api/calls/C1/extend", "call_extend"),
    ],
)
def test_an_act_is_one_landed_row(tmp_path: Path, path: str, kind: str):
    firm = Firm(tmp_path)
    more = {"until": "2020-03-12T16:00:00+01:00"} if kind == "call_extend" else {}
    with served(firm) as server:
        first, again = server.act(path, **more), server.act(path, **more)

    assert (first.status, first.json) == (202, again.json)
    (landed,) = (firm.landing / "desk_actions").iterdir()
    row = json.loads(landed.read_text())
    assert (row["kind"], row["subject"]) == (kind, path.split("/")[3])
    assert (row["actor"], row["reason"], row["action_id"]) == (
        "Ada",
        "the client wires",
        first.json["action_id"],
    )
    if more:
        assert json.loads(row["details"])["until"].startswith("2020-03-12T15:00:00")


@pytest.mark.parametrize(
    "path", ["/", "/account?id=x", "/api/about", "/static/none.js", "/nowhere"]
)
def test_every_answer_carries_the_policies(server: Served, path: str):
    headers = {name.lower(): value for name, value in server.ask(path).headers.items()}

    assert set(headers) >= {name.lower() for name in SECURITY}
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    ["/docs", "/redoc", "/static/", "/static/..%2Fapp.py", "/static/%2e%2e/app.py", "/.git/config"],
)
def test_nothing_else_is_served(server: Served, path: str):
    assert server.ask(path).status == 404


def test_a_token_is_made_for_the_owners_eyes(tmp_path: Path):
    file = tmp_path / "token"

    made = token_in(file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert token_in(file) == made
    assert len(made) >= 32


@pytest.mark.parametrize(("mode", "text"), [(0o644, TOKEN), (0o600, "short"), (0o600, "")])
def test_a_token_that_others_may_know_is_refused(tmp_path: Path, mode: int, text: str):
    file = tmp_path / "token"
    file.write_text(text)
    file.chmod(mode)

    with pytest.raises((PermissionError, ValueError)):
        token_in(file)


def test_a_lake_without_a_cycle_is_an_empty_page(tmp_path: Path):
    with served(Firm(tmp_path)) as server:
        found = server.ask("/api/accounts").json
        others = [server.ask(f"/api/{path}").status for path in ("firm", "quality", "executive")]

    assert (found["total"], found["cycle"]) == (0, 0)
    assert others == [200, 200, 200]


def test_a_seal_is_told_and_answers_are_of_it(tmp_path: Path):
    firm = Firm(tmp_path)
    with served(firm) as server:
        until(lambda: Published(folder_of(firm.lake)).is_wanted())
        firm.run(
            accounts=[account("A")],
            instruments=[instrument("X")],
            prices=[price("X", "100")],
            cash_movements=[cash("M", "A", "6000")],
            fills=[fill("F", "100", "100")],
        )
        server.sees(1)
        with connect(f"ws://127.0.0.1:{server.port}/ws") as socket:
            socket.recv(timeout=10)
            firm.run(prices=[price("X", "60", at(60))])
            told = json.loads(socket.recv(timeout=10))
            while told["cycle"] < 2:
                told = json.loads(socket.recv(timeout=10))
        found = server.ask("/api/accounts").json

    row = dict(zip(found["columns"], found["rows"][0], strict=True))
    assert (found["cycle"], row["equity"], row["change"]) == (2, 200_000, -300_000)
    assert told["as_of"] == at(60).isoformat()


def test_an_order_is_checked_by_the_firm_in_memory(server: Served):
    # 10,000 of stock against a debit of 4,000: an equity of 6,000 carries 24,000.
    cured = server.ask("/api/accounts/A/check", {"orders": ["SELL 10 X @ 100"]})
    wanting = server.ask("/api/accounts/A/check", {"orders": ["BUY 141 X @ 100"]}).json

    assert (cured.status, cured.json["accepted"], cured.json["cycle"]) == (200, True, 1)
    assert cured.json["as_of"] == "2020-03-09T16:00:00Z"
    assert not wanting["accepted"]
    assert wanting["reasons"][0]["reason"] == "excess"
    assert wanting["reasons"][0]["short_by"] == 25
    odd = server.ask("/api/accounts/a/b%3Fc%23d/check", {"orders": ["BUY 1 X @ 100"]})
    assert odd.json["account_id"] == "a/b?c#d"


def test_an_order_is_not_checked_by_a_firm_that_is_too_old(
    server: Served, monkeypatch: pytest.MonkeyPatch
):
    asked = {"orders": ["SELL 10 X @ 100"]}
    assert server.ask("/api/accounts/A/check", asked).status == 200

    monkeypatch.setattr(follower, "STALE_SECONDS", -1.0)
    refused = server.ask("/api/accounts/A/check", asked)

    assert refused.status == 503
    assert "held is cycle 1, not known to be the newest for" in refused.json["detail"]


@pytest.mark.parametrize(
    ("account_id", "body", "status"),
    [
        pytest.param("A", {"orders": ["BUY"]}, 400, id="no order"),
        pytest.param("A", {"orders": ["BUY 1 ZZZ @ 1"]}, 400, id="unknown symbol"),
        pytest.param("nobody", {"orders": ["BUY 1 X @ 1"]}, 404, id="unknown account"),
        pytest.param("A", {"orders": []}, 422, id="nothing"),
        pytest.param("A", {"order": "BUY 1 X @ 1"}, 422, id="another key"),
    ],
)
def test_what_is_no_question_of_an_order(
    server: Served, account_id: str, body: object, status: int
):
    assert server.ask(f"/api/accounts/{account_id}/check", body).status == status


def test_a_breach_is_shown_and_acknowledged(tmp_path: Path):
    firm = Firm(tmp_path)
    limit = {"limit_id": "L1", "metric": "worst_scenario_loss", "scope": "firm", "amount": 1}
    firm.run(
        accounts=[account("A")],
        instruments=[instrument("X")],
        prices=[price("X", "100")],
        cash_movements=[cash("M", "A", "6000")],
        fills=[fill("F", "100", "100")],
        limits=[limit | {"owner": "Bea", "event_time": text(at(0))}],
    )
    with served(firm) as server:
        server.sees(1, "tables")
        limits = server.ask("/api/firm").json["limits"]
        (breach,) = limits["breaches"]
        answer = server.act(f"/api/breaches/{breach['breach_id']}/acknowledge")
        firm.run()
        until(lambda: server.follower.figures.cycle == 2)
        after = server.ask("/api/firm").json["limits"]["breaches"]

    assert [(row["limit_id"], row["owner"]) for row in limits["limits"]] == [("L1", "Bea")]
    assert (answer.status, breach["state"]) == (202, "open")
    assert [(row["state"], row["acknowledged_by"]) for row in after] == [("acknowledged", "Ada")]
