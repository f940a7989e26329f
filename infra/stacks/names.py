"""Names that stacks, policies and task definitions share; account and region are references."""

from aws_cdk import Aws

CIDR = "10.40.0.0/16"
SUBNETS = ("10.40.0.0/20", "10.40.16.0/20")
LAKE, AUDIT, ARTIFACTS, LOGS = "lake", "audit", "artifacts", "logs"
TABLES, LANDING = "tables", "landing"
"""Prefixes of the lake's bucket: the lake itself, and where files land."""
CLUSTER = "margin"
RUN_FAMILY = "margin-run"


def bucket(name: str) -> str:
    """Name of a bucket: unique in the world, and known before it is made."""
    return f"margin-{name}-{Aws.ACCOUNT_ID}-{Aws.REGION}"


def bucket_arn(name: str, keys: str = "") -> str:
    """ARN of a bucket, or of keys in it."""
    return f"arn:{Aws.PARTITION}:s3:::{bucket(name)}" + (f"/{keys}" if keys else "")


def arn(service: str, resource: str) -> str:
    """ARN of something of this account and region."""
    return f"arn:{Aws.PARTITION}:{service}:{Aws.REGION}:{Aws.ACCOUNT_ID}:{resource}"


def root() -> str:
    """ARN that stands for this account."""
    return f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:root"
