"""Wrong usage and refused input: the exit codes, and one line that says why."""

from importlib import metadata
from pathlib import Path

import pytest

from tests.support.margin_command import Margin, place

TRAVEL = "2020-03-09T15:00:00Z"


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], id="the command"),
        *(
            pytest.param(verb.split(), id=verb)
            for verb in (
                "init",
                "demo",
                "feed",
                "live",
                "sql",
                "status",
                "explain",
                "liquidate",
                "whatif",
                "replay",
                "bench",
                "audit verify",
                "quarantine list",
                "quarantine show",
                "quarantine release",
                "quarantine dismiss",
                "rulebook list",
                "rulebook show",
            )
        ),
    ],
)
def test_every_verb_has_help_with_an_example(margin: Margin, words: list[str]) -> None:
    said = margin(*words, "--help")

    assert said.code == 0
    assert "xample" in said.out


def test_the_version(margin: Margin) -> None:
    said = margin("--version")

    assert (said.code, said.out) == (0, f"margin {metadata.version('margin-lakehouse')}\n")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["nonsense"], id="unknown verb"),
        pytest.param(["sql"], id="no statement"),
        pytest.param(["status", "--nope"], id="unknown option"),
        pytest.param(["live", "--max-cycles", "0"], id="no cycles"),
        pytest.param(["sql", "SELECT 1", "--format", "xml"], id="unknown format"),
        pytest.param(["sql", "SELECT 1", "--cycle", "1", "--as-of", TRAVEL], id="two moments"),
        pytest.param(["explain", "A", "--at", "2020-03-09T15:00:00"], id="no offset"),
        pytest.param(["explain", "A", "--at", "yesterday"], id="no instant"),
        pytest.param(["init", "--lake", "ftp://host/lake"], id="unknown store"),
        pytest.param(["rulebook", "show", "tims", "someday"], id="no day"),
        pytest.param(["sql", "SELECT 1", "--jsn"], id="unknown option beside a statement"),
        pytest.param(["init", "--lake", ""], id="no lake named"),
        pytest.param(["init", "--lake", " "], id="a blank for a lake"),
        pytest.param(["live", "--landing", ""], id="no landing folder named"),
        pytest.param(["status", "--landing", ""], id="the same of status"),
    ],
)
def test_wrong_usage(margin: Margin, words: list[str]) -> None:
    said = margin(*words)

    assert said.code == 2
    assert said.out == ""
    assert "margin: " in said.err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        pytest.param(["feed", "nope"], "unknown scenario 'nope'; known: ", id="scenario"),
        pytest.param(["status", "--lake", "nowhere"], "no lake at nowhere", id="no lake"),
        pytest.param(["bench", "nope"], "unknown benchmark 'nope'", id="benchmark"),
        pytest.param(["rulebook", "show", "nope"], "unknown family 'nope'", id="family"),
        pytest.param(["whatif", "nowhere.json"], "No such file", id="no file"),
    ],
)
def test_refused_input_in_one_line(margin: Margin, words: list[str], reason: str) -> None:
    said = margin(*words)

    assert said.code == 1
    assert said.err.startswith("margin: ")
    assert reason in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        pytest.param(["sql", "SELEC 1"], "only one SELECT", id="no SQL"),
        pytest.param(["sql", "DROP TABLE fills"], "only one SELECT", id="no question"),
        pytest.param(["sql", "SELECT nope FROM fills"], "No field named nope", id="column"),
        pytest.param(["sql", "SELECT 1", "--cycle", "99"], "cycle 99 is not sealed", id="cycle"),
        pytest.param(
            ["sql", "SELECT 1", "--as-of", "2001-01-01T00:00:00Z"], "no cycle was sealed", id="time"
        ),
        pytest.param(["explain", "x[red]\x1b[31m"], "x[red]\\x1b[31m", id="unknown account"),
        pytest.param(["quarantine", "show", "ffff"], "no row has", id="quarantine id"),
        pytest.param(["replay", "--from-cycle", "99"], "cycle 99 is not sealed", id="replay"),
    ],
)
def test_refused_question(margin: Margin, told: Path, words: list[str], reason: str) -> None:
    said = margin(*words, *place(told))

    assert said.code == 1
    assert reason in said.err
    assert said.err.count("\n") == 1
    assert "\x1b" not in said.err


def test_without_a_verb_comes_the_help(margin: Margin) -> None:
    said = margin()

    assert said.code == 2
    assert said.err.startswith("Usage: margin")
    assert "\n  explain " in said.err


def test_debug_shows_the_error_itself(margin: Margin) -> None:
    with pytest.raises(ValueError, match="unknown scenario"):
        margin("feed", "nope", "--debug")


def test_live_says_that_its_landing_folder_is_not_there(margin: Margin, tmp_path: Path) -> None:
    said = margin("live", *place(tmp_path), "--landing", str(tmp_path / "nowhere"))

    assert said.code == 1
    assert "no landing folder" in said.err
    assert not (tmp_path / "lake").exists()
