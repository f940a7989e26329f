"""The stacks are created in their order in an emulator, and what it holds is read back from it."""

import json
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.kept import FOLDER, STACKS, kept, resources
from infra.proofs.emulated import client, deploy, running, without

SKIPPED = tomllib.loads((FOLDER.parent / "skipped.toml").read_text("utf-8"))
TEMPLATES = kept("medium")
BUCKETS = ("lake", "audit", "artifacts", "logs")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running() as found:
        yield found


@pytest.fixture(scope="module")
def deployed(address: str) -> str:
    for stack in STACKS:
        status = deploy(address, stack, without(TEMPLATES[stack], SKIPPED))
        assert status == "CREATE_COMPLETE", f"{stack}: {status}"
    return address


def bucket_of(address: str, name: str) -> str:
    found = client("s3", address).list_buckets()["Buckets"]
    return next(one["Name"] for one in found if one["Name"].startswith(f"margin-{name}-"))


def test_roles_hold_their_policies_with_every_name_resolved(deployed: str) -> None:
    iam = client("iam", deployed)
    roles = [r["RoleName"] for r in iam.list_roles()["Roles"] if "margin-" in r["RoleName"]]
    policies = {
        role: json.dumps(iam.get_role_policy(RoleName=role, PolicyName="may")["PolicyDocument"])
        for role in roles
        if "may" in iam.list_role_policies(RoleName=role)["PolicyNames"]
    }

    wanted = [name for name, _ in resources(TEMPLATES, "AWS::IAM::Role")]
    assert len(policies) == len(wanted) - len(("FlowLogRole", "DatabaseMonitor"))
    assert not [role for role, text in policies.items() if "Fn::" in text or '"Ref"' in text]


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_is_closed(deployed: str, name: str) -> None:
    s3, bucket = client("s3", deployed), bucket_of(deployed, name)
    said = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    closed = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]

    assert {"OnlyTls", "OnlyNewTls"} <= {each["Sid"] for each in said}
    assert all(closed.values())
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"


def test_the_database_is_private(deployed: str) -> None:
    (found,) = client("rds", deployed).describe_db_instances()["DBInstances"]

    assert found["StorageEncrypted"]
    assert not found["PubliclyAccessible"]
    assert found["DeletionProtection"]
    assert found["BackupRetentionPeriod"] == 14


def test_services_run_what_they_were_given(deployed: str) -> None:
    ecs = client("ecs", deployed)
    services = ecs.list_services(cluster="margin")["serviceArns"]
    found = ecs.describe_services(cluster="margin", services=services)["services"]

    assert {one["serviceName"]: one["desiredCount"] for one in found} == {
        told["ServiceName"]: told["DesiredCount"]
        for _, told in resources(TEMPLATES, "AWS::ECS::Service")
    }


def _encryption(s3: Any, bucket: str) -> bool:  # noqa: ANN401 (boto3 has no types)
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    kind: str = rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
    return kind == "aws:kms"


def _lifecycle(s3: Any, bucket: str) -> bool:  # noqa: ANN401 (as above)
    return bool(s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"])


def _lock(s3: Any, bucket: str) -> bool:  # noqa: ANN401 (as above)
    found = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    return "Rule" in found


LOOKS: dict[str, tuple[str, Callable[[Any, str], bool]]] = {
    "encryption": ("lake", _encryption),
    "lifecycle": ("lake", _lifecycle),
    "lock": ("audit", _lock),
}


@pytest.mark.parametrize("what", LOOKS)
def test_what_is_said_to_be_ignored_is(deployed: str, what: str) -> None:
    name, look = LOOKS[what]
    try:
        is_held = look(client("s3", deployed), bucket_of(deployed, name))
    except ClientError:
        is_held = False

    assert is_held is (what not in SKIPPED["ignored"])


@pytest.mark.parametrize("kind", SKIPPED["types"])
def test_what_is_said_to_be_refused_is(address: str, kind: str) -> None:
    others = {**SKIPPED, "types": [each for each in SKIPPED["types"] if each != kind]}
    template = without(TEMPLATES["margin-network"], others)
    # Names of its own, so that it stands beside the stack that is there.
    text = (
        json.dumps(template).replace("/margin/flow", f"/{kind}").replace("margin-network", "tried")
    )
    try:
        status = deploy(address, f"tried-{kind.rsplit(':', 1)[-1]}", json.loads(text))
    except ClientError as error:
        status = str(error)

    assert status != "CREATE_COMPLETE"


def test_a_lock_as_the_template_has_it_lets_nothing_go(address: str) -> None:
    s3 = client("s3", address)
    told = dict(resources(TEMPLATES, "AWS::S3::Bucket"))["AuditBucket"]
    retention = told["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=told["ObjectLockEnabled"])
    s3.put_object_lock_configuration(
        Bucket="locked",
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": retention},
        },
    )
    key = {"Bucket": "locked", "Key": "cycles/000000000001.json"}
    version = s3.put_object(**key, Body=b"{}", IfNoneMatch="*")["VersionId"]
    soon = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=1)}

    with pytest.raises(ClientError):
        s3.delete_object(**key, VersionId=version)
    with pytest.raises(ClientError):
        s3.delete_object(**key, VersionId=version, BypassGovernanceRetention=True)
    with pytest.raises(ClientError):
        s3.put_object_retention(**key, VersionId=version, Retention=soon)
    with pytest.raises(ClientError):
        s3.put_object(**key, Body=b"forged", IfNoneMatch="*")
    until = s3.get_object_retention(**key)["Retention"]["RetainUntilDate"]
    assert until - datetime.now(UTC) > timedelta(days=6 * 365)
