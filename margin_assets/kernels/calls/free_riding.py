"""What a cash account sold before it had paid for it, 12 CFR 220.8(c).

A purchase is paid for by the settled funds of the account when it is made, then by what comes in:
deposits, and the proceeds of sales once they settle; the oldest purchase first. A security that is
sold with a part of its cost unpaid takes the privilege of delayed payment away for 90 calendar days
from the sale, unless the whole is paid within the payment period of the purchase by something else
than its own proceeds (220.8(c)(2)(i)): these are held until it is paid or the period is over. Until
then the sale stands as unpaid; a withdrawal of the proceeds before the payment leaves it so. What
was bought first is sold first. Without the privilege an account buys with settled funds alone,
220.8(a)(1)(i): proceeds of a sale of the day are none (Federal Reserve staff, 18 February 1999).
"""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

from margin_assets.kernels.book.counting import counting_from
from margin_assets.kernels.book.fills import effects_at, sized_cash
from margin_assets.kernels.book.multipliers import multiplier_versions, traded_multiplier
from margin_assets.kernels.numeric.money import instants, to_instants, to_scaled
from margin_assets.kernels.rules.settling import payment_due, settles_on, trade_dates
from margin_assets.rulebooks import in_force


class Entry(NamedTuple):
    """One trade or payment of a cash account."""

    on: date
    """Trade date of a trade, date of a payment."""
    fill_id: str
    symbol: str
    quantity: int
    """Micro-units, signed; 0 of a payment."""
    cash: int
    """Cents into the account, signed."""
    is_withdrawal: bool = False


class FreeRide(NamedTuple):
    """One purchase that was sold before it was paid for."""

    fill_id: str
    """The sale."""
    symbol: str
    bought_on: date
    sold_on: date
    unpaid: int
    """Cents of its cost that were not paid when it was sold."""
    due_on: date
    """Last day of the payment period of the purchase."""
    paid_on: date | None
    """When other funds had paid it, within the period; then nothing is frozen."""
    frozen_until: date
    """Last day without delayed payment, unless it is paid in time."""

    def freezes(self, on: date) -> bool:
        """Whether the account has no delayed payment on a day for it."""
        is_paid = self.paid_on is not None and self.paid_on <= on
        return self.sold_on <= on <= self.frozen_until and not is_paid


class CashAccount(NamedTuple):
    """A cash account on a day."""

    rides: list[FreeRide]
    """Purchases that were sold before they were paid for, in order."""
    settled_funds: int
    """Cents that pay for a purchase at once; negative where they are owed."""

    def frozen_until(self, on: date) -> date | None:
        """Last day without delayed payment, of those known on a day; None where it has it."""
        return max((ride.frozen_until for ride in self.rides if ride.freezes(on)), default=None)


@dataclass
class _Lot:
    """A purchase, or the part of one that was sold unpaid."""

    on: date
    quantity: int
    unpaid: int
    ride: int = -1
    """Its free ride, by number; -1 while it is held."""
    proceeds: int = 0
    """Of a ride: what it sold for, once that has settled."""


def entries_of(
    fills: pl.DataFrame, movements: pl.DataFrame, instruments: pl.DataFrame
) -> dict[str, list[Entry]]:
    """Trades and payments by account in order of time, a trade as its corrections leave it.

    Landed rows in landing order; a trade is of the day of its original.
    """
    effects = effects_at(fills, counting_from(fills))
    versions = multiplier_versions(instruments, counting_from(instruments))
    cash = pl.Series(sized_cash(effects, traded_multiplier(effects, versions)))
    dealt = (
        effects.with_columns(cash=cash)
        .group_by("original", maintain_order=True)
        .agg(
            pl.col("account_id", "original_time", "symbol").first(),
            pl.col("quantity").sum(),
            pl.col("cash").sum(),
        )
    )
    nothing = pl.lit(0, pl.Int64)
    trades = dealt.filter(pl.col("quantity") != 0).select(
        "account_id",
        "symbol",
        "quantity",
        "cash",
        at="original_time",
        name="original",
        is_withdrawal=False,
    )
    paid = movements.select(
        "account_id",
        pl.lit("").alias("symbol"),
        nothing.alias("quantity"),
        pl.Series("cash", to_scaled(movements["amount"])),
        pl.Series("at", instants(movements["event_time"])),
        pl.lit("").alias("name"),
        is_withdrawal=pl.col("kind") == "withdrawal",
    )
    rows = pl.concat([paid, trades]).sort("at", maintain_order=True)
    days = trade_dates(to_instants(rows["at"].to_numpy()))
    columns = rows.select("account_id", "name", "symbol", "quantity", "cash", "is_withdrawal")
    found: dict[str, list[Entry]] = {}
    for day, (account, *row) in zip(days, columns.iter_rows(), strict=True):
        found.setdefault(account, []).append(Entry(day, *row))
    return found


