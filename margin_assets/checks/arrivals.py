"""What must hold of what has landed, and of how far cycles have come."""

from datetime import UTC, datetime

import dagster as dg
import numpy as np
import polars as pl

from margin_assets.assets.resources import LakeResource
from margin_assets.calendar import sessions
from margin_assets.kernels.book import corrections
from margin_assets.kernels.margin import consistency
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.monitoring.health import limits
from margin_assets.monitoring.unknown_actions import unknown_actions

_SHOWN = 20


def quarantine_result(landed_files: pl.DataFrame) -> dg.AssetCheckResult:
    """Verdict on the part of landed rows that was quarantined."""
    rate = consistency.quarantine_rate(landed_files)
    return dg.AssetCheckResult(
        passed=rate <= limits().quarantine_rate,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"rate": rate, "files": landed_files.height},
    )


@dg.asset_check(asset="quarantine", additional_ins={"landed_files": dg.AssetIn("landed_files")})
def few_rows_are_quarantined(
    quarantine: pl.LazyFrame,  # noqa: ARG001 (Dagster hands a check its asset)
    landed_files: pl.LazyFrame,
) -> dg.AssetCheckResult:
    """At most one landed row in a hundred could not be understood."""
    return quarantine_result(landed_files.collect())


@dg.asset_check(
    asset="fills", additional_ins={"quarantine": dg.AssetIn("quarantine")}, blocking=True
)
def no_fill_counts_twice(fills: pl.LazyFrame, quarantine: pl.LazyFrame) -> dg.AssetCheckResult:
    """Every fill that counts has an id of its own."""
    found = corrections.repeated(fills, quarantine).collect()
    ids = dg.MetadataValue.json(found["fill_id"].head(_SHOWN).to_list())
    return dg.AssetCheckResult(
        passed=found.is_empty(), metadata={"ids": found.height, "first": ids}
    )


@dg.asset_check(asset="cycles")
def the_last_cycle_is_of_this_session(lake: LakeResource) -> dg.AssetCheckResult:
    """The last sealed cycle reaches into the current or the previous session."""
    sealed = Ledger(lake.lake()).last_sealed()
    as_of = sealed.as_of if sealed else None
    now = datetime.now(UTC)
    age = None if as_of is None else _session(now) - _session(as_of)
    return dg.AssetCheckResult(
        passed=age is not None and age <= 1,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"as_of": str(as_of), "sessions_behind": -1 if age is None else age},
    )


@dg.asset_check(asset="corporate_actions")
def actions_name_known_symbols(lake: LakeResource) -> dg.AssetCheckResult:
    """Every action that has acted by the last sealed cycle is of a symbol that is known."""
    store = lake.lake()
    found = unknown_actions(store, Ledger(store).last_sealed())
    first = found.head(_SHOWN).select(pl.all().cast(pl.String)).to_dicts()
    return dg.AssetCheckResult(
        passed=found.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"actions": found.height, "first": dg.MetadataValue.json(first)},
    )


def _session(at: datetime) -> int:
    return int(np.searchsorted(sessions().opens, int(at.timestamp() * 1e6), side="right"))


ARRIVALS = (
    few_rows_are_quarantined,
    no_fill_counts_twice,
    actions_name_known_symbols,
    the_last_cycle_is_of_this_session,
)
