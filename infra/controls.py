"""What must hold of the templates, read as JSON: each control names what breaks it.

A control takes the five templates of a size, by stack, and says what does not hold; nothing if all
does. Scanners find what is wrong anywhere; these find what is wrong here, and need no package.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from infra.kept import Templates, resources, size_of

Control = Callable[[Templates], Iterator[str]]

_SIX_YEARS_DAYS = 2_192
_LOGGED = ("LakeBucket", "AuditBucket", "ArtifactsBucket")
# Actions that AWS answers for no single resource.
_ASK_ALL = {"ecr:GetAuthorizationToken", "ecs:DescribeTaskDefinition"}
_STATEFUL = ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::RDS::DBInstance", "AWS::ECR::Repository")
# It goes with what it encrypts: logs, topics, and a database that is snapshot first.
_GOES = ("OperationsKey",)


def buckets_are_closed(templates: Templates) -> Iterator[str]:
    """Versions kept, nothing public, owned by the account, encrypted, access logged."""
    for name, told in resources(templates, "AWS::S3::Bucket"):
        if told.get("VersioningConfiguration") != {"Status": "Enabled"}:
            yield f"{name}: versions are not kept"
        closed = told.get("PublicAccessBlockConfiguration", {})
        if len(closed) != 4 or not all(closed.values()):
            yield f"{name}: may be public"
        if "BucketOwnerEnforced" not in json.dumps(told.get("OwnershipControls", {})):
            yield f"{name}: objects may be another's"
        if name in _LOGGED and "LoggingConfiguration" not in told:
            yield f"{name}: access is not logged"
        yield from _encryption_problems(name, told)


def _encryption_problems(name: str, told: dict[str, Any]) -> Iterator[str]:
    rules = told.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [])
    if len(rules) != 1:
        yield f"{name}: not encrypted"
        return
    by_default = rules[0]["ServerSideEncryptionByDefault"]
    if name == "LogsBucket":
        return
    if by_default.get("SSEAlgorithm") != "aws:kms" or "LakeKey" not in json.dumps(by_default):
        yield f"{name}: not encrypted by the lake's key"
    if rules[0].get("BucketKeyEnabled") is not True:
        yield f"{name}: asks KMS for every object"


def _denials(templates: Templates, policy: str) -> dict[str, dict[str, Any]]:
    for name, told in resources(templates, "AWS::S3::BucketPolicy"):
        if name == policy:
            said = told["PolicyDocument"]["Statement"]
            return {each.get("Sid", ""): each for each in said if each["Effect"] == "Deny"}
    return {}


def policies_deny(templates: Templates) -> Iterator[str]:
    """Every bucket refuses plain HTTP and old TLS; those of ours refuse another key."""
    for name, _ in resources(templates, "AWS::S3::Bucket"):
        denied = _denials(templates, name.replace("Bucket", "Policy"))
        wanted = {
            "OnlyTls": {"Bool": {"aws:SecureTransport": "false"}},
            "OnlyNewTls": {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
        }
        for sid, condition in wanted.items():
            said = denied.get(sid, {})
            if said.get("Condition") != condition or said.get("Action") != ["s3:*"]:
                yield f"{name}: no {sid}"
        if name != "LogsBucket" and not {"NoOtherKey", "NoOtherKind"} <= set(denied):
            yield f"{name}: takes another key"


def what_is_sealed_is_locked(templates: Templates) -> Iterator[str]:
    """The audit copy is under Object Lock, and no role may shorten, lift or go round it."""
    told = dict(resources(templates, "AWS::S3::Bucket")).get("AuditBucket", {})
    rule = told.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention", {})
    if told.get("ObjectLockEnabled") is not True or not rule:
        yield "AuditBucket: no Object Lock"
    is_trial = size_of(templates) == "small"
    wanted = ("GOVERNANCE", 1) if is_trial else ("COMPLIANCE", _SIX_YEARS_DAYS)
    if rule.get("Mode") != wanted[0] or rule.get("Days", 0) < wanted[1]:
        yield f"AuditBucket: kept {rule.get('Days', 0)} days under {rule.get('Mode')}"
    denied = _denials(templates, "AuditPolicy")
    forbidden = {action for said in denied.values() for action in said["Action"]}
    for action in (
        "s3:BypassGovernanceRetention",
        "s3:DeleteObjectVersion",
        "s3:PutBucketObjectLockConfiguration",
        "s3:PutObjectLegalHold",
        "s3:PutObjectRetention",
    ):
        if action not in forbidden:
            yield f"AuditBucket: {action} is not denied"


def keys_turn(templates: Templates) -> Iterator[str]:
    """Keys are rotated, and CloudWatch may use that of the topic: else alarms vanish."""
    for name, told in resources(templates, "AWS::KMS::Key"):
        if told.get("EnableKeyRotation") is not True:
            yield f"{name}: is not rotated"
    operations = json.dumps(dict(resources(templates, "AWS::KMS::Key"))["OperationsKey"])
    for service in ("cloudwatch", "events", "sns", "s3"):
        if f"{service}.amazonaws.com" not in operations:
            yield f"OperationsKey: {service} may not use it"


def roles_are_narrow(templates: Templates) -> Iterator[str]:
    """No star as an action, none as a resource but where AWS knows no other, trust bound here."""
    for name, told in resources(templates, "AWS::IAM::Role"):
        trust = json.dumps(told["AssumeRolePolicyDocument"])
        if "aws:SourceAccount" not in trust:
            yield f"{name}: another account's tasks may take it"
        for policy in told.get("Policies", []):
            for said in policy["PolicyDocument"]["Statement"]:
                yield from _width_problems(name, said)


def _width_problems(name: str, said: dict[str, Any]) -> Iterator[str]:
    actions = said["Action"] if isinstance(said["Action"], list) else [said["Action"]]
    for action in actions:
        if "*" in action:
            yield f"{name}: may {action}"
    if said["Resource"] == "*" and not set(actions) <= _ASK_ALL:
        yield f"{name}: {', '.join(actions)} on everything"
    forbidden = {"s3:DeleteObjectVersion", "s3:BypassGovernanceRetention", "s3:PutObjectRetention"}
    for action in forbidden & set(actions):
        yield f"{name}: may {action}"
    if "iam:PassRole" in actions:
        to_tasks = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
        if len(said["Resource"]) != 2 or said.get("Condition") != to_tasks:
            yield f"{name}: hands out roles"


def nothing_leaves(templates: Templates) -> Iterator[str]:
    """No way to the internet, no public address, no rule from or to everywhere, flow logs kept."""
    for kind in ("InternetGateway", "NatGateway", "EgressOnlyInternetGateway"):
        yield from (f"{name}: a way out" for name, _ in resources(templates, f"AWS::EC2::{kind}"))
    for name, told in resources(templates, "AWS::EC2::Subnet"):
        if told.get("MapPublicIpOnLaunch") is not False:
            yield f"{name}: public addresses"
    for kind in ("SecurityGroup", "SecurityGroupIngress", "SecurityGroupEgress"):
        for name, told in resources(templates, f"AWS::EC2::{kind}"):
            if "0.0.0.0/0" in json.dumps(told) or "::/0" in json.dumps(told):
                yield f"{name}: open to everywhere"
    if not list(resources(templates, "AWS::EC2::FlowLog")):
        yield "no flow log"


def services_are_inside(templates: Templates) -> Iterator[str]:
    """No service has a public address, or a shell for who may ask."""
    for name, told in resources(templates, "AWS::ECS::Service"):
        reach = told["NetworkConfiguration"]["AwsvpcConfiguration"]
        if reach.get("AssignPublicIp") != "DISABLED":
            yield f"{name}: a public address"
        if told.get("EnableExecuteCommand") is not False:
            yield f"{name}: a shell"


def endpoints_are_bound(templates: Templates) -> Iterator[str]:
    """The gateway to S3 knows our buckets alone, every other endpoint our group alone."""
    for name, told in resources(templates, "AWS::EC2::VPCEndpoint"):
        if told["VpcEndpointType"] == "Gateway":
            for said in told["PolicyDocument"]["Statement"]:
                if said["Resource"] == "*":
                    yield f"{name}: any bucket"
        elif "EndpointsGroup" not in json.dumps(told.get("SecurityGroupIds")):
            yield f"{name}: open to others"


def the_database_is_private(templates: Templates) -> Iterator[str]:
    """Private, encrypted, TLS alone, backed up, hard to delete, its password made and turned."""
    ((name, told),) = resources(templates, "AWS::RDS::DBInstance")
    wanted = {
        "PubliclyAccessible": False,
        "StorageEncrypted": True,
        "DeletionProtection": True,
        "ManageMasterUserPassword": True,
        "EnableIAMDatabaseAuthentication": True,
        "BackupRetentionPeriod": 14,
    }
    for key, value in wanted.items():
        if told.get(key) != value:
            yield f"{name}: {key} is {told.get(key)}"
    if "MasterUserPassword" in told:
        yield f"{name}: its password is written down"
    ((_, settings),) = resources(templates, "AWS::RDS::DBParameterGroup")
    if settings["Parameters"].get("rds.force_ssl") != "1":
        yield f"{name}: plain connections"


def containers_are_bound(templates: Templates) -> Iterator[str]:
    """Unprivileged, root read-only, pinned by digest, no secret in plain, time to seal."""
    for name, told in resources(templates, "AWS::ECS::TaskDefinition"):
        for container in told["ContainerDefinitions"]:
            yield from (f"{name}: {what}" for what in _container_problems(container))


def _container_problems(container: dict[str, Any]) -> Iterator[str]:
    wanted = {
        "ReadonlyRootFilesystem": True,
        "Privileged": False,
        "User": "10001:10001",
        "StopTimeout": 120,
        "LinuxParameters": {"Capabilities": {"Drop": ["ALL"]}},
    }
    for key, value in wanted.items():
        if container.get(key) != value:
            yield f"{key} is {container.get(key)}"
    if "ImageDigest" not in json.dumps(container["Image"]):
        yield "image not pinned by its digest"
    for variable in container["Environment"]:
        if any(word in variable["Name"] for word in ("PASSWORD", "TOKEN", "SECRET")):
            yield f"{variable['Name']} in plain"


def images_stay(templates: Templates) -> Iterator[str]:
    """A tag of the repository never moves, and what is pushed is scanned."""
    for name, told in resources(templates, "AWS::ECR::Repository"):
        if told["ImageTagMutability"] != "IMMUTABLE":
            yield f"{name}: tags may move"
        if told["ImageScanningConfiguration"] != {"ScanOnPush": True}:
            yield f"{name}: images are not scanned"


def what_is_told_twice_is_kept(templates: Templates) -> Iterator[str]:
    """The queue of landings is encrypted, takes S3's word alone, and keeps what nobody takes."""
    queues = dict(resources(templates, "AWS::SQS::Queue"))
    for name, told in queues.items():
        if "KmsMasterKeyId" not in told:
            yield f"{name}: not encrypted"
    if "DeadLetters" not in json.dumps(queues.get("Landings", {}).get("RedrivePolicy", {})):
        yield "Landings: what cannot be taken is lost"


