"""Special memorandum accounts whose fills are corrected, restated from what the lake holds.

Nothing is remembered between cycles: a restart restates as the session before it would have.
"""

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import polars as pl

from margin_assets.kernels.corporate.exercises import SETTLED, settlement_frame
from margin_assets.kernels.history.history import NO_DIVIDENDS, Booked, Landed
from margin_assets.kernels.history.sma_past import corrections_of
from margin_assets.kernels.history.sma_restated import ENDED, restated_nets, starts
from margin_assets.kernels.history.sma_walk import Firm
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instants, to_instants, to_scaled
from margin_assets.kernels.rules.timelines import Calendar
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store import declared
from margin_assets.live.books.dividends import accrued_frame
from margin_assets.live.state.points import PointsOf, times_of
from schemas import feed_columns

_NOTHING: dict[str, pl.DataFrame] = {}


def _nothing_settled() -> pl.DataFrame:
    return pl.DataFrame(schema=SETTLED)


def _nothing_accrued() -> pl.DataFrame:
    return NO_DIVIDENDS.drop("cycle")


DAYS = "special_memorandum_days"


class Restating:
    """Walks accounts again over sealed rows and those of the cycle at work."""

    def __init__(
        self, tables: Callable[[int | None], SealedTables], points_of: PointsOf, calendar: Calendar
    ) -> None:
        self._tables_before = tables
        self._before: int | None = None
        """First of the sealed cycles whose rows are among those of the cycle at work."""
        self._points_of = points_of
        self._calendar = calendar
        self.settled_now: Callable[[], pl.DataFrame] = _nothing_settled
        """Rows of `SETTLED` of the cycle at work."""
        self.accrued_now: Callable[[], pl.DataFrame] = _nothing_accrued
        """Rows of `accrued_dividends` of the cycle at work, without cycle."""
        self._feeds: Mapping[str, pl.DataFrame] = _NOTHING
        self._whose = pl.Series([], dtype=pl.String)
        self._firm: Firm | None = None
        """Rows of the accounts that the cycle at work corrects."""
        self._priced_from = 0
        self._sealed_days = pl.DataFrame(schema=ENDED)

    def begin(
        self,
        feeds: Mapping[str, pl.DataFrame],
        effects: pl.DataFrame | None,
        held_since: int | None = None,
    ) -> None:
        """Takes the rows to evaluate, with their points, and what their fills change.

        Those of sealed cycles from `held_since` on are among them.
        """
        self._feeds, self._firm, self._before = feeds, None, held_since
        if effects is not None:
            corrected = effects.filter(pl.col("traded") < pl.col("point"))
            self._whose = corrected["account_id"].unique().sort()

    def nets(self, point: int, accounts: pl.Series, ended: pl.DataFrame) -> Int64Array:
        """Balance less calls of accounts corrected at a grid point, cents, in their order.

        `ended`: days of the cycle at work that have ended, with the columns of `ENDED`.
        """
        firm = self._firm or self._loaded()
        known = pl.concat([self._sealed_days, ended])
        ends = self._calendar.days.ends
        begun = starts(known, corrections_of(firm), point, accounts, ends)
        firm = self._of_now(self._priced(firm, int(str(begun["at"].min()))), point)
        return restated_nets(firm, point, begun)

    def _loaded(self) -> Firm:
        mine = pl.col("account_id").is_in(self._whose.implode())
        fills, movements, accounts = (
            self.rows(feed, mine) for feed in ("fills", "cash_movements", "accounts")
        )
        books = (
            self.rows("corporate_actions", pl.lit(value=True)),
            self.rows("opening_balances", mine),
        )
        named = [books[0]["symbol"], books[0]["to_symbol"].drop_nulls()]
        held = pl.concat([fills["symbol"], *named, books[1]["symbol"].drop_nulls()]).unique()
        own = self.rows("instruments", pl.col("symbol").is_in(held.implode()))
        symbols = pl.concat([held, own["underlying"].drop_nulls()]).unique().sort()
        about = pl.col("symbol").is_in(symbols.implode())
        instruments, betas, volatilities, adjustments = (
            self.rows(feed, about)
            for feed in ("instruments", "betas", "volatilities", "option_adjustments")
        )
        rates = self.rows("rates", pl.lit(value=True))
        prices = self._feed("prices").clear()
        landed = Landed(
            *(fills, instruments, prices, betas, rates, volatilities),
            *books,
            option_adjustments=adjustments,
        )
        booked = Booked(fills, movements, accounts, instruments, *books)
        self._firm = Firm(landed, booked, self._calendar, self._whose)
        self._priced_from = np.iinfo(np.int64).max
        days = self._tables()(DAYS, mine)
        self._sealed_days = ended_of(days)
        return self._firm

    def _of_now(self, firm: Firm, point: int) -> Firm:
        """With what was settled and what dividends are due by a grid point."""
        mine = pl.col("account_id").is_in(self._whose.implode())
        settled, accrued = self._settled(mine), self._accrued(mine, point)
        booked = firm.booked._replace(settlements=settled, accrued_dividends=accrued)
        return firm._replace(landed=firm.landed._replace(settlements=settled), booked=booked)

    def _accrued(self, mine: pl.Expr, point: int) -> pl.DataFrame:
        """Dividends due and owed, with what the corrections of a grid point change of them."""
        columns = NO_DIVIDENDS.drop("cycle").columns
        parts = [self._tables()("accrued_dividends", mine).select(columns)]
        parts.append(self.accrued_now().filter(mine).select(columns))
        if "accruals" in self._feeds:
            changed = self._feeds["accruals"].filter(pl.col("point") == point)
            parts.append(accrued_frame(changed).filter(mine).select(columns))
        return pl.concat(parts)

    def _settled(self, mine: pl.Expr) -> pl.DataFrame:
        """What was settled of options, with its grid `point`, that of the cycle at work too."""
        now = settlement_frame(self.settled_now()).with_columns(cycle=pl.lit(None, pl.Int64))
        rows = pl.concat([self._tables()("settlements", mine), now.filter(mine)])
        return rows.with_columns(point=pl.Series(instants(rows["settled_at"])))

    def _tables(self) -> SealedTables:
        return self._tables_before(self._before)

    def _priced(self, firm: Firm, start: int) -> Firm:
        """Rows with the prices from an instant on, and the last of each symbol before it."""
        if start >= self._priced_from:
            return firm
        fills, instruments, actions = (
            getattr(firm.landed, name) for name in ("fills", "instruments", "corporate_actions")
        )
        opened = firm.landed.opening_balances["symbol"]
        named = (instruments["underlying"], actions["symbol"], actions["to_symbol"], opened)
        others = [names.drop_nulls() for names in named]
        symbols = pl.concat([fills["symbol"], *others]).unique()
        about, bound = pl.col("symbol").is_in(symbols.implode()), to_instants(np.array([start]))[0]
        is_recent = (
            pl.lit(value=True)
            if bound is None
            else pl.col("is_late") | (pl.col("event_time") > bound)
        )
        is_last = pl.col("event_time") == pl.col("event_time").max().over("symbol")
        recent = self.rows("prices", about & is_recent)
        older = (
            self._tables()
            .in_landing_order("prices")
            .filter(about & ~is_recent)
            .filter(is_last)
            .collect(engine="streaming")
        )
        prices = pl.concat([self._pointed("prices", older), recent])
        self._priced_from = start
        self._firm = firm._replace(landed=firm.landed._replace(prices=prices))
        return self._firm

    def rows(self, feed: str, chosen: pl.Expr) -> pl.DataFrame:
        """Rows of a feed in landing order, each with the grid `point` that it counts from."""
        sealed = self._tables().in_landing_order(feed).filter(chosen).collect(engine="streaming")
        return pl.concat([self._pointed(feed, sealed), self._feed(feed).filter(chosen)])

    def _pointed(self, feed: str, rows: pl.DataFrame) -> pl.DataFrame:
        rows = rows.with_columns(times_of(rows))
        points = pl.Series(self._points_of(rows), dtype=pl.Int64)
        return rows.with_columns(point=points).select(_columns(feed))

    def _feed(self, feed: str) -> pl.DataFrame:
        """Rows of the cycle at work."""
        if feed in self._feeds:
            return self._feeds[feed].select(_columns(feed))
        return _no_rows(feed)


@cache
def _no_rows(feed: str) -> pl.DataFrame:
    rows = declared.empty(feed)
    return rows.with_columns(times_of(rows), point=pl.lit(None, pl.Int64)).select(_columns(feed))


def _columns(feed: str) -> list[str]:
    time = [] if "event_time" in feed_columns(feed) else ["event_time"]
    return [*feed_columns(feed), *time, "is_late", "point"]


def ended_of(days: pl.DataFrame) -> pl.DataFrame:
    """Rows of `special_memorandum_days` as columns of `ENDED`."""
    return days.select(
        "account_id",
        at=pl.Series(instants(days["ended_at"])),
        balance=pl.Series(to_scaled(days["balance"])),
        owed=pl.Series(to_scaled(days["open_calls"])),
    )
