"""State beside the lake: Dagster's Postgres, the image, the topic of alarms, tokens of people."""

from aws_cdk import Aws, CfnDeletionPolicy, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secrets
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.stacks import statements
from infra.stacks.lake import Lake
from infra.stacks.network import Network
from infra.stacks.sizes import Size

POSTGRES = "17.6"
_BACKUP_DAYS, _MONITOR_SECONDS, _GROWS_TO = 14, 60, 4
_KEPT_IMAGES = 30


class State(Stack):
    """What services share and a deployment must not lose."""

    def __init__(self, scope: Construct, network: Network, lake: Lake, size: Size) -> None:
        super().__init__(scope, "margin-state", stack_name="margin-state")
        self._key = network.operations_key.attr_arn
        self.topic = self._topic()
        self.database = self._database(network, size)
        self.repository = self._repository(lake)
        self.tokens = {name: self._token(name) for name in ("dashboard", "sql")}

    def _topic(self) -> sns.CfnTopic:
        topic = sns.CfnTopic(
            self, "Alerts", topic_name="margin-alerts", kms_master_key_id=self._key
        )
        said = {
            "Sid": "AlarmsAndRules",
            "Effect": "Allow",
            "Principal": {"Service": ["cloudwatch.amazonaws.com", "events.amazonaws.com"]},
            "Action": "sns:Publish",
            "Resource": topic.ref,
            "Condition": {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        }
        plain = statements.deny_all(
            "OnlyTls", ["sns:Publish"], topic.ref, {"Bool": {"aws:SecureTransport": "false"}}
        )
        sns.CfnTopicPolicy(
            self,
            "AlertsPolicy",
            topics=[topic.ref],
            policy_document=statements.document(said, plain),
        )
        return topic

    def _database(self, network: Network, size: Size) -> rds.CfnDBInstance:
        group = rds.CfnDBSubnetGroup(
            self,
            "DatabaseSubnets",
            db_subnet_group_description="Private subnets of Margin",
            subnet_ids=[subnet.ref for subnet in network.subnets],
        )
        settings = rds.CfnDBParameterGroup(
            self,
            "DatabaseSettings",
            family="postgres17",
            description="TLS alone",
            parameters={"rds.force_ssl": "1", "log_connections": "1"},
        )
        made = rds.CfnDBInstance(
            self,
            "Database",
            engine="postgres",
            engine_version=POSTGRES,
            db_instance_class=size.database_class,
            allocated_storage=str(size.database_gib),
            max_allocated_storage=size.database_gib * _GROWS_TO,
            storage_type="gp3",
            db_name="dagster",
            master_username="dagster",
            db_subnet_group_name=group.ref,
            db_parameter_group_name=settings.ref,
            multi_az=size.database_zones > 1,
            vpc_security_groups=[network.groups["Database"].ref],
            copy_tags_to_snapshot=True,
            auto_minor_version_upgrade=True,
            **self._guarded(),
            **self._watched(),
        )
        made.cfn_options.deletion_policy = CfnDeletionPolicy.SNAPSHOT
        made.cfn_options.update_replace_policy = CfnDeletionPolicy.SNAPSHOT
        return made

    def _guarded(self) -> dict[str, object]:
        """Who may in, and what is kept. RDS makes the password, and another one each week."""
        return {
            "publicly_accessible": False,
            "storage_encrypted": True,
            "kms_key_id": self._key,
            "manage_master_user_password": True,
            "master_user_secret": rds.CfnDBInstance.MasterUserSecretProperty(kms_key_id=self._key),
            "enable_iam_database_authentication": True,
            "deletion_protection": True,
            "backup_retention_period": _BACKUP_DAYS,
        }

    def _watched(self) -> dict[str, object]:
        managed = (
            f"arn:{Aws.PARTITION}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
        )
        role = iam.CfnRole(
            self,
            "DatabaseMonitor",
            assume_role_policy_document=statements.trusts(
                "monitoring.rds.amazonaws.com",
                {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            ),
            managed_policy_arns=[managed],
        )
        return {
            "monitoring_interval": _MONITOR_SECONDS,
            "monitoring_role_arn": role.attr_arn,
            "enable_cloudwatch_logs_exports": ["postgresql", "upgrade"],
        }

    def _repository(self, lake: Lake) -> ecr.CfnRepository:
        newest = (
            '{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":'
            f'"imageCountMoreThan","countNumber":{_KEPT_IMAGES}}},"action":{{"type":"expire"}}}}]}}'
        )
        made = ecr.CfnRepository(
            self,
            "Image",
            repository_name="margin",
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=ecr.CfnRepository.ImageScanningConfigurationProperty(
                scan_on_push=True
            ),
            encryption_configuration=ecr.CfnRepository.EncryptionConfigurationProperty(
                encryption_type="KMS", kms_key=lake.key.attr_arn
            ),
            lifecycle_policy=ecr.CfnRepository.LifecyclePolicyProperty(
                lifecycle_policy_text=newest
            ),
        )
        made.cfn_options.deletion_policy = CfnDeletionPolicy.RETAIN
        made.cfn_options.update_replace_policy = CfnDeletionPolicy.RETAIN
        return made

    def _token(self, name: str) -> secrets.CfnSecret:
        return secrets.CfnSecret(
            self,
            f"{name.title()}Token",
            name=f"margin/{name}-token",
            description=f"What the {name} asks of who acts or reads",
            kms_key_id=self._key,
            generate_secret_string=secrets.CfnSecret.GenerateSecretStringProperty(
                password_length=40, exclude_punctuation=True
            ),
        )
