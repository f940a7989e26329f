"""Rows of runs of the avalanche written by hand into a lake: two books, two runs with answers."""

from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from margin_assets.kernels.avalanche.results import LIQUIDITY
from margin_assets.lake.store.declared import conform
from margin_assets.lake.store.store import Lake
from schemas import TABLES
from tests.support.empty_lake import created

OLD, NEW = "0" * 31 + "1", "0" * 31 + "2"
"""Books."""
MODERATE, SEVERE, BARE, BEFORE = ("a" * 31 + str(n) for n in range(4))
"""Runs of the newest book, in arm C; one of it without answers; one of the book before."""
HOURS = 48


class Kept(NamedTuple):
    """A lake and a landing folder, as a dashboard serves them."""

    lake: Lake
    landing: Path


def kept(folder: Path) -> Kept:
    """An empty lake."""
    return Kept(created(Lake(str(folder / "lake"))), folder / "landing")


def told(lake: Lake) -> None:
    """Writes the runs and what followed from them."""
    add(lake, "avalanche_books", *(_book(n, s) for n, s in enumerate((OLD, NEW), 1)))
    add(
        lake,
        "avalanche_runs",
        _run(BEFORE, OLD, "severe", "C", 90e6),
        _run(MODERATE, NEW, "moderate", "C", 40e6),
        _run(SEVERE, NEW, "severe", "C", 120e6),
        _run("b" * 32, NEW, "severe", "A", 150e6),
        _run(BARE, NEW, "extreme", "C", 300e6),
    )
    for run in (MODERATE, SEVERE, BEFORE):
        _answers(lake, run)
    add(lake, "warning_readings", _reading(1, OLD, BEFORE, 0.40), _reading(2, NEW, SEVERE, 0.72))


def _answers(lake: Lake, run: str) -> None:
    needs = [
        {
            "hour": hour,
            **{f"need_{level}_usd": level * 1e4 * hour for level in (50, 90, 95, 99)},
            "exhausted_share": hour / 100,
            "default_share": hour / 200,
        }
        for hour in range(HOURS)
    ]
    add(lake, "need_by_hour", *needs, run_id=run)
    left = {f"{name}_usd": 1e6 * place for place, name in enumerate(LIQUIDITY[:9])}
    sources = [{"hour": hour, "path": 17, **left} for hour in range(HOURS)]
    add(lake, "sources_by_hour", *sources, run_id=run)
    calls = [("CLEAR", 3, 5e6), ("CLEAR", 30, 4e6), ("<b>HARM</b>", 3, 1e6)]
    rows = [{"venue_id": v, "hour": h, "called_usd": u} for v, h, u in calls]
    add(lake, "calls_by_hour", *rows, run_id=run)
    needed = [("ANNA", "EQ", 7e6), ("ANNA", "IR", -2e6), ("BORIS", "IR", 4e6)]
    parts = [{"manager_id": m, "factor_id": f, "need_usd": u} for m, f, u in needed]
    add(lake, "margin_attribution", *parts, run_id=run)
    warning = {
        "score": 0.72,
        "level": "normal",
        "use": 0.6,
        "proximity": 1.0,
        "spiral": 0.2,
        "leading": 0.5,
        "nearest_scenario": "nickel_2022",
        "unknown": "proximity",
    }
    add(lake, "early_warnings", warning, run_id=run)
    add(lake, "concentration_shares", _share("ANNA", is_breach=True), run_id=run)
    add(lake, "recommendations", _measure(), run_id=run)
    add(lake, "facility_sizes", _line(), run_id=run)


def add(lake: Lake, name: str, *rows: dict[str, Any], **more: object) -> None:
    """Adds rows to a table, each with what is the same in all."""
    schema = pl.Schema(TABLES[name].schema)
    frame = pl.DataFrame([row | more for row in rows], schema=schema)
    lake.held(name).commit(conform(name, frame), f"test/{name}/{more}", 1)


def _book(number: int, snapshot: str) -> dict[str, Any]:
    row = {"book_number": number, "snapshot_id": snapshot, "table_name": "settings"}
    return row | {"line": 2, "row": "{}"}


def _run(run: str, book: str, scenario: str, arm: str, need: float) -> dict[str, Any]:
    needs = {f"need_q{level}": need * level / 99 for level in (50, 95, 99)}
    return {
        "run_id": run,
        "snapshot_id": book,
        "as_of": _day(book),
        "scenario": scenario,
        "arm": arm,
        "seed": 1,
        "paths": 100,
        "settings": "{}",
        "code_version": "test",
        "initial_margin": 1e6,
        "need_mean": need / 2,
        **needs,
        "need_q99_low": need * 0.9,
        "need_q99_high": None,
        "exhaustion_probability": 0.05,
        "default_probability": 0.01,
    }


def _day(book: str) -> date | None:
    return date(2020, 3, 9) if book == NEW else None


def _reading(number: int, book: str, run: str, score: float) -> dict[str, Any]:
    return {
        "book_number": number,
        "snapshot_id": book,
        "run_id": run,
        "as_of": _day(book),
        "need_usd": 60e6,
        "liquidity_usd": 100e6,
        "score": score,
        "level": "normal",
        "points_to": "high" if score > 0.7 else "normal",
        "in_a_row": 1,
    }


def _share(member: str, *, is_breach: bool) -> dict[str, Any]:
    shares = {"baseline_share": 0.1, "stressed_share": 0.4, "limit": 0.15, "is_breach": is_breach}
    return {"dimension": "manager", "member": member, "baseline_usd": 1e6, "stressed_usd": 4e6} | (
        shares
    )


def _measure() -> dict[str, Any]:
    words = {"name": "Cut ANNA by a quarter", "kind": "cut", "subject": "ANNA", "owner": "risk"}
    amounts = {"cost_usd": 1e5, "need_reduction_usd": 2e6, "gap_reduction_usd": 1e6}
    return {"rank": 1, "horizon": "immediate", "gap_left_usd": 0.0} | words | amounts


def _line() -> dict[str, Any]:
    amounts = {"commitment_usd": 90e6, "low_usd": 80e6, "high_usd": None, "missing_usd": 10e6}
    words = {"facility_id": "LINE", "level": 0.99, "verdict": "sized", "exhausted_paths": 1}
    return words | amounts
