"""Fifteen faults that a good template could come to have; each must be noticed by somebody."""

import copy
from collections.abc import Callable
from typing import Any

from infra.kept import Templates

Fault = Callable[[Templates], None]


def _told(templates: Templates, stack: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = templates[f"margin-{stack}"]["Resources"][name]["Properties"]
    return found


def _statements(templates: Templates, role: str) -> list[dict[str, Any]]:
    policy = _told(templates, "services", role)["Policies"][0]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def _without_tls(templates: Templates) -> None:
    policy = _told(templates, "lake", "LakePolicy")["PolicyDocument"]
    policy["Statement"] = [said for said in policy["Statement"] if "Tls" not in said["Sid"]]


def _under_governance(templates: Templates) -> None:
    locked = _told(templates, "lake", "AuditBucket")["ObjectLockConfiguration"]
    locked["Rule"]["DefaultRetention"]["Mode"] = "GOVERNANCE"


def _without_lock(templates: Templates) -> None:
    del _told(templates, "lake", "AuditBucket")["ObjectLockConfiguration"]


def _public_task(templates: Templates) -> None:
    reach = _told(templates, "services", "Live")["NetworkConfiguration"]["AwsvpcConfiguration"]
    reach["AssignPublicIp"] = "ENABLED"


def _open_to_ssh(templates: Templates) -> None:
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"}
    _told(templates, "network", "TasksGroup")["SecurityGroupIngress"] = [rule]


def _sets(stack: str, name: str, **values: object) -> Fault:
    return lambda templates: _told(templates, stack, name).update(values)


FAULTS: dict[str, Fault] = {
    "a property with a typing error": _sets("lake", "LakeBucket", BukcetName="lake"),
    "a value that is none": _sets("network", "S3Gateway", VpcEndpointType="Door"),
    "a reference to nothing": _sets("services", "Live", TaskDefinition={"Ref": "LifeTask"}),
    "a size that Fargate has not": _sets("services", "LiveTask", Cpu="256", Memory="65536"),
    "a class of database that is none": _sets("state", "Database", DBInstanceClass="db.huge"),
    "an action that is none": lambda templates: _statements(templates, "LiveRole")[0].update(
        Action=["s3:GetObjct"]
    ),
    "everything on everything": lambda templates: _statements(templates, "LiveRole")[0].update(
        Action="*", Resource="*"
    ),
    "SSH from anywhere": _open_to_ssh,
    "a public database": _sets("state", "Database", PubliclyAccessible=True),
    "a database in plain": _sets("state", "Database", StorageEncrypted=False),
    "no Object Lock": _without_lock,
    "a lock that some may open": _under_governance,
    "plain HTTP to the lake": _without_tls,
    "a lake in plain": lambda templates: _told(templates, "lake", "LakeBucket").pop(
        "BucketEncryption"
    ),
    "a public task": _public_task,
}


def with_fault(good: Templates, name: str) -> Templates:
    """The templates with one fault."""
    made = copy.deepcopy(good)
    FAULTS[name](made)
    return made
