"""The life of refused rows: whom they flag, how they end, and what a file that lands again is.

Expected values by hand from semantics 8.7 and 8.31; the first case is from a public report of files
whose modification time was hours old.
"""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.ledger.audit import verify
from margin_assets.live.acceptance.refusals import ACCEPTANCE
from margin_assets.live.past.replay import replay
from margin_assets.monitoring.observed import refused_rows
from tests.support.live_driver import (
    NOON,
    Firm,
    Row,
    account,
    at,
    beta,
    cash,
    fill,
    line,
    opening,
    price,
    text,
)

EARLY = NOON - timedelta(hours=6)


@pytest.fixture
def firm(firm: Firm) -> Firm:
    """Accounts A and B, X at 100."""
    firm.run(**opening("A", "B"), betas=[beta("X", "1", "2020-03-09")])
    return firm


def act(kind: str, subject: str, when: float = 60) -> Row:
    row = {"kind": kind, "subject": subject, "actor": "desk", "reason": "as agreed"}
    action_id = hashlib.sha256(f"{kind} {subject}".encode()).hexdigest()[:32]
    return {"action_id": action_id, **row, "event_time": text(at(when))}


def bad(fill_id: str, *more: object, **place: str) -> Row:
    """A fill whose quantity is no number."""
    return fill(fill_id, "1", "100", *more, **place) | {"quantity": "x"}


def lines(*rows: Row) -> bytes:
    return "".join(map(line, rows)).encode()


def open_rows(firm: Firm) -> int:
    return refused_rows(firm.lake, firm.session.ledger.last_sealed())


def flags(firm: Firm) -> dict[str, str]:
    return dict(firm.rows("margin_summary", "account_id", "reasons"))


def ids(firm: Firm) -> list[str]:
    return firm.table("quarantine")["quarantine_id"].to_list()


def closings(firm: Firm) -> list[str]:
    return sorted(firm.table("quarantine_closings")["outcome"].to_list())


def check_replays(firm: Firm) -> None:
    assert replay(firm.lake).difference is None
    assert verify(firm.lake).broken is None


def test_a_file_refused_for_its_time_is_read_again_when_it_lands_again(firm: Firm):
    trades = [fill(f"f{n}", "1", "100", at(1)) for n in range(3)]
    data = lines(*trades, fill("old", "5", "100", EARLY))
    firm.run(fills=[fill("f9", "2", "100", at(1), account_id="B")])
    firm.put("fills/f.ndjson", data, EARLY)
    firm.run()
    early = (firm.position(), open_rows(firm), flags(firm))
    firm.put("fills/g.ndjson", data, at(100))
    firm.run()

    assert early == ((5, -500), 3, {"A": "refused_rows", "B": ""})
    assert firm.position() == (8, -800)
    assert (open_rows(firm), flags(firm)) == (0, {"A": "", "B": ""})
    assert closings(firm) == ["released"] * 3
    again = firm.table("landed_files").filter(path="fills/g.ndjson").row(0, named=True)
    assert (again["status"], again["rows_accepted"], again["rows_duplicate"]) == ("accepted", 3, 1)

    # Now that nothing of it is refused it is what it was: delivered before.
    firm.put("fills/h.ndjson", data, at(200))
    firm.run()
    status = firm.table("landed_files").filter(path="fills/h.ndjson")["status"].item()
    assert status == "redelivered"
    check_replays(firm)


def test_both_deliveries_in_one_plan_are_as_in_two(firm: Firm):
    data = lines(fill("f1", "1", "100", at(1)), bad("f2", at(1)))
    firm.put("fills/f.ndjson", data, EARLY)
    firm.put("fills/g.ndjson", data, at(100))
    firm.put("fills/h.ndjson", data, at(100))
    firm.run()

    assert firm.position() == (1, -100)
    # The first row got in; the second is still no fill.
    assert (open_rows(firm), flags(firm)["A"]) == (1, "refused_rows")
    read = firm.table("landed_files").filter(feed="fills").select("path", "status").rows()
    assert read == [
        ("fills/f.ndjson", "accepted"),
        ("fills/g.ndjson", "accepted"),
        ("fills/h.ndjson", "redelivered"),
    ]
    check_replays(firm)


def test_a_row_that_is_refused_again_for_the_same_is_there_once(firm: Firm):
    data = lines(fill("f1", "1", "100", at(1)), bad("f2", EARLY))
    for landed in (EARLY, EARLY - timedelta(hours=1)):
        firm.put("fills/f.ndjson", data, landed)
        firm.run()

    assert firm.rows("quarantine", "file_row", "reasons") == [
        (1, "event_time_in_future"),
        (2, "quantity_not_a_number"),
        (2, "event_time_in_future;quantity_not_a_number"),
    ]
    assert len(set(ids(firm))) == 3
    check_replays(firm)


