"""The lake: buckets, their key, and what nobody may do to them."""

from typing import TypeVar

from aws_cdk import Aws, CfnDeletionPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.stacks import names, statements
from infra.stacks.landings import Landings
from infra.stacks.network import Network
from infra.stacks.sizes import Size

BREAK_GLASS = "margin-legal-hold"
"""The one role, made by the firm outside these stacks, that may put or lift a legal hold."""
_NONCURRENT_DAYS = {names.LAKE: 35, names.ARTIFACTS: 14, names.LOGS: 14}
Made = TypeVar("Made", s3.CfnBucket, kms.CfnKey)
_ARTIFACTS_DAYS, _LOGS_DAYS, _UPLOAD_DAYS = 90, 400, 2


class Lake(Stack):
    """Buckets of the lake, the audit copy, artifacts and access logs."""

    def __init__(self, scope: Construct, network: Network, size: Size) -> None:
        super().__init__(scope, "margin-lake", stack_name="margin-lake")
        self.key = self._key()
        logs = self._bucket(names.LOGS)
        told = Landings(self, network.operations_key.attr_arn)
        self.landings, self.dead_letters = told.queue, told.dead
        lake = self._bucket(names.LAKE, logged_in=logs)
        lake.notification_configuration = told.notices()
        # S3 asks at once whether it may tell the queue.
        lake.add_resource_dependency(told.policy)
        self._bucket(names.ARTIFACTS, logged_in=logs)
        self._audit(size, logs)

    def _key(self) -> kms.CfnKey:
        owner = {
            "Sid": "Account",
            "Effect": "Allow",
            "Principal": {"AWS": names.root()},
            "Action": "kms:*",
            "Resource": "*",
        }
        key = kms.CfnKey(
            self,
            "LakeKey",
            description="Margin: everything in the buckets and the image",
            enable_key_rotation=True,
            key_policy=statements.document(owner),
        )
        return _kept(key)

    def _bucket(self, name: str, logged_in: s3.CfnBucket | None = None) -> s3.CfnBucket:
        made = s3.CfnBucket(
            self,
            f"{name.title()}Bucket",
            lifecycle_configuration=_lifecycle(name),
            **self._everywhere(name, logged_in),
        )
        self._policy(name, made)
        return _kept(made)

    def _audit(self, size: Size, logs: s3.CfnBucket) -> None:
        """Sealed cycles under Object Lock: written once, kept for the time of the rule."""
        retention = s3.CfnBucket.DefaultRetentionProperty(mode=size.lock_mode, days=size.lock_days)
        made = s3.CfnBucket(
            self,
            "AuditBucket",
            object_lock_enabled=True,
            object_lock_configuration=s3.CfnBucket.ObjectLockConfigurationProperty(
                object_lock_enabled="Enabled",
                rule=s3.CfnBucket.ObjectLockRuleProperty(default_retention=retention),
            ),
            **self._everywhere(names.AUDIT, logs),
        )
        self._policy(names.AUDIT, made)
        _kept(made)

    def _everywhere(self, name: str, logged_in: s3.CfnBucket | None) -> dict[str, object]:
        """What holds of every bucket."""
        closed = s3.CfnBucket.PublicAccessBlockConfigurationProperty(
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
        )
        owned = s3.CfnBucket.OwnershipControlsRuleProperty(object_ownership="BucketOwnerEnforced")
        told: dict[str, object] = {
            "bucket_name": names.bucket(name),
            "bucket_encryption": self._encryption(name),
            "ownership_controls": s3.CfnBucket.OwnershipControlsProperty(rules=[owned]),
            "public_access_block_configuration": closed,
            "versioning_configuration": s3.CfnBucket.VersioningConfigurationProperty(
                status="Enabled"
            ),
        }
        if logged_in is not None:
            told["logging_configuration"] = s3.CfnBucket.LoggingConfigurationProperty(
                destination_bucket_name=logged_in.ref, log_file_prefix=f"{name}/"
            )
        return told

    def _encryption(self, name: str) -> s3.CfnBucket.BucketEncryptionProperty:
        # The service that delivers access logs takes S3's own key alone.
        by_default = (
            s3.CfnBucket.ServerSideEncryptionByDefaultProperty(sse_algorithm="AES256")
            if name == names.LOGS
            else s3.CfnBucket.ServerSideEncryptionByDefaultProperty(
                sse_algorithm="aws:kms", kms_master_key_id=self.key.attr_arn
            )
        )
        rule = s3.CfnBucket.ServerSideEncryptionRuleProperty(
            bucket_key_enabled=name != names.LOGS,
            server_side_encryption_by_default=by_default,
        )
        return s3.CfnBucket.BucketEncryptionProperty(server_side_encryption_configuration=[rule])

    def _policy(self, name: str, made: s3.CfnBucket) -> None:
        said = [*_only_tls(made)]
        if name == names.LOGS:
            said += _deliveries(made)
        else:
            said += _only_our_key(made, self.key)
        if name == names.AUDIT:
            said += _what_is_locked_stays(made)
        s3.CfnBucketPolicy(
            self,
            f"{name.title()}Policy",
            bucket=made.ref,
            policy_document=statements.document(*said),
        )


