"""Results of runs as tables of a lake: each run once, however often it is asked for."""

import json
import math
from importlib import metadata
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.avalanche.book.building import Built
from margin_assets.avalanche.book.building import built as built_of
from margin_assets.avalanche.book.faults import BookError
from margin_assets.avalanche.keeping import keep_book, kept_book
from margin_assets.avalanche.margining import changes_of
from margin_assets.avalanche.running import (
    ARMS,
    WHOLE,
    Asked,
    Ran,
    Share,
    run,
    snapshot_of,
)
from margin_assets.engines import Engine
from margin_assets.kernels.avalanche.answers.quantiles import distribution
from margin_assets.kernels.avalanche.results import NEVER
from margin_assets.lake.store.declared import conform
from margin_assets.lake.store.store import Lake

_AMOUNTS = (
    *("peak_need", "max_day_call", "gross_calls", "im_peak_ratio", "sold", "impact_cost"),
    *("facility_drawn", "hqla_left", "pnl"),
)
_HOURS = ("peak_hour", "exhaustion_hour", "default_hour")


def store_runs(lake: Lake, built: Built, runs: list[Ran], share: Share = WHOLE) -> list[str]:
    """Writes a book, its margin, runs and their paths; tells which tables got new rows.

    What is there already stays. Of a share the paths are written, once however often it is run;
    the run itself once all paths are there: the last share writes it, and of two that are both
    last only one does.
    """
    snapshot = snapshot_of(built.tables)
    written = ["avalanche_books"] if keep_book(lake, built.tables, snapshot) else []
    for name, rows in (
        ("im_requirements", requirements_frame(built, snapshot)),
        ("model_change_impacts", changes_frame(built, snapshot)),
    ):
        written += add_once(lake, name, rows, snapshot)
    for ran in runs:
        fresh = paths_frame(ran).join(_paths_of(lake, ran.run_id), on="path", how="anti")
        part = "" if share == WHOLE else f"/{share.number}/{share.of_all}"
        written += add_once(lake, "avalanche_paths", fresh, f"{ran.run_id}{part}")
        held = _paths_of(lake, ran.run_id)
        # The run last: who finds it finds its paths.
        if held.height == ran.asked.paths:
            written += add_once(lake, "avalanche_runs", run_frame(built, ran, held), ran.run_id)
    return list(dict.fromkeys(written))


def _paths_of(lake: Lake, run_id: str) -> pl.DataFrame:
    name = "avalanche_paths"
    rows = lake.scan(name).filter(pl.col("run_id") == run_id)
    return lake.read(name, lambda: rows).sort("path")


def add_once(lake: Lake, name: str, rows: pl.DataFrame, identity: str) -> list[str]:
    """Adds rows unless rows of that identity are there."""
    if rows.is_empty():
        return []
    commit = lake.held(name).commit(conform(name, rows), f"avalanche/{identity}", 1)
    return [name] if commit.is_new else []


def run_frame(built: Built, ran: Ran, paths: pl.DataFrame) -> pl.DataFrame:
    """The row of `avalanche_runs`, from all rows of its paths in their order."""
    asked = ran.asked
    need = distribution(paths["peak_need"].to_numpy())
    at = {one.level: one for one in need.quantiles}
    margin = sum(
        report.margin * float(multiple)
        for report, multiple in zip(built.report, built.platform.sets.multiplier, strict=True)
    )
    settings = built.loop(seed=asked.seed, arm=ARMS[asked.arm])
    row = {
        "run_id": ran.run_id,
        "snapshot_id": ran.snapshot_id,
        "as_of": built.settings.as_of,
        "scenario": asked.scenario,
        "arm": asked.arm,
        "seed": asked.seed,
        "paths": asked.paths,
        "settings": json.dumps(settings._asdict()),
        "code_version": metadata.version("margin-lakehouse"),
        "initial_margin": margin,
        "need_mean": need.mean,
        "need_q50": at[0.5].value,
        "need_q95": at[0.95].value,
        "need_q99": at[0.99].value,
        "need_q99_low": _bound(at[0.99].low),
        "need_q99_high": _bound(at[0.99].high),
        "exhaustion_probability": paths["exhaustion_hour"].is_not_null().mean(),
        "default_probability": paths["default_hour"].is_not_null().mean(),
    }
    return pl.DataFrame([row]).with_columns(pl.col("as_of").cast(pl.Date))


