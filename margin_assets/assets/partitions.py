"""Business dates: the sessions of the exchange, and when each one closes."""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import polars as pl

from margin_assets.calendar import sessions

_FIRST = date(2018, 1, 2)
_LAST = date(2029, 12, 31)

BUSINESS_DATE = dg.StaticPartitionsDefinition(
    [day.isoformat() for day in sessions().days if _FIRST <= day <= _LAST]
)


def closes(business_dates: Sequence[str]) -> pl.DataFrame:
    """Business dates and the closing of their sessions, `as_of` in microseconds UTC."""
    known = sessions()
    wanted = {date.fromisoformat(day) for day in business_dates}
    rows = [
        (day, int(close))
        for day, close in zip(known.days, known.closes, strict=True)
        if day in wanted
    ]
    schema = {"business_date": pl.Date, "as_of": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")
