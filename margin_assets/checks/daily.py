"""How a verdict over tables becomes a check of the business dates of a run."""

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence

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
    keyword = inspect.Parameter.KEYWORD_ONLY
    compute.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(table, keyword, annotation=pl.LazyFrame) for table in inputs],
        return_annotation=dg.AssetCheckResult,
    )
    *others, asset = inputs
    with warnings.catch_warnings():
        # Dagster 1.13 calls partitions of a check a preview; without them the check of one date
        # reads every date. Goes when they are no longer marked.
        warnings.filterwarnings("ignore", "Specifying a partitions_def", dg.PreviewWarning)
        return dg.asset_check(
            asset=asset,
            name=name,
            description=sentence,
            blocking=blocking,
            additional_ins={table: dg.AssetIn(table) for table in others},
            partitions_def=BUSINESS_DATE,
        )(compute)