@pytest.mark.parametrize("of_file", [True, False])
def test_a_dismissed_row_flags_nobody(firm: Firm, of_file: bool):
    firm.put("fills/f.ndjson", lines(bad("f1", at(1))), at(10))
    firm.put("cash_movements/m.ndjson", lines(cash("m1", "B", "-1", at(1))), at(10))
    firm.run()
    before = (open_rows(firm), flags(firm))
    row = firm.table("quarantine").filter(feed="fills").row(0, named=True)
    subject = row["file_id"] if of_file else row["quarantine_id"]
    firm.run(desk_actions=[act("quarantine_dismiss", subject)])

    assert before == (2, {"A": "refused_rows", "B": "refused_rows"})
    assert (open_rows(firm), flags(firm)) == (1, {"A": "", "B": "refused_rows"})
    closed = firm.rows("quarantine_closings", "quarantine_id", "outcome", "action_id")
    assert [(name, outcome) for name, outcome, _ in closed] == [(row["quarantine_id"], "dismissed")]
    assert firm.rows("desk_actions", "actor", "reason", "action_id") == [
        ("desk", "as agreed", closed[0][2])
    ]
    # The same act again, and one about nothing.
    firm.run(desk_actions=[act("quarantine_dismiss", subject), act("quarantine_release", "none")])
    assert len(closings(firm)) == 1
    check_replays(firm)


def test_an_act_evaluates_nothing_and_moves_no_point(firm: Firm):
    before = firm.session.ledger.last_sealed().as_of
    firm.run(desk_actions=[act("quarantine_dismiss", "nothing", when=500)])

    assert firm.session.ledger.last_sealed().as_of == before
    assert firm.table("enforcement_decisions").is_empty()


@pytest.mark.parametrize(
    ("path", "data", "named"),
    [
        pytest.param("fills/a.ndjson", lines(bad("f")), ["A"], id="a value"),
        pytest.param("fills/a.ndjson", b'{"account_id":"B","fill_id":"f"', ["B"], id="half a line"),
        pytest.param(
            "fills/a.ndjson", b'{"account_id":"B","account_id":"A"}', [], id="two at once"
        ),
        pytest.param("fills/a.ndjson", b'{"account_id":" B","fill_id":"f"}', [], id="no such id"),
        pytest.param(
            "cash_movements/a.csv",
            b"movement_id,account_id,amount,kind,event_time\nm,B,1.001,deposit,2020-03-09T16:00:00Z",
            ["B"],
            id="csv",
        ),
        pytest.param(
            "cash_movements/a.csv", b"movement_id,account_id\nm,B", [], id="a file without columns"
        ),
        pytest.param("accounts/a.ndjson", b'{"account_id":"B"}', [], id="no money"),
    ],
)
def test_whom_a_refused_row_names(tmp_path: Path, path: str, data: bytes, named: list[str]):
    firm = Firm(tmp_path)
    firm.run(**opening("A", "B"))
    firm.put(path, data, at(10))
    firm.run()

    assert firm.table("quarantine").height == 1
    assert firm.table("refused_accounts")["account_id"].to_list() == named
    assert [name for name, why in flags(firm).items() if "refused_rows" in why] == named
    assert open_rows(firm) == (0 if path.startswith("accounts") else 1)


def test_the_flag_stands_beside_other_states_and_leaves_the_account_determinate(firm: Firm):
    firm.run(fills=[fill("f1", "1", "100", at(1)), bad("f2", at(1), account_id="B")])
    firm.run(
        fills=[
            bad("f3", at(2), account_id="GHOST"),
            fill("f4", "1", "100", at(2), account_id="GHOST"),
        ]
    )

    shown = firm.rows("margin_summary", "account_id", "status", "reasons")
    assert shown == [
        ("A", "determinate", ""),
        ("B", "determinate", "refused_rows"),
        ("GHOST", "indeterminate", "unregistered;refused_rows"),
    ]


def test_a_plan_before_refused_rows_had_a_life_means_what_it_meant(tmp_path: Path):
    firm = Firm(tmp_path)
    data = lines(fill("f1", "1", "100", at(1)))
    firm.land(**opening("A"))
    firm.put("fills/f.ndjson", data, EARLY)
    firm.put("fills/g.ndjson", data, at(100))
    made = firm.run()
    other = Firm(tmp_path / "old")
    other.session._archive = firm.lake
    manifest = {n: v for n, v in made.sealed.manifest.items() if n != ACCEPTANCE}
    result = other.session.run_plan(other.session.ledger.plan(manifest))

    assert firm.position() == (1, -100)
    assert result.landed_files["status"].to_list().count("redelivered") == 1
    assert "refused_accounts" not in result.frames


def test_held_rows_of_a_cut_delivery_flag_nobody_before_they_count(tmp_path: Path):
    firm = Firm(tmp_path)
    firm.session.planner.bounds = firm.session.planner.bounds | {"max_files": 1}
    rows = [fill("f1", "1", "100", at(1)), bad("f2", at(1))]
    firm.land(accounts=[account("A")], fills=rows, prices=[price("X", "100")])
    while firm.session.cycle(LocalLanding(firm.landing)):
        pass

    assert flags(firm) == {"A": "instrument_missing;beta_missing;refused_rows"}
