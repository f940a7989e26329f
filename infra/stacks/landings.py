"""The queue by which a bucket tells the session of what lands. A listing finds what it does not."""

from aws_cdk import Aws, Stack
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

from infra.stacks import names, statements

_SEEN_SECONDS, _TRIES = 60, 5
_KEPT_SECONDS = 14 * 86_400


class Landings:
    """A queue, and another for what nobody could take."""

    def __init__(self, scope: Stack, key: str) -> None:
        self.dead = sqs.CfnQueue(
            scope,
            "DeadLetters",
            queue_name="margin-dead-letters",
            kms_master_key_id=key,
            message_retention_period=_KEPT_SECONDS,
        )
        self.queue = sqs.CfnQueue(
            scope,
            "Landings",
            queue_name="margin-landings",
            kms_master_key_id=key,
            visibility_timeout=_SEEN_SECONDS,
            redrive_policy={
                "deadLetterTargetArn": self.dead.attr_arn,
                "maxReceiveCount": _TRIES,
            },
        )
        self.policy = self._policy(scope)

    def _policy(self, scope: Stack) -> sqs.CfnQueuePolicy:
        """The bucket alone puts into the queue, and nobody speaks to either without TLS."""
        says = {
            "Sid": "TheLakeSays",
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self.queue.attr_arn,
            "Condition": {
                "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                "ArnEquals": {"aws:SourceArn": names.bucket_arn(names.LAKE)},
            },
        }
        queues = [self.queue, self.dead]
        tls = [
            statements.deny_all(
                f"OnlyTls{number}",
                ["sqs:*"],
                queue.attr_arn,
                {"Bool": {"aws:SecureTransport": "false"}},
            )
            for number, queue in enumerate(queues)
        ]
        return sqs.CfnQueuePolicy(
            scope,
            "LandingsPolicy",
            queues=[queue.ref for queue in queues],
            policy_document=statements.document(says, *tls),
        )

    def notices(self) -> s3.CfnBucket.NotificationConfigurationProperty:
        """What the bucket is to tell: new objects where files land."""
        bucket = s3.CfnBucket
        rule = bucket.FilterRuleProperty(name="prefix", value=f"{names.LANDING}/")
        return bucket.NotificationConfigurationProperty(
            queue_configurations=[
                bucket.QueueConfigurationProperty(
                    event="s3:ObjectCreated:*",
                    queue=self.queue.attr_arn,
                    filter=bucket.NotificationFilterProperty(
                        s3_key=bucket.S3KeyFilterProperty(rules=[rule])
                    ),
                )
            ]
        )
