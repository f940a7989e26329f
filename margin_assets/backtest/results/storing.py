"""Runs as tables of a lake: each once, however often it is asked for."""

from collections.abc import Mapping

import polars as pl

from margin_assets.backtest.faults import BacktestError
from margin_assets.backtest.results.coverage import coverage_frame
from margin_assets.backtest.results.frames import (
    accounts_frame,
    days_frame,
    prices_frame,
    run_frame,
    worst_frame,
)
from margin_assets.backtest.running import Ran
from margin_assets.lake.store.declared import conform
from margin_assets.lake.store.store import Lake

RUN_TABLES = (
    *("backtest_accounts", "backtest_days", "backtest_coverage", "backtest_worst"),
    "backtest_runs",
)
"""Tables of a run; its own row last: who finds it finds the others."""


def tables_of(ran: Ran) -> dict[str, pl.DataFrame]:
    """Rows of a run and of its history by table."""
    return {
        "history_prices": prices_frame(ran.ground.history),
        "backtest_accounts": accounts_frame(ran),
        "backtest_days": days_frame(ran),
        "backtest_coverage": coverage_frame(ran),
        "backtest_worst": worst_frame(ran),
        "backtest_runs": run_frame(ran),
    }


def store_tables(lake: Lake, tables: Mapping[str, pl.DataFrame]) -> list[str]:
    """Writes the rows of a run and of its history; tells which tables got some."""
    run, prices = tables["backtest_runs"].row(0, named=True), tables["history_prices"]
    written = _once(lake, "history_prices", prices, run["history_id"])
    for name in RUN_TABLES:
        written += _once(lake, name, tables[name], run["run_id"])
    return written


def stored(lake: Lake, run_id: str, table: str) -> pl.DataFrame:
    """Rows of a run, told by its id or the start of it.

    Raises:
        BacktestError: The lake holds no such run, or several.
    """
    runs = lake.read("backtest_runs", lambda: lake.scan("backtest_runs").select("run_id"))
    found = runs.filter(pl.col("run_id").str.starts_with(run_id))["run_id"].to_list()
    if len(found) != 1:
        raise BacktestError(f"the lake holds {len(found) or 'no'} runs {run_id!r}")
    return lake.read(table, lambda: lake.scan(table).filter(pl.col("run_id") == found[0]))


def _once(lake: Lake, name: str, rows: pl.DataFrame, identity: str) -> list[str]:
    if rows.is_empty():
        return []
    commit = lake.held(name).commit(conform(name, rows), f"backtest/{identity}", 1)
    return [name] if commit.is_new else []
