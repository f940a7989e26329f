"""Laws of runs: rows that keep them, and one broken at a time."""

import re
from typing import Any

import polars as pl
import pytest

from margin_assets.kernels.avalanche.laws import Kept, broken_laws
from schemas.avalanche.results import LAWS
from tests.support import ROOT

RUN = {"snapshot_id": "book", "scenario": "severe", "seed": 1, "paths": 2, "code_version": "1"}
BOOK = {"snapshot_id": "book", "exposure_usd": 100.0, "lines_usd": 7.0, "securities_usd": 5.0}
CUTS = {"mean_error": -0.01, "low_error": -0.02}
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
    "pnl": -10.0,
    "unexplained_cash": 1e-7,
}
HOURS = {"exhaustion_hour": pl.Int64, "default_hour": pl.Int64}


RAN = {
    "A": {"need_mean": 10.0, "exhaustion_probability": 0.0, "default_probability": 0.0},
    "C": {"need_mean": 9.5, "exhaustion_probability": 0.5, "default_probability": 0.5},
}


def counted(*, cuts: dict[str, float] | None = None, **change: Any) -> dict[str, int]:
    """Broken laws of two runs of two paths, the second path of the second run changed."""
    runs = [{"run_id": arm, "arm": arm, **RUN, **told} for arm, told in RAN.items()]
    paths = [{"run_id": arm, "path": n, **QUIET} for arm in ("A", "C") for n in (0, 1)]
    paths[3] |= {"default_hour": 40, "exhaustion_hour": 30, "sold": 3.0, "peak_need": 9.0} | change
    return _broken(runs, paths, cuts or {})


def _broken(
    runs: list[dict[str, Any]], paths: list[dict[str, Any]], cuts: dict[str, float]
) -> dict[str, int]:
    none = {"run_id": pl.String, "path": pl.Int64, **dict.fromkeys(QUIET, pl.Float64)} | HOURS
    rows = pl.LazyFrame(paths, schema_overrides=HOURS) if paths else pl.LazyFrame(schema=none)
    books = pl.LazyFrame([BOOK])
    return broken_laws(Kept(pl.LazyFrame(runs), rows, pl.LazyFrame([CUTS | cuts]), books))


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
        ({"default_hour": None}, "a_run_is_what_its_paths_are"),
        ({"peak_need": 9.1}, "a_run_is_what_its_paths_are"),
        ({"peak_need": 10.1}, "need_is_within_the_calls"),
        ({"max_day_call": 10.1}, "need_is_within_the_calls"),
        ({"sold": 100.1}, "no_more_is_sold_than_there_is"),
        ({"facility_drawn": 7.1}, "no_line_is_drawn_beyond_its_size"),
        ({"hqla_left": 5.1}, "no_security_appears"),
        ({"cuts": {"mean_error": 1e-6}}, "cuts_never_say_too_much"),
    ],
)
def test_a_row_that_breaks_a_law_is_counted(change: dict[str, Any], law: str):
    assert counted(**change)[law] >= 1


def test_a_run_without_paths_is_counted():
    runs = [{"run_id": "A", "arm": "A", **RUN, **RAN["A"]}]

    assert _broken(runs, [], {})["a_run_has_its_paths"] == 1


@pytest.mark.parametrize(("need", "broken"), [(10.0, 0), (10.5, 1)])
def test_a_path_that_a_shorter_run_has_otherwise_is_counted(need: float, broken: int):
    runs = [{"run_id": name, "arm": "A", **RUN, **RAN["A"]} for name in ("long", "short")]
    paths = [{"run_id": "long", "path": 0, **QUIET}, {"run_id": "short", "path": 0, **QUIET}]
    paths[1] |= {"peak_need": need}

    assert _broken(runs, paths, {})["a_path_is_the_same_in_every_run_of_it"] == broken


def test_the_map_of_laws_names_each_with_tests_and_checks_that_are_there():
    page = (ROOT / "docs" / "avalanche.md").read_text("utf-8")
    section = page.split("### Which law is held by what")[1].split("\n## ")[0]
    tests = "".join(f.read_text("utf-8") for f in (ROOT / "tests" / "kernels").rglob("test_*.py"))

    numbers = [int(found) for found in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)]
    named = re.findall(r"`([a-z_]+)`", section)
    assert numbers == list(range(1, 18))
    assert {name for name in named if not name.startswith("test_")} == set(LAWS)
    lost = [name for name in named if name.startswith("test_") and f"def {name}(" not in tests]
    assert lost == []
