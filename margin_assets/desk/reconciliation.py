"""The firm's own books against a sealed lake, on a business date."""

from datetime import date

import polars as pl

from margin_assets.calendar import calendar, sessions
from margin_assets.kernels.history.breaks import breaks_at, recorded_dates
from margin_assets.kernels.history.history import Booked, Landed
from margin_assets.kernels.history.recorded import Known
from margin_assets.lake.ledger.sealed import SealedTables
from schemas import FEEDS
from schemas.stock_record import AGREED


class NoRecord(LookupError):
    """No record of the firm's books for a day, and why."""


def breaks_on(tables: SealedTables, day: date) -> pl.DataFrame:
    """Breaks of a business date, the costliest for the account first; see `schemas.books.Breaks`.

    Raises:
        NoRecord: the firm's record of that day has not landed, or the day has no close.
    """
    known = known_of(tables)
    dates = recorded_dates(known.record)
    if day not in dates:
        last = f"; the last is of {dates[-1]}" if dates else ""
        raise NoRecord(f"no stock_record of {day} has landed{last}")
    closes = dict(zip(sessions().days, sessions().closes.tolist(), strict=True))
    if day not in closes:
        raise NoRecord(f"{day} is no business date: the exchange is closed")
    types = {"business_date": pl.Date, "as_of": pl.Int64}
    wanted = pl.DataFrame({"business_date": [day], "as_of": [closes[day]]}, types)
    order = ("excess_change", "account_id", "kind", "symbol")
    return breaks_at(known, wanted).filter(pl.col("kind") != AGREED).sort(order)


def known_of(tables: SealedTables) -> Known:
    """Everything landed that a sealed cycle knows, and the firm's record."""

    def rows(name: str) -> pl.DataFrame:
        found = tables.in_landing_order(name) if name in FEEDS else tables.scan(name)
        return found.collect()

    landed = Landed(*(rows(name) for name in Landed._fields))
    booked = Booked(
        landed.fills,
        rows("cash_movements"),
        rows("accounts"),
        landed.instruments,
        landed.corporate_actions,
        landed.opening_balances,
        landed.settlements,
        rows("accrued_dividends"),
    )
    return Known(landed, booked, rows("stock_record"), calendar())
