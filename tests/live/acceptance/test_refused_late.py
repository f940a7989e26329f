"""A correction that waited, and was refused when its original landed in another account.

From a public report: it kept its id and could not be released. Expected values by hand from
semantics 2.4, 7.1 and 8.7.
"""

import hashlib
import json

import pytest

from margin_assets.lake.ledger.audit import verify
from margin_assets.live.past.replay import replay
from margin_assets.monitoring.observed import refused_rows
from tests.support.live_driver import Firm, at, beta, fill, line, opening, text


@pytest.fixture
def firm(firm: Firm) -> Firm:
    """Accounts A and B, X at 100."""
    firm.run(**opening("A", "B"), betas=[beta("X", "1", "2020-03-09")])
    return firm


def open_rows(firm: Firm) -> int:
    return refused_rows(firm.lake, firm.session.ledger.last_sealed())


def flag(firm: Firm) -> str:
    return dict(firm.rows("margin_summary", "account_id", "reasons"))["A"]


def check_replays(firm: Firm) -> None:
    assert replay(firm.lake).difference is None
    assert verify(firm.lake).broken is None


def waited(firm: Firm) -> str:
    """W corrects O in A; O lands in B: W is refused. Gives the id of its quarantine row."""
    firm.run(fills=[fill("W", "5", "10", at(1), corrects="O")])
    firm.run(fills=[fill("O", "100", "10", at(2), account_id="B")])
    return firm.table("quarantine")["quarantine_id"].item()


def test_a_correction_refused_late_is_kept_as_it_landed(firm: Firm):
    waited(firm)
    row = firm.table("quarantine").row(0, named=True)
    landed = line(fill("W", "5", "10", at(1), corrects="O")).encode()[:-1]

    assert (row["reasons"], row["raw"]) == ("correction_mismatch", landed)
    assert row["raw_sha256"] == hashlib.sha256(landed).hexdigest()
    assert json.loads(row["raw"])["quantity"] == 5
    assert flag(firm) == "refused_rows"
    check_replays(firm)


def test_its_id_may_land_again(firm: Firm):
    row = waited(firm)
    act = {"action_id": "D1", "kind": "quarantine_release", "subject": row, "actor": "desk"}
    act |= {"event_time": text(at(60))}
    firm.run(
        fills=[fill("W", "5", "10", at(3), account_id="B", corrects="O")],
        desk_actions=[act],
    )

    assert firm.position("X", "B") == (5, -50)
    assert firm.reasons() == ["correction_mismatch"]
    assert (open_rows(firm), flag(firm)) == (0, "")
    # Now the id is taken again.
    firm.run(fills=[fill("W", "6", "10", at(4), account_id="B", corrects="O")])
    assert firm.reasons() == ["correction_mismatch", "id_reused"]
    firm.run(fills=[fill("W2", "9", "10", at(5), account_id="B", corrects="W")])
    assert firm.position("X", "B") == (9, -90)
    check_replays(firm)


def test_redelivered_it_is_refused_again(firm: Firm):
    waited(firm)
    again = [fill("W", "5", "10", at(1), corrects="O"), fill("f9", "1", "1", at(9))]
    firm.run(fills=again)

    assert firm.reasons() == ["correction_mismatch"] * 2
    assert firm.position("X", "B") == (100, -1000)


def test_everything_in_one_plan(firm: Firm):
    firm.run(
        fills=[
            fill("W", "5", "10", at(1), corrects="O"),
            fill("O", "100", "10", at(2), account_id="B"),
            fill("W", "7", "10", at(3), account_id="B", corrects="O"),
            fill("V", "1", "10", at(4), corrects="W"),
        ]
    )

    assert firm.position("X", "B") == (7, -70)
    assert firm.reasons() == ["correction_mismatch"] * 2
    check_replays(firm)
