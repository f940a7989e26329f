"""The templates that are deployed hold every control, and the controls notice what breaks them."""

import pytest

from infra import controls, kept
from infra.controls import Control
from infra.faults import FAULTS, with_fault
from infra.kept import Templates
from tests.support import ROOT

SIZES = ("small", "medium", "large")
# What is a question of CloudFormation's own schema is the linter's: `make infra`.
OF_THE_LINTER = {
    "a property with a typing error",
    "a value that is none",
    "a reference to nothing",
    "a size that Fargate has not",
    "a class of database that is none",
    "an action that is none",
}


@pytest.fixture(scope="module", params=SIZES)
def templates(request: pytest.FixtureRequest) -> Templates:
    return kept.kept(request.param)


@pytest.mark.parametrize("control", controls.CONTROLS, ids=lambda control: control.__name__)
def test_a_control_holds(templates: Templates, control: Control):
    assert list(control(templates)) == []


@pytest.mark.parametrize("fault", sorted(FAULTS.keys() - OF_THE_LINTER))
def test_a_fault_is_noticed(fault: str):
    assert controls.problems(with_fault(kept.kept("medium"), fault))


def test_fifteen_faults_are_planted():
    assert len(FAULTS) == 15
    assert FAULTS.keys() >= OF_THE_LINTER


def test_a_template_fits_in_one_call_and_names_no_account():
    for place in kept.FOLDER.glob("*/*.json"):
        text = place.read_text("utf-8")
        assert len(text) < kept.MOST_BYTES, place
        # No account, no zone, no region: the same files anywhere.
        assert "us-east-1" not in text
        assert "BootstrapVersion" not in text


def test_a_trial_is_locked_for_a_day_and_a_firm_for_six_years():
    locked = {
        size: dict(kept.resources(kept.kept(size), "AWS::S3::Bucket"))["AuditBucket"][
            "ObjectLockConfiguration"
        ]["Rule"]["DefaultRetention"]
        for size in SIZES
    }

    assert locked["small"] == {"Days": 1, "Mode": "GOVERNANCE"}
    assert locked["medium"] == locked["large"] == {"Days": 2222, "Mode": "COMPLIANCE"}


def test_every_alarm_says_what_to_do():
    guide = (ROOT / "docs" / "deploy.md").read_text("utf-8").split("## Alarms")[1].split("\n## ")[0]
    for size in SIZES:
        templates = kept.kept(size)
        alarms = {name for name, _ in kept.resources(templates, "AWS::CloudWatch::Alarm")}
        assert {name for name in alarms if f"`{name}`" not in guide} == set()
        assert len(alarms) == 21


def test_the_guide_gives_every_parameter():
    guide = (ROOT / "docs" / "deploy.md").read_text("utf-8").split("## First deployment")[1]
    for template in kept.kept("medium").values():
        for parameter in template.get("Parameters", {}):
            assert f"{parameter}=" in guide
