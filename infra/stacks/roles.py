"""Roles: one a process, its own prefixes and nothing else, no action that ends in a star."""

from dataclasses import dataclass

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.stacks import names, statements
from infra.stacks.names import ARTIFACTS, AUDIT, LAKE, LANDING, TABLES
from infra.stacks.statements import Statement

READERS = ("dashboard", "sql")
"""What shows sealed cycles, and knows no database."""


@dataclass(frozen=True)
class Shared:
    """ARNs of what roles may use."""

    lake_key: str
    landings: str
    operations_key: str
    topic: str
    database_secret: str
    tokens: dict[str, str]
    logs: str


class Roles:
    """Task roles by process, and execution roles, which start containers and see secrets."""

    def __init__(self, scope: Construct, shared: Shared) -> None:
        self._scope, self._shared = scope, shared
        database, tokens = [shared.database_secret], list(shared.tokens.values())
        self.execution = {
            "database": self._execution("Database", database),
            "tokens": self._execution("Tokens", tokens),
        }
        told = {
            "live": _monitors(shared),
            "run": [*_monitors(shared), statements.writes(ARTIFACTS, "compute-logs", "io")],
            "dagster-code": _watches(shared),
            "webserver": statements.reads(ARTIFACTS, "compute-logs"),
            "dashboard": [
                *statements.reads(LAKE, TABLES, LANDING),
                # Acts of people land as files, as everything does.
                statements.writes(LAKE, f"{LANDING}/desk_actions"),
            ],
            "sql": statements.reads(LAKE, TABLES),
        }
        key = statements.uses_key(shared.lake_key)
        decrypt = statements.allow(["kms:Decrypt"], [shared.lake_key])
        reads_alone = ("sql", "webserver")
        self.task = {
            name: self._role(name, [*said, decrypt if name in reads_alone else key])
            for name, said in told.items()
        }
        self.task["daemon"] = self._role("daemon", self._launches())

    def executes(self, service: str) -> str:
        """ARN of the execution role of a process."""
        return self.execution["tokens" if service in READERS else "database"].attr_arn

    def _launches(self) -> list[Statement]:
        """The daemon: runs the one task in the one cluster, and hands two roles to it."""
        in_cluster = {"ArnEquals": {"ecs:cluster": names.arn("ecs", f"cluster/{names.CLUSTER}")}}
        family = names.arn("ecs", f"task-definition/{names.RUN_FAMILY}:*")
        tasks = names.arn("ecs", f"task/{names.CLUSTER}/*")
        handed = [self.task["run"].attr_arn, self.execution["database"].attr_arn]
        to_tasks = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
        launched = {"StringEquals": {"ecs:CreateAction": "RunTask"}}
        return [
            statements.allow(["ecs:RunTask"], [family], in_cluster),
            statements.allow(["ecs:DescribeTasks", "ecs:StopTask"], [tasks], in_cluster),
            statements.allow(["ecs:TagResource"], [tasks], launched),
            # Takes no resource: asked about a family, it answers what a task definition says.
            statements.allow(["ecs:DescribeTaskDefinition"], "*"),
            statements.allow(["iam:PassRole"], handed, to_tasks),
            # What a run said that died before it could report.
            statements.allow(["logs:GetLogEvents"], [f"{self._shared.logs}:log-stream:run/*"]),
            *statements.reads(ARTIFACTS, "compute-logs"),
            statements.allow(["kms:Decrypt"], [self._shared.lake_key]),
        ]

    def _execution(self, name: str, secrets: list[str]) -> iam.CfnRole:
        return self._made(
            f"{name}Execution",
            [
                # ECR hands out its token to an account, not for a repository.
                statements.allow(["ecr:GetAuthorizationToken"], "*"),
                statements.allow(
                    [
                        "ecr:BatchCheckLayerAvailability",
                        "ecr:BatchGetImage",
                        "ecr:GetDownloadUrlForLayer",
                    ],
                    [names.arn("ecr", "repository/margin")],
                ),
                statements.allow(
                    ["logs:CreateLogStream", "logs:PutLogEvents"],
                    [f"{self._shared.logs}:log-stream:*"],
                ),
                statements.allow(["secretsmanager:GetSecretValue"], secrets),
                statements.allow(["kms:Decrypt"], [self._shared.operations_key]),
            ],
        )

    def _role(self, service: str, said: list[Statement]) -> iam.CfnRole:
        name = "".join(part.title() for part in service.split("-"))
        return self._made(f"{name}Role", said)

    def _made(self, name: str, said: list[Statement]) -> iam.CfnRole:
        here = {
            "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
            "ArnLike": {"aws:SourceArn": names.arn("ecs", "*")},
        }
        policy = iam.CfnRole.PolicyProperty(
            policy_name="may", policy_document=statements.document(*said)
        )
        return iam.CfnRole(
            self._scope,
            name,
            assume_role_policy_document=statements.trusts("ecs-tasks.amazonaws.com", here),
            policies=[policy],
        )


def _monitors(shared: Shared) -> list[Statement]:
    """The live session: reads what landed, writes the lake, adds to the audit copy."""
    return [
        *statements.reads(LAKE, TABLES, LANDING),
        statements.writes(LAKE, TABLES, deletes=True),
        statements.allow(["sqs:ReceiveMessage", "sqs:DeleteMessage"], [shared.landings]),
        *statements.reads(AUDIT, "cycles"),
        statements.writes(AUDIT, "cycles"),
        *_tells(shared),
    ]


def _watches(shared: Shared) -> list[Statement]:
    """Sensors, which run beside the code: they look, send messages, and write what they sent."""
    return [
        *statements.reads(LAKE, TABLES, LANDING),
        statements.writes(LAKE, f"{TABLES}/notifications"),
        *_tells(shared),
    ]


def _tells(shared: Shared) -> list[Statement]:
    return [
        statements.allow(["sns:Publish"], [shared.topic]),
        statements.allow(["kms:Decrypt", "kms:GenerateDataKey"], [shared.operations_key]),
    ]
