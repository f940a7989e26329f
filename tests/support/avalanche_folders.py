"""Books of one set as folders of CSV files, for tests: a base, and what a test changes of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from margin_assets.avalanche.book.building import Built, built
from margin_assets.avalanche.book.reading import read_folder

Row = Mapping[str, Any]

BASE: dict[str, list[dict[str, Any]]] = {
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


def write(folder: Path, settings: Row | None = None, **tables: list[dict[str, Any]] | Row) -> Path:
    """The base book in a folder: a list of rows takes a table's place, a row changes its first."""
    rows: dict[str, list[dict[str, Any]]] = {name: [dict(r) for r in t] for name, t in BASE.items()}
    rows["settings"] = [{"key": k, "value": str(v)} for k, v in (settings or {}).items()]
    for name, change in tables.items():
        if isinstance(change, list):
            rows[name] = [dict(row) for row in change]
        else:
            rows[name][0] |= dict(change)
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in rows.items():
        if table:
            pl.DataFrame(table, infer_schema_length=None).write_csv(folder / f"{name}.csv")
    return folder


def book(folder: Path, settings: Row | None = None, **tables: list[dict[str, Any]] | Row) -> Built:
    """The same, read and built."""
    return built(read_folder(write(folder, settings, **tables)))


def shock(size: float, hour: int = 0, factor: str = "INDEX") -> list[dict[str, Any]]:
    """A scenario `fall` that moves one factor once."""
    return [
        {"scenario_id": "fall", "factor_id": factor, "hour": hour, "return_shock": size},
    ]
