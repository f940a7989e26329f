"""The data dictionary: every table and column as Markdown, from the declarations alone."""

import sys

import dataframely as dy

from schemas.kinds import Mode, Table
from schemas.landed import Landed
from schemas.tables import TABLES
from schemas.views import VIEWS

_HEAD = """# Data dictionary

Generated from `schemas/` by `make docs`; a test keeps it fresh. Table name = asset name = folder
name below the lake. Money is exact: decimals of two places, quantities and prices of six.

"""
_PROVENANCE = """## Provenance

Every table that files land for has these columns too, first. The lake fills them: no file has them.

"""
_VIEWS = """## Views

For SQL, `margin serve sql` and `open_lake(...).table(name)`: joins that are asked most. Of
`margin_summary`, `status` says whether all inputs were there, and `margin_method` which method
would require less; neither says how the account stands. Here they are `determinacy` and
`cheaper_method`.
"""


def dictionary() -> str:
    """The whole dictionary."""
    provenance = _PROVENANCE + _columns(Landed.columns()) + "\n"
    views = [_VIEWS, *(_view(name, schema) for name, schema in VIEWS.items())]
    tables = (_section(table) for table in TABLES.values())
    return _HEAD + provenance + "\n".join([*tables, *views])


def _view(name: str, schema: type[dy.Schema]) -> str:
    grain = (schema.__doc__ or "").strip().splitlines()[0]
    return f"### `{name}`\n\n{grain}\n\n{_columns(schema.columns())}"


_OF_AN_AGE = (
    "- Rows of accounts that nothing happened to: as of `as_of`, at most two minutes of event time "
    "ago, in a book of more than 480 shards at most as many cycles as it has four shards "
    "([decisions](decisions.md), Real time)"
)


def _section(table: Table) -> str:
    facts = [
        f"- Written: {table.mode} {'by cycles' if table.in_cycle else 'outside cycles'}",
        f"- Canonical order: {', '.join(f'`{name}`' for name in table.order)}",
        f"- Time travel from versions: {table.retention_days} days, at most "
        f"{table.retention_cycles} cycles; beyond by recomputation",
    ]
    if table.in_cycle and table.mode is Mode.STATE and not table.is_whole:
        facts.insert(1, _OF_AN_AGE)
    if table.is_daily:
        facts.append(f"- History by business date: `daily/{table.name}`, SQL `daily_{table.name}`")
    if issubclass(table.schema, Landed):
        facts.append("- And the columns of its [provenance](#provenance)")
    own = {n: column for n, column in table.schema.columns().items() if not _is_told(table, n)}
    return f"## `{table.name}`\n\n{table.grain}\n\n" + "\n".join(facts) + f"\n\n{_columns(own)}"


def _is_told(table: Table, name: str) -> bool:
    """Whether a column is told of with the provenance."""
    return issubclass(table.schema, Landed) and name in Landed.columns()


def _columns(columns: dict[str, dy.Column]) -> str:
    head = "| column | type | key | null | unit | meaning |\n" + "| --- " * 6 + "|"
    return "\n".join([head, *(_row(name, column) for name, column in columns.items())]) + "\n"


def _row(name: str, column: dy.Column) -> str:
    facts = column.metadata or {}
    words = ", ".join(f"`{word}`" for word in facts.get("values", []))
    meaning = f"{column.description or ''} {words}".strip().replace("|", "\\|")
    kind = str(column.dtype).replace("precision=", "").replace("scale=", "")
    key, null = ("yes" if flag else "" for flag in (column.primary_key, column.nullable))
    return f"| `{name}` | {kind} | {key} | {null} | {facts.get('unit', '')} | {meaning} |"


if __name__ == "__main__":
    sys.stdout.write(dictionary())
