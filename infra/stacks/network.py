"""The network: private subnets without a way out, endpoints of AWS, who may speak to whom."""

from aws_cdk import Aws, CfnParameter, Fn, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.stacks import names, statements
from infra.stacks.sizes import Size

ENDPOINTS = (
    "ecr.api",
    "ecr.dkr",
    "ecs",
    "logs",
    "secretsmanager",
    "kms",
    "sns",
    "sqs",
    "monitoring",
)
YEAR_DAYS = 365
_TLS, _POSTGRES = 443, 5432
CODE_PORT = 4000
PAGES = {"dashboard": (3030, 443), "webserver": (3000, 8443), "sql": (32010, 32010)}
"""What people open: the port of its containers, and that of the balancer."""


class Network(Stack):
    """Where everything runs."""

    def __init__(self, scope: Construct, name: str, size: Size) -> None:
        super().__init__(scope, name, stack_name=name)
        self.operations_key = self._key()
        self.vpc = ec2.CfnVPC(
            self,
            "Vpc",
            cidr_block=names.CIDR,
            enable_dns_hostnames=True,
            enable_dns_support=True,
        )
        self.routes = ec2.CfnRouteTable(self, "Routes", vpc_id=self.vpc.ref)
        self.subnets = [self._subnet(zone) for zone in range(len(names.SUBNETS))]
        self.groups = {
            name: self._group(name, about)
            for name, about in {
                "Tasks": "Containers of Margin",
                "Endpoints": "Endpoints of AWS services",
                "Database": "Postgres of Dagster",
                "Balancer": "The door for people",
            }.items()
        }
        self._rules()
        self._gateway()
        for service in ENDPOINTS:
            self._endpoint(service, size.endpoint_zones)
        self._flow_logs()

    def _key(self) -> kms.CfnKey:
        """The key of logs, topics, database and secrets.

        CloudWatch must be let in by name: its alarms would reach no encrypted topic otherwise, and
        nobody would be told.
        """
        services = [f"logs.{Aws.REGION}.amazonaws.com", "cloudwatch.amazonaws.com"]
        services += ["events.amazonaws.com", "sns.amazonaws.com", "s3.amazonaws.com"]
        uses = {
            "Sid": "ServicesUseIt",
            "Effect": "Allow",
            "Principal": {"Service": services},
            "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*"],
            "Resource": "*",
        }
        uses["Action"].append("kms:Describe*")
        return kms.CfnKey(
            self,
            "OperationsKey",
            description="Margin: logs, topics, database, secrets",
            enable_key_rotation=True,
            key_policy=statements.document(_owner(), uses),
        )

    def _subnet(self, zone: int) -> ec2.CfnSubnet:
        made = ec2.CfnSubnet(
            self,
            f"Private{zone + 1}",
            vpc_id=self.vpc.ref,
            cidr_block=names.SUBNETS[zone],
            availability_zone=Fn.select(zone, Fn.get_azs()),
            map_public_ip_on_launch=False,
        )
        ec2.CfnSubnetRouteTableAssociation(
            self, f"Routes{zone + 1}", subnet_id=made.ref, route_table_id=self.routes.ref
        )
        return made

    def _group(self, name: str, about: str) -> ec2.CfnSecurityGroup:
        # Without a rule of its own a group would let everything out.
        nowhere = ec2.CfnSecurityGroup.EgressProperty(
            ip_protocol="icmp",
            from_port=252,
            to_port=86,
            cidr_ip="255.255.255.255/32",
            description="Nothing leaves but by the rules beside",
        )
        return ec2.CfnSecurityGroup(
            self,
            f"{name}Group",
            group_description=about,
            vpc_id=self.vpc.ref,
            security_group_egress=[nowhere],
        )

    def _rules(self) -> None:
        people = CfnParameter(
            self,
            "PeopleCidr",
            type="String",
            default="10.0.0.0/8",
            description="The firm's own network, from which the pages can be reached",
        )
        prefixes = CfnParameter(
            self,
            "S3PrefixList",
            type="String",
            description="Id of the prefix list com.amazonaws.REGION.s3 (pl-...)",
        )
        self._let("Tasks", "Endpoints", _TLS)
        self._let("Tasks", "Database", _POSTGRES)
        self._let("Tasks", "Tasks", CODE_PORT)
        for name, (port, door) in PAGES.items():
            self._let("Balancer", "Tasks", port)
            ec2.CfnSecurityGroupIngress(
                self,
                f"PeopleTo{name.title()}",
                group_id=self.groups["Balancer"].ref,
                ip_protocol="tcp",
                from_port=door,
                to_port=door,
                cidr_ip=people.value_as_string,
                description=f"People of the firm to {name}, TLS",
            )
        ec2.CfnSecurityGroupEgress(
            self,
            "TasksToS3",
            group_id=self.groups["Tasks"].ref,
            ip_protocol="tcp",
            from_port=_TLS,
            to_port=_TLS,
            destination_prefix_list_id=prefixes.value_as_string,
            description="S3, by its gateway",
        )

    def _let(self, one: str, other: str, port: int) -> None:
        """Lets one group speak to another at a port: out of the one and into the other."""
        about = f"{one} to {other} at {port}"
        made = {"ip_protocol": "tcp", "from_port": port, "to_port": port, "description": about}
        ec2.CfnSecurityGroupEgress(
            self,
            f"{one}To{other}{port}Out",
            group_id=self.groups[one].ref,
            destination_security_group_id=self.groups[other].ref,
            **made,
        )
        ec2.CfnSecurityGroupIngress(
            self,
            f"{one}To{other}{port}In",
            group_id=self.groups[other].ref,
            source_security_group_id=self.groups[one].ref,
            **made,
        )

    def _gateway(self) -> None:
        """The way to S3: to our buckets, and to the one that holds the layers of images."""
        ours = [names.LAKE, names.AUDIT, names.ARTIFACTS]
        layers = f"arn:{Aws.PARTITION}:s3:::prod-{Aws.REGION}-starport-layer-bucket/*"
        anybody = {"Effect": "Allow", "Principal": "*"}
        resources = [names.bucket_arn(name) for name in ours]
        resources += [names.bucket_arn(name, "*") for name in ours]
        ec2.CfnVPCEndpoint(
            self,
            "S3Gateway",
            vpc_id=self.vpc.ref,
            service_name=f"com.amazonaws.{Aws.REGION}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[self.routes.ref],
            policy_document=statements.document(
                anybody | {"Sid": "OurBuckets", "Action": "s3:*", "Resource": resources},
                anybody | {"Sid": "Layers", "Action": "s3:GetObject", "Resource": layers},
            ),
        )

    def _endpoint(self, service: str, zones: int) -> None:
        ec2.CfnVPCEndpoint(
            self,
            "".join(part.title() for part in service.split(".")) + "Endpoint",
            vpc_id=self.vpc.ref,
            service_name=f"com.amazonaws.{Aws.REGION}.{service}",
            vpc_endpoint_type="Interface",
            private_dns_enabled=True,
            security_group_ids=[self.groups["Endpoints"].ref],
            subnet_ids=[subnet.ref for subnet in self.subnets[:zones]],
        )

    def _flow_logs(self) -> None:
        group = logs.CfnLogGroup(
            self,
            "FlowLogGroup",
            log_group_name="/margin/flow",
            retention_in_days=YEAR_DAYS,
            kms_key_id=self.operations_key.attr_arn,
        )
        role = iam.CfnRole(
            self,
            "FlowLogRole",
            assume_role_policy_document=statements.trusts(
                "vpc-flow-logs.amazonaws.com",
                {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            ),
            policies=[
                iam.CfnRole.PolicyProperty(
                    policy_name="writes-flow-logs",
                    policy_document=statements.document(
                        statements.allow(
                            ["logs:CreateLogStream", "logs:PutLogEvents"], group.attr_arn
                        )
                    ),
                )
            ],
        )
        ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=self.vpc.ref,
            resource_type="VPC",
            traffic_type="ALL",
            log_group_name=group.ref,
            deliver_logs_permission_arn=role.attr_arn,
        )


def _owner() -> statements.Statement:
    """The account keeps its key: without this nobody could change the policy again."""
    return {
        "Sid": "Account",
        "Effect": "Allow",
        "Principal": {"AWS": names.root()},
        "Action": "kms:*",
        "Resource": "*",
    }
