"""What differs between two runs: from which session on, in which figures, for which accounts."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import polars as pl

from margin_assets.backtest.results.storing import stored
from margin_assets.lake.store.store import Lake

_KEY = "run_id"
_SAME = ("policy", "history", "book", "first_date", "last_date")
_OUTCOMES = (
    "warnings",
    "calls",
    "restrictions",
    "liquidations",
    "missed_sessions",
    "paid_in",
    "lost",
)


class Difference(NamedTuple):
    """One run against another; sessions and accounts that only one of them has differ too."""

    first_day: date | None
    """None where no session differs."""
    untouched: int
    """Sessions of the first run before it: the same to the cent."""
    sessions: int
    """Sessions that differ."""
    figures: dict[str, tuple[Any, Any]]
    """Totals that differ, of the first run and of the other."""
    accounts: pl.DataFrame
    """Accounts that came to something else: outcomes, and those of the other run as `*_other`."""


def difference(one: Mapping[str, pl.DataFrame], other: Mapping[str, pl.DataFrame]) -> Difference:
    """Compares two runs by their rows."""
    days = _unlike(one["backtest_days"], other["backtest_days"], "business_date")
    first_day = _first(days)
    totals = [table["backtest_runs"].row(0, named=True) for table in (one, other)]
    figures = {
        name: (totals[0][name], totals[1][name])
        for name in (*_OUTCOMES, "account_days", "accounts", "false_calls", "avoided")
        if totals[0][name] != totals[1][name]
    }
    chosen = ("account_id", *_OUTCOMES)
    mine, theirs = (table["backtest_accounts"].select(_KEY, *chosen) for table in (one, other))
    return Difference(
        first_day,
        _before(one["backtest_days"], first_day),
        days.height,
        figures,
        _unlike(mine, theirs, "account_id"),
    )


def _first(days: pl.DataFrame) -> date | None:
    """The first of days in order."""
    return next(iter(days["business_date"].to_list()), None)


def _before(days: pl.DataFrame, first_day: date | None) -> int:
    told = days["business_date"]
    return days.height if first_day is None else int((told < first_day).sum())


def _unlike(one: pl.DataFrame, other: pl.DataFrame, key: str) -> pl.DataFrame:
    """Rows by their key that are not the same in both, the other's columns beside."""
    both = one.drop(_KEY).join(
        other.drop(_KEY), on=key, how="full", suffix="_other", coalesce=True, validate="1:1"
    )
    names = [name for name in one.columns if name not in (_KEY, key)]
    same = pl.all_horizontal(pl.col(n).eq_missing(pl.col(f"{n}_other")) for n in names)
    return both.filter(~same).sort(key)


def days_unlike(
    lake: Lake, tables: Mapping[str, pl.DataFrame]
) -> dict[str, tuple[date | None, int]]:
    """First session that differs, by the runs that a lake holds of the same names and range.

    With how many sessions before it are the same to the cent. So what was run again on a corrected
    history tells what the correction changed, and what it left.
    """
    run, days = tables["backtest_runs"].row(0, named=True), tables["backtest_days"]
    alike = pl.all_horizontal(pl.col(name) == run[name] for name in _SAME)
    rows = lake.read("backtest_runs", lambda: lake.scan("backtest_runs").filter(alike))
    found = {}
    for run_id in sorted({*rows[_KEY]} - {run[_KEY]}):
        unlike = _unlike(days, stored(lake, run_id, "backtest_days"), "business_date")
        found[run_id] = (_first(unlike), _before(days, _first(unlike)))
    return found
