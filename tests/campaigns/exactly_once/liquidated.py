"""Three accounts that are liquidated: one sold out, one paying before its orders leave, one after.

What happens to them is the same in every story, at the same times, and no chance touches it.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from margin_assets.kernels.liquidation.proposals import order_id
from tests.campaigns.exactly_once.cast import EASED, FALLEN, RECALLED, SOLD, STRETCHES
from tests.support.live_driver import Row, account, cash, fill, price, text
from tests.support.plans import order, proposal, text_of

PLANS = {who: proposal(order(FALLEN, "300", "39"), account=who) for who in (SOLD, EASED, RECALLED)}
"""Id and details of the plan of each."""
LEAVING = (SOLD, RECALLED)
"""Whose orders leave."""
# A fraction of a second that no other event of a story has.
_OPENING = STRETCHES[0][0] + timedelta(seconds=45, microseconds=137_000)
_FALL = STRETCHES[0][0] + timedelta(seconds=1200, microseconds=137_000)
PAID_FIRST = _FALL + timedelta(seconds=62)
"""When one has paid before its orders leave, and the plans of the others are approved."""
LEFT = _FALL + timedelta(seconds=200)
"""When the orders leave."""
_NEXT_DAY = STRETCHES[1][0] + timedelta(seconds=900, microseconds=137_000)


def rows() -> Iterator[tuple[str, Row]]:
    """Everything that happens to them, with its feed, in the order of its time."""
    yield from _opening()
    yield "prices", price(FALLEN, "39", _FALL)
    for place, who in enumerate(PLANS):
        plan, terms = PLANS[who]
        yield "desk_actions", _act("plan_propose", plan, _later(20, place), text_of(terms))
    for place, who in enumerate(PLANS):
        yield "desk_actions", _act("plan_approve", PLANS[who][0], _later(60, place), by="mary")
    yield "cash_movements", cash("paid-EASED", EASED, "60000", PAID_FIRST)
    for place, who in enumerate(LEAVING):
        yield "desk_actions", _act("plan_send", PLANS[who][0], LEFT + timedelta(microseconds=place))
    yield "fills", _sold(SOLD, 1, "-100", "39", _later(260))
    yield "fills", _sold(RECALLED, 1, "-100", "39", _later(261))
    yield "cash_movements", cash("paid-RECALLED", RECALLED, "60000", _later(300))
    yield "fills", _sold(SOLD, 2, "-200", "38.5", _later(400))
    yield "fills", _sold(RECALLED, 2, "-150", "39", _later(500))
    # Their plans are over: one fill is set right, one busted.
    yield "fills", _sold(SOLD, 3, "-200", "39", _NEXT_DAY, corrects=_fill_id(SOLD, 2))
    bust = _NEXT_DAY + timedelta(seconds=1)
    yield "fills", _sold(RECALLED, 3, "0", "39", bust, corrects=_fill_id(RECALLED, 1))


_ENDED = "the liquidation that it answers has ended"
STATES = {
    SOLD: (["proposed", "approved", "sent", "part_filled", "filled"], None),
    EASED: (["proposed", "approved", "cancelled"], _ENDED),
    RECALLED: (
        ["proposed", "approved", "sent", "part_filled", "recalled"],
        f"{_ENDED}; out are sell 200 {FALLEN}",
    ),
}
"""What becomes of each plan, and why it came to the last."""
ORDERS = {
    SOLD: ("filled", Decimal(300), Decimal(39)),
    EASED: ("cancelled", Decimal(0), None),
    RECALLED: ("part_filled", Decimal(150), Decimal(39)),
}
"""How the one order of each stands in the end: state, quantity, average price."""


def order_lines(who: str) -> bytes:
    """The file that the orders of an account leave in."""
    return _line(who, time_in_force="day")


def recall_lines(who: str) -> bytes:
    """The file that takes them back, a hundred of them sold by then."""
    return _line(who, filled_quantity="100")


def _line(who: str, **more: str) -> bytes:
    plan = PLANS[who][0]
    told = {"order_id": order_id(plan, FALLEN), "plan_id": plan, "account_id": who}
    told |= {"symbol": FALLEN, "side": "sell", "quantity": "300", "price": "39"}
    return (json.dumps(told | more) + "\n").encode()


def _opening() -> Iterator[tuple[str, Row]]:
    ticks = (_OPENING + timedelta(microseconds=n) for n in range(1000))
    for who in PLANS:
        yield "accounts", account(who, "reg_t", next(ticks))
        yield "cash_movements", cash(f"paid-in-{who}", who, "60000", next(ticks))
        place = {"account_id": who, "symbol": FALLEN}
        yield "fills", fill(f"bought-{who}", "1000", "100", next(ticks), **place)


def _later(seconds: int, place: int = 0) -> datetime:
    return _FALL + timedelta(seconds=seconds, microseconds=place)


def _act(
    kind: str, plan: str, at: datetime, details: str | None = None, by: str = "planner"
) -> Row:
    row = {"action_id": f"{kind}-{plan[:8]}", "kind": kind, "subject": plan, "actor": by}
    row |= {} if details is None else {"details": details}
    return row | {"event_time": text(at)}


def _fill_id(who: str, number: int) -> str:
    return f"sold-{who}-{number}"


def _sold(
    who: str, number: int, quantity: str, usd: str, at: datetime, *, corrects: str | None = None
) -> Row:
    named = None if corrects else order_id(PLANS[who][0], FALLEN)
    place = {"account_id": who, "symbol": FALLEN}
    return fill(_fill_id(who, number), quantity, usd, at, corrects=corrects, order=named, **place)
