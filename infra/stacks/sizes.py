"""Sizes of the deployment, from `infra/sizes.toml`."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

SIZES = Path(__file__).parent.parent / "sizes.toml"
SERVICES = ("dagster-code", "daemon", "webserver", "dashboard", "sql", "live")
"""What runs all day, in the order in which a deployment replaces it."""
RUN = "run"
"""What the daemon launches: one task a run."""


@dataclass(frozen=True)
class Tasks:
    """How many tasks of a service, and the size of each."""

    count: int
    cpu: int
    """1,024 are one virtual CPU."""
    memory: int
    """MiB."""


@dataclass(frozen=True)
class Size:
    """One size."""

    name: str
    endpoint_zones: int
    database_class: str
    database_gib: int
    database_zones: int
    lock_mode: str
    lock_days: int
    tasks: dict[str, Tasks]


def sizes() -> dict[str, Size]:
    """Every size by its name."""
    return {
        name: Size(
            name, **given | {"tasks": {task: Tasks(*told) for task, told in given["tasks"].items()}}
        )
        for name, given in tomllib.loads(SIZES.read_text("utf-8")).items()
    }
