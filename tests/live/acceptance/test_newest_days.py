"""Rows of a dated feed are looked for in the lake only where they may have been seen before."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from margin_assets.live.acceptance.acceptance import NewestDays


class Lake:
    """A table of one column, and what was asked of it."""

    def __init__(self, *days: int) -> None:
        self.rows = rows_of(*days)
        self.asked = 0

    def __call__(
        self, table: str, condition: pl.Expr, /, columns: Sequence[str] = ()
    ) -> pl.DataFrame:
        self.asked += 1
        assert (table, tuple(columns)) == ("betas", ("as_of_date",))
        return self.rows.filter(condition)


def rows_of(*days: int) -> pl.DataFrame:
    return pl.DataFrame(
        {"as_of_date": [date(2020, 3, day) for day in days]}, schema={"as_of_date": pl.Date}
    )


def old_of(days: NewestDays, *given: int) -> list[int]:
    found = days.not_later("betas", rows_of(*given), "as_of_date")
    return [day.day for day in found["as_of_date"]]


def test_what_is_later_than_all_there_is_was_never_seen():
    lake = Lake(2, 3)
    days = NewestDays(lake)

    assert old_of(days, 3) == [3]
    assert old_of(days, 4, 5) == []
    assert old_of(days, 4, 5, 6) == [4, 5]
    assert old_of(days, 7, 6) == [6]
    assert lake.asked == 1


def test_a_session_begun_on_older_rows_knows_of_the_newer_ones():
    lake = Lake(2, 9)
    days = NewestDays(lake)

    assert old_of(days, 3) == [3]
    assert old_of(days, 8, 9, 10) == [8, 9]


def test_nothing_asks_for_nothing():
    lake = Lake(2)
    assert old_of(NewestDays(lake)) == []
    assert lake.asked == 0
