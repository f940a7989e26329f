"""The templates that are deployed hold every control, and the controls notice what breaks them."""

import pytest

from infra import controls
from infra.controls import Control, Templates
from infra.faults import FAULTS, with_fault

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
def kept(request: pytest.FixtureRequest) -> Templates:
    return controls.kept(request.param)


@pytest.mark.parametrize("control", controls.CONTROLS, ids=lambda control: control.__name__)
def test_a_control_holds(kept: Templates, control: Control):
    assert list(control(kept)) == []


@pytest.mark.parametrize("fault", sorted(FAULTS.keys() - OF_THE_LINTER))
def test_a_fault_is_noticed(fault: str):
    assert controls.problems(with_fault(controls.kept("medium"), fault))


def test_fifteen_faults_are_planted():
    assert len(FAULTS) == 15
    assert OF_THE_LINTER <= FAULTS.keys()


def test_a_template_fits_in_one_call_and_names_no_account():
    for place in controls.FOLDER.glob("*/*.json"):
        text = place.read_text("utf-8")
        assert len(text) < controls.MOST_BYTES, place
        # No account, no zone, no region: the same files anywhere.
        assert "us-east-1" not in text
        assert "BootstrapVersion" not in text


def test_a_trial_is_locked_for_a_day_and_a_firm_for_six_years():
    locked = {
        size: dict(controls.resources(controls.kept(size), "AWS::S3::Bucket"))["AuditBucket"][
            "ObjectLockConfiguration"
        ]["Rule"]["DefaultRetention"]
        for size in SIZES
    }

    assert locked["small"] == {"Days": 1, "Mode": "GOVERNANCE"}
    assert locked["medium"] == locked["large"] == {"Days": 2222, "Mode": "COMPLIANCE"}
