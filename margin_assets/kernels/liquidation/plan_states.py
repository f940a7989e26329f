"""Where a plan and its orders stand, told from what was decided and what was filled."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from margin_assets.kernels.liquidation.proposals import Proposal

PLANNER = "planner"
"""The desk's agent: who proposes without being a person."""
NO_PLAN = "no plan has this id"
"""Why an act on a plan is refused that is not there."""
_AT_WORK = ("approved", "sent")
RECALLED = "recalled"
_NAMED = 5
"""Orders that a reason names."""
_DONE = ("filled", "other_price", "overfilled")


class By(NamedTuple):
    """Who made a version, by which act, and why; all null where the market or time did."""

    actor: str | None = None
    action_id: str | None = None
    reason: str | None = None


NOBODY = By()
ANOTHER_DAY = By(reason="its business day has ended")


class Order(NamedTuple):
    """One order and its fills as they stand; micros, cost in cents, value in micros squared."""

    plan_id: str
    account_id: str
    order_id: str
    symbol: str
    side: str
    quantity: int
    price: int
    cost: int
    filled: int = 0
    value: int = 0
    state: str = ""
    version: int = 0

    def next(self) -> "Order":
        """The same as a version of its own."""
        return self._replace(version=self.version + 1)


class Plan(NamedTuple):
    """One plan; instants in microseconds."""

    terms: Proposal
    is_of_liquidation: bool
    proposed_at: int
    ends_at: int
    proposed_by: str
    decided: str = "proposed"
    """What people and time decided, whatever was filled."""
    sent_at: int | None = None
    state: str = ""
    is_live: bool = False
    version: int = 0

    @property
    def is_unsent(self) -> bool:
        """Whether none of its orders is known to have left."""
        return self.state in ("proposed", "approved")

    @property
    def may_live(self) -> bool:
        """Whether nothing that was decided has ended it."""
        return self.decided in ("proposed", *_AT_WORK)

    def next(self) -> "Plan":
        """The same as a version of its own."""
        return self._replace(version=self.version + 1)


class Version(NamedTuple):
    """What of a plan and its orders is new from an instant on, and who made it so."""

    at: int
    by: By
    plan: Plan | None
    """None where only orders changed."""
    orders: tuple[Order, ...]


class Fill(NamedTuple):
    """What one effect of a fill changes: signed quantity and price, of before and of now."""

    order_id: str
    account_id: str
    symbol: str
    before: tuple[int, int]
    after: tuple[int, int]


def filled_by(order: Order, fill: Fill) -> Order:
    """The order after a fill that names it; one of another account, symbol or side counts not."""
    if (order.order_id, order.account_id, order.symbol) != fill[:3]:
        return order
    (quantity_before, value_before), (quantity, value) = (
        _counted(order.side, *version) for version in (fill.before, fill.after)
    )
    return order._replace(
        filled=order.filled + quantity - quantity_before,
        value=order.value + value - value_before,
    )


def _counted(side: str, quantity: int, price: int) -> tuple[int, int]:
    """Quantity and value of one version of a fill in the order's own direction."""
    done = max(-quantity if side == "sell" else quantity, 0)
    return done, done * price


def standing_as(order: Order, decided: str, *, has_ended: bool) -> Order:
    """The order with its state told again.

    Fills speak of an order that was let go: before, and of one that was taken back before it left,
    what was decided stands, whatever came.
    """
    return order._replace(state=_order_state(order, decided, has_ended=has_ended))


def _order_state(order: Order, decided: str, *, has_ended: bool) -> str:
    if decided not in (*_AT_WORK, RECALLED):
        return decided
    if order.filled == 0:
        return "none_filled" if has_ended and decided != RECALLED else decided
    if order.filled < order.quantity:
        return "part_filled"
    if order.filled > order.quantity:
        return "overfilled"
    return "filled" if order.value == order.filled * order.price else "other_price"


def still_out(orders: Iterable[Order]) -> str:
    """What of orders is not filled, for a person: the first of them by name."""
    left = [order for order in orders if order.filled < order.quantity]
    told = [f"{o.side} {_units(o.quantity - o.filled)} {o.symbol}" for o in left[:_NAMED]]
    return ", ".join([*told, *([f"{len(left) - _NAMED} more"] if len(left) > _NAMED else [])])


def _units(micros: int) -> str:
    return f"{Decimal(f'{micros}e-6').normalize():f}"


def plan_state(orders: Iterable[Order], decided: str, *, has_ended: bool) -> str:
    """Where a plan stands, its orders standing where they do."""
    states = {order.state for order in orders}
    if decided not in _AT_WORK:
        return decided
    if states <= set(_DONE):
        return "filled"
    if states & {"part_filled", *_DONE}:
        return "part_filled"
    return "none_filled" if has_ended else decided
