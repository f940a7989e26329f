"""The avalanche as assets: the lake's newest book, by scenario and arm.

Dagster resolves annotations when an asset is built, so this module must not use
`from __future__ import annotations`.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import Field

from margin_assets.assets.models import final, materialized, model_spec
from margin_assets.assets.resources import EngineResource, LakeResource
from margin_assets.avalanche.answers.readings import read_kept
from margin_assets.avalanche.book.faults import BookError
from margin_assets.avalanche.running import ARMS, Asked, Share
from margin_assets.avalanche.storing import run_kept

SCENARIOS = ("moderate", "severe", "extreme")
SCENARIO_ARM = dg.MultiPartitionsDefinition(
    {
        "scenario": dg.StaticPartitionsDefinition(list(SCENARIOS)),
        "arm": dg.StaticPartitionsDefinition(list(ARMS)),
    }
)
_MADE = {
    "im_requirements": ("avalanche_books",),
    "model_change_impacts": ("avalanche_books",),
    "avalanche_runs": ("avalanche_books",),
    "avalanche_paths": ("avalanche_runs",),
}
"""Tables that a run writes, and those that they come from."""


_READ = {"early_warnings": ("avalanche_books",), "warning_readings": ("early_warnings",)}
"""Tables that a reading of the early warning writes, likewise."""


class AvalancheConfig(dg.Config):
    """What a run of the assets takes beside its partition."""

    paths: int = 10_000
    seed: int = 1
    share: int = Field(default=0, ge=0)
    shares: int = Field(default=1, ge=1)
    """A range of the paths: one of so many equal ones, from 0. The last to end writes the run."""

    def asked(self, scenario: str, arm: str) -> Asked:
        """What is asked of the book in a partition."""
        return Asked(scenario, arm, self.seed, self.paths)

    def part(self) -> Share:
        """The range of the paths."""
        return Share(self.share, self.shares)


class WarningConfig(dg.Config):
    """What a reading of the early warning takes."""

    paths: int = 2_000
    seed: int = 1


@dg.multi_asset(
    name="avalanche",
    specs=[model_spec(name, deps) for name, deps in _MADE.items()],
    partitions_def=SCENARIO_ARM,
    can_subset=False,
)
def avalanche(
    context: dg.AssetExecutionContext,
    config: AvalancheConfig,
    lake: LakeResource,
    engine: EngineResource,
) -> Iterator[dg.MaterializeResult[Any]]:
    """The lake's newest book through one scenario and arm; what is there already stays."""
    asked = config.asked(**context.partition_key.keys_by_dimension)
    with final(BookError, ValueError):
        ran, written = run_kept(lake.created(), asked, engine.engine(), config.part())
    facts = {"run_id": ran.run_id, "snapshot_id": ran.snapshot_id}
    yield from materialized(_MADE, facts, written)


@dg.multi_asset(
    name="warning",
    specs=[model_spec(name, deps) for name, deps in _READ.items()],
    can_subset=False,
)
def warning(config: WarningConfig, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
    """How near the lake's newest book is to exhaustion, after the books before it."""
    with final(BookError):
        told, written = read_kept(lake.created(), config.paths, config.seed)
    facts = {"score": told["score"], "nearest_scenario": told["nearest_scenario"] or "none"}
    yield from materialized(_READ, facts, written)


AVALANCHE_ASSETS = (avalanche,)
WARNING_ASSETS = (warning,)
