"""The documented commands that the default suite does not run can at least be started."""

import importlib

import pytest

from tests.support import ROOT

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
