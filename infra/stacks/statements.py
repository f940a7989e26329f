"""Statements of policies, as plain documents."""

from collections.abc import Sequence
from typing import Any

from infra.stacks import names

Statement = dict[str, Any]
WRITES = ["s3:PutObject", "s3:AbortMultipartUpload"]


def document(*statements: Statement) -> dict[str, Any]:
    """A policy."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(
    actions: Sequence[str], resources: Sequence[str] | str, condition: Statement | None = None
) -> Statement:
    """Lets a role do it."""
    made: Statement = {"Effect": "Allow", "Action": list(actions), "Resource": resources}
    return made if condition is None else made | {"Condition": condition}


def deny_all(
    sid: str, actions: Sequence[str], resources: object, condition: Statement
) -> Statement:
    """Forbids it to everybody, whatever else says."""
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": list(actions),
        "Resource": resources,
        "Condition": condition,
    }


def reads(bucket: str, *prefixes: str) -> list[Statement]:
    """Reading and listing below some prefixes of a bucket."""
    below = [f"{prefix}/*" for prefix in prefixes]
    return [
        allow(["s3:GetObject"], [names.bucket_arn(bucket, keys) for keys in below]),
        allow(
            ["s3:ListBucket"],
            [names.bucket_arn(bucket)],
            {"StringLike": {"s3:prefix": [*below, *prefixes]}},
        ),
    ]


def writes(bucket: str, *prefixes: str, deletes: bool = False) -> Statement:
    """Writing below some prefixes of a bucket; deleting leaves a version behind."""
    actions = [*WRITES, *(["s3:DeleteObject"] if deletes else [])]
    return allow(actions, [names.bucket_arn(bucket, f"{prefix}/*") for prefix in prefixes])


def uses_key(key_arn: str) -> Statement:
    """Reading and writing what a key encrypts."""
    return allow(["kms:Decrypt", "kms:GenerateDataKey"], [key_arn])


def trusts(service: str, condition: Statement | None = None) -> dict[str, Any]:
    """Who may take a role: one service of AWS."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    return document(statement if condition is None else statement | {"Condition": condition})
