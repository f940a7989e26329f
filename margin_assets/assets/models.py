"""Tables that a model writes by itself, as assets: each run once, its rows may be there already."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg

from margin_assets.assets.declared import OWNERS, metadata
from margin_assets.assets.described import description
from schemas import TABLES


def model_spec(name: str, deps: Sequence[str] = ()) -> dg.AssetSpec:
    """A table that a model writes by itself, each run once: it may find its rows there already."""
    return dg.AssetSpec(
        name,
        deps=list(deps),
        group_name=TABLES[name].group,
        description=description(name),
        owners=OWNERS,
        kinds={"deltalake", "numba"},
        metadata=metadata(TABLES[name]),
        skippable=True,
    )


def materialized(
    tables: Iterable[str], facts: Mapping[str, Any], written: Sequence[str]
) -> Iterator[dg.MaterializeResult[Any]]:
    """What a run tells of each table: its facts, and whether it wrote rows there."""
    for name in tables:
        yield dg.MaterializeResult(name, metadata={**facts, "is_new": name in written})


@contextmanager
def final(*faults: type[Exception]) -> Iterator[None]:
    """A run that fails by one of these is not tried again: what is asked is at fault."""
    try:
        yield
    except faults as fault:
        raise dg.Failure(str(fault), allow_retries=False) from None
