"""The smallest book: one netting set, one factor; who needs another changes of it what matters."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from margin_assets.avalanche.book.reading import LINE, Tables, table_of
from schemas.avalanche.book import BOOK

Row = dict[str, Any]
Change = list[Row] | Mapping[str, Any]
"""Rows that take a table's place, or columns of its first row."""

BASE: dict[str, list[Row]] = {
    "legal_entity": [{"entity_id": "FUND", "home_ccy": "USD", "nav": 1e9}],
    "venue": [{"venue_id": "CCP", "kind": "CCP", "eod_hour": 21}],
    "netting_set": [
        {
            "ns_id": "NS1",
            "entity_id": "FUND",
            "venue_id": "CCP",
            "im_model_id": "NO_IM",
            "call_ccy": "USD",
        }
    ],
    "im_model": [{"im_model_id": "NO_IM", "family": "FLAT", "rate": 0.0}],
    "risk_factor": [{"factor_id": "INDEX", "class": "EQ", "sigma0": 0.01}],
    "exposure": [{"ns_id": "NS1", "manager_id": "M1", "factor_id": "INDEX", "delta": 1e9}],
    "cash_balance": [{"entity_id": "FUND", "ccy": "USD", "balance": 1e9}],
}
QUIET = {"generator": "none", "reaction": 0, "reversion": 0, "gap_share": 0, "impact_memory": 0}
"""Settings under which nothing moves but by the scenario."""


def changed_rows(
    settings: Mapping[str, Any], changes: Mapping[str, Change]
) -> dict[str, list[Row]]:
    """Rows of each table that has any, after the changes."""
    rows: dict[str, list[Row]] = {name: [dict(r) for r in held] for name, held in BASE.items()}
    rows["settings"] = [{"key": key, "value": str(value)} for key, value in settings.items()]
    for name, change in changes.items():
        if isinstance(change, list):
            rows[name] = [dict(row) for row in change]
        else:
            rows[name][0] |= dict(change)
    return {name: held for name, held in rows.items() if held}


def one_set(settings: Mapping[str, Any], **changes: Change) -> Tables:
    """The tables of the book.

    Raises:
        BookError: A row cannot be one of its table.
    """
    rows = changed_rows(settings, changes)
    return {
        name: table_of(pl.DataFrame(rows[name], infer_schema_length=None), schema, name)
        if name in rows
        else schema.create_empty().with_columns(pl.lit(0, pl.Int64).alias(LINE))
        for name, schema in BOOK.items()
    }