def people_come_by_tls(templates: Templates) -> Iterator[str]:
    """The balancer is internal and speaks new TLS alone."""
    for name, told in resources(templates, "AWS::ElasticLoadBalancingV2::LoadBalancer"):
        if told["Scheme"] != "internal":
            yield f"{name}: {told['Scheme']}"
    for name, told in resources(templates, "AWS::ElasticLoadBalancingV2::Listener"):
        if told["Protocol"] != "HTTPS" or "TLS13-1-2" not in told.get("SslPolicy", ""):
            yield f"{name}: {told['Protocol']}, {told.get('SslPolicy')}"


def somebody_is_told(templates: Templates) -> Iterator[str]:
    """Every alarm tells the topic, which is encrypted; silence of the session is an alarm."""
    alarms = dict(resources(templates, "AWS::CloudWatch::Alarm"))
    for name, told in alarms.items():
        if not told.get("AlarmActions"):
            yield f"{name}: tells nobody"
    if alarms.get("NobodySeals", {}).get("TreatMissingData") != "breaching":
        yield "NobodySeals: silence is taken for health"
    for name, told in resources(templates, "AWS::SNS::Topic"):
        if "KmsMasterKeyId" not in told:
            yield f"{name}: not encrypted"
    if not any("Lock" in name for name, _ in resources(templates, "AWS::Events::Rule")):
        yield "nobody is told when the lock is touched"


def state_outlives_its_stack(templates: Templates) -> Iterator[str]:
    """Deleting a stack deletes no data; logs are kept a year."""
    for template in templates.values():
        for name, resource in template["Resources"].items():
            is_kept = resource.get("DeletionPolicy") in ("Retain", "Snapshot")
            if resource["Type"] in _STATEFUL and name not in _GOES and not is_kept:
                yield f"{name}: goes with its stack"
    for name, told in resources(templates, "AWS::Logs::LogGroup"):
        if told.get("RetentionInDays", 0) < 365 or "KmsKeyId" not in told:
            yield f"{name}: not kept a year, or not encrypted"


CONTROLS: tuple[Control, ...] = (
    buckets_are_closed,
    policies_deny,
    what_is_sealed_is_locked,
    keys_turn,
    roles_are_narrow,
    nothing_leaves,
    services_are_inside,
    endpoints_are_bound,
    the_database_is_private,
    containers_are_bound,
    images_stay,
    what_is_told_twice_is_kept,
    people_come_by_tls,
    somebody_is_told,
    state_outlives_its_stack,
)


def problems(templates: Templates) -> list[str]:
    """Everything that does not hold."""
    return [f"{control.__name__}: {what}" for control in CONTROLS for what in control(templates)]
