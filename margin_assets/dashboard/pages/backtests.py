"""The page of backtests: runs that the lake holds side by side, and one of them.

Its tables belong to no cycle: they are read as they are now, also where nothing was sealed yet.
"""

from typing import Any

import polars as pl

from margin_assets.backtest.results.months import by_month
from margin_assets.dashboard.tables import Kept, Sealed, listed
from margin_assets.lake.store.store import Lake

_LISTED, _WORST = 60, 10
_OF_A_RUN = (
    *("run_id", "policy", "history", "first_date", "last_date", "bars", "accounts", "warnings"),
    *("calls", "false_calls", "missed_sessions", "liquidations", "mean_required", "lost"),
    "avoided",
)
Answer = dict[str, Any]


class Backtests:
    """Runs that a lake holds. What is read is remembered for half a minute."""

    def __init__(self, lake: Lake, sealed: Sealed) -> None:
        self._kept = Kept(lake, sealed, "backtests")

    def chosen(self, run_id: str | None) -> Answer | None:
        """The run that is named, else the longest; None where there is no such run.

        A lake without any run gives none of them.
        """
        runs: pl.DataFrame = self._kept.once("runs", self._runs)
        shown = runs.head(1) if run_id is None else runs.filter(run_id=run_id)
        if run_id is not None and shown.is_empty():
            return None
        base = {"runs": listed(runs.head(_LISTED), *_OF_A_RUN), "kept": runs.height, "run": None}
        if shown.is_empty():
            return base
        (run,) = listed(shown.drop("faults", "policy_changes"))
        told: Answer = self._kept.once(run["run_id"], lambda: self._told(run["run_id"]))
        return base | {"run": run} | told

    def _runs(self) -> pl.DataFrame:
        runs = self._kept.rows("backtest_runs")
        return runs.sort("sessions", "account_days", "run_id", descending=[True, True, False])

    def _told(self, run_id: str) -> Answer:
        of_run = pl.col("run_id") == run_id
        coverage = self._kept.rows("backtest_coverage", of_run, pl.col("group_kind") != "temper")
        worst = self._kept.rows("backtest_worst", of_run, pl.col("rank") <= _WORST)
        months = by_month(self._kept.rows("backtest_days", of_run))
        return {
            "months": months.with_columns(pl.col("month").cast(pl.String)).to_dict(as_series=False),
            "coverage": listed(coverage.drop("run_id")),
            "worst": listed(worst.drop("run_id", "held")),
        }
