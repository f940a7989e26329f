"""The rates book at past instants, from everything landed."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instants
from margin_assets.valuation.rates_book.book import RATES_FEEDS, RatesBook
from schemas import TABLES

RATES_TABLES = (
    "curves",
    "rates_values",
    "rates_sensitivities",
    "desk_risk",
    "desk_sensitivities",
    "rates_scenarios",
)


def rates_at(landed: Mapping[str, pl.DataFrame], closes: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The book's tables at the close of each business date, with `business_date`.

    One walk through time, whatever the dates: what is laid out stays laid out. Rows count from
    their event time; `landed` are in landing order, `closes` have `as_of` in microseconds.
    """
    book = RatesBook(tells_all_curves=True)
    rows = {feed: landed[feed].sort("event_time", maintain_order=True) for feed in RATES_FEEDS}
    times: dict[str, Int64Array] = {feed: instants(f["event_time"]) for feed, f in rows.items()}
    found: dict[str, list[pl.DataFrame]] = {name: [] for name in RATES_TABLES}
    taken = dict.fromkeys(RATES_FEEDS, 0)
    for day, close in closes.sort("as_of").select("business_date", "as_of").iter_rows():
        until = {feed: int(np.searchsorted(at, close, side="right")) for feed, at in times.items()}
        fresh = {feed: rows[feed][taken[feed] : until[feed]] for feed in RATES_FEEDS}
        book.take({feed: frame for feed, frame in fresh.items() if frame.height})
        taken = until
        results = book.results(close) if any(until.values()) else None
        for name, frame in ({} if results is None else results.frames).items():
            found[name].append(frame.with_columns(business_date=pl.lit(day, pl.Date)))
    return {name: _joined(name, frames) for name, frames in found.items()}


def _joined(name: str, frames: list[pl.DataFrame]) -> pl.DataFrame:
    day = pl.Series("business_date", [], dtype=pl.Date)
    empty = TABLES[name].schema.create_empty().drop("cycle").with_columns(day)
    return pl.concat([empty, *(frame.select(empty.columns) for frame in frames)])
