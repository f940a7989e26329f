"""Limits of the house on the command line."""

from pathlib import Path

from tests.support.live_driver import Firm, at, cash, fill, line, opening, text
from tests.support.margin_command import Margin, land, landed, live, place

LIMIT = {"limit_id": "L1", "metric": "worst_scenario_loss", "scope": "firm", "owner": "Bea"}


def breached(folder: Path) -> None:
    """A loss above one dollar, which the firm may not have."""
    rows = opening("A") | {
        "cash_movements": [cash("c", "A", "6000")],
        "fills": [fill("f", "100", "100")],
        "limits": [LIMIT | {"amount": 1, "event_time": text(at())}],
    }
    Firm(folder).run(**rows)


def test_a_breach_is_listed_acknowledged_and_cured(margin: Margin, tmp_path: Path):
    breached(tmp_path)
    (limit,) = margin("limits", "list", "--json", *place(tmp_path)).document
    assert (limit["limit_id"], limit["amount"], limit["breaches"]) == ("L1", 1, 1)
    (breach,) = margin("limits", "breaches", "--json", *place(tmp_path)).document
    assert (breach["state"], breach["limit_value"], breach["owner"]) == ("open", 1, "Bea")

    name = breach["breach_id"]
    words = ("acknowledge", name[:10], "--as", "mia", "--reason", "hedge is under way")
    said = margin("limits", *words, "--json", *landed(tmp_path))
    assert (said.code, said.document["breach_id"]) == (0, name)
    live(margin, tmp_path)
    (now,) = margin("limits", "breaches", "--json", *place(tmp_path)).document
    assert (now["state"], now["acknowledged_by"]) == ("acknowledged", "mia")
    again = margin("limits", *words, *landed(tmp_path))
    assert (again.code, again.err.count("\n")) == (1, 1)
    assert f"breach {name[:12]} is acknowledged by mia, not open" in again.err

    land(tmp_path, "fills/g.ndjson", line(fill("g", "-100", "100", at(5))))
    live(margin, tmp_path)
    assert margin("limits", "breaches", "--json", *place(tmp_path)).document == []
    (cured,) = margin("limits", "breaches", "--all", "--json", *place(tmp_path)).document
    assert cured["state"] == "cured"
    assert "1 limits" in margin("limits", "list", *place(tmp_path)).err


def test_a_breach_that_nobody_knows_is_refused(margin: Margin, tmp_path: Path):
    breached(tmp_path)

    said = margin("limits", "acknowledge", "ffff", "--as", "mia", *landed(tmp_path))

    assert (said.code, said.err) == (1, "margin: no breach has an id that starts with 'ffff'\n")
    assert not (tmp_path / "landing" / "desk_actions").exists()
