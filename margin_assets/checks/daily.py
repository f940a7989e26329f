"""How a verdict over tables becomes a check of the business dates of a run."""

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from margin_assets.assets.partitions import BUSINESS_DATE

Verdict = Callable[[Mapping[str, pl.DataFrame]], dg.AssetCheckResult]


def daily_check(
    name: str, sentence: str, inputs: Sequence[str], verdict: Verdict, *, blocking: bool
) -> dg.AssetChecksDefinition:
    """The check of the last of `inputs` over the run's dates of all of them."""

    def compute(**frames: pl.LazyFrame) -> dg.AssetCheckResult:
        return verdict(dict(zip(frames, pl.collect_all(frames.values()), strict=True)))

    # Dagster finds the inputs of a check by the names of its parameters.
    named = inspect.Parameter.POSITIONAL_OR_KEYWORD
    compute.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # read by Dagster
        [inspect.Parameter(table, named, annotation=pl.LazyFrame) for table in inputs],
        return_annotation=dg.AssetCheckResult,
    )
    *others, asset = inputs
    ins = {table: dg.AssetIn(table) for table in others}
    return partitioned_check(
        asset=asset, name=name, description=sentence, blocking=blocking, additional_ins=ins
    )(compute)


def partitioned_check(
    **declared: Any,  # noqa: ANN401 (those of `dg.asset_check`)
) -> Callable[[Callable[..., Any]], dg.AssetChecksDefinition]:
    """`dg.asset_check` by business date."""

    def declare(compute: Callable[..., Any]) -> dg.AssetChecksDefinition:
        with warnings.catch_warnings():
            # Dagster 1.13 calls partitions of a check a preview; without them the check of one
            # date reads every date. Goes when they are no longer marked.
            warnings.filterwarnings("ignore", "Specifying a partitions_def", dg.PreviewWarning)
            return dg.asset_check(**declared, partitions_def=BUSINESS_DATE)(compute)

    return declare
