"""How accounts moved between levels from day to day, walked back through what was decided."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import polars as pl

_MARGIN = {"ok": 0, "warning": 1, "call": 2}
_AT_REST = {"restriction": "none", "liquidation": "none", "minimum_equity": "ok"}
"""Other dimensions, each with the state in which it asks for nothing."""
Counts = list[tuple[int, int, int]]


class Day(NamedTuple):
    """A day of event time, and the last cycle that is of it."""

    day: str
    cycle: int


def migrations(
    accounts: pl.DataFrame, decisions: pl.DataFrame, days: Sequence[Day]
) -> Iterator[tuple[str, Counts]]:
    """Days, newest first, each with accounts by level before and after it: (before, after, count).

    Before is the end of the day before it; who stayed is counted too. `accounts`: as the pages
    show them, as of the last of the `days`, which are in order. Nothing is told of the first of
    them. Before its first decision of a day an account was what that decision says it left; one
    that is new that day counts as if it had been there.
    """
    states = accounts.select(
        "account_id",
        margin_status=pl.col("margin_status").cast(pl.Int8),
        restriction=pl.col("is_stressed") | pl.col("is_overdue"),
        liquidation=pl.col("is_liquidating").cast(pl.Boolean),
        minimum_equity=pl.col("minimum_call").cast(pl.Boolean),
    )
    ordered = decisions.sort("cycle", "decision_number")
    for before, day in zip(reversed(days[:-1]), reversed(days[1:]), strict=True):
        of_day = pl.col("cycle").is_between(before.cycle, day.cycle, closed="right")
        earlier = _undone(states, ordered.filter(of_day))
        pairs = pl.DataFrame({"before": _levels(earlier), "now": _levels(states)})
        counts = pairs.group_by("before", "now").len().sort("before", "now")
        yield day.day, [(int(b), int(n), int(c)) for b, n, c in counts.rows()]
        states = earlier


def _undone(states: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """States before some decisions, which are in order."""

    def left(dimension: str) -> pl.Expr:
        return pl.col("from_state").filter(pl.col("dimension") == dimension).first()

    margin = left("margin_status").replace_strict(_MARGIN, return_dtype=pl.Int8)
    others = {name: left(name) != at_rest for name, at_rest in _AT_REST.items()}
    first = decisions.group_by("account_id").agg(margin_status=margin, **others)
    joined = states.join(
        first, on="account_id", how="left", suffix="_left", maintain_order="left", validate="1:1"
    )
    names = ("margin_status", *_AT_REST)
    then = {name: pl.coalesce(f"{name}_left", name) for name in names}
    return joined.select("account_id", **then)


def _levels(states: pl.DataFrame) -> pl.Series:
    """Level of each account: the highest of its dimensions, by its place in `LEVELS`."""
    in_call = (pl.col("margin_status") == _MARGIN["call"]) | pl.col("minimum_equity")
    level = (
        pl.when("liquidation")
        .then(4)
        .when("restriction")
        .then(3)
        .when(in_call)
        .then(2)
        .otherwise(pl.col("margin_status"))
    )
    return states.select(level.cast(pl.Int8)).to_series()
