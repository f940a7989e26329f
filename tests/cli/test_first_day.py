"""A first day from a spreadsheet, as the page tells it: its files land, its tables come out."""

import re
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.margin_command import Margin, calling

PAGE = (ROOT / "docs" / "first-day.md").read_text("utf-8")
FILES = re.findall(
    r"`([\w.]+)`[^`]*:\n\n```(?:csv|toml)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE
)

_AMOUNT = re.compile(r"\d,\d{3}\.\d\d")


def rows(text: str) -> list[list[str]]:
    """Words of each line that has any."""
    return [line.split() for line in text.splitlines() if line.split()]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES:
        Path(name).write_text(text, "utf-8")
    folder = Path("landing/instruments")
    folder.mkdir(parents=True)
    Path("instruments.csv").rename(folder / "instruments.csv")
    return tmp_path


def test_the_page_is_what_the_commands_say(capsys: pytest.CaptureFixture[str], desk: Path) -> None:
    del desk
    margin: Margin = calling(capsys)
    # Of files of one name the first: the second `trades.toml` is that of the correction.
    commands = re.findall(r"^margin (?:init|landing map .*|live .*)$", PAGE, re.MULTILINE)
    assert len(commands) == 6
    for command in commands:
        said = margin(*command.split()[1:])
        assert said.code == 0, (command, said.err)

    shown = rows(PAGE)
    adopt = ["rulebook", "adopt", "house.toml", "--effective", "2026-03-03", "--dry-run"]
    shock = ["whatif", "--account", "SHORT-1", "--shock", "GME=+20%"]
    # Of the what-if the page has the first two tables.
    for asked, figures in ((["accounts"], 2), (shock, 15), (adopt, 1)):
        told = [row for row in rows(margin(*asked).out) if _AMOUNT.search(" ".join(row))]
        assert len(told) >= figures
        assert [row for row in told[:figures] if row not in shown] == [], asked
