"""The examples of docs/extending.md run as they stand, each section in a namespace of its own."""

import re
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from margin_assets import rulebooks
from margin_assets.live.session.exporter import FIGURES
from schemas import TABLES
from tests.support import ROOT
from tests.support.installed_rulebooks import installed_in, read

_BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def _sections() -> dict[str, list[str]]:
    text = (ROOT / "docs" / "extending.md").read_text("utf-8")
    _, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    return {part.splitlines()[0]: _BLOCK.findall(part) for part in parts}


SECTIONS = _sections()


def run(name: str) -> dict[str, Any]:
    found: dict[str, Any] = {"__name__": "extending"}
    for number, block in enumerate(SECTIONS[name], start=1):
        exec(compile(block, f"docs/extending.md, {name}, block {number}", "exec"), found)
    return found


@pytest.fixture(autouse=True)
def _undone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    with patch.dict(TABLES), patch.dict(FIGURES):
        yield


@pytest.mark.parametrize("name", SECTIONS)
def test_the_examples_of_a_section_run(name: str):
    assert "assert" in SECTIONS[name][-1]

    run(name)


def test_a_new_version_of_a_rulebook_decides_from_its_date_on(tmp_path: Path):
    run("A rule changes from a date on")
    installed = tmp_path / "installed_rulebooks"
    shutil.copytree(Path(rulebooks.__file__).parent, installed)
    shutil.copy("2031-01-01.toml", installed / "finra_4210")

    days = (date(2026, 6, 4), date(2030, 12, 31), date(2031, 1, 1))
    with installed_in(installed):
        found = [read("finra_4210", day).numbers["short_equity"]["maintenance"] for day in days]

    assert found == [0.30, 0.30, 0.35]


def test_every_python_block_is_in_a_section():
    text = (ROOT / "docs" / "extending.md").read_text("utf-8")

    assert sum(map(len, SECTIONS.values())) == text.count("```python")
