"""The verb of initial margin as it is called."""

from pathlib import Path

from tests.support.crif_rows import written
from tests.support.margin_command import Margin

ROWS = (
    "A,RatesFX,Risk_IRCurve,USD,1,5y,OIS,100000,USD,100000",
    "B,RatesFX,Risk_IRCurve,USD,1,7y,OIS,100000,USD,100000",
)


def test_json(margin: Margin, tmp_path: Path):
    said = margin("im", written(tmp_path / "a.csv", *ROWS), "--version", "2.5", "--json")

    document = said.document
    head = {name: document[name] for name in document if name != "portfolios"}
    assert said.code == 0
    assert head == {
        "model": "simm",
        "version": "2.5",
        "horizon": "10d",
        "currency": "USD",
        "amounts_in": "USD",
    }
    assert [found.get("total") for found in document["portfolios"]] == [52e5, None]
    assert "refused 1 of the portfolios" in said.err


def test_table(margin: Margin, tmp_path: Path):
    file = written(tmp_path / "a.csv", *ROWS)

    said = margin("im", file, "--horizon", "1d", "--version", "2.5", "--by", "portfolio")

    assert "simm 2.5 1d, US dollars" in said.out
    assert "1,600,000.00" in said.out
    assert "B: refused: line 3: Label1 '7y' is no tenor" in said.out


def test_refusals_are_one_line(margin: Margin, tmp_path: Path):
    file = written(tmp_path / "a.csv", *ROWS)

    for words in (["--version", "9"], ["--currency", "ZZZ"]):
        said = margin("im", file, *words)
        assert (said.code, said.out, said.err.count("\n")) == (1, "", 1)
    assert margin("im", tmp_path / "none.csv").code == 1
    assert margin("im", file, "--horizon", "5d").code == 2
    assert margin("im", file, "--as-of", "tomorrow").code == 2


def test_help_says_whose_simm_is(margin: Margin):
    assert "commercial use needs a licence of ISDA" in " ".join(margin("im", "--help").out.split())
