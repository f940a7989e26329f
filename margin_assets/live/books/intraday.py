"""Intraday margin in the live day: an account's transactions one at a time, each measured."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.book.states import INDETERMINATE
from margin_assets.kernels.intraday.deficit_tables import Saved
from margin_assets.kernels.intraday.intraday import (
    governing_rules,
    intraday_rules,
    levels,
    opens,
    trades_reduce,
    worst_order,
)
from margin_assets.kernels.intraday.intraday_book import IntradayBook
from margin_assets.kernels.intraday.intraday_register import Changes, Entries
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.numeric.money import instants, to_scaled
from margin_assets.kernels.rules.grid import day_of
from margin_assets.kernels.rules.instants import NEVER
from margin_assets.kernels.rules.timelines import BusinessDays
from margin_assets.live.state.holdings import Holdings
from margin_assets.live.state.names import NOBODY, Names

_TRANSFERS = ("deposit", "withdrawal")
_US_PER_DAY = 86_400_000_000


class Transactions(NamedTuple):
    """Rows of a grid point that one step of every account takes."""

    rows: dict[str, pl.DataFrame]
    accounts: Int64Array
    is_opening: BoolArray
    """Of each account: whether a trade of the step opens a position or money is withdrawn."""
    is_trading: BoolArray
    net_deposit: Int64Array


class IntradayMonitor:
    """Deficits of all accounts, fed from the monitor's figures from the rule's first day on."""

    def __init__(self, days: BusinessDays | None) -> None:
        self.book = None if days is None else IntradayBook(days)

    def is_on(self, point: int) -> bool:
        """Whether the rule is in force at a grid point (UTC day)."""
        day = point // _US_PER_DAY
        return self.book is not None and day >= intraday_rules(day_of(point)).first_day

    def next_deadline(self) -> int:
        """Next instant at which time alone may decide; `NEVER` if none."""
        return NEVER if self.book is None else self.book.next_deadline

    def grow(self, accounts: int) -> None:
        """Gives new accounts their places."""
        if self.book is not None:
            self.book.grow(accounts)

    def watched(self, point: int, accounts: Int64Array) -> Int64Array:
        """Those of some accounts whose every revaluation has to be seen."""
        return accounts[self._book().watched(point, accounts)]

    def frozen(self) -> BoolArray:
        """Accounts that may not create or increase a short position or a debit, by place."""
        return self._book().frozen()

    def steps(
        self, changed: Mapping[str, pl.DataFrame], holdings: Holdings, symbols: Names, point: int
    ) -> list[Transactions]:
        """Transactions of a grid point in the order that shows the highest deficit."""
        rows = _transactions(changed, holdings, symbols)
        if not rows.height:
            return []
        columns = (rows[name].to_numpy() for name in ("account", "time", "is_opening", "tie"))
        account, time, is_opening, tie = columns
        order = worst_order(account, time, is_opening, tie, intraday_rules(day_of(point)))
        ordered = rows[order.place].with_columns(step=pl.Series(order.step))
        return [
            _step(part.drop("step"), changed)
            for _, part in sorted(ordered.group_by("step", maintain_order=True))
        ]

    def enter(
        self,
        point: int,
        seen: tuple[Int64Array, BoolArray, Int64Array],
        holdings: Holdings,
        figures: Figures,
    ) -> Int64Array:
        """Takes what accounts show after a step; returns those whose deficits changed.

        `seen`: the accounts, whether their step reduced the level, and what they deposited.
        """
        accounts, is_reducing, net_deposit = seen
        book, rules = self._book(), intraday_rules(day_of(point))
        switched = is_switched(holdings.intraday_from[accounts], point)
        equity = figures.equity[accounts]
        rule = governing_rules(holdings.account_type[accounts], equity, switched, rules)
        kept = (rule >= 0) | book.watched(point, accounts)
        places = accounts[kept]
        entries = Entries(
            point=np.full(len(places), point, dtype=np.int64),
            account=places,
            level=levels(holdings.account_type, figures, places),
            equity=equity[kept],
            net_deposit=net_deposit[kept],
            is_reducing=is_reducing[kept],
            rule=rule[kept],
            is_known=figures.states[places] & INDETERMINATE == 0,
        )
        return _accounts(book.step(entries)) if len(places) else NOBODY

    def close(self, point: int) -> Int64Array:
        """Does what time alone does up to a grid point; returns whose deficits changed."""
        return NOBODY if self.book is None else _accounts(self.book.close_of_day(point))

    def frames(
        self, names: list[str], as_of: pl.Expr, of: Int64Array | None
    ) -> dict[str, pl.DataFrame]:
        """The tables of intraday margin (of some accounts), where there is anything to say."""
        if self.book is None:
            return {}
        found = {
            "intraday_deficits": self.book.deficits(names, of),
            "intraday_state": self.book.accounts(names, of),
        }
        return {name: frame.with_columns(as_of=as_of) for name, frame in found.items()}

    def load(self, saved: Saved, names: Names, point: int) -> None:
        """Takes both saved tables as of a grid point."""
        if self.book is not None:
            self.book.load(saved, names.places, point)

    def _book(self) -> IntradayBook:
        assert self.book is not None  # noqa: S101 (asked only while the rule is on)
        return self.book


def is_switched(chosen: Int64Array, point: int) -> BoolArray:
    """Which accounts are under intraday margin at a grid point, by their `intraday_from`."""
    rules = intraday_rules(day_of(point))
    first = np.where(chosen < 0, rules.first_day, chosen)
    found: BoolArray = point // _US_PER_DAY >= np.clip(first, rules.first_day, rules.last_switch)
    return found


def reducing(step: Transactions, before: Int64Array, after: Int64Array) -> BoolArray:
    """Whether each account's step was IML-reducing: by its kind, or by the levels around it."""
    falls = trades_reduce(step.is_opening, before, after)
    return np.where(step.is_trading, falls, step.is_opening)


