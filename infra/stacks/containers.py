"""Task definitions: one image, unprivileged, its root read-only, secrets by reference alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Aws
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.stacks import names
from infra.stacks.names import ARTIFACTS, AUDIT, LAKE, LANDING, TABLES
from infra.stacks.network import CODE_PORT, PAGES
from infra.stacks.roles import READERS, Roles
from infra.stacks.sizes import RUN, Tasks

USER = "10001:10001"
TMP_GIB = 21
STOP_SECONDS = 120
"""Fargate's longest: the session seals what is planned, lets its lease go, and ends."""
METRICS_PORT = 9464


@dataclass(frozen=True)
class Places:
    """Where containers find what they use."""

    page: str
    image: str
    logs: str
    topic: str
    landings: str
    database: str
    database_secret: str
    tokens: Mapping[str, str]
    subnets: str
    """Ids of the subnets of runs, joined by commas."""
    group: str


class Containers:
    """Makes the task definition of each process."""

    def __init__(self, scope: Construct, roles: Roles, places: Places) -> None:
        self._scope, self._roles, self._places = scope, roles, places

    def task(self, service: str, size: Tasks) -> ecs.CfnTaskDefinition:
        """The task definition of one process."""
        tmp = ecs.CfnTaskDefinition.VolumeProperty(name="tmp")
        return ecs.CfnTaskDefinition(
            self._scope,
            "".join(part.title() for part in service.split("-")) + "Task",
            family=f"margin-{service}",
            cpu=str(size.cpu),
            memory=str(size.memory),
            network_mode="awsvpc",
            requires_compatibilities=["FARGATE"],
            runtime_platform=ecs.CfnTaskDefinition.RuntimePlatformProperty(
                cpu_architecture="X86_64", operating_system_family="LINUX"
            ),
            ephemeral_storage=ecs.CfnTaskDefinition.EphemeralStorageProperty(size_in_gib=TMP_GIB),
            task_role_arn=self._roles.task[service].attr_arn,
            execution_role_arn=self._roles.executes(service),
            volumes=[tmp],
            container_definitions=[self._container(service, size)],
        )

    def _container(
        self, service: str, size: Tasks
    ) -> ecs.CfnTaskDefinition.ContainerDefinitionProperty:
        definition = ecs.CfnTaskDefinition
        return definition.ContainerDefinitionProperty(
            name="main",
            image=self._places.image,
            essential=True,
            # Said again of the container: a launcher's emulator asks it, and a run may override it.
            cpu=size.cpu,
            memory=size.memory,
            user=USER,
            command=None if service == RUN else [service],
            readonly_root_filesystem=True,
            privileged=False,
            linux_parameters=definition.LinuxParametersProperty(
                capabilities=definition.KernelCapabilitiesProperty(drop=["ALL"])
            ),
            mount_points=[
                definition.MountPointProperty(
                    container_path="/tmp", source_volume="tmp", read_only=False
                )
            ],
            environment=[
                definition.KeyValuePairProperty(name=name, value=value)
                for name, value in sorted(self._environment(service).items())
            ],
            secrets=self._secrets(service),
            port_mappings=_ports(service),
            stop_timeout=STOP_SECONDS,
            health_check=_health(service),
            log_configuration=definition.LogConfigurationProperty(
                log_driver="awslogs",
                options={
                    "awslogs-group": self._places.logs,
                    "awslogs-region": Aws.REGION,
                    "awslogs-stream-prefix": service,
                },
            ),
        )

    def _environment(self, service: str) -> dict[str, str]:
        places = self._places
        lake = f"s3://{names.bucket(LAKE)}"
        told = {
            # A bucket under a default retention refuses what carries no checksum.
            "AWS_CHECKSUM_ALGORITHM": "SHA256",
            "AWS_REGION": Aws.REGION,
            "MARGIN_LAKE": f"{lake}/{TABLES}",
        }
        if service == "dashboard":
            told["MARGIN_LANDING"] = f"{lake}/{LANDING}"
            told["MARGIN_KNOWN_AS"] = self._places.page
        if service in READERS:
            return told
        told |= {
            "ARTIFACTS_BUCKET": names.bucket(ARTIFACTS),
            "DAGSTER_PG_HOST": places.database,
            "ECS_CLUSTER": names.CLUSTER,
            "MARGIN_ALERT_TOPIC": places.topic,
            "MARGIN_LANDING": f"{lake}/{LANDING}",
            "RUN_SECURITY_GROUP": places.group,
            "RUN_SUBNETS": places.subnets,
            "RUN_TASK_DEFINITION": names.RUN_FAMILY,
        }
        if service in ("live", RUN):
            told["MARGIN_LANDING_QUEUE"] = places.landings
            told["MARGIN_AUDIT"] = f"s3://{names.bucket(AUDIT)}"
        return told

    def _secrets(self, service: str) -> list[ecs.CfnTaskDefinition.SecretProperty]:
        secret = ecs.CfnTaskDefinition.SecretProperty
        places = self._places
        if service in READERS:
            name = f"MARGIN_{service.upper()}_TOKEN"
            return [secret(name=name, value_from=places.tokens[service])]
        return [
            secret(name=f"DAGSTER_PG_{key.upper()}", value_from=f"{places.database_secret}:{key}::")
            for key in ("username", "password")
        ]


def _ports(service: str) -> list[ecs.CfnTaskDefinition.PortMappingProperty] | None:
    port = {"dagster-code": CODE_PORT, "live": METRICS_PORT} | {
        name: inside for name, (inside, _) in PAGES.items()
    }
    if service not in port:
        return None
    mapping = ecs.CfnTaskDefinition.PortMappingProperty
    return [mapping(name=service, container_port=port[service], protocol="tcp")]


def _health(service: str) -> ecs.CfnTaskDefinition.HealthCheckProperty | None:
    # A run ends by itself, and Dagster watches it.
    if service == RUN:
        return None
    return ecs.CfnTaskDefinition.HealthCheckProperty(
        command=["CMD", "/usr/bin/python3", "/opt/margin/health.py", service],
        interval=30,
        timeout=10,
        retries=3,
        start_period=300,
    )
