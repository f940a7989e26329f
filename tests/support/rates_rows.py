"""Rows of the rates book's feeds, as frames for a book and as rows that land."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from margin_assets.kernels.numeric.money import instants
from margin_assets.valuation.rates_book import RatesBook
from margin_assets.valuation.rates_book.book import Results
from schemas import TABLES

Row = dict[str, Any]
NOW = datetime(2026, 1, 28, 15, 0, tzinfo=UTC)
TENORS = ("1M", "3M", "6M", "1Y", "2Y", "3Y", "5Y", "7Y", "10Y", "20Y", "30Y")
RATES = (366, 364, 360, 352, 348, 350, 362, 381, 402, 461, 466)


def quotes(
    curve: str = "USD-SOFR",
    when: datetime = NOW,
    tenors: Iterable[str] = TENORS,
    up: float = 0.0,
) -> list[Row]:
    """Quotes that rise with the years; `up` is added to each rate."""
    kind = "par_yield" if curve == "UST" else "ois"
    known = dict(zip(TENORS, RATES, strict=True))
    return [
        {
            "curve": curve,
            "kind": kind,
            "tenor": tenor,
            "quote": known[tenor] / 1e4 + up,
            "event_time": when,
        }
        for tenor in tenors
    ]


def bond(name: str = "T", when: datetime = NOW, **more: Any) -> Row:
    """A Treasury of 3.75% to November 2028, off the curve of its currency."""
    row: Row = {"instrument_id": name, "kind": "fixed", "issuer": "UST", "currency": "USD"}
    row |= {"coupon": 0.0375, "frequency": 2, "maturity": date(2028, 11, 15), "event_time": when}
    return row | more


def swap(name: str = "S", when: datetime = NOW, **more: Any) -> Row:
    """A payer of 3.5% against SOFR for five years from today."""
    row: Row = {"instrument_id": name, "currency": "USD", "side": "pay", "fixed_rate": 0.035}
    row |= {"start_date": date(2026, 1, 30), "end_date": date(2031, 1, 30)}
    row |= {"fixed_day_count": "act/360", "index_name": "USD-SOFR", "event_time": when}
    return row | more


def position(name: str, quantity: float, when: datetime = NOW, **more: Any) -> Row:
    """A position of account A, desk rates, legal entity ML."""
    row: Row = {"account_id": "A", "desk": "rates", "legal_entity": "ML"}
    return row | {"instrument_id": name, "quantity": quantity, "event_time": when} | more


def fixings(index: str, first: date, last: date, rate: float = 0.036) -> list[Row]:
    """A fixing of every day of a span."""
    days = (first + timedelta(n) for n in range((last - first).days + 1))
    return [
        {"index_name": index, "fixing_date": day, "rate": rate, "event_time": NOW} for day in days
    ]


def frame(feed: str, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows as the table of the feed has them; what is not given is null."""
    columns = TABLES[feed].schema.columns()
    held = [{name: row.get(name) for name in columns} for row in rows]
    return pl.DataFrame(held, schema={name: column.dtype for name, column in columns.items()})


def micros(when: datetime) -> int:
    """An instant as the kernels count it."""
    return int(instants(pl.Series([when])).item())


def taken(book: RatesBook, **feeds: Iterable[Mapping[str, Any]]) -> RatesBook:
    """The book once it took the rows."""
    book.take({feed: frame(feed, rows) for feed, rows in feeds.items()})
    return book


def results(book: RatesBook, when: datetime = NOW) -> Results:
    """What it comes to at an instant."""
    found = book.results(micros(when))
    assert found is not None
    return found


def value(book: RatesBook, name: str, when: datetime = NOW) -> Row:
    """The row of `rates_values` of the one position in an instrument."""
    rows = results(book, when).frames["rates_values"].filter(pl.col("instrument_id") == name)
    return rows.row(0, named=True)


def landed_rows(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Rows as NDJSON writes them."""
    return [
        {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in row.items()
        }
        for row in rows
    ]