def _accounts(changes: Changes) -> Int64Array:
    return np.unique(changes.account).astype(np.int64)


def _transactions(
    changed: Mapping[str, pl.DataFrame], holdings: Holdings, symbols: Names
) -> pl.DataFrame:
    """Fills and cash movements of a grid point, one row each with its place in its frame."""
    parts = []
    if "effects" in changed:
        effects = changed["effects"]
        account = holdings.accounts.of(effects, "account_id")
        symbol = symbols.of(effects, "symbol")
        change = effects["quantity"].to_numpy()
        before = holdings.held_before(account, symbol, change)
        parts.append(_rows("effects", account, effects["event_time"], opens(before, change)))
    if "cash_movements" in changed:
        moved = changed["cash_movements"]
        account = holdings.accounts.of(moved, "account_id")
        amount = to_scaled(moved["amount"])
        is_out = (moved["kind"] == "withdrawal").to_numpy()
        is_transfer = moved["kind"].is_in(_TRANSFERS).to_numpy()
        time = pl.Series(instants(moved["event_time"]))
        rows = _rows("cash_movements", account, time, is_out)
        parts.append(rows.with_columns(net_deposit=pl.Series(np.where(is_transfer, amount, 0))))
    rows = pl.concat(parts) if parts else pl.DataFrame()
    return rows.with_columns(tie=pl.int_range(pl.len(), dtype=pl.Int64)) if parts else rows


def _rows(feed: str, account: Int64Array, time: pl.Series, is_opening: BoolArray) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "feed": pl.Series([feed] * len(account), dtype=pl.String),
            "row": np.arange(len(account), dtype=np.int64),
            "account": account,
            "time": time,
            "is_opening": is_opening,
            "net_deposit": np.zeros(len(account), dtype=np.int64),
        }
    )


def _step(part: pl.DataFrame, changed: Mapping[str, pl.DataFrame]) -> Transactions:
    rows = {
        feed: changed[feed][part.filter(pl.col("feed") == feed)["row"].to_numpy()]
        for feed in part["feed"].unique().sort().to_list()
    }
    one = (
        part.group_by("account")
        .agg(
            pl.col("is_opening").any(),
            pl.col("net_deposit").sum(),
            is_trading=(pl.col("feed") == "effects").any(),
        )
        .sort("account")
    )
    return Transactions(
        rows,
        one["account"].to_numpy(),
        one["is_opening"].to_numpy(),
        one["is_trading"].to_numpy(),
        one["net_deposit"].to_numpy(),
    )
