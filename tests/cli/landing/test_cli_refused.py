"""Refused rows brought in or dismissed from the command line, and what status says meanwhile."""

import os
from datetime import UTC, datetime
from pathlib import Path

from tests.support.margin_command import Margin, land, landed, live, place

TRADE = (
    '{"fill_id":"%s","account_id":"A","symbol":"NVDA","quantity":%s,"price":200,'
    '"event_time":"2020-03-09T17:00:00Z"%s}\n'
)


def trade(fill_id: str, quantity: str = "1", corrects: str = "", account: str = "A") -> str:
    more = f',"corrects_fill_id":"{corrects}"' if corrects else ""
    return (TRADE % (fill_id, quantity, more)).replace('"A"', f'"{account}"')


def stamp(folder: Path, path: str, when: str) -> None:
    seconds = datetime.fromisoformat(when).astimezone(UTC).timestamp()
    os.utime(folder / "landing" / path, (seconds, seconds))


def status(margin: Margin, folder: Path) -> dict:
    return margin("status", *landed(folder), "--json").document


def refused(margin: Margin, folder: Path, *words: str) -> list[dict]:
    return margin("quarantine", "list", *words, *place(folder), "--json").document


def held(margin: Margin, folder: Path, account: str) -> list[float]:
    select = f"SELECT quantity FROM positions WHERE account_id = '{account}'"
    return [row["quantity"] for row in margin("sql", select, *place(folder), "--json").document]


def early(margin: Margin, folder: Path, content: str) -> None:
    """Lands trades of 17:00Z in a file of six hours before, as an archive unpacked elsewhere."""
    land(folder, "fills/f.ndjson", content)
    stamp(folder, "fills/f.ndjson", "2020-03-09T11:00:00Z")
    live(margin, folder)


def test_a_whole_file_is_released(margin: Margin, copied: Path) -> None:
    early(margin, copied, "".join(trade(f"n{n}") for n in range(5)) + trade("bad", '"x"'))
    before = status(margin, copied)
    at = ["--landed-at", "2020-03-09T17:01:00Z"]
    said = margin(
        "quarantine", "release", "--file", "fills/f.ndjson", *at, *landed(copied), "--json"
    )
    live(margin, copied)
    after = status(margin, copied)

    assert (before["health"], before["quarantined_rows"]) == ("attention", 6)
    assert before["refused_accounts"] == [{"account_id": "A", "rows": 6}]
    assert (said.document["rows"], said.document["refused_again"]) == (5, 1)
    assert held(margin, copied, "A") == [5]
    assert (after["quarantined_rows"], after["refused"]) == (1, {"rows": 1, "state": "open"})
    # What is left open is what no time mends.
    again = margin("quarantine", "release", "--file", "fills", *landed(copied))
    assert (again.code, "no file has open refused rows" in again.err) == (1, True)
    name = Path(said.document["path"]).name
    last = margin("quarantine", "release", "--file", f"fills/{name}", *landed(copied))
    assert (last.code, "quantity_not_a_number" in last.err) == (1, True)
    states = [row["state"] for row in refused(margin, copied, "--all")]
    assert sorted(states) == ["open"] + ["released"] * 6


def test_a_file_cannot_have_landed_before_its_rows_or_after_now(
    margin: Margin, copied: Path
) -> None:
    early(margin, copied, trade("n1"))
    words = ["quarantine", "release", "--file", "fills/f.ndjson", *landed(copied), "--landed-at"]
    too_early = margin(*words, "2020-03-09T12:00:00Z")
    to_come = margin(*words, "2999-01-01T00:00:00Z")

    assert (too_early.code, to_come.code) == (1, 1)
    assert "refused again: event_time_in_future" in too_early.err
    assert "has not come yet" in to_come.err
    assert not list((copied / "landing").glob("*/released*"))


def test_a_row_that_was_only_early_is_released_as_it_is(margin: Margin, copied: Path) -> None:
    early(margin, copied, trade("n1") + trade("n2"))
    rows = refused(margin, copied)
    said = margin("quarantine", "release", rows[0]["quarantine_id"], *landed(copied))
    live(margin, copied)

    assert said.code == 0
    assert held(margin, copied, "A") == [1]
    assert [row["file_row"] for row in refused(margin, copied)] == [2]
    select = "SELECT kind, subject, details FROM desk_actions"
    (act,) = margin("sql", select, *place(copied), "--json").document
    assert (act["kind"], act["subject"]) == ("quarantine_release", rows[0]["quarantine_id"])
    assert "released-" in act["details"]


