"""Two runs in figures that do not hang on how long and how large either is, and the difference.

So universes compare that have other years and other numbers of accounts, and policies on one.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

_MILLION = 1_000_000
_COUNTS = {
    "calls": "calls",
    "restrictions": "set to close-only",
    "liquidations": "sold out",
    "missed_sessions": "sessions missed",
}
_AMOUNTS = {"paid_in": "paid in on calls", "lost": "lost", "avoided": "avoided"}
METHOD_NAMES = {
    "reg_t": "FINRA 4210(c)",
    "portfolio_margin": "portfolio margin",
    "house": "house",
}
Tables = Mapping[str, pl.DataFrame]


class Rate(NamedTuple):
    """One figure of two runs; None where a run has nothing to divide by."""

    name: str
    unit: str
    """`share`; or `count` or `USD`, either for a million sessions of accounts."""
    one: float | None
    other: float | None

    def written(self) -> tuple[str, str, str]:
        """Of the one, of the other, and the other less the one."""
        apart = None if self.one is None or self.other is None else self.other - self.one
        return (
            _written(self.one, self.unit, ""),
            _written(self.other, self.unit, ""),
            _written(apart, self.unit, "+"),
        )


def rates_of(one: Tables, other: Tables) -> tuple[Rate, ...]:
    """Outcomes of two runs for a million sessions of accounts, and shares."""
    both = (_figures(one), _figures(other))
    return tuple(
        Rate(name, unit, value, both[1][name, unit]) for (name, unit), value in both[0].items()
    )


def headings(runs: Sequence[Tables]) -> list[str]:
    """What runs are called where they stand side by side."""
    rows = [tables["backtest_runs"].row(0, named=True) for tables in runs]
    return [f"{row['policy']} on {row['history']}" for row in rows]


def _figures(tables: Tables) -> dict[tuple[str, str], float | None]:
    run = tables["backtest_runs"].row(0, named=True)
    days, sessions = tables["backtest_days"], run["account_days"]

    def a_million(name: str) -> float | None:
        return _over(float(run[name]) * _MILLION, sessions)

    found = {(told, "count"): a_million(name) for name, told in _COUNTS.items()}
    found["false calls, of all", "share"] = _over(run["false_calls"], run["calls"])
    found |= {(told, "USD"): a_million(name) for name, told in _AMOUNTS.items()}
    gross = float(days["gross"].sum())
    found["required by the house, of gross value", "share"] = _over(
        float(days["house"].sum()), gross
    )
    daily = tables["backtest_coverage"].filter(
        (pl.col("group_kind") == "all") & (pl.col("horizon_days") == 1)
    )
    beyond = dict(zip(daily["method"], daily["breach_share"] * _MILLION, strict=True))
    named = {f"losses beyond {told}": beyond.get(name) for name, told in METHOD_NAMES.items()}
    return found | {(name, "count"): value for name, value in named.items()}


def _over(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _written(value: float | None, unit: str, sign: str) -> str:
    if value is None:
        return "-"
    if unit == "share":
        return format(value, f"{sign}.3%")
    return format(value, f"{sign},.0f" if unit == "USD" else f"{sign},.1f")
