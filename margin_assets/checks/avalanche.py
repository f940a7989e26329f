"""The laws of the avalanche, held over every run of the lake: a check a law.

Dagster resolves annotations when a check is built, so this module must not use
`from __future__ import annotations`.
"""

from collections.abc import Iterator

import dagster as dg

from margin_assets.assets.resources import LakeResource
from margin_assets.avalanche.keeping import held_by_books
from margin_assets.kernels.avalanche.laws import Kept, broken_laws
from schemas.avalanche.results import LAWS

CHECKED = "avalanche_paths"


@dg.multi_asset_check(specs=[dg.AssetCheckSpec(name=law, asset=CHECKED) for law in LAWS])
def laws_of_the_avalanche(lake: LakeResource) -> Iterator[dg.AssetCheckResult]:
    """Each law with the number of paths, of runs or of sets that break it."""
    held = lake.created()
    kept = Kept(
        runs=held.scan("avalanche_runs"),
        paths=held.scan(CHECKED),
        requirements=held.scan("im_requirements"),
        books=held_by_books(held),
    )
    broken = broken_laws(kept)
    for law, count in broken.items():
        yield dg.AssetCheckResult(
            asset_key=CHECKED, check_name=law, passed=count == 0, metadata={"broken": count}
        )


AVALANCHE_LAWS = (laws_of_the_avalanche,)
