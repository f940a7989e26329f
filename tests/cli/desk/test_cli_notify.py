"""The verbs over messages, on a lake that a session seals."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.live_driver import Firm, at, cash, fill, opening, price
from tests.support.margin_command import Margin
from tests.support.told_lake import ToldLake, call, decision


@pytest.fixture
def firm(tmp_path: Path) -> Firm:
    """An account that is called: 1,000 X at 100 on 60,000 of cash, and X falls to 50."""
    firm = Firm(tmp_path)
    owner = {"cash_movements": [cash("c", "A", "60000")], "fills": [fill("f", "1000", "100")]}
    firm.run(**opening("A"), **owner)
    firm.run(prices=[price("X", "50", at(60))])
    return firm


def test_a_call_is_told_acknowledged_and_met(firm: Firm, tmp_path: Path, margin: Margin):
    lake, outbox = ["--lake", firm.lake.uri], tmp_path / "outbox"
    said = margin("notify", *lake, "--outbox", outbox)
    # The account is also closed by stress: X has no beta.
    assert (said.code, said.out.split(", ")[0]) == (0, "2 written")
    files = [file.read_text() for file in outbox.iterdir()]
    owed = "maintenance call opened, 2,500.00 USD owed, due 2020-03-09 12:31:00 in New York"
    assert sum(f"Subject: [urgent] Account A: {owed}\n" in text for text in files) == 1

    listed = margin("notify", "list", *lake, "--json").document
    (message,) = (one for one in listed if one["event"] == "opened")
    assert (message["state"], message["amount"]) == ("sent", 2500)
    where = [*lake, "--landing", firm.landing, "--as", "mary"]
    said = margin("notify", "ack", message["message_id"][:8], *where)
    assert said.code == 0
    assert firm.cycle(cash_movements=[cash("d", "A", "5000", at(90))]) is not None
    said = margin("notify", *lake, "--outbox", outbox, "--json")

    assert said.document["acknowledged"] == 1
    assert [one["event"] for one in said.document["messages"]] == ["met"]
    assert len(list(outbox.iterdir())) == 3
    refused = margin("notify", "ack", message["message_id"], *where)
    assert (refused.code, refused.err) == (1, "margin: mary has acknowledged it\n")
    assert margin("replay", "--verify", *lake).code == 0


@pytest.fixture
def told(tmp_path: Path) -> ToldLake:
    made = ToldLake(tmp_path)
    made.seal(decisions=[decision("A"), decision("B")], calls=[call("C")])
    return made


def test_a_dry_run_shows_and_does_nothing(told: ToldLake, tmp_path: Path, margin: Margin):
    place = ["--lake", told.lake.uri, "--outbox", tmp_path / "outbox"]
    said = margin("notify", *place, "--dry-run")

    assert said.out.count("margin_desk") == 3
    assert said.err == "3 messages would be sent now; nothing was\n"
    assert len(margin("notify", *place, "--dry-run", "--json").document) == 3
    assert not (tmp_path / "outbox").exists()
    assert told.fates() == []


def test_messages_are_listed_by_state_and_account(told: ToldLake, tmp_path: Path, margin: Margin):
    lake = ["--lake", told.lake.uri]
    assert margin("notify", "list", *lake, "--json").document == []
    margin("notify", *lake, "--outbox", tmp_path / "outbox", "--once")

    found = margin("notify", "list", *lake, "--account", "B", "--state", "sent", "--json").document
    assert [row["account_id"] for row in found] == ["B"]
    assert margin("notify", "list", *lake, "--state", "failed", "--json").document == []
    said = margin("notify", "list", *lake, "--limit", 2)
    assert said.err == "2 of 3 messages\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--every", "5", "--json"], 2, "--every goes with neither"),
        (["--every", "5", "--dry-run"], 2, "--every goes with neither"),
        (["list", "--state", "lost"], 2, "--state is one of pending"),
        (["ack", "zzz", "--as", "mary"], 1, "no message has an id that starts with 'zzz'"),
        (["--contacts", "nowhere.toml"], 1, "nowhere.toml"),
    ],
)
def test_what_cannot_be_is_refused(
    told: ToldLake,
    margin: Margin,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
    message: str,
):
    monkeypatch.setenv("MARGIN_LAKE", told.lake.uri)
    said = margin("notify", *words)

    assert said.code == code
    assert message in said.err
    assert told.fates() == []


def test_a_sender_that_stays_ends_when_it_is_told_to(told: ToldLake, tmp_path: Path):
    place = ["--lake", told.lake.uri, "--outbox", str(tmp_path / "outbox")]
    words = [str(Path(sys.executable).with_name("margin")), "notify", *place, "--every", "600"]
    with subprocess.Popen(words, cwd=ROOT, text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGTERM)

    assert first == "3 written, 0 digested, 0 escalated, 0 acknowledged, 3 sent, 0 failed\n"
    assert process.returncode == 0
