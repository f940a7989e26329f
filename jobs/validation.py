"""Great Expectations over the tables of the last sealed cycle.

Dagster resolves annotations when an op is built, so this module must not use
`from __future__ import annotations`.
"""

import dagster as dg

from margin_assets.assets.resources import ValidationResource
from margin_assets.checks.expectations import Target, sealed_targets, validate_tables
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.store import Lake


def validate_sealed(
    context: dg.OpExecutionContext, lake: Lake, validation: ValidationResource
) -> None:
    """Validates the tables of the last sealed cycle, and tells Dagster."""
    ledger = Ledger(lake)
    sealed = ledger.last_sealed()
    if sealed is not None:
        validate(context, lake, sealed_targets(sealed.table_versions), validation)


def validate(
    context: dg.OpExecutionContext,
    lake: Lake,
    targets: list[Target],
    validation: ValidationResource,
) -> bool:
    """Validates table versions, and tells Dagster; whether all expectations hold."""
    folder = validation.folder()
    results = validate_tables(lake, targets, folder)
    broken = results.filter(~results["success"])
    context.log_event(
        dg.AssetMaterialization(
            "validation_results",
            metadata={
                "dagster/row_count": results.height,
                "tables": len(targets),
                "expectations_broken": broken.height,
                "data_docs": dg.MetadataValue.path(str(folder / "index.html") if folder else ""),
            },
        )
    )
    for table, _, partition, rule, *_ in broken.iter_rows():
        context.log.error("%s %s: expectation %s is broken", table, partition, rule)
    return broken.is_empty()
