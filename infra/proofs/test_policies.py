"""Roles and bucket policies answer the questions of `infra/policies/questions.toml` as written."""

import json
import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from infra import kept
from infra.proofs.resolved import ACCOUNT, REGION, Resolver

FOLDER = Path(__file__).parent.parent / "policies"
QUESTIONS = tomllib.loads((FOLDER / "questions.toml").read_text("utf-8"))["question"]
TEMPLATES = kept.kept("medium")
RESOLVED = Resolver(TEMPLATES)
# Where the simulator is installed: the Makefile puts it there.
SIMULATOR = os.environ.get("MARGIN_IAM_SIMULATE", ".venv-infra/node")


def resource(text: str) -> str:
    """`lake:KEY` and `role:NAME` as ARNs."""
    kind, _, rest = text.partition(":")
    if kind == "arn":
        return text
    if kind == "role":
        return f"arn:aws:iam::{ACCOUNT}:role/{rest}"
    return f"arn:aws:s3:::margin-{kind}-{ACCOUNT}-{REGION}/{rest}"


def simulation(question: dict[str, Any]) -> dict[str, Any]:
    roles = dict(kept.resources(TEMPLATES, "AWS::IAM::Role"))
    policies = RESOLVED(roles[question["role"]]["Policies"])
    kind = question["resource"].partition(":")[0]
    buckets = dict(kept.resources(TEMPLATES, "AWS::S3::BucketPolicy"))
    of_bucket = buckets.get(f"{kind.title()}Policy")
    usual = {"aws:SecureTransport": "true"}
    if question["action"].startswith("s3:"):
        usual |= {"s3:TlsVersion": "1.3"}
    asked = {
        "principal": f"arn:aws:iam::{ACCOUNT}:role/{question['role']}",
        "action": question["action"],
        "resource": {"resource": resource(question["resource"]), "accountId": ACCOUNT},
        "contextVariables": usual | question.get("context", {}),
    }
    made = {
        "identityPolicies": [
            {"name": each["PolicyName"], "policy": each["PolicyDocument"]} for each in policies
        ],
        "serviceControlPolicies": [],
        "resourceControlPolicies": [],
        "request": asked,
    }
    if of_bucket:
        made["resourcePolicy"] = RESOLVED(of_bucket["PolicyDocument"])
    return made


@pytest.fixture(scope="module")
def answers() -> list[dict[str, Any]]:
    command = ["node", str(FOLDER / "ask.mjs"), str(Path(SIMULATOR).resolve())]
    asked = json.dumps([simulation(question) for question in QUESTIONS])
    told = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(told.stdout)
    return found


@pytest.mark.parametrize("number", range(len(QUESTIONS)), ids=lambda n: QUESTIONS[n]["why"])
def test_a_question_is_answered_as_written(answers: list[dict[str, Any]], number: int) -> None:
    assert "errors" not in answers[number], answers[number]
    assert (answers[number]["result"] == "Allowed") is QUESTIONS[number]["allowed"]


def test_every_role_of_a_process_is_asked_about() -> None:
    asked = {question["role"] for question in QUESTIONS}
    roles = {name for name, _ in kept.resources(TEMPLATES, "AWS::IAM::Role")}

    assert asked == {name for name in roles if name.endswith("Role")} - {"FlowLogRole"}
    for role in asked:
        assert {q["allowed"] for q in QUESTIONS if q["role"] == role} == {True, False}, role
