"""What the stacks come to is what is kept, and nothing in it surprises cdk-nag."""

import json
import tomllib
from collections import defaultdict
from pathlib import Path

import aws_cdk as cdk
import cdk_nag
import pytest

from infra.app import TEMPLATES, application, templates
from infra.stacks.sizes import sizes

ACKNOWLEDGED = tomllib.loads((TEMPLATES.parent / "acknowledged.toml").read_text("utf-8"))
Found = dict[str, set[str]]


def acknowledged(tool: str) -> Found:
    return {
        entry["rule"]: set(entry["where"])
        for entry in ACKNOWLEDGED["finding"]
        if entry["tool"] == tool
    }


@pytest.mark.parametrize("size", sorted(sizes()))
def test_the_kept_templates_are_what_the_stacks_come_to(size: str) -> None:
    for stack, text in templates(sizes()[size]).items():
        assert (TEMPLATES / size / f"{stack}.json").read_text("utf-8") == text, stack


def test_cdk_nag_finds_what_is_acknowledged(tmp_path: Path) -> None:
    app = application(sizes()["medium"], str(tmp_path))
    checks = [cdk_nag.AwsSolutionsChecks(app), cdk_nag.NIST80053R5Checks(app)]
    cdk.Validations.of(app).add_plugins(*checks)
    # It ends with an error as soon as one finding is there; the report has them all.
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    report = json.loads((tmp_path / "validation-report.json").read_text("utf-8"))
    found: Found = defaultdict(set)
    for plugin in report["pluginReports"]:
        for violation in plugin["violations"]:
            rule = violation["ruleName"].split("[")[0]
            places = (each["constructPath"] for each in violation["violatingConstructs"])
            found[rule] |= {place.rsplit("/", 1)[-1] for place in places}

    assert found == acknowledged("cdk-nag")
