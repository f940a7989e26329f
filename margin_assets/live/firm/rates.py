"""The rates book in the live day: moved once a cycle, by cycles that bring rows of it."""

import polars as pl

from margin_assets.desk.rates import loaded_book
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.live.firm.whole import WholeFirm
from margin_assets.valuation.rates_book import RATES_FEEDS, RatesBook
from schemas.firm import RATES_METRICS

Frames = dict[str, pl.DataFrame]


class RatesMonitor:
    """The rates book between cycles. A lake in which nothing of it landed pays nothing for it."""

    def __init__(self, whole: WholeFirm) -> None:
        """Breaches of its limits go where those of the firm's do."""
        self._whole = whole
        self._book: RatesBook | None = None

    def taken_out(self, events: Frames) -> Frames:
        """Takes the rows of the rates book out of a cycle's, and what limits it has in them."""
        found = {feed: events.pop(feed) for feed in RATES_FEEDS if feed in events}
        if "limits" in events:
            limits = events["limits"].filter(pl.col("metric").is_in(RATES_METRICS))
            found |= {"limits": limits} if limits.height else {}
        return found

    def frames(self, rows: Frames, end: int) -> Frames:
        """Its tables as of the end of a cycle that brought rows; none of one that brought none."""
        if not rows or (self._book is None and rows.keys() == {"limits"}):
            return {}
        self._book = self._book or RatesBook()
        self._book.take(rows)
        found = self._book.results(end)
        if found is None:
            return {}
        self._whole.strike_rates(found.measures, end)
        return found.frames

    def load(self, scan: SealedTables, as_of: int) -> None:
        """Takes the rows of sealed cycles up to an instant, and the curves as they were written."""
        self._book = loaded_book(scan, as_of)
