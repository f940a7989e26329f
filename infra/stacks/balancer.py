"""The door for people: an internal balancer that speaks TLS alone."""

from aws_cdk import CfnParameter, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb

from infra.stacks import names
from infra.stacks.network import PAGES, Network

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
_LOOKS = {"dashboard": "/", "webserver": "/server_info", "sql": "/"}
# The dashboard refuses a host that it was not told of, as is that of the look; gRPC answers 12.
_WELL = {"dashboard": "200,421", "webserver": "200"}


class Balancer:
    """One balancer, a listener for each page."""

    def __init__(self, scope: Stack, network: Network) -> None:
        self._scope, self._network = scope, network
        certificate = CfnParameter(
            scope,
            "CertificateArn",
            type="String",
            description="Certificate of the balancer, for the firm's own name of it",
        )
        self._balancer = elb.CfnLoadBalancer(
            scope,
            "Balancer",
            type="application",
            scheme="internal",
            subnets=[subnet.ref for subnet in network.subnets],
            security_groups=[network.groups["Balancer"].ref],
            load_balancer_attributes=[
                elb.CfnLoadBalancer.LoadBalancerAttributeProperty(key=key, value=value)
                for key, value in {
                    "access_logs.s3.enabled": "true",
                    "access_logs.s3.bucket": names.bucket(names.LOGS),
                    "access_logs.s3.prefix": "balancer",
                    "deletion_protection.enabled": "true",
                    "routing.http.drop_invalid_header_fields.enabled": "true",
                    "routing.http.desync_mitigation_mode": "strictest",
                }.items()
            ],
        )
        self._targets = {name: self._target(name, port) for name, (port, _) in PAGES.items()}
        self.listeners = {
            name: self._listener(name, door, certificate.value_as_string)
            for name, (_, door) in PAGES.items()
        }

    def pool(self, name: str) -> list[ecs.CfnService.LoadBalancerProperty]:
        """Where a service enters its containers."""
        entry = ecs.CfnService.LoadBalancerProperty(
            container_name="main",
            container_port=PAGES[name][0],
            target_group_arn=self._targets[name].ref,
        )
        return [entry]

    def _target(self, name: str, port: int) -> elb.CfnTargetGroup:
        matcher = (
            elb.CfnTargetGroup.MatcherProperty(grpc_code="0-99")
            if name == "sql"
            else elb.CfnTargetGroup.MatcherProperty(http_code=_WELL[name])
        )
        return elb.CfnTargetGroup(
            self._scope,
            f"{name.title()}Target",
            port=port,
            protocol="HTTP",
            protocol_version="GRPC" if name == "sql" else "HTTP1",
            target_type="ip",
            vpc_id=self._network.vpc.ref,
            health_check_path=_LOOKS[name],
            matcher=matcher,
        )

    def _listener(self, name: str, door: int, certificate: str) -> elb.CfnListener:
        certificates = [elb.CfnListener.CertificateProperty(certificate_arn=certificate)]
        forward = elb.CfnListener.ActionProperty(
            type="forward", target_group_arn=self._targets[name].ref
        )
        return elb.CfnListener(
            self._scope,
            f"{name.title()}Listener",
            load_balancer_arn=self._balancer.ref,
            port=door,
            protocol="HTTPS",
            ssl_policy=TLS_POLICY,
            certificates=certificates,
            default_actions=[forward],
        )

    @property
    def full_name(self) -> str:
        """As metrics name it."""
        return self._balancer.attr_load_balancer_full_name