def _only_tls(made: s3.CfnBucket) -> list[statements.Statement]:
    everything = [made.attr_arn, f"{made.attr_arn}/*"]
    return [
        statements.deny_all(
            "OnlyTls", ["s3:*"], everything, {"Bool": {"aws:SecureTransport": "false"}}
        ),
        statements.deny_all(
            "OnlyNewTls", ["s3:*"], everything, {"NumericLessThan": {"s3:TlsVersion": "1.2"}}
        ),
    ]


def _only_our_key(made: s3.CfnBucket, key: kms.CfnKey) -> list[statements.Statement]:
    """Who names no key gets the bucket's; who names another one, or another kind, is refused.

    With IfExists a request that names none would be refused too: such a condition holds of it.
    """
    named = "s3:x-amz-server-side-encryption"
    return [
        _refuses(made, "NoOtherKey", f"{named}-aws-kms-key-id", key.attr_arn),
        _refuses(made, "NoOtherKind", named, "aws:kms"),
    ]


def _refuses(made: s3.CfnBucket, sid: str, header: str, but: str) -> statements.Statement:
    other = {"StringNotEquals": {header: but}, "Null": {header: "false"}}
    return statements.deny_all(sid, ["s3:PutObject"], f"{made.attr_arn}/*", other)


def _deliveries(made: s3.CfnBucket) -> list[statements.Statement]:
    """Who delivers access logs: of buckets, and of the balancer, whose service names no account."""
    delivers = {
        "Effect": "Allow",
        "Action": "s3:PutObject",
        "Resource": f"{made.attr_arn}/*",
    }
    ours = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
    balancer = f"{made.attr_arn}/balancer/AWSLogs/{Aws.ACCOUNT_ID}/*"
    return [
        delivers
        | {
            "Sid": "OfBuckets",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Condition": ours,
        },
        delivers
        | {
            "Sid": "OfTheBalancer",
            "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
            "Resource": balancer,
        },
    ]


def _what_is_locked_stays(made: s3.CfnBucket) -> list[statements.Statement]:
    """No role shortens, lifts or goes round the lock; a legal hold is the break-glass role's."""
    inside, anybody = f"{made.attr_arn}/*", {"StringLike": {"aws:PrincipalArn": "*"}}
    hold = {
        "ArnNotLike": {
            "aws:PrincipalArn": f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/{BREAK_GLASS}"
        }
    }
    never = ["s3:BypassGovernanceRetention", "s3:DeleteObjectVersion", "s3:PutObjectRetention"]
    return [
        statements.deny_all("LockedStays", never, inside, anybody),
        statements.deny_all(
            "LockStays", ["s3:PutBucketObjectLockConfiguration"], made.attr_arn, anybody
        ),
        statements.deny_all("HoldIsBreakGlass", ["s3:PutObjectLegalHold"], inside, hold),
    ]


def _lifecycle(name: str) -> s3.CfnBucket.LifecycleConfigurationProperty:
    rule = s3.CfnBucket.RuleProperty
    rules = [
        rule(
            id="old-versions",
            status="Enabled",
            noncurrent_version_expiration=s3.CfnBucket.NoncurrentVersionExpirationProperty(
                noncurrent_days=_NONCURRENT_DAYS[name]
            ),
            abort_incomplete_multipart_upload=s3.CfnBucket.AbortIncompleteMultipartUploadProperty(
                days_after_initiation=_UPLOAD_DAYS
            ),
        )
    ]
    days = {names.ARTIFACTS: _ARTIFACTS_DAYS, names.LOGS: _LOGS_DAYS}.get(name)
    if days:
        rules.append(rule(id="after-use", status="Enabled", expiration_in_days=days))
    return s3.CfnBucket.LifecycleConfigurationProperty(rules=rules)


def _kept(made: Made) -> Made:
    """Stays when its stack goes: what it holds is not the stack's to delete."""
    made.cfn_options.deletion_policy = CfnDeletionPolicy.RETAIN
    made.cfn_options.update_replace_policy = CfnDeletionPolicy.RETAIN
    return made
