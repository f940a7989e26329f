"""How a declared table becomes a Dagster asset: group, owner, columns and I/O from `schemas`."""

import inspect
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import dagster as dg
import dataframely as dy

from margin_assets.assets.described import description, path
from margin_assets.assets.partitions import BUSINESS_DATE
from margin_assets.lake.ledger.adoptions import decided_next
from schemas import TABLES, Table

OWNERS = ["team:margin-risk"]
IO_MANAGER, ENGINE = "delta", "engine"


def column_schema(schema: type[dy.Schema]) -> dg.TableSchema:
    """Columns of a schema as the Dagster UI shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name,
                str(column.dtype),
                description=_described(column),
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for name, column in schema.columns().items()
        ]
    )


def _described(column: dy.Column) -> str:
    unit = (column.metadata or {}).get("unit")
    return f"{column.description or ''} [{unit}]" if unit else column.description or ""


def metadata(table: Table) -> dict[str, Any]:
    """Declared facts of a table that every one of its materializations shares."""
    return {
        "dagster/column_schema": column_schema(table.schema),
        "dagster/table_name": table.name,
        "grain": table.grain,
        "write_mode": str(table.mode),
    }


def daily_asset(
    name: str, tables: Sequence[str] = (), needs: Sequence[str] = ()
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Decorator: the asset of a table's daily twin.

    It reads the tables that the function has arguments for; one that takes any, those named. It
    `needs` resources beside the one that stores it. One run covers a whole range of dates: the
    kernels take many dates at once. It decides by the rulebooks of the lake that its twin is
    stored in.
    """
    return lambda function: _daily(name, tables, needs)(_by_rulebooks_of_the_lake(function))


def _by_rulebooks_of_the_lake(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of an asset, deciding as the next cycle of the lake would."""
    arguments = inspect.signature(function).parameters

    def computed(context: dg.AssetExecutionContext, **tables: Any) -> Any:  # noqa: ANN401 (frames)
        store = getattr(context.resources, IO_MANAGER)
        with decided_next(store.lake()):
            return function(context, **tables) if "context" in arguments else function(**tables)

    # Dagster finds the inputs of an asset by the names of its parameters.
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    inputs = [parameter for name, parameter in arguments.items() if name != "context"]
    computed.__signature__ = inspect.Signature([context, *inputs])  # type: ignore[attr-defined]  # read by Dagster
    return computed


def _daily(
    name: str, tables: Sequence[str], needs: Sequence[str]
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    table = TABLES[name]
    with warnings.catch_warnings():
        # Dagster 1.13 calls the policy beta; without it a backfill is one run a day. Goes when
        # the parameter is no longer marked.
        warnings.filterwarnings("ignore", "Parameter `backfill_policy`", dg.BetaWarning)
        return dg.asset(
            name=name,
            description=description(name),
            ins={table: dg.AssetIn() for table in tables},
            group_name=table.group,
            partitions_def=BUSINESS_DATE,
            backfill_policy=dg.BackfillPolicy.single_run(),
            io_manager_key=IO_MANAGER,
            required_resource_keys={IO_MANAGER, *needs},
            owners=OWNERS,
            kinds={"polars", "deltalake"},
            metadata=metadata(table),
        )


def linked(
    assets: Iterable[dg.AssetsDefinition | dg.AssetSpec], dashboard: str
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets with a link to their page of the dashboard at an address; none where none is."""

    def with_page(spec: dg.AssetSpec) -> dg.AssetSpec:
        page = path(spec.key.path[-1])
        if page is None:
            return spec
        link = dg.MetadataValue.url(dashboard.rstrip("/") + page)
        return spec.merge_attributes(metadata={"dashboard": link})

    if not dashboard:
        return list(assets)
    return [
        with_page(asset) if isinstance(asset, dg.AssetSpec) else asset.map_asset_specs(with_page)
        for asset in assets
    ]


def landed_spec(name: str, deps: tuple[str, ...] = ()) -> dg.AssetSpec:
    """Table that only the live session writes: landed rows, decisions, the ledger."""
    table = TABLES[name]
    return dg.AssetSpec(
        name,
        deps=list(deps),
        group_name=table.group,
        description=description(name),
        owners=OWNERS,
        kinds={"deltalake"},
        metadata=metadata(table),
    ).with_io_manager_key(IO_MANAGER)
