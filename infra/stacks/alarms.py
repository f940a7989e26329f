"""Alarms: what is measured, from when on it is not well, and who is told."""

from aws_cdk import Aws, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.stacks import names
from infra.stacks.lake import Lake
from infra.stacks.services import Services
from infra.stacks.sizes import SERVICES, Size
from infra.stacks.state import State

NAMESPACE = "Margin"
_MINUTE = 60
_LAG_SECONDS = {"small": 30, "medium": 4, "large": 4}
_LOG_METRICS = {
    # What the service says of each cycle and each second without one: margin_assets/live/service.
    "LandedToSealed": ('{ $.event = "sealed" }', "$.landed_to_sealed_seconds"),
    "CyclesSealed": ('{ $.event = "sealed" }', "1"),
    "Alive": ('{ ($.event = "alive") && ($.role = "active") }', "1"),
    "AuditBehind": ('{ $.event = "alive" }', "$.audit_behind"),
    "DagsterBehind": ('{ $.event = "alive" }', "$.dagster_behind"),
    "RunsFailed": ('"STEP_FAILURE"', "1"),
    "LeaseLost": ('{ $.event = "lease_lost" }', "1"),
}
_LOCK_CALLS = ["PutBucketObjectLockConfiguration", "PutObjectLockConfiguration"]
_LOCK_CALLS += ["PutBucketPolicy", "DeleteBucketPolicy", "PutBucketVersioning", "DisableKey"]
_LOCK_CALLS += ["ScheduleKeyDeletion"]


class Alarms(Stack):
    """Alarms of a deployment; all of them tell the one topic."""

    def __init__(self, scope: Construct, size: Size, watched: tuple[Lake, State, Services]) -> None:
        super().__init__(scope, "margin-alarms", stack_name="margin-alarms")
        lake, state, services = watched
        self._topic = state.topic.ref
        for name, (pattern, value) in _LOG_METRICS.items():
            self._measure(services.log_group.ref, name, pattern, value)
        self._of_the_session(_LAG_SECONDS[size.name])
        self._of_services(size)
        self._of_the_database(state.database.ref, size)
        self._of_the_lock()
        self._alarm(
            "DeadLetters",
            1,
            statistic="Maximum",
            metric_name="ApproximateNumberOfMessagesVisible",
            namespace="AWS/SQS",
            of=[("QueueName", lake.dead_letters.attr_queue_name)],
        )

    def _measure(self, group: str, name: str, pattern: str, value: str) -> None:
        told = logs.CfnMetricFilter.MetricTransformationProperty(
            metric_namespace=NAMESPACE, metric_name=name, metric_value=value
        )
        logs.CfnMetricFilter(
            self,
            f"{name}Metric",
            log_group_name=group,
            filter_pattern=pattern,
            metric_transformations=[told],
        )

    def _of_the_session(self, lag: int) -> None:
        ours = {"namespace": NAMESPACE}
        self._alarm("SealingLate", lag, extended="p99", metric_name="LandedToSealed", **ours)
        self._alarm("NobodySeals", 1, below=True, missing="breaching", metric_name="Alive", **ours)
        self._alarm("AuditGap", 1, statistic="Maximum", metric_name="AuditBehind", **ours)
        self._alarm("DagsterBehind", 900, statistic="Minimum", metric_name="DagsterBehind", **ours)
        self._alarm("RunFailed", 1, statistic="Sum", metric_name="RunsFailed", **ours)
        self._alarm("LeaseLost", 1, statistic="Sum", metric_name="LeaseLost", **ours)

    def _of_services(self, size: Size) -> None:
        for service in SERVICES:
            where = [("ClusterName", names.CLUSTER), ("ServiceName", service)]
            name = "".join(part.title() for part in service.split("-"))
            self._alarm(
                f"{name}Memory", 85, metric_name="MemoryUtilization", namespace="AWS/ECS", of=where
            )
            self._alarm(
                f"{name}Tasks",
                size.tasks[service].count,
                below=True,
                missing="breaching",
                statistic="Minimum",
                metric_name="RunningTaskCount",
                namespace="ECS/ContainerInsights",
                of=where,
            )

    def _of_the_database(self, database: str, size: Size) -> None:
        of = {"namespace": "AWS/RDS", "of": [("DBInstanceIdentifier", database)]}
        self._alarm("DatabaseCpu", 80, metric_name="CPUUtilization", **of)
        tenth = size.database_gib * 2**30 // 10
        self._alarm(
            "DatabaseSpace",
            tenth,
            below=True,
            statistic="Minimum",
            metric_name="FreeStorageSpace",
            **of,
        )

    def _of_the_lock(self) -> None:
        """Whoever touches the lock, a policy of a bucket or a key is told of at once."""
        target = events.CfnRule.TargetProperty(arn=self._topic, id="alerts")
        events.CfnRule(
            self,
            "LockTouched",
            description="A lock, a bucket policy or a key was changed",
            event_pattern={
                "source": ["aws.s3", "aws.kms"],
                "detail-type": ["AWS API Call via CloudTrail"],
                "detail": {"eventName": _LOCK_CALLS},
            },
            state="ENABLED",
            targets=[target],
        )

    def _alarm(  # noqa: PLR0913 (what an alarm is made of)
        self,
        name: str,
        threshold: float,
        *,
        below: bool = False,
        missing: str = "notBreaching",
        statistic: str = "Average",
        extended: str | None = None,
        of: list[tuple[str, str]] | None = None,
        **metric: str,
    ) -> None:
        dimension = cloudwatch.CfnAlarm.DimensionProperty
        cloudwatch.CfnAlarm(
            self,
            name,
            alarm_name=f"margin-{name}",
            alarm_description=f"docs/deploy.md, {name}; stack of {Aws.REGION}",
            comparison_operator="LessThanThreshold" if below else "GreaterThanOrEqualToThreshold",
            threshold=threshold,
            evaluation_periods=3,
            datapoints_to_alarm=2,
            period=_MINUTE,
            statistic=None if extended else statistic,
            extended_statistic=extended,
            treat_missing_data=missing,
            dimensions=[dimension(name=key, value=value) for key, value in of or []] or None,
            alarm_actions=[self._topic],
            ok_actions=[self._topic],
            **metric,
        )
