"""The units start what there is, by variables that are read."""

import configparser
import re
import shlex
from pathlib import Path

import pytest

from margin_assets.cli import app
from tests.support import ROOT

FOLDER = ROOT / "infra" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
GUIDE = (ROOT / "docs" / "operate.md").read_text("utf-8")
_VARIABLE = re.compile(r"\b(?:MARGIN|DAGSTER)_[A-Z_]+\b")


def service(unit: Path) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment]  # as its documentation has it
    parser.read(unit)
    return parser["Service"]


def verbs() -> set[str]:
    own = {command.name or command.callback.__name__ for command in app.registered_commands}
    return own | {group.name for group in app.registered_groups}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_starts_what_there_is(unit: Path) -> None:
    program, first, *_ = shlex.split(service(unit)["ExecStart"])

    name = Path(program).name
    assert name in {"margin", "dagster-daemon", "dagster-webserver"}
    assert name != "margin" or first in verbs()
    assert service(unit)["EnvironmentFile"] == "/etc/margin/margin.env"
    assert "0.0.0.0" not in service(unit)["ExecStart"]


def read_in_code() -> set[str]:
    found: set[str] = set()
    for source in (ROOT / "margin_assets").rglob("*.py"):
        found |= set(re.findall(r'"(MARGIN_[A-Z_]+)"', source.read_text("utf-8")))
    return found


def test_every_variable_is_told_and_read() -> None:
    told = set(_VARIABLE.findall(GUIDE.split("## Variables")[1].split("## Each morning")[0]))
    given = {line.partition("=")[0] for line in (FOLDER / "margin.env").read_text().splitlines()}

    assert told - {"DAGSTER_HOME"} == read_in_code() - {"DAGSTER_HOME"}
    assert {name for name in given if not name.startswith("#")} <= told
