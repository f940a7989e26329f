"""The templates that are kept, read as JSON."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Template = dict[str, Any]
Templates = dict[str, Template]

FOLDER = Path(__file__).parent / "templates"
STACKS = ("margin-network", "margin-lake", "margin-state", "margin-services", "margin-alarms")
MOST_BYTES = 51_200
"""What CloudFormation takes of a template in one call."""


def kept(size: str) -> Templates:
    """The templates of a size as they are deployed."""
    return {
        stack: json.loads((FOLDER / size / f"{stack}.json").read_text("utf-8")) for stack in STACKS
    }


def resources(templates: Templates, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and properties of all resources of a type."""
    for template in templates.values():
        for name, resource in template["Resources"].items():
            if resource["Type"] == kind:
                yield name, resource.get("Properties", {})


def size_of(templates: Templates) -> str:
    """Of which size they are, as their tags say."""
    tags = dict(resources(templates, "AWS::EC2::VPC"))["Vpc"]["Tags"]
    return next(str(tag["Value"]) for tag in tags if tag["Key"] == "margin:size")
