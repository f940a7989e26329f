"""The documented commands that the default suite does not run can at least be started."""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("benchmarks", "tests/campaigns")
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
    if not path.name.startswith(("test_", "__"))
)


@pytest.mark.parametrize("module", MODULES)
def test_module_can_be_imported(module: str):
    importlib.import_module(module)