def test_rows_are_dismissed_one_by_one_or_by_file(margin: Margin, copied: Path) -> None:
    early(margin, copied, trade("n1") + trade("n2") + trade("n3"))
    row, *_ = refused(margin, copied)
    words = ["--reason", "a test", "--actor", "desk", *landed(copied), "--json"]
    one = margin("quarantine", "dismiss", row["quarantine_id"][:8], *words)
    live(margin, copied)
    after_one = status(margin, copied)
    again = margin("quarantine", "dismiss", row["quarantine_id"], *words)
    rest = margin("quarantine", "dismiss", "--file", row["file_id"][:10], *words)
    live(margin, copied)
    after_all = status(margin, copied)
    shown = margin("quarantine", "show", row["quarantine_id"], *place(copied), "--json").document

    assert (one.document["rows"], rest.document["rows"]) == (1, 2)
    assert (again.code, "is dismissed already" in again.err) == (1, True)
    assert (after_one["quarantined_rows"], after_one["health"]) == (2, "attention")
    assert after_one["refused"] == {"rows": 2, "state": "open"}
    assert (after_all["quarantined_rows"], after_all["health"]) == (0, "ok")
    assert (after_all["refused_accounts"], refused(margin, copied)) == ([], [])
    assert (shown["state"], shown["action_id"]) == ("dismissed", one.document["action_id"])
    select = (
        "SELECT outcome, count(*) n FROM quarantine JOIN quarantine_closings USING (quarantine_id) "
        "GROUP BY outcome"
    )
    assert margin("sql", select, *place(copied), "--json").document == [
        {"outcome": "dismissed", "n": 3}
    ]
    assert margin("replay", "--verify", *place(copied)).code == 0


def test_dismissing_takes_a_reason_and_one_subject(margin: Margin, copied: Path) -> None:
    early(margin, copied, trade("n1"))
    row = refused(margin, copied)[0]["quarantine_id"]
    at = landed(copied)

    assert margin("quarantine", "dismiss", row, *at).code == 2
    assert margin("quarantine", "dismiss", "--reason", "x", *at).code == 2
    assert margin("quarantine", "dismiss", row, "--file", "f", "--reason", "x", *at).code == 2
    assert margin("quarantine", "release", *at).code == 2
    assert margin("quarantine", "dismiss", row, "--reason", "", *at).code == 1
    assert not list((copied / "landing").glob("desk_actions/*"))


def test_a_chain_that_waits_is_listed_whole(margin: Margin, copied: Path) -> None:
    land(copied, "fills/w.ndjson", trade("W1", "5", "O") + trade("W2", "6", "W1") + trade("G"))
    live(margin, copied)
    waits = [row["fill_id"] for row in status(margin, copied)["waiting_corrections"]]
    story = margin("explain", "A", *place(copied)).out
    land(copied, "fills/o.ndjson", trade("O", "9"))
    live(margin, copied)

    assert waits == ["W1", "W2"]
    assert "waits for O" in story
    assert "waits for W1" in story
    assert status(margin, copied)["waiting_corrections"] == []
    assert held(margin, copied, "A") == [7]


def test_a_correction_refused_late_is_released_under_its_account(
    margin: Margin, copied: Path
) -> None:
    land(copied, "fills/w.ndjson", trade("W", "5", "O"))
    live(margin, copied)
    land(copied, "fills/o.ndjson", trade("O", "100", account="B"))
    live(margin, copied)
    land(copied, "fills/x.ndjson", trade("X", "7", "W"))
    live(margin, copied)
    waits = [row["fill_id"] for row in status(margin, copied)["waiting_corrections"]]
    (row,) = refused(margin, copied)
    as_it_is = margin("quarantine", "release", row["quarantine_id"], *landed(copied))
    said = margin(
        "quarantine", "release", row["quarantine_id"], "--set", "account_id=B", *landed(copied)
    )
    live(margin, copied)

    assert waits == ["X"]
    assert (as_it_is.code, "nothing to correct" in as_it_is.err) == (1, True)
    assert said.code == 0
    assert held(margin, copied, "B") == [5]
    # X is of A, and what it corrects is of B now.
    reasons = [(row["reasons"], row["path"]) for row in refused(margin, copied)]
    assert reasons == [("correction_mismatch", "fills/x.ndjson")]