def standing(entries: Iterable[Entry], sessions: Sequence[date], until: date) -> CashAccount:
    """One account at the end of a day, its settlements of it taken; `entries` in order of time.

    A sale of more than was bought is of no purchase: what it sells short is left out.
    """
    walk = _Walk(sessions)
    for entry in entries:
        walk.pass_to(entry.on)
        walk.take(entry)
    walk.pass_to(until)
    funds = walk.funds
    walk.pass_to(until + timedelta(days=1))
    return CashAccount(walk.found, funds)


class _Walk:
    """One cash account from entry to entry."""

    def __init__(self, sessions: Sequence[date]) -> None:
        self.found: list[FreeRide] = []
        self.funds = 0
        """Settled cents that pay for the next purchase; below 0 they are owed."""
        self._sessions = sessions
        self._held: dict[str, list[_Lot]] = {}
        self._debts: list[_Lot] = []
        """What is not paid for, the oldest purchase first."""
        self._due: list[tuple[date, int, int, _Lot | None]] = []
        """What happens at the opening of a day: order, cents that settle, the ride they are of."""
        self._count = 0
        self._taken: set[int] = set()
        """Rides of which proceeds were withdrawn before they were paid."""

    def pass_to(self, day: date) -> None:
        """Settles what settles and closes the periods that are over, before a day's trades."""
        while self._due and self._due[0][0] <= day:
            on, _, cents, ride = heapq.heappop(self._due)
            if ride is None:
                self._receive(cents, on)
            elif cents:
                ride.proceeds += cents
                self._release(ride)
            else:
                self._close(ride)

    def take(self, entry: Entry) -> None:
        """Takes a trade or a payment."""
        if entry.quantity > 0:
            paid = min(max(self.funds, 0), -entry.cash)
            self.funds -= paid
            lot = _Lot(entry.on, entry.quantity, -entry.cash - paid)
            self._held.setdefault(entry.symbol, []).append(lot)
            if lot.unpaid > 0:
                self._debts.append(lot)
        elif entry.quantity < 0:
            self._sell(entry)
        elif entry.cash > 0:
            self._receive(entry.cash, entry.on)
        else:
            self.funds += entry.cash
            if entry.is_withdrawal and self.funds < 0:
                # More than is settled: it can only be proceeds that were held for a payment.
                self._taken.update(lot.ride for lot in self._debts if lot.ride >= 0)

    def _sell(self, entry: Entry) -> None:
        left, cash, day = -entry.quantity, entry.cash, settles_on(self._sessions, entry.on)
        lots = self._held.get(entry.symbol, [])
        while left and lots:
            lot = lots[0]
            sold = min(left, lot.quantity)
            unpaid = -(-lot.unpaid * sold // lot.quantity)
            proceeds = entry.cash * sold // -entry.quantity
            ride = self._ride(entry, lot, unpaid) if unpaid > 0 else None
            self._schedule(day, proceeds, ride)
            lot.quantity -= sold
            left -= sold
            cash -= proceeds
            if not lot.quantity:
                lots.pop(0)
        self._schedule(day, cash, None)

    def _ride(self, entry: Entry, lot: _Lot, unpaid: int) -> _Lot:
        """The part of a purchase that is sold unpaid, with its payment period."""
        due = payment_due(self._sessions, lot.on)
        days = int(in_force("cash_account", entry.on).numbers["freeze"]["calendar_days"])
        until = entry.on + timedelta(days=days)
        ride = _Lot(lot.on, 0, unpaid, len(self.found))
        self.found.append(
            FreeRide(entry.fill_id, entry.symbol, lot.on, entry.on, unpaid, due, None, until)
        )
        lot.unpaid -= unpaid
        self._debts.insert(self._debts.index(lot), ride)
        self._schedule(max(due, entry.on) + timedelta(days=1), 0, ride)
        return ride

    def _schedule(self, day: date, cents: int, ride: _Lot | None) -> None:
        if cents or ride is not None:
            self._count += 1
            heapq.heappush(self._due, (day, self._count, cents, ride))

    def _receive(self, cents: int, on: date) -> None:
        """Pays what is owed, the oldest purchase first, and keeps the rest."""
        for lot in self._debts:
            paid = min(cents, lot.unpaid)
            lot.unpaid -= paid
            cents -= paid
            if lot.ride >= 0 and not lot.unpaid and lot.ride not in self._taken:
                self.found[lot.ride] = self.found[lot.ride]._replace(paid_on=on)
        self.funds += cents
        paid_up = [lot for lot in self._debts if not lot.unpaid]
        self._debts = [lot for lot in self._debts if lot.unpaid]
        for lot in paid_up:
            self._release(lot)

    def _release(self, ride: _Lot) -> None:
        """Hands on the proceeds of a ride that is paid or whose period is over."""
        if ride.ride >= 0 and not ride.unpaid and ride.proceeds:
            cents, ride.proceeds = ride.proceeds, 0
            self._receive(cents, self.found[ride.ride].sold_on)

    def _close(self, ride: _Lot) -> None:
        """The period is over: its own proceeds pay what is left."""
        if ride.unpaid:
            self._debts.remove(ride)
            self.funds -= ride.unpaid
            ride.unpaid = 0
            self._release(ride)
