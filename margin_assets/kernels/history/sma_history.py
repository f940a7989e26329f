"""Special memorandum accounts at past closes, recomputed from everything landed.

The balance depends on every close before, so the path is walked from the first transaction on,
through the same book as in the live day.
"""

from typing import cast

import dataframely as dy
import numpy as np
import polars as pl

from margin_assets.kernels.history.history import Booked, Landed
from margin_assets.kernels.history.sma_past import corrections_of, past_path, start_of
from margin_assets.kernels.history.sma_restated import ENDED, restated_nets, starts
from margin_assets.kernels.history.sma_walk import Firm, Now, walked
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import to_instants
from margin_assets.kernels.reg_t.reg_t_book import RegTBook
from margin_assets.kernels.reg_t.sma import RegTFigures
from margin_assets.kernels.reg_t.sma_frames import memorandum_frame
from margin_assets.kernels.rules.grid import rules_at
from margin_assets.kernels.rules.timelines import Calendar
from schemas.reg_t import SpecialMemorandumAccounts


def memoranda_at(
    landed: Landed, booked: Booked, closes: pl.DataFrame, calendar: Calendar
) -> dy.DataFrame[SpecialMemorandumAccounts]:
    """SMA of every margin account at each business date's close (`as_of`, microseconds)."""
    wanted = dict(closes.select("as_of", "business_date").iter_rows())
    firm = Firm(landed, booked, calendar, _names(booked))
    first = min(start_of(firm), *wanted) if len(firm.names) else min(wanted)
    # The end of the business day before.
    begun = int(calendar.days.ends[np.searchsorted(calendar.days.ends, first) - 1])
    span = (begun, max(wanted) + 1)
    book, found = RegTBook(calendar.days), []
    book.grow(len(firm.names))
    corrections, ended = corrections_of(firm), [pl.DataFrame(schema=ENDED)]

    def nets(point: int, places: Int64Array) -> Int64Array:
        known = pl.concat(ended)
        begin = starts(known, corrections, point, firm.names.gather(places), calendar.days.ends)
        return restated_nets(firm, point, begin)

    for at, passed in walked(firm, book, past_path(firm, span, corrections), span, nets):
        if isinstance(passed, Now):
            if at in wanted:
                date = pl.lit(wanted[at], pl.Date).alias("business_date")
                found.append(_shown(book, firm, passed, at).select(date, pl.all()))
        else:
            ended.append(_named(passed, firm.names))
    return cast("dy.DataFrame[SpecialMemorandumAccounts]", pl.concat(found))


def _names(booked: Booked) -> pl.Series:
    frames = (booked.fills, booked.movements, booked.accounts, booked.opening_balances)
    return pl.concat([frame["account_id"] for frame in frames]).unique().sort()


def _named(rows: pl.DataFrame, names: pl.Series) -> pl.DataFrame:
    return rows.select(names.gather(rows["place"]).alias("account_id"), "at", "balance", "owed")


def _shown(book: RegTBook, firm: Firm, now: Now, close: int) -> pl.DataFrame:
    is_asked = book.has_row(now.is_margin)
    places = np.flatnonzero(now.is_there & is_asked).astype(np.int64)
    chosen = RegTFigures._make(column[places] for column in now.figures)
    rules = rules_at(close)
    frame = memorandum_frame(book, firm.names.to_list(), places, chosen, rules)
    as_of = to_instants(np.full(frame.height, close, dtype=np.int64))
    return frame.with_columns(as_of=as_of)