def _bound(value: float) -> float | None:
    return value if math.isfinite(value) else None


def paths_frame(ran: Ran) -> pl.DataFrame:
    """Rows of `avalanche_paths`, in the order of the paths."""
    results = ran.results
    hours = {
        name: pl.Series(getattr(results, name)).replace(NEVER, None).alias(name) for name in _HOURS
    }
    amounts = {name: np.asarray(getattr(results, name), np.float64) for name in _AMOUNTS}
    return pl.DataFrame(
        {
            "run_id": [ran.run_id] * len(results.path),
            "path": results.path,
            **hours,
            **amounts,
            "unexplained_cash": results.balance,
        }
    )


def requirements_frame(built: Built, snapshot: str) -> pl.DataFrame:
    """Rows of `im_requirements`."""
    rows = [
        {
            "snapshot_id": snapshot,
            "ns_id": report.ns_id,
            "im_model_id": report.im_model_id,
            "family": report.family,
            "margin": report.margin,
            "multiplier": float(multiple),
            "cuts": report.cuts,
            "mean_error": report.positions_mean,
            "low_error": report.positions_low,
            "note": report.note,
        }
        for report, multiple in zip(built.report, built.platform.sets.multiplier, strict=True)
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def changes_frame(built: Built, snapshot: str) -> pl.DataFrame:
    """Rows of `model_change_impacts`."""
    rows = [
        {
            "snapshot_id": snapshot,
            **{name: row[name] for name in ("ns_id", "old_model_id", "new_model_id")},
            "old_margin": row["old"],
            "new_margin": row["new"],
            "change": row["change"],
        }
        for row in changes_of(built)
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def run_kept(
    lake: Lake, asked: Asked, engine: Engine | None = None, share: Share = WHOLE
) -> tuple[Ran, list[str]]:
    """Runs the newest book of a lake and writes what it came to; tells which tables got rows.

    Raises:
        BookError: The lake holds no book, or one that cannot be run so.
    """
    held = built_of(kept_book(lake))
    ran = run(held, asked, engine=engine, share=share)
    return ran, store_runs(lake, held, [ran], share)


class Checked(NamedTuple):
    """A run made again from the tables alone."""

    run_id: str
    paths: int
    different: int
    """Paths of which any column differs."""


def stored_run(lake: Lake, run_id: str) -> tuple[Built, Asked]:
    """The book of a run that the lake holds, ready to run, and what was asked of it.

    Raises:
        BookError: The lake holds no such run, or not its book.
    """
    runs = lake.read(
        "avalanche_runs", lambda: lake.scan("avalanche_runs").filter(pl.col("run_id") == run_id)
    )
    if not runs.height:
        raise BookError([f"the lake holds no run {run_id!r}"])
    row = runs.row(0, named=True)
    asked = Asked(row["scenario"], row["arm"], row["seed"], row["paths"])
    return built_of(kept_book(lake, row["snapshot_id"])), asked


def checked_run(lake: Lake, run_id: str) -> Checked:
    """Makes a run again from its book and its row, and compares every path to the last bit.

    Raises:
        BookError: The lake holds no such run, or not its book.
    """
    again = run(*stored_run(lake, run_id))
    held = _paths_of(lake, run_id)
    fresh = conform("avalanche_paths", paths_frame(again)).with_columns(run_id=pl.lit(run_id))
    if held.height != fresh.height:
        return Checked(run_id, fresh.height, fresh.height)
    same = [held[name].eq_missing(fresh[name]) for name in held.columns]
    different = pl.select(~pl.all_horizontal(same)).to_series().sum()
    return Checked(run_id, fresh.height, int(different))
