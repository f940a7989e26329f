"""cfn-lint and checkov find nothing that is not acknowledged, and somebody notices each fault."""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from infra import controls, kept
from infra.faults import FAULTS, with_fault
from infra.proofs.test_synth import Found, acknowledged

BIN = Path(sys.executable).parent
LOCATION = re.compile(r"^(?P<file>[^:]+):\d+:\d+:\d+:\d+:(?P<rule>\w+):", re.MULTILINE)


def linted(*places: Path) -> dict[str, set[str]]:
    """Rules of cfn-lint that each file breaks; one call for all, which takes seconds to start."""
    command = [str(BIN / "cfn-lint"), "--format", "parseable", *map(str, places)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    found: dict[str, set[str]] = defaultdict(set)
    for match in LOCATION.finditer(told.stdout):
        found[match["file"]].add(match["rule"])
    assert found or told.returncode == 0, told.stderr
    return found


def scanned(folder: Path) -> dict[str, Found]:
    """Resources that break each rule of checkov, by file."""
    command = [str(BIN / "checkov"), "--directory", str(folder)]
    command += ["--framework", "cloudformation", "--compact", "--quiet", "--output", "json"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    found: dict[str, Found] = defaultdict(lambda: defaultdict(set))
    for check in json.loads(told.stdout)["results"]["failed_checks"]:
        name = check["resource"].rsplit(".", 1)[-1]
        found[check["file_path"].lstrip("/")][check["check_id"]].add(name)
    return found


def test_cfn_lint_finds_nothing() -> None:
    assert linted(*sorted(kept.FOLDER.glob("*/*.json"))) == {}


@pytest.mark.parametrize("size", ["medium", "large"])
def test_checkov_finds_what_is_acknowledged(size: str) -> None:
    found: Found = defaultdict(set)
    for rules in scanned(kept.FOLDER / size).values():
        for rule, names in rules.items():
            found[rule] |= names

    assert found == acknowledged("checkov")


@pytest.fixture(scope="module")
def noticed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Who notices each fault."""
    folder, good = tmp_path_factory.mktemp("faults"), kept.kept("medium")
    written: dict[Path, str] = {}
    for number, fault in enumerate(FAULTS):
        for stack, template in with_fault(good, fault).items():
            if template != good[stack]:
                place = folder / f"{number:02d}-{stack}.json"
                place.write_text(json.dumps(template), "utf-8")
                written[place] = fault
    found: dict[str, set[str]] = {fault: set() for fault in FAULTS}
    for file, rules in linted(*written).items():
        found[written[Path(file)]] |= rules
    usual = set(acknowledged("checkov"))
    for file, rules_of in scanned(folder).items():
        found[written[folder / file]] |= set(rules_of) - usual
    for fault in FAULTS:
        found[fault] |= {told.split(":")[0] for told in controls.problems(with_fault(good, fault))}
    return found


@pytest.mark.parametrize("fault", FAULTS)
def test_somebody_notices(noticed: dict[str, set[str]], fault: str) -> None:
    assert noticed[fault]
