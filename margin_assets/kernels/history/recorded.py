"""What the firm's record is held against: everything landed, and what it comes to at a close."""

from datetime import date
from typing import NamedTuple

import polars as pl

from margin_assets.kernels.history import history
from margin_assets.kernels.history.accrued import with_accrued
from margin_assets.kernels.history.history import Booked, Landed
from margin_assets.kernels.rules.timelines import Calendar


class Known(NamedTuple):
    """Everything landed, the firm's record among it, and the exchange's calendar."""

    landed: Landed
    booked: Booked
    record: pl.DataFrame
    """Rows of `stock_record` in landing order."""
    calendar: Calendar


class Held(NamedTuple):
    """What accounts hold at a close."""

    positions: pl.DataFrame
    accounts: pl.DataFrame


class RecordDay(NamedTuple):
    """A date of the record, its close, and its place among the business days."""

    on: date
    close: int
    place: int


def held_at(known: Known, close: int, fills: pl.DataFrame | None = None) -> Held:
    """Positions and accounts at a close, of everybody or of those whose fills are given."""
    day = pl.DataFrame(
        {"business_date": [None], "as_of": [close]}, {"business_date": pl.Date, "as_of": pl.Int64}
    )
    positions = history.positions_at(known.landed, day, known.calendar.times, fills)
    accounts = with_accrued(
        history.account_state_at(known.booked, day, known.calendar.times),
        known.booked.accrued_dividends,
    )
    return Held(positions.drop("business_date"), accounts.drop("business_date"))
