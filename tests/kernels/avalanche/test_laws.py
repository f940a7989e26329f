"""Laws of runs: rows that keep them, and one broken at a time."""

from typing import Any

import polars as pl
import pytest

from margin_assets.kernels.avalanche.laws import broken_laws
from schemas.avalanche.results import LAWS

RUN = {"snapshot_id": "book", "scenario": "severe", "seed": 1, "paths": 2}
QUIET = {
    "peak_need": 10.0,
    "exhaustion_hour": None,
    "default_hour": None,
    "max_day_call": 10.0,
    "gross_calls": 10.0,
    "sold": 0.0,
    "impact_cost": 0.0,
    "facility_drawn": 0.0,
    "hqla_left": 5.0,
    "unexplained_cash": 1e-7,
}
HOURS = {"exhaustion_hour": pl.Int64, "default_hour": pl.Int64}


def counted(**change: Any) -> dict[str, int]:
    """Broken laws of two runs of two paths, the second path of the second run changed."""
    runs = [{"run_id": arm, "arm": arm, **RUN} for arm in ("A", "C")]
    paths = [{"run_id": arm, "path": n, **QUIET} for arm in ("A", "C") for n in (0, 1)]
    paths[3] |= {"default_hour": 40, "exhaustion_hour": 30, "sold": 3.0, "peak_need": 9.0} | change
    return broken_laws(pl.LazyFrame(runs), pl.LazyFrame(paths, schema_overrides=HOURS))


def test_rows_of_a_sound_run_break_nothing():
    assert counted() == dict.fromkeys(LAWS, 0)


@pytest.mark.parametrize(
    ("change", "law"),
    [
        ({"unexplained_cash": 0.02}, "cash_is_conserved"),
        ({"run_id": "A", "path": 2}, "without_sales_nothing_is_sold"),
        ({"exhaustion_hour": None}, "no_default_without_exhaustion"),
        ({"exhaustion_hour": 41}, "no_default_without_exhaustion"),
        ({"hqla_left": -1.0}, "no_amount_is_negative"),
        ({"path": 2}, "a_run_has_its_paths"),
        ({"path": 0}, "a_run_has_its_paths"),
        ({"sold": 0.0}, "a_path_that_sold_nothing_is_the_same_in_every_arm"),
    ],
)
def test_a_row_that_breaks_a_law_is_counted(change: dict[str, Any], law: str):
    assert counted(**change)[law] >= 1


def test_a_run_without_paths_is_counted():
    runs = pl.LazyFrame([{"run_id": "A", "arm": "A", **RUN}])
    none = pl.LazyFrame(
        schema={"run_id": pl.String, "path": pl.Int64, **dict.fromkeys(QUIET, pl.Float64)} | HOURS
    )
    assert broken_laws(runs, none)["a_run_has_its_paths"] == 1
