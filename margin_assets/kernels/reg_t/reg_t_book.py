"""The Regulation T book: every account's SMA and margin calls, moved by entries and by days.

All transactions of a business day are combined (220.4(c)(1)). Entries move the balance as they
come. At a session's close the excess is credited; at the end of the business day, which the hours
after the close belong to, what is short is called and what was paid in meets the oldest calls.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.book.series import codes_of
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.numeric.money import BEYOND, bounded, instants
from margin_assets.kernels.reg_t.reg_t_calls import OPEN, Calls, calls_of, empty_calls
from margin_assets.kernels.reg_t.sma import RegTFigures
from margin_assets.kernels.reg_t.sma_entries import entry_rules
from margin_assets.kernels.rules.instants import UNSET
from margin_assets.kernels.rules.timelines import BusinessDays, timeline_rules
from schemas.reg_t import CALL_STATES, MOVERS

BY_CASH, BY_TRADE, BY_EXCESS = range(len(MOVERS))


def entry_frame(
    place: Int64Array, point: int | Int64Array, amount: Int64Array, mover: int
) -> pl.DataFrame:
    """Entries: account by place, grid point (microseconds), cents, index of `MOVERS`."""
    points = np.broadcast_to(np.int64(point), place.shape)
    return pl.DataFrame({"place": place, "point": points, "amount": amount}).with_columns(
        mover=pl.lit(mover, pl.Int8)
    )


class Saved(NamedTuple):
    """Frames of `special_memorandum_accounts` and `reg_t_calls`."""

    accounts: pl.DataFrame
    calls: pl.DataFrame


class RegTBook:
    """SMA and margin calls of all accounts, by place. Amounts are cents."""

    def __init__(self, days: BusinessDays) -> None:
        self.days = days
        self.balance = np.zeros(0, dtype=np.int64)
        """Negative: what the day's transactions lack. What is owed on calls is not taken off."""
        self.owed = np.zeros(0, dtype=np.int64)
        """Calls not met."""
        self.moved_at = np.zeros(0, dtype=np.int64)
        self.moved_by = np.zeros(0, dtype=np.int8)
        self.calls: Calls = empty_calls()

    def grow(self, accounts: int) -> None:
        """Gives so many new accounts their places."""
        nothing = np.zeros(accounts, dtype=np.int64)
        self.balance = np.concatenate([self.balance, nothing])
        self.owed = np.concatenate([self.owed, nothing])
        self.moved_at = np.concatenate([self.moved_at, nothing + UNSET])
        self.moved_by = np.concatenate([self.moved_by, (nothing + UNSET).astype(np.int8)])

    def enter(self, entries: pl.DataFrame) -> Int64Array:
        """Takes entries in order of application; returns whose they are."""
        moved = (
            entries.filter(pl.col("amount") != 0)
            .group_by("place", maintain_order=True)
            .agg(
                pl.col("amount").cast(pl.Int128).sum().clip(-BEYOND, BEYOND).cast(pl.Int64),
                pl.col("point", "mover").last(),
            )
        )
        place = moved["place"].to_numpy().astype(np.int64)
        # Two sums within the bounds still fit an integer.
        sums = self.balance[place] + moved["amount"].to_numpy()
        self.balance[place] = np.clip(sums, -BEYOND, BEYOND)
        self.moved_at[place], self.moved_by[place] = moved["point"], moved["mover"]
        return place

    def restate(self, point: int, accounts: Int64Array, nets: Int64Array) -> None:
        """Enters what accounts' balances less their calls are off from what they are to be."""
        has = self.balance[accounts] - self.owed[accounts]
        self.enter(entry_frame(accounts, point, nets - has, BY_TRADE))

    def forfeit(self, point: int, accounts: Int64Array) -> None:
        """Takes what accounts have; the next close credits what excess there is."""
        losing = accounts[self.balance[accounts] > 0]
        self.balance[losing] = 0
        self.moved_at[losing], self.moved_by[losing] = point, BY_TRADE

    def credit(
        self, at: int, accounts: Int64Array, now: RegTFigures, is_margin: BoolArray
    ) -> Int64Array:
        """Credits the excess of accounts at a session's close; returns whose balance rises.

        Without calls the balance becomes the excess where that is more, negative or not: no more
        is called than the deficiency. While a call is not covered by what was paid in, no excess
        is credited, and only a deficiency beyond the call is called. Unknown figures move nothing.
        """
        has, owed = self.balance[accounts], self.owed[accounts]
        excess = np.clip(now.excess, -BEYOND, BEYOND)
        is_covered = (owed == 0) | (has >= owed)
        beyond_call = np.where(has < 0, np.minimum(excess + owed, 0), has)
        raised = np.maximum(has, np.where(is_covered, excess + owed, beyond_call))
        is_raised = (raised > has) & now.is_known & is_margin[accounts]
        risen = accounts[is_raised]
        self.balance[risen] = np.minimum(raised[is_raised], BEYOND)
        self.moved_at[risen], self.moved_by[risen] = at, BY_EXCESS
        self._note_deficiency(at, accounts, now)
        return risen

    def _note_deficiency(self, at: int, accounts: Int64Array, now: RegTFigures) -> None:
        """Keeps the deficiency of accounts whose calls fall due today."""
        rows = self._due(self.day_of(at))
        if not len(rows):
            return
        known = np.full(len(self.balance), UNSET, dtype=np.int64)
        known[accounts] = np.where(now.is_known, np.maximum(-now.excess, 0), UNSET)
        self.calls.deficiency[rows] = known[self.calls.account[rows]]

    def end_day(self, at: int, is_margin: BoolArray) -> Int64Array:
        """Ends a business day: meets and makes calls, settles those due; returns whose moved."""
        day, was = self.day_of(at), (self.balance.copy(), self.owed.copy())
        paying = np.flatnonzero((self.balance > 0) & (self.owed > 0))
        self._meet(paying, at)
        self.balance[~is_margin & (self.balance > 0)] = 0
        short = np.flatnonzero(self.balance < 0)
        self._call(short[is_margin[short]], day)
        self.balance[short] = 0
        settled = self._settle(day, at)
        moved = (self.balance != was[0]) | (self.owed != was[1])
        moved[settled] = True
        # What moved an account that has nothing any more and asks for nothing ends with its row.
        done = ~is_margin & (self.balance == 0) & (self.owed == 0) & (self.moved_at != UNSET)
        self.moved_at[done] = self.moved_by[done] = UNSET
        return np.flatnonzero(moved | done)

    def ended(self, at: int, settled: Int64Array) -> pl.DataFrame:
        """Accounts that a business day moved, at its end: `place`, `at`, `balance`, `owed`.

        `settled`: those that its end moved.
        """
        moved = self.has_moved(at)
        moved[settled] = True
        place = np.flatnonzero(moved)
        found = {"place": place, "balance": self.balance[place], "owed": self.owed[place]}
        return pl.DataFrame(found).with_columns(at=pl.lit(at, pl.Int64))

    def has_moved(self, at: int) -> BoolArray:
        """Accounts that have moved on the business day of an instant."""
        day = self.day_of(at)
        moved: BoolArray = self.moved_at > (self.days.ends[day - 1] if day else UNSET)
        return moved

    def has_row(self, is_margin: BoolArray, of: Int64Array | slice = slice(None)) -> BoolArray:
        """Which accounts (or which of some) have a row.

        Margin accounts, and others until their last day has ended.
        """
        is_moved = (self.balance[of] != 0) | (self.moved_at[of] != UNSET)
        has: BoolArray = is_margin | (self.owed[of] > 0) | is_moved
        return has

    def has_to_end(self, is_margin: BoolArray) -> bool:
        """Whether the end of the day has anything to do, calls due on it aside."""
        lacks = (self.balance < 0) | ((self.balance > 0) & ((self.owed > 0) | ~is_margin))
        done = ~is_margin & (self.owed == 0) & (self.moved_at != UNSET)
        return bool((lacks | done).any())

    def due_day(self) -> int:
        """Next business day on which a call falls due, by its index; `UNSET` if none."""
        due = self.calls.due[self.calls.status == OPEN]
        return int(due.min()) if len(due) else UNSET

    def due_accounts(self, at: int) -> Int64Array:
        """Accounts with calls that fall due on the business day of an instant."""
        return np.unique(self.calls.account[self._due(self.day_of(at))])

    def day_of(self, at: int) -> int:
        """Business day of an instant, by its index."""
        return int(np.searchsorted(self.days.ends, at))

    def extend(self, account: int, day: int) -> None:
        """Extends the payment period of an account's open calls to a business day at least."""
        calls = self.calls
        rows = np.flatnonzero((calls.account == account) & (calls.status == OPEN))
        calls.due[rows] = np.maximum(calls.due[rows], day)

    def load(self, saved: Saved, place: Callable[[pl.Series], Int64Array]) -> None:
        """Takes both frames as saved; the names in them must have their places."""
        rows, whose = saved.accounts, place(saved.accounts["account_id"])
        columns = ("sma", "toward_calls", "shortfall", "open_calls")
        sma, paid, short, owed = (bounded(rows[name], BEYOND) for name in columns)
        self.balance[whose], self.owed[whose] = sma + paid - short, owed
        self.moved_at[whose] = instants(rows["moved_at"])
        self.moved_by[whose] = codes_of(rows["moved_by"], MOVERS, UNSET)
        self.calls = calls_of(saved.calls, self.days, place)

    def _due(self, day: int) -> Int64Array:
        return np.flatnonzero((self.calls.status == OPEN) & (self.calls.due == day))

    def _meet(self, accounts: Int64Array, at: int) -> None:
        """Uses what accounts have for their calls, the oldest first."""
        calls, is_paying = self.calls, np.zeros(len(self.balance), dtype=np.bool_)
        is_paying[accounts] = True
        rows = np.flatnonzero((calls.owed > 0) & is_paying[calls.account])
        rows = rows[np.lexsort((calls.day[rows], calls.account[rows]))]
        whose, owed = calls.account[rows], calls.owed[rows]
        used = np.clip(self.balance[whose] - _before(whose, owed), 0, owed)
        calls.met[rows] += used
        calls.owed[rows] -= used
        np.subtract.at(self.balance, whose, used)
        np.subtract.at(self.owed, whose, used)
        done = rows[used == owed]
        calls.status[done], calls.ended_at[done] = CALL_STATES.index("met"), at

    def _call(self, accounts: Int64Array, day: int) -> None:
        amount = -self.balance[accounts]
        due = day + timeline_rules(self.days.date_of(day)).payment_period
        self.calls = self.calls.with_new(accounts, amount, day, due)
        self.owed[accounts] += amount

    def _settle(self, day: int, at: int) -> Int64Array:
        """Decides calls unmet on their last day; returns whose they are.

        Source: 220.4(d): the lesser of the call and the deficiency is liquidated.
        """
        calls, rows = self.calls, self._due(day)
        owed, deficiency = calls.owed[rows], calls.deficiency[rows]
        least = entry_rules(self.days.date_of(day)).no_action
        is_small = calls.amount[rows] <= least
        sell = np.where(deficiency == UNSET, owed, np.minimum(owed, deficiency))
        sell[is_small] = 0
        words = np.where(is_small, "waived", np.where(sell == 0, "lapsed", "liquidation_due"))
        calls.status[rows] = [CALL_STATES.index(word) for word in words.tolist()]
        calls.to_liquidate[rows] = calls.owed[rows] = sell
        calls.ended_at[rows[sell == 0]] = at
        np.subtract.at(self.owed, calls.account[rows], owed - sell)
        return calls.account[rows]


def _before(whose: Int64Array, owed: Int64Array) -> Int64Array:
    """Sum of what is owed in the rows above of the same account; rows are sorted by account."""
    total = np.cumsum(owed) - owed
    is_first = np.ones(len(whose), dtype=np.bool_)
    is_first[1:] = whose[1:] != whose[:-1]
    starts = np.maximum.accumulate(np.where(is_first, np.arange(len(whose)), 0))
    before: Int64Array = total - total[starts]
    return before
