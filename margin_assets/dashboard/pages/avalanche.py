"""The page of the margin-call avalanche: one run that the lake holds with its answers.

Its tables belong to no cycle: they are read as they are now, also where nothing was sealed yet.
"""

from datetime import date
from typing import Any

import polars as pl

from margin_assets.dashboard.tables import Kept, Sealed, listed
from margin_assets.kernels.avalanche.answers.policy import policy
from margin_assets.lake.store.store import Lake

USUAL = "severe"
"""Scenario that is shown where none is chosen, if the newest book was run in it."""
_LISTED = 60
_BLOCK = 4  # hours of one column of the map of calls
_VENUES, _MANAGERS, _FACTORS, _MEASURES = 20, 12, 10, 5
_TREND = 60
OTHERS = "all others"

Answer = dict[str, Any]


class Runs:
    """Runs that a lake holds. What is read is remembered for half a minute."""

    def __init__(self, lake: Lake, sealed: Sealed) -> None:
        self._lake, self._kept = lake, Kept(lake, sealed, "avalanche")

    def chosen(self, run_id: str | None) -> Answer | None:
        """The run that is named, else the newest book's; None where there is no such run.

        A lake without any run that has answers gives how many runs it keeps, and none of them.
        """
        runs = self._kept.once("runs", self._runs)
        told = runs.filter("is_told")
        listed_runs = listed(told.head(_LISTED), *_OF_A_RUN)
        base = {"kept": runs.height, "runs": listed_runs, "run": None} | self.trend()
        if run_id is None:
            usual = told.filter(pl.col("book") == pl.col("book").max(), scenario=USUAL)
            shown = (usual if usual.height else told).head(1)
        else:
            shown = told.filter(run_id=run_id)
            if shown.is_empty():
                return None
        if shown.is_empty():
            return base
        run = shown.row(0, named=True)
        answers: Answer = self._kept.once(run["run_id"], lambda: self._answers(run))
        arms = runs.filter(pl.col(name) == run[name] for name in _SHARED).sort("arm")
        return base | {"run": listed(shown)[0], "arms": listed(arms)} | answers

    def trend(self) -> Answer:
        """Readings of the early warning, in the order in which books came, and its levels."""
        found: Answer = self._kept.once("trend", self._trend)
        return found

    def _runs(self) -> pl.DataFrame:
        """Every run with the number of its book, and whether its answers are there."""
        told = self._kept.rows("early_warnings")["run_id"]
        runs = self._kept.rows("avalanche_runs").drop("settings")
        joined = runs.join(self._books(), on="snapshot_id", how="left", validate="m:1")
        return joined.with_columns(is_told=pl.col("run_id").is_in(told.implode())).sort(
            *("book", "need_q99", "run_id"), descending=[True, True, False], nulls_last=True
        )

    def _books(self) -> pl.DataFrame:
        """Number of each book. Its rows are many, and not read."""
        name = "avalanche_books"
        if not self._lake.has_table(name):
            return pl.DataFrame(schema={"snapshot_id": pl.String, "book": pl.Int64})
        rows = self._lake.scan(name).select("snapshot_id", book="book_number").unique()
        return self._lake.read(name, lambda: rows)

    def _trend(self) -> Answer:
        readings = self._kept.rows("warning_readings").tail(_TREND)
        last = readings["as_of"].tail(1).to_list()
        levels = policy(next(iter(last), None) or date.max).warning
        return {
            "trend": listed(readings),
            "levels": {"high": levels.high, "critical": levels.critical},
        }

    def _answers(self, run: Answer) -> Answer:
        of_run = pl.col("run_id") == run["run_id"]
        of_book = pl.col("snapshot_id") == run["snapshot_id"]
        shares = self._kept.rows("concentration_shares", of_run, pl.col("is_breach"))
        fan = self._kept.rows("need_by_hour", of_run)
        return {
            "fan": _columns(fan),
            "sources": _columns(self._kept.rows("sources_by_hour", of_run)),
            "calls": calls(self._kept.rows("calls_by_hour", of_run), fan.height),
            "attribution": attribution(self._kept.rows("margin_attribution", of_run)),
            "warning": _only(self._kept.rows("early_warnings", of_run)),
            "reading": _only(self._kept.rows("warning_readings", of_book)),
            "facility": _only(self._kept.rows("facility_sizes", of_run)),
            "breaches": listed(shares.sort("stressed_share", descending=True)),
            "measures": listed(self._kept.rows("recommendations", of_run).head(_MEASURES)),
        }


_OF_A_RUN = ("run_id", "book", "as_of", "scenario", "paths", "seed")
_SHARED = ("snapshot_id", "scenario", "seed", "paths")


def _columns(frame: pl.DataFrame) -> dict[str, list[Any]]:
    return frame.drop("run_id").to_dict(as_series=False)


def _only(frame: pl.DataFrame) -> Answer | None:
    return listed(frame)[0] if frame.height else None


def calls(rows: pl.DataFrame, hours: int) -> Answer:
    """Calls by venue and four hours: those that call most, and all others together."""
    venue = pl.col("venue_id").pipe(_or_others, rows, ("venue_id", "called_usd"), _VENUES)
    blocks = rows.select("called_usd", subject=venue, place=pl.col("hour") // _BLOCK)
    venues, amounts = _grid(blocks, "called_usd", list(range(-(-hours // _BLOCK))))
    return {"block": _BLOCK, "venues": venues, "amounts": amounts}


def attribution(rows: pl.DataFrame) -> Answer:
    """Need by manager and factor: the largest of both, and all others together; it adds up."""
    factor = pl.col("factor_id").pipe(_or_others, rows, ("factor_id", "need_usd"), _FACTORS)
    manager = pl.col("manager_id").pipe(_or_others, rows, ("manager_id", "need_usd"), _MANAGERS)
    kept = rows.select("need_usd", subject=manager, place=factor)
    factors = _by_size(kept, "place", "need_usd")
    managers, matrix = _grid(kept, "need_usd", factors)
    return {"managers": managers, "factors": factors, "matrix": matrix}


def _or_others(column: pl.Expr, rows: pl.DataFrame, named: tuple[str, str], most: int) -> pl.Expr:
    """The name where it is one of the largest by the size of its sum, else that of the rest."""
    name, amount = named
    sums = rows.group_by(name).agg(pl.col(amount).sum())
    largest = sums.sort(pl.col(amount).abs(), name, descending=[True, False]).head(most)[name]
    return pl.when(column.is_in(largest.implode())).then(column).otherwise(pl.lit(OTHERS))


def _by_size(kept: pl.DataFrame, name: str, amount: str) -> list[Any]:
    """Names, the largest sum first and the rest last."""
    sums = kept.group_by(name).agg(pl.col(amount).sum())
    is_rest = pl.col(name) == OTHERS
    ordered = sums.sort(is_rest, pl.col(amount), name, descending=[False, True, False])
    return ordered[name].to_list()


def _grid(kept: pl.DataFrame, amount: str, columns: list[Any]) -> tuple[list[str], list[Any]]:
    """Sums by subject and place, the largest subject first, 0 where there is no row."""
    subjects = _by_size(kept, "subject", amount)
    sums = kept.group_by("subject", "place").agg(pl.col(amount).sum())
    held = {(subject, place): value for subject, place, value in sums.rows()}
    return subjects, [[held.get((name, place), 0.0) for place in columns] for name in subjects]
