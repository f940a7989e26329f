"""Cash accounts that sold before they had paid, in the live day: 12 CFR 220.8(c).

Ends of business days ask. Who sold since the last one is noted as cycles come, and read from the
lake after a start; what it had bought and paid is read from the lake and the cycle at work.
"""

import numpy as np
import polars as pl

from margin_assets.calendar import sessions
from margin_assets.kernels.book.book import CASH
from margin_assets.kernels.calls.call_book import CallBook
from margin_assets.kernels.calls.call_rules import FREE_RIDING, day_of
from margin_assets.kernels.calls.demands import of_free_riding
from margin_assets.kernels.calls.free_riding import CashAccount, entries_of, standing
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import to_instants
from margin_assets.kernels.rules.instants import UNSET
from margin_assets.live.books.restating import Restating
from margin_assets.live.state.holdings import Holdings
from margin_assets.live.state.names import NOBODY

_NOBODY_SOLD = pl.DataFrame(schema={"account_id": pl.String, "point": pl.Int64})
_MAY_SELL = (pl.col("quantity") < 0) | pl.col("corrects_fill_id").is_not_null()


class FreeRides:
    """Strikes the calls of cash accounts that rode free, once a plan knows of them."""

    def __init__(self, book: CallBook, restating: Restating, holdings: Holdings) -> None:
        self.is_on = False
        """Whether the plan at work has them: one from before them has none."""
        self._book, self._restating, self._holdings = book, restating, holdings
        self._sold: list[pl.DataFrame] | None = None
        """Who may have sold unpaid since the last business day that was begun with; None before."""

    def take(self, fills: pl.DataFrame | None) -> None:
        """Notes who may have sold unpaid by the fills of a cycle that are to be evaluated."""
        if self._sold is not None and fills is not None:
            self._sold.append(fills.filter(_MAY_SELL).select(_NOBODY_SOLD.columns))

    def begin(self, ends: Int64Array) -> None:
        """Looks who may have sold unpaid on the business days that are to end, by their ends."""
        if not (self.is_on and len(ends) and (self._holdings.account_type == CASH).any()):
            return
        start = self._before(int(ends[0]))
        noted = [self._sealed(start)] if self._sold is None else self._sold
        self._sold = [pl.concat([_NOBODY_SOLD, *noted]).filter(pl.col("point") > start)]

    def _sealed(self, start: int) -> pl.DataFrame:
        """Who may have sold since an instant, by sealed cycles and the one at work."""
        since = to_instants(np.array([start], dtype=np.int64))[0]
        is_recent = pl.col("is_late") | (pl.col("event_time") > since)
        found = self._restating.rows("fills", _MAY_SELL & is_recent)
        return found.select(_NOBODY_SOLD.columns)

    def end_day(self, at: int) -> None:
        """Strikes the calls at the end of a business day, one of those that were begun with."""
        places = self._asked(at)
        if len(places):
            stands = self._stands(places, at)
            asked = of_free_riding(stands, self._book.days, places, at)
            self._book.strike(FREE_RIDING, at, asked)

    def _before(self, end: int) -> int:
        """End of the business day before one."""
        place = day_of(self._book.days, end)
        return int(self._book.days.ends[place - 1]) if place else UNSET

    def _asked(self, at: int) -> Int64Array:
        """Cash accounts that sold on the day, and those whose freeze may end with it."""
        if not self.is_on:
            return NOBODY
        is_today = (pl.col("point") > self._before(at)) & (pl.col("point") <= at)
        sold_today = pl.concat([_NOBODY_SOLD, *(self._sold or [])]).filter(is_today)
        names = sold_today["account_id"].unique().sort()
        sold = np.unique(self._holdings.accounts.places(names)).astype(np.int64)
        calls = self._book.calls
        is_theirs = calls.kind == FREE_RIDING
        # Past its period nothing but time ends a freeze, unless a trade is corrected: that sold.
        is_open = is_theirs & ((calls.legal_due >= at) | (calls.consequence_until <= at))
        is_cash = self._holdings.account_type[sold] == CASH
        return np.union1d(sold[is_cash], calls.account[is_open]).astype(np.int64)

    def _stands(self, places: Int64Array, at: int) -> list[CashAccount]:
        days, names = self._book.days, self._holdings.accounts.all
        whose = pl.Series([names[place] for place in places.tolist()], dtype=pl.String)
        mine, is_past = pl.col("account_id").is_in(whose.implode()), pl.col("point") <= at
        fills, paid = (
            self._restating.rows(feed, mine).filter(is_past).drop("point")
            for feed in ("fills", "cash_movements")
        )
        dealt = pl.col("symbol").is_in(fills["symbol"].unique().implode())
        terms = self._restating.rows("instruments", dealt).filter(is_past).drop("point")
        entries, on = entries_of(fills, paid, terms), days.date_of(day_of(days, at))
        return [standing(entries.get(name, ()), sessions().days, on) for name in whose]
