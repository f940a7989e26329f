"""Every account as a sealed cycle left it, and its orders checked from memory."""

from collections.abc import Mapping, Sequence
from contextvars import copy_context
from typing import Any

import numpy as np

from margin_assets.kernels.book.book import CASH
from margin_assets.kernels.calls.open_calls import consequences
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import MICRO
from margin_assets.kernels.pretrade.check import check
from margin_assets.kernels.pretrade.legs import Held, Legs
from margin_assets.kernels.pretrade.reasons import Against
from margin_assets.kernels.pretrade.scene import Scene
from margin_assets.kernels.rules.grid import day_of
from margin_assets.lake.ledger.adoptions import Adopted, decided_as
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.store.store import Lake
from margin_assets.live.books.intraday import is_switched
from margin_assets.live.checking.cash_in_advance import frozen
from margin_assets.live.checking.loaded import loaded, tables_of
from margin_assets.live.checking.overlaid import house_charges
from margin_assets.live.checking.traded_today import TradedToday
from margin_assets.live.firm.monitor import Monitor
from margin_assets.rulebooks import planned_under
from margin_assets.whatif.orders import Order, OrderError
from margin_assets.whatif.pretrade import answer_of
from schemas.desk.calls import CONSEQUENCES

Document = dict[str, Any]


class UnknownAccount(LookupError):
    """The cycle knows no such account."""


class SealedFirm:
    """The figures that orders are checked by, as of one cycle; nothing in it changes."""

    def __init__(
        self, monitor: Monitor, sealed: Sealed, own: Adopted, settled_funds: Mapping[str, int]
    ) -> None:
        """Takes over a monitor that nobody moves on any more; `own` is what its lake adopted.

        `settled_funds` are those of cash accounts without delayed payment.
        """
        point = monitor.point
        self.cycle, self.as_of = sealed.cycle, sealed.as_of
        with planned_under(sealed.cycle, sealed.manifest["rulebooks"], own):
            self._planned = copy_context()
        self._monitor, self._point, self._on = monitor, point, day_of(point)
        self._rules = monitor.rules(point)
        self._series = monitor.market.series(point, self._rules)
        holdings = monitor.holdings
        self._offsets = holdings.book(monitor.market.multiplier).offsets
        self._is_close_only = monitor.ladder.is_stressed | monitor.ladder.is_overdue
        self._is_frozen = monitor.intraday.frozen()
        self._consequences = _consequences(monitor)
        self._settled_funds = settled_funds
        self._today = TradedToday(monitor)

    def check(self, account: str, orders: Sequence[Order]) -> Document:
        """Whether orders of an account would be accepted, why not, and what they come to.

        Raises:
            UnknownAccount: the cycle does not know it.
            OrderError: a symbol of which nothing has landed.
        """
        names = self._monitor.holdings.accounts
        if account not in names:
            raise UnknownAccount(f"cycle {self.cycle} has no account {account!r}")
        # A context of its own, since many are asked at once, and none is entered twice.
        return self._planned.copy().run(self._checked, account, orders)

    def _checked(self, account: str, orders: Sequence[Order]) -> Document:
        place = self._monitor.holdings.accounts.place(account)
        held, legs = self._held(place), self._legs(orders)
        found = check(self._scene(), held, legs, self._against(place, held, legs))
        head = {"account_id": account, "cycle": self.cycle, "as_of": self.as_of}
        return answer_of(head, orders, found, (held.account_type, self._rules))

    def _legs(self, orders: Sequence[Order]) -> Legs:
        symbols = self._monitor.market.symbols
        for order in orders:
            if order.symbol not in symbols:
                raise OrderError(f"unknown symbol {order.symbol!r}: nothing of it has landed")
        return Legs(
            np.array([symbols.place(order.symbol) for order in orders], dtype=np.int64),
            np.array([int(order.quantity * MICRO) for order in orders], dtype=np.int64),
            np.array([int(order.price * MICRO) for order in orders], dtype=np.int64),
        )

    def _held(self, place: int) -> Held:
        holdings, held = self._monitor.holdings, self._monitor.holdings.positions
        own = slice(self._offsets[place], self._offsets[place + 1])
        return Held(
            series=held.series[own].astype(np.int64),
            quantity=held.quantity[own],
            last_fill_price=held.last_fill_price[own],
            sold=held.sold[own],
            proceeds=held.proceeds[own],
            cash=int(holdings.cash[place]),
            account_type=int(holdings.account_type[place]),
            is_registered=bool(holdings.is_registered[place]),
            is_exempt=bool(holdings.is_exempt[place]),
        )

    def _scene(self) -> Scene:
        market = self._monitor.market

        def charges(before: Held, after: Held) -> Int64Array:
            return house_charges((before, after), market, self._point, self._rules)

        marks = self._series, market.values, self._rules, self._on
        return Scene(*marks, charges, market.deciding)

    def _against(self, place: int, held: Held, legs: Legs) -> Against:
        monitor, asked = self._monitor, self._consequences.get(place, frozenset())
        chosen = monitor.holdings.intraday_from[place : place + 1]
        return Against(
            balance=int(monitor.reg_t.book.balance[place]),
            owed=int(monitor.reg_t.book.owed[place]),
            is_close_only=bool(self._is_close_only[place]) or "close_only" in asked,
            is_reduce_only="reduce_only" in asked,
            is_frozen=bool(self._is_frozen[place]),
            is_cash_only="cash_only" in asked or self._today.is_cash_only(place),
            is_switched=bool(is_switched(chosen, self._point)[0]),
            settled_funds=self._settled_funds.get(monitor.holdings.accounts.all[place]),
            day_trading=self._today.after(place, held, legs),
        )


def sealed_firm(lake: Lake, sealed: Sealed, account: str | None = None) -> SealedFirm:
    """The firm of a sealed cycle, read from its tables; of one account alone where it is named.

    Raises:
        LookupError: nothing had been evaluated by then.
    """
    if sealed.as_of is None:
        raise LookupError(f"cycle {sealed.cycle} has no snapshot: nothing had happened by then")
    with decided_as(lake, sealed):
        monitor = loaded(lake, sealed, sealed.as_of, account)
        found = frozen(tables_of(lake, sealed), _cash_accounts(monitor), sealed.as_of)
        funds = {name: max(stands.settled_funds, 0) for name, stands in found.items()}
        return SealedFirm(monitor, sealed, Adopted(lake), funds)


def _cash_accounts(monitor: Monitor) -> list[str]:
    names = monitor.holdings.accounts.all
    return [names[n] for n in np.flatnonzero(monitor.holdings.account_type == CASH).tolist()]


def _consequences(monitor: Monitor) -> dict[int, frozenset[str]]:
    """What open calls bring on their accounts at the moment, by place."""
    calls, point = monitor.calls.book.calls, monitor.point
    codes, found = consequences(calls), dict[int, frozenset[str]]()
    stands = (calls.is_open == 1) & (
        (calls.consequence_until < 0) | (calls.consequence_until > point)
    )
    for account, code in zip(calls.account[stands].tolist(), codes[stands].tolist(), strict=True):
        found[account] = found.get(account, frozenset()) | {CONSEQUENCES[code]}
    return found
