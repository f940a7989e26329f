import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import ROOT

WEB = ROOT / "margin_assets" / "dashboard" / "web"
STATIC = ROOT / "margin_assets" / "dashboard" / "static"


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs Node")
def test_the_sources_give_the_bundle_to_the_byte(tmp_path: Path):
    made = tmp_path / "web"
    shutil.copytree(WEB, made, ignore=shutil.ignore_patterns("node_modules"))
    if (WEB / "node_modules").is_dir():
        (made / "node_modules").symlink_to(WEB / "node_modules")
    else:
        installed = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=made, check=False
        )
        if installed.returncode:
            pytest.skip("no registry to install from")

    subprocess.run(["node", "build.mjs", str(tmp_path / "out")], cwd=made, check=True)

    built = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    committed = {file.name: file.read_bytes() for file in STATIC.iterdir()}
    assert built.keys() == committed.keys()
    assert [name for name in built if built[name] != committed[name]] == []


def test_the_lock_names_no_registry():
    lock = json.loads((WEB / "package-lock.json").read_text())

    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []


def test_the_page_loads_nothing_from_elsewhere_and_names_licences():
    page = (STATIC / "index.html").read_text()

    assert re.findall(r'(?:src|href)="(?!/static/|#)[^"]*"', page) == []
    licences = (STATIC / "licences.txt").read_text()
    assert all(name in licences for name in ("ag-grid-community", "echarts", "zrender", "tslib"))
