"""Synthesizes the stacks: `python -m infra.app` writes the templates of every size.

The templates are kept in `infra/templates/` and deployed as they are: without Node, without CDK.
They name no account and no region. `--check` writes nothing and says which of them differ.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "1")

import aws_cdk as cdk

from infra.stacks.alarms import Alarms
from infra.stacks.lake import Lake
from infra.stacks.network import Network
from infra.stacks.services import Services
from infra.stacks.sizes import Size, sizes
from infra.stacks.state import State

TEMPLATES = Path(__file__).parent / "templates"
_FLAGS = {
    "@aws-cdk/core:validateAgainstDefaultRules": True,
    "@aws-cdk/core:defaultCrossStackReferences": "strong",
    "aws:cdk:disable-version-reporting": True,
}


def application(size: Size, folder: str) -> cdk.App:
    """The five stacks of one size."""
    app = cdk.App(outdir=folder, context=_FLAGS, analytics_reporting=False)
    cdk.Tags.of(app).add("margin:size", size.name)
    network = Network(app, "margin-network", size)
    lake = Lake(app, network, size)
    state = State(app, network, lake, size)
    services = Services(app, size, network, lake, state)
    Alarms(app, size, (lake, state, services))
    return app


def templates(size: Size) -> dict[str, str]:
    """Each stack's template as one line of JSON, which a direct call to CloudFormation takes."""
    with tempfile.TemporaryDirectory() as folder:
        assembly = application(size, folder).synth()
        return {
            stack.stack_name: json.dumps(_plain(stack.template), separators=(",", ":")) + "\n"
            for stack in assembly.stacks
        }


def _plain(template: dict[str, object]) -> dict[str, object]:
    # What CDK's own command line asks of an account that it has prepared; nobody prepares one here.
    without = ("Rules",)
    found = {name: part for name, part in template.items() if name not in without}
    parameters = found.get("Parameters")
    if isinstance(parameters, dict):
        kept = {name: told for name, told in parameters.items() if name != "BootstrapVersion"}
        found["Parameters"] = kept
        if not kept:
            del found["Parameters"]
    return found


def main() -> int:
    """Writes or compares the kept templates; 1 if one differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    is_check = parser.parse_args().check
    differ = []
    for size in sizes().values():
        for stack, text in templates(size).items():
            place = TEMPLATES / size.name / f"{stack}.json"
            if is_check:
                differ += [] if place.is_file() and place.read_text("utf-8") == text else [place]
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text, "utf-8")
    for place in differ:
        sys.stderr.write(f"{place.relative_to(TEMPLATES)} is not what the stacks come to\n")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
