"""What becomes of landed rows: accepted, refused with the reason, or dropped as seen before."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple, Protocol, cast

import polars as pl

from margin_assets.kernels.book.terms import day_column
from schemas import feed_columns

Held = Callable[[str, pl.Expr], pl.DataFrame | None]
"""Rows accepted and not evaluated yet that fulfil a condition; None if there are none."""
Scan = Callable[[str], pl.LazyFrame]
"""All rows of an append table, as of the last sealed cycle."""


class Lookup(Protocol):
    """Reads an append table as of the last sealed cycle."""

    def __call__(
        self, table: str, condition: pl.Expr, /, columns: Sequence[str] = ()
    ) -> pl.DataFrame:
        """Rows that fulfil a condition, whole or some columns of them."""


class Test(Protocol):
    """A further test of rows, by their place among those at hand."""

    def order(self) -> Iterable[int]:
        """Places of all rows in the order in which they are judged."""

    def problem(self, place: int) -> tuple[str, str] | None:
        """Reason and detail if the row is refused."""

    def take(self, place: int) -> None:
        """The row is accepted."""


class Refusal(NamedTuple):
    """A row refused for what other rows say, by its place among the landed rows."""

    file_number: int
    file_row: int
    reason: str
    detail: str
    account_id: str | None = None


@dataclass
class Accepted:
    """One feed's rows that count, and what became of the others."""

    rows: pl.DataFrame
    refusals: list[Refusal] = field(default_factory=list)
    duplicates: dict[int, int] = field(default_factory=dict)
    """Dropped rows by file number."""
    overruled: list[pl.DataFrame] = field(default_factory=list)
    """Corrections accepted earlier, as landed, that turn out not to fit their original."""


class NewestDays:
    """The newest day that each dated feed has had rows of: rows of later days are new."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._newest: dict[str, date] = {}

    def not_later(self, feed: str, rows: pl.DataFrame, day: str) -> pl.DataFrame:
        """Those of some rows that may be old; from now on all of them have been."""
        if rows.is_empty():
            return rows
        last = cast("date", rows[day].max())
        if feed not in self._newest:
            beyond = self._lookup(feed, pl.col(day) > last, (day,))[day].max()
            self._newest[feed] = last if beyond is None else cast("date", beyond)
            return rows
        before = self._newest[feed]
        self._newest[feed] = max(before, last)
        return rows.filter(pl.col(day) <= before)


def accept_by_content(
    feed: str, rows: pl.DataFrame, lookup: Lookup, days: NewestDays, held: Held
) -> Accepted:
    """Rows whose whole content is their identity: seen before means dropped.

    Rows in order of time are new. Only late ones, and what `held` rows say, may be old.
    """
    columns = [*feed_columns(feed)]
    fresh = rows.unique(columns, keep="first", maintain_order=True)
    is_timed = "event_time" in columns
    time = "event_time" if is_timed else day_column(columns)
    suspects = fresh.filter("is_late") if is_timed else days.not_later(feed, fresh, time)
    if suspects.height:
        among = pl.col(time).is_between(suspects[time].min(), suspects[time].max())
        seen = lookup(feed, among)
        fresh = fresh.join(seen, on=columns, how="anti", nulls_equal=True, maintain_order="left")
    among = pl.col(time).is_between(fresh[time].min(), fresh[time].max())
    waiting = held(feed, among) if fresh.height else None
    if waiting is not None:
        fresh = fresh.join(waiting, on=columns, how="anti", nulls_equal=True, maintain_order="left")
    dropped = (
        rows.join(fresh, on=["file_number", "file_row"], how="anti", maintain_order="left")
        .group_by("file_number")
        .len()
    )
    return Accepted(fresh, duplicates=dict(dropped.iter_rows()))
