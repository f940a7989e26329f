"""Every table and column of a book as Markdown, from the declarations alone."""

import sys

import dataframely as dy

from schemas.avalanche.book import BOOK, REQUIRED

_HEAD = """# Columns of an avalanche book

Generated from `schemas/avalanche/` by `make docs`; a test keeps it fresh. One file a table, CSV or
Parquet, named as the table; how to write one: [avalanche-book.md](avalanche-book.md). Amounts are
US dollars; those of unit `ccy` are in the currency of their row. A column with a default, or one
that may be empty, may be left out. Any file may also have `snapshot_id`, `source` and `valid_from`:
of several rows of the same key the one with the newest `valid_from` counts.

"""


def guide() -> str:
    """The whole guide."""
    return _HEAD + "\n".join(_section(name, schema) for name, schema in BOOK.items())


def _section(name: str, schema: type[dy.Schema]) -> str:
    grain = (schema.__doc__ or "").strip().splitlines()[0]
    needed = "Must be there." if name in REQUIRED else "May be left out."
    rows = [_row(column, declared) for column, declared in schema.columns().items()]
    head = "| column | type | key | default | unit | meaning |\n" + "| --- " * 6 + "|"
    return f"## `{name}`\n\n{grain} {needed}\n\n{head}\n" + "\n".join(rows) + "\n"


def _row(name: str, column: dy.Column) -> str:
    facts = column.metadata or {}
    words = ", ".join(f"`{word}`" for word in facts.get("values", []))
    meaning = f"{column.description or ''} {words}".strip().replace("|", "\\|")
    default = facts.get("default", "empty" if column.nullable else "")
    shown = "empty" if default == "" and "default" in facts else str(default)
    key = "yes" if column.primary_key else ""
    unit = facts.get("unit", "")
    return f"| `{name}` | {type(column).__name__} | {key} | {shown} | {unit} | {meaning} |"


if __name__ == "__main__":
    sys.stdout.write(guide())
