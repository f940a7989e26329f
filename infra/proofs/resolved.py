"""Templates with their references answered, as CloudFormation would in one made-up account."""

import re
from typing import Any

from infra.kept import Templates

ACCOUNT, REGION = "123456789012", "eu-central-1"
_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
_ARNS = {
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{}}",
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::KMS::Key": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{{}}",
    "AWS::SNS::Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{{}}",
}


class Resolver:
    """Answers references of the templates of one size."""

    def __init__(self, templates: Templates) -> None:
        self._resources = {
            name: resource
            for template in templates.values()
            for name, resource in template["Resources"].items()
        }
        self._exports = {
            output["Export"]["Name"]: output["Value"]
            for template in templates.values()
            for output in template.get("Outputs", {}).values()
        }

    def __call__(self, value: Any) -> Any:  # noqa: ANN401 (any JSON)
        """The value, without a reference."""
        if isinstance(value, list):
            return [self(each) for each in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((key, told),) = value.items()
            if key == "Ref":
                return self._ref(told)
            if key == "Fn::GetAtt":
                return self._attribute(*told)
            if key == "Fn::ImportValue":
                return self(self._exports[told])
            if key == "Fn::Join":
                return told[0].join(map(str, self(told[1])))
        return {key: self(each) for key, each in value.items()}

    def _ref(self, name: str) -> str:
        return _PSEUDO.get(name) or self._physical(name)

    def _physical(self, name: str) -> str:
        resource = self._resources.get(name, {"Type": "", "Properties": {}})
        told = self(resource.get("Properties", {}).get("BucketName", name))
        if resource["Type"] == "AWS::SNS::Topic":
            return _ARNS["AWS::SNS::Topic"].format(name)
        return str(told)

    def _attribute(self, name: str, attribute: str) -> str:
        kind = self._resources[name]["Type"]
        if attribute == "Arn" and kind in _ARNS:
            return _ARNS[kind].format(self._physical(name))
        return re.sub(r"\W", "-", f"{name}-{attribute}")
