"""Day trading in the live day: the pattern day trader rule, for accounts that it still applies to.

Trades are counted when a business day ends and when rows are asked for, of accounts that traded
since they were counted last: what the day's fills come to, however they were cut into cycles.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
import polars as pl

from margin_assets.kernels.day_trading.day_trades import (
    day_trades,
    is_legacy,
    standing_trades,
    weighed,
)
from margin_assets.kernels.day_trading.pattern_book import Closing, PatternBook
from margin_assets.kernels.day_trading.pattern_rows import pattern_frame, rows_of
from margin_assets.kernels.intraday.intraday import intraday_rules
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.numeric.money import to_scaled
from margin_assets.kernels.reg_t.sma import RegTFigures
from margin_assets.kernels.rules.instants import NEVER, UNSET
from margin_assets.kernels.rules.timelines import BusinessDays
from margin_assets.live.state.holdings import Holdings
from margin_assets.live.state.market import Market

_TAPE = ("symbol", "quantity", "undone_quantity", "price", "point", "traded")
_ORIGIN = ("original", "original_time")
_TRANSFERS = ("deposit", "withdrawal")
_FEW_ROWS = 1_024


RegTFiguresOf = Callable[[Int64Array], RegTFigures]


def _closing(figures_of: RegTFiguresOf, places: Int64Array, _: BoolArray) -> Closing:
    """Figures of the end of a day: Regulation T equity and maintenance."""
    now = figures_of(places)
    equity = now.requirement + now.excess
    return Closing(equity, equity - now.spare, now.is_known)


class DayTradeMonitor:
    """The pattern day trader's book, fed from the monitor's transactions and figures."""

    def __init__(self, days: BusinessDays, holdings: Holdings, market: Market) -> None:
        self.book = PatternBook(days)
        self._holdings = holdings
        self._market = market
        self._tape: list[pl.DataFrame] = []
        """Effects of the business day at work, of all accounts: one may come under the rule."""
        self._waiting: dict[str, pl.DataFrame] = {}
        """Rows of the run that are not taken yet, by feed, in order of their points."""
        self._is_stale = np.zeros(0, dtype=np.bool_)
        """Accounts whose trades of the day are to be counted again."""
        last_switch = intraday_rules(days.date_of(len(days.days) - 1)).last_switch
        self._until = int(days.ends[np.searchsorted(days.days, last_switch) - 1])

    def grow(self, accounts: int) -> None:
        """Gives new accounts their places."""
        self._is_stale = np.concatenate([self._is_stale, np.zeros(accounts, dtype=np.bool_)])

    def take(self, events: Mapping[str, pl.DataFrame]) -> None:
        """Takes the rows of a run; each counts on the business day of its grid point."""
        self._absorb(NEVER)
        taken = {}
        names = ("effects", "cash_movements", "instruments")
        events = {name: _up_to(events[name], self._until) for name in names if name in events}
        if "effects" in events:
            taken["effects"] = self._placed(events["effects"]).select("account", *_TAPE, *_ORIGIN)
        if "cash_movements" in events:
            moved = events["cash_movements"].filter(pl.col("kind").is_in(_TRANSFERS))
            cents = pl.Series(to_scaled(moved["amount"]))
            taken["deposits"] = self._placed(moved).select("account", "point", cents=cents)
        if "instruments" in events:
            taken["instruments"] = events["instruments"].select("symbol", "point")
        self._waiting = taken

    def _placed(self, rows: pl.DataFrame) -> pl.DataFrame:
        place = self._holdings.accounts.of(rows, "account_id")
        return rows.with_columns(account=pl.Series(place, dtype=pl.Int64))

    def pass_days(self, until: int, figures_of: RegTFiguresOf) -> Iterator[Int64Array]:
        """Passes ends of business days before an instant; yields the accounts they move."""
        book, ends = self.book, self.book.days.ends
        while book.day == UNSET or ends[book.day] < until:
            if book.day != UNSET:
                self._absorb(int(ends[book.day]))
            if book.day == UNSET or (book.is_idle and not self._tape):
                book.begin(int(np.searchsorted(ends, until)))
                continue
            self._count()
            yield book.end_day(self._legacy, partial(_closing, figures_of))
            self._tape = []
            self._is_stale[:] = False

    def count(self, of: Int64Array | None) -> None:
        """Counts trades of the day at work (of some accounts), as far as they are not counted."""
        self._absorb(NEVER)
        if self.book.day != UNSET:
            self._count(of)

    def frame(self, of: Int64Array | None) -> pl.DataFrame:
        """The `pattern_day_traders` frame (of some accounts), without `as_of` and cycle."""
        self.count(of)
        rows = self.book.past
        # Where the rule applies to nobody any more, nothing is asked row by row.
        if not self.book.is_idle:
            if of is not None:
                rows = rows.filter(pl.col("account").is_in(pl.Series(of).implode()))
            rows = pl.concat([rows, self.book.today(self._legacy, of)])
        return pattern_frame(rows, self.book.days, self._holdings.accounts.all)

    def day_start(self, point: int) -> int:
        """End of the business day before the one at work after a grid point."""
        return int(self.book.days.ends[self._day_after(point) - 1])

    def load(self, saved: pl.DataFrame, effects: pl.DataFrame, point: int) -> None:
        """Takes the saved table as of a grid point, and the effects of the day at work again."""
        rows = rows_of(saved, self.book.days, self._holdings.accounts.places)
        self.book.load(rows, self._day_after(point))
        self._waiting = {}
        if effects.height:
            self.take({"effects": effects})

    def _day_after(self, point: int) -> int:
        return int(np.searchsorted(self.book.days.ends, point + 1))

    def _absorb(self, until: int) -> None:
        """Takes the waiting rows up to an instant, all of the day at work."""
        due = {}
        for name, rows in self._waiting.items():
            count = int(rows["point"].search_sorted(until, side="right"))
            due[name], self._waiting[name] = rows[:count], rows[count:]
        effects, deposits, instruments = map(due.get, ("effects", "deposits", "instruments"))
        if effects is not None and effects.height:
            self._tape = _with_part(self._tape, effects)
            self._is_stale[effects["account"].to_numpy()] = True
        if deposits is not None and deposits.height:
            self.book.pay(deposits["account"].to_numpy(), deposits["cents"].to_numpy())
        if instruments is not None and instruments.height:
            # A fill may be of another size now.
            traded = self._trades(pl.col("symbol").is_in(instruments["symbol"].implode()))
            self._is_stale[traded["account"].to_numpy()] = True

    def _trades(self, chosen: pl.Expr) -> pl.DataFrame:
        """Effects of the day, of some rows alone."""
        return pl.concat([_EMPTY, *(part.filter(chosen) for part in self._tape)])

    def _count(self, of: Int64Array | None = None) -> None:
        """Counts the trades of accounts that are to be counted again."""
        stale = np.flatnonzero(self._is_stale if of is None else _only(self._is_stale, of))
        places = stale[self._legacy(stale)].astype(np.int64)
        if not len(places):
            return
        self._is_stale[places] = False
        effects = self._trades(pl.col("account").is_in(pl.Series(places).implode()))
        sized = self._sized(standing_trades(effects, self.book.days))
        trades = weighed(sized, self.book.days)
        self.book.trade(places, day_trades(trades, self._held(trades)))

    def _sized(self, trades: pl.DataFrame) -> pl.DataFrame:
        """Trades with multiplier and leverage of each; a size that no row has said is null."""
        multiplier, leverage = (
            pl.Series(told, dtype=pl.Int64) for told in self._market.instruments.terms_then(trades)
        )
        is_known = self._market.is_known[self._market.symbols.places(trades["symbol"])]
        sized = multiplier.set(pl.Series(~is_known, dtype=pl.Boolean), None)
        return trades.with_columns(multiplier=sized, leverage=leverage)

    def _held(self, trades: pl.DataFrame) -> pl.DataFrame:
        """What is held now of the securities traded."""
        pairs = trades.select("account", "day", "symbol").unique(maintain_order=True)
        account, symbol = pairs["account"].to_numpy(), self._market.symbols.places(pairs["symbol"])
        held = self._holdings.held_before(account, symbol, np.zeros(len(symbol), dtype=np.int64))
        return pairs.with_columns(quantity=pl.Series(held, dtype=pl.Int64))

    def _legacy(self, places: Int64Array) -> BoolArray:
        book, holdings = self.book, self._holdings
        rules, day = intraday_rules(book.days.date_of(book.day)), int(book.days.days[book.day])
        kinds, chosen = holdings.account_type[places], holdings.intraday_from[places]
        return is_legacy(kinds, chosen, day, rules)


def _with_part(parts: list[pl.DataFrame], new: pl.DataFrame) -> list[pl.DataFrame]:
    """Parts with one more: few, since what is not much longer than what follows takes it in."""
    while parts and parts[-1].height <= max(_FEW_ROWS, new.height):
        *parts, last = parts
        new = pl.concat([last, new], rechunk=True)
    return [*parts, new]


def _up_to(rows: pl.DataFrame, until: int) -> pl.DataFrame:
    """Rows of grid points up to an instant, in order."""
    return rows[: int(rows["point"].search_sorted(until, side="right"))]


def _only(flags: BoolArray, of: Int64Array) -> BoolArray:
    chosen = np.zeros_like(flags)
    chosen[of] = flags[of]
    return chosen


_EMPTY = pl.DataFrame(
    schema={
        "account": pl.Int64,
        "symbol": pl.String,
        **dict.fromkeys(("quantity", "undone_quantity", "price", "point", "traded"), pl.Int64),
        "original": pl.String,
        "original_time": pl.Int64,
    }
)
