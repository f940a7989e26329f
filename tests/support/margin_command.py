"""What the command line said, for tests that call it in process."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from margin_assets.cli import main


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Margin = Callable[..., Said]


def calling(capsys: pytest.CaptureFixture[str]) -> Margin:
    """The command line as `main` would be called, and what it said."""

    def call(*words: object) -> Said:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Said(code, *capsys.readouterr())

    return call


def place(folder: Path) -> list[str]:
    return ["--lake", str(folder / "lake")]


def landed(folder: Path) -> list[str]:
    return [*place(folder), "--landing", str(folder / "landing")]


def land(folder: Path, path: str, content: str | bytes) -> None:
    file = folder / "landing" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)


def live(margin: Margin, folder: Path) -> None:
    assert margin("live", "--until-idle", *landed(folder)).code == 0
