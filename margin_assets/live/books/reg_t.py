"""Regulation T in the live day: SMA and margin calls, kept between grid points.

Closes of sessions and ends of business days are instants of their own, passed between grid points
with the figures of the last one: they make no grid point, so that no other rule sees them.
"""

from collections.abc import Callable, Iterator

import numpy as np
import polars as pl

from margin_assets.kernels.book.book import REG_T
from margin_assets.kernels.intraday.intraday import intraday_rules
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.numeric.money import to_decimal, to_instants
from margin_assets.kernels.reg_t.reg_t_book import BY_TRADE, RegTBook, Saved, entry_frame
from margin_assets.kernels.reg_t.reg_t_calls import call_frame
from margin_assets.kernels.reg_t.sma import RegTFigures
from margin_assets.kernels.reg_t.sma_frames import memorandum_frame
from margin_assets.kernels.rules.instants import NEVER, UNSET
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.rules.timelines import BusinessDays, date_series
from margin_assets.live.books.reg_t_entries import Noted
from margin_assets.live.books.restating import Restating
from margin_assets.live.state.names import NOBODY, Names

RegTFiguresOf = Callable[[Int64Array], RegTFigures]
_ENDED = dict.fromkeys(("place", "balance", "owed", "at"), pl.Int64)


class RegTMonitor:
    """The Regulation T book, fed from the monitor's transactions and figures."""

    def __init__(self, days: BusinessDays, restating: Restating) -> None:
        self.book = RegTBook(days)
        self.restating = restating
        self._ended = pl.DataFrame(schema=_ENDED)
        """Accounts by place at the ends of days that are in no table yet."""
        last = days.date_of(len(days.days) - 1)
        self._closes = days.ends - intraday_rules(last).day_ends_after_close
        self._passed = UNSET
        self._is_dirty = np.zeros(0, dtype=np.bool_)
        """Accounts whose excess may be another than at the last close."""

    @property
    def passed(self) -> int:
        """Instant up to which closes and ends of days are passed; `UNSET` before any."""
        return self._passed

    def grow(self, accounts: int) -> None:
        """Gives new accounts their places."""
        self.book.grow(accounts)
        self._is_dirty = np.concatenate([self._is_dirty, np.ones(accounts, dtype=np.bool_)])

    def touch(self, accounts: Int64Array) -> None:
        """Remembers accounts that were revalued: the next close looks at them."""
        self._is_dirty[accounts] = True

    def enter(self, point: int, noted: Noted, gained: Int64Array, names: Names) -> None:
        """Takes the entries of a grid point, and what the others' excess gained by it, cents."""
        measured = entry_frame(noted.others, point, gained - noted.paid, BY_TRADE)
        self.book.enter(pl.concat([noted.entries, measured]))
        if len(noted.corrected):
            whose = pl.Series([names.all[a] for a in noted.corrected.tolist()], dtype=pl.String)
            nets = self.restating.nets(point, whose, _named(self._ended, names.all))
            self.book.restate(point, noted.corrected, nets)

    def pass_days(
        self, until: int, account_type: np.ndarray, figures_of: RegTFiguresOf
    ) -> Iterator[Int64Array]:
        """Passes closes and ends of days before an instant; yields the accounts they move."""
        if self._passed == UNSET or until <= self._boundary():
            self._passed = max(self._passed, until - 1)
            return
        is_margin = account_type == REG_T
        while (at := self._next(is_margin)) < until:
            self._passed = at
            if at == self.book.days.ends[self.book.day_of(at)]:
                moved = self.book.end_day(at, is_margin)
                self._ended = pl.concat([self._ended, self.book.ended(at, moved)])
                self._is_dirty[moved] = True
                yield moved
            else:
                yield self._close(at, is_margin, figures_of)
        self._passed = max(self._passed, until - 1)

    def _close(self, at: int, is_margin: BoolArray, figures_of: RegTFiguresOf) -> Int64Array:
        due = self.book.due_accounts(at)
        seen = np.union1d(np.flatnonzero(self._is_dirty & is_margin), due)
        self._is_dirty[:] = False
        if not len(seen):
            return NOBODY
        return np.union1d(self.book.credit(at, seen, figures_of(seen), is_margin), due)

    def _boundary(self) -> int:
        """Next close or end of day, whether or not it has anything to do."""
        end, place = self.book.day_of(self._passed + 1), self._close_after()
        return min(int(self.book.days.ends[end]), int(self._closes[place]))

    def _close_after(self) -> int:
        return int(np.searchsorted(self._closes, self._passed, side="right"))

    def _next(self, is_margin: BoolArray) -> int:
        """Next close or end of day that has anything to do; `NEVER` if none."""
        close, end = self._close_after(), self.book.day_of(self._passed + 1)
        due = self.book.due_day()
        closes = self._closes[[close] if self._is_dirty.any() else _from(close, due)]
        is_asked = self.book.has_to_end(is_margin) or self._has_moved(end)
        ends = self.book.days.ends[[end] if is_asked else _from(end, due)]
        return min(int(closes.min(initial=NEVER)), int(ends.min(initial=NEVER)))

    def _has_moved(self, end: int) -> bool:
        return bool(self.book.has_moved(int(self.book.days.ends[end])).any())

    def take_ended(self, names: list[str]) -> pl.DataFrame:
        """Rows of `special_memorandum_days` for days that ended since, without cycle."""
        ended, self._ended = self._ended, self._ended.clear()
        dates = date_series(self.book.days, np.searchsorted(self.book.days.ends, ended["at"]))
        return _named(ended, names).select(
            "account_id",
            business_date=dates,
            balance=to_decimal(ended["balance"].to_numpy(), 2),
            open_calls=to_decimal(ended["owed"].to_numpy(), 2),
            ended_at=to_instants(ended["at"].to_numpy()),
        )

    def calls(self, names: list[str], of: Int64Array | None) -> pl.DataFrame:
        """The `reg_t_calls` frame (of some accounts), without `as_of` and cycle."""
        return call_frame(self.book.calls, self.book.days, names, of)

    def memoranda(
        self, names: list[str], places: Int64Array, now: RegTFigures, rules: Rules
    ) -> pl.DataFrame:
        """The `special_memorandum_accounts` frame of accounts, without `as_of` and cycle."""
        return memorandum_frame(self.book, names, places, now, rules)

    def load(self, saved: Saved, names: Names, point: int) -> None:
        """Takes both saved tables as of a grid point."""
        self.book.load(saved, names.places)
        self._passed = point


def _named(ended: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    whose = [names[place] for place in ended["place"].to_list()]
    return ended.select(pl.Series("account_id", whose, dtype=pl.String), "at", "balance", "owed")


def _from(place: int, due: int) -> list[int]:
    return [max(place, due)] if due != UNSET else []
