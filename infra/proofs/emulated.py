"""Deploys the kept templates to an emulator on loopback, without what it cannot hold."""

import copy
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from infra.kept import Template

REGION = "us-east-1"
PARAMETERS = {
    "S3PrefixList": "pl-12345678",
    "PeopleCidr": "10.0.0.0/8",
    "ImageDigest": "sha256:" + "0" * 64,
    "CertificateArn": f"arn:aws:acm:{REGION}:000000000000:certificate/one",
    "PageHost": "margin.firm.example",
}
_BOOT_SECONDS = 60


@contextmanager
def running() -> Iterator[str]:
    """The emulator's address. It would listen everywhere, and for things, unless told not to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    told = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_REGION": REGION,
    }
    program = str(Path(sys.executable).with_name("ministack"))
    process = subprocess.Popen(
        [program], env=os.environ | told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _await(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _BOOT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the emulator did not start")


def client(service: str, address: str) -> Any:  # noqa: ANN401 (boto3 has no types)
    """A client of the emulator."""
    return boto3.client(
        service,
        endpoint_url=address,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def without(template: Template, skipped: dict[str, Any]) -> Template:
    """The template without types that the emulator refuses, and what depends on them."""
    made = copy.deepcopy(template)
    gone = {n for n, r in made["Resources"].items() if r["Type"] in skipped["types"]}
    made["Resources"] = {n: r for n, r in made["Resources"].items() if n not in gone}
    for resource in made["Resources"].values():
        if waits := resource.pop("DependsOn", None):
            named = [waits] if isinstance(waits, str) else waits
            resource["DependsOn"] = [name for name in named if name not in gone]
    answered: Template = _answered(made, skipped["attributes"])
    return answered


def _answered(value: Any, attributes: dict[str, str]) -> Any:  # noqa: ANN401 (any JSON)
    """The value with literals for attributes that the emulator does not know."""
    if isinstance(value, list):
        return [_answered(each, attributes) for each in value]
    if not isinstance(value, dict):
        return value
    told = value.get("Fn::GetAtt")
    if isinstance(told, list) and ".".join(told) in attributes:
        return attributes[".".join(told)]
    return {key: _answered(each, attributes) for key, each in value.items()}


def deploy(address: str, stack: str, template: Template) -> str:
    """Creates a stack and waits; its status, with the first reason where it failed."""
    formation = client("cloudformation", address)
    wanted = [
        {"ParameterKey": name, "ParameterValue": PARAMETERS[name]}
        for name in template.get("Parameters", {})
    ]
    text = json.dumps(template, separators=(",", ":"))
    formation.create_stack(
        StackName=stack, TemplateBody=text, Parameters=wanted, Capabilities=["CAPABILITY_IAM"]
    )
    for _ in range(600):
        found = formation.describe_stacks(StackName=stack)["Stacks"][0]
        if not found["StackStatus"].endswith("IN_PROGRESS"):
            break
        time.sleep(0.1)
    if found["StackStatus"] == "CREATE_COMPLETE":
        return "CREATE_COMPLETE"
    events = formation.describe_stack_events(StackName=stack)["StackEvents"]
    reasons = [
        f"{e.get('LogicalResourceId')}: {e.get('ResourceStatusReason')}"
        for e in events
        if "FAILED" in e["ResourceStatus"]
    ]
    return f"{found['StackStatus']} {found.get('StackStatusReason', '')} {reasons[:5]}"
