"""The command line called as `main` would be, and a lake of eleven cycles to call it on."""

import shutil
from pathlib import Path

import pytest

from margin_assets.cli import main
from tests.support.margin_command import Margin, calling


@pytest.fixture(autouse=True)
def _scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARGIN_SCRATCH", str(tmp_path / "scratch"))


@pytest.fixture
def margin(capsys: pytest.CaptureFixture[str]) -> Margin:
    return calling(capsys)


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lake and landing folder of the scripted account, a cycle for each batch."""
    folder = tmp_path_factory.mktemp("told")
    place = ["--lake", str(folder / "lake"), "--landing", str(folder / "landing")]
    assert main(["demo", "--scenario", "seed-ladder", "--json", *place]) == 0
    return folder


@pytest.fixture
def copied(told: Path, tmp_path: Path) -> Path:
    """The same, to be spoiled."""
    return shutil.copytree(told, tmp_path / "copied", copy_function=shutil.copy2)
