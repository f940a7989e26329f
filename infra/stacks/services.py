"""Services: the processes as Fargate tasks, how they find each other, and the door for people."""

from aws_cdk import CfnParameter, Fn, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from aws_cdk import aws_servicediscovery as discovery
from constructs import Construct

from infra.stacks import names
from infra.stacks.balancer import Balancer
from infra.stacks.containers import Containers, Places
from infra.stacks.lake import Lake
from infra.stacks.network import PAGES, YEAR_DAYS, Network
from infra.stacks.roles import Roles, Shared
from infra.stacks.sizes import RUN, SERVICES, Size, Tasks
from infra.stacks.state import State

ONE_AT_MOST = ("daemon", "dagster-code")
"""Of these two Dagster allows one: the old one goes before the new one comes."""
NAMESPACE = "margin.local"


class Services(Stack):
    """Everything that runs."""

    def __init__(
        self, scope: Construct, size: Size, network: Network, lake: Lake, state: State
    ) -> None:
        super().__init__(scope, "margin-services", stack_name="margin-services")
        self._network, self._size = network, size
        self.log_group = logs.CfnLogGroup(
            self,
            "Logs",
            log_group_name="/margin/services",
            retention_in_days=YEAR_DAYS,
            kms_key_id=network.operations_key.attr_arn,
        )
        self.roles = Roles(self, _shared(network, lake, state, self.log_group))
        self.cluster = self._cluster()
        containers = Containers(self, self.roles, self._places(lake, state))
        balancer = Balancer(self, network)
        for service in SERVICES:
            tasks = size.tasks[service]
            self._service(service, tasks, containers.task(service, tasks), balancer)
        containers.task(RUN, size.tasks[RUN])

    def _cluster(self) -> ecs.CfnCluster:
        space = discovery.CfnHttpNamespace(self, "Namespace", name=NAMESPACE)
        self._space = space.attr_arn
        insights = ecs.CfnCluster.ClusterSettingsProperty(name="containerInsights", value="enabled")
        return ecs.CfnCluster(
            self, "Cluster", cluster_name=names.CLUSTER, cluster_settings=[insights]
        )

    def _places(self, lake: Lake, state: State) -> Places:
        digest = CfnParameter(
            self,
            "ImageDigest",
            type="String",
            allowed_pattern="sha256:[0-9a-f]{64}",
            description="Digest of the image in the repository margin",
        )
        page = CfnParameter(
            self,
            "PageHost",
            type="String",
            description="Name by which people open the dashboard, as the certificate has it",
        )
        network = self._network
        return Places(
            page=page.value_as_string,
            image=f"{state.repository.attr_repository_uri}@{digest.value_as_string}",
            logs=self.log_group.ref,
            topic=state.topic.ref,
            landings=lake.landings.ref,
            database=state.database.attr_endpoint_address,
            database_secret=state.database.attr_master_user_secret_secret_arn,
            tokens={name: token.ref for name, token in state.tokens.items()},
            subnets=Fn.join(",", [subnet.ref for subnet in network.subnets]),
            group=network.groups["Tasks"].ref,
        )

    def _service(
        self,
        name: str,
        tasks: Tasks,
        definition: ecs.CfnTaskDefinition,
        balancer: Balancer,
    ) -> None:
        least, most = (0, 100) if name in ONE_AT_MOST else (100, 200)
        made = ecs.CfnService(
            self,
            "".join(part.title() for part in name.split("-")),
            service_name=name,
            cluster=self.cluster.attr_arn,
            task_definition=definition.ref,
            desired_count=tasks.count,
            launch_type="FARGATE",
            platform_version="1.4.0",
            enable_execute_command=False,
            propagate_tags="SERVICE",
            deployment_configuration=ecs.CfnService.DeploymentConfigurationProperty(
                minimum_healthy_percent=least,
                maximum_percent=most,
                deployment_circuit_breaker=ecs.CfnService.DeploymentCircuitBreakerProperty(
                    enable=True, rollback=True
                ),
            ),
            network_configuration=self._inside(),
            service_connect_configuration=self._connected(name),
            load_balancers=balancer.pool(name) if name in PAGES else None,
            health_check_grace_period_seconds=300 if name in PAGES else None,
        )
        if name in PAGES:
            made.add_resource_dependency(balancer.listeners[name])

    def _inside(self) -> ecs.CfnService.NetworkConfigurationProperty:
        network = self._network
        return ecs.CfnService.NetworkConfigurationProperty(
            awsvpc_configuration=ecs.CfnService.AwsVpcConfigurationProperty(
                subnets=[subnet.ref for subnet in network.subnets],
                security_groups=[network.groups["Tasks"].ref],
                assign_public_ip="DISABLED",
            )
        )

    def _connected(self, name: str) -> ecs.CfnService.ServiceConnectConfigurationProperty | None:
        """Dagster's code is asked by name; daemon, pages and sessions ask."""
        if name not in ("dagster-code", "daemon", "webserver"):
            return None
        service = ecs.CfnService
        offered = None
        if name == "dagster-code":
            alias = service.ServiceConnectClientAliasProperty(port=4000, dns_name=name)
            offered = [
                service.ServiceConnectServiceProperty(
                    port_name=name, discovery_name=name, client_aliases=[alias]
                )
            ]
        return service.ServiceConnectConfigurationProperty(
            enabled=True, namespace=self._space, services=offered
        )


def _shared(network: Network, lake: Lake, state: State, group: logs.CfnLogGroup) -> Shared:
    return Shared(
        lake_key=lake.key.attr_arn,
        landings=lake.landings.attr_arn,
        operations_key=network.operations_key.attr_arn,
        topic=state.topic.ref,
        database_secret=state.database.attr_master_user_secret_secret_arn,
        tokens={name: token.ref for name, token in state.tokens.items()},
        logs=names.arn("logs", f"log-group:{group.log_group_name}"),
    )
