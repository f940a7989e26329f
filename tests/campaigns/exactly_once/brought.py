"""An account that brings its positions along: a dividend, a split, a contract that is adjusted for
it, an assignment, the firm's books.

What happens to it is the same in every story, at the same times, and no chance touches it.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from tests.campaigns.exactly_once.cast import STRETCHES
from tests.support.live_driver import Row, account, cash, instrument, price, text

BROUGHT, OWN, WRITTEN = "BROUGHT", "LL", "LL 260717C50"
HELD = {(BROUGHT, OWN): Decimal(100)}
"""150 of which two for one make 300, less the 200 that the one call delivers."""
PAID = Decimal("6065.00")
"""1,000 brought along, a dividend of 0.50 on 150, and 200 at half of 50 less 10 that go along."""
Told = tuple[datetime, str, Row]
# A fraction of a second that no other event of a story has.
_OPENING, _SECOND, _THIRD = (
    start + timedelta(seconds=50, microseconds=241_000) for start, _, _ in STRETCHES
)


def rows() -> Iterator[Told]:
    """When each row lands, its feed, and itself; in the order of their time."""
    ticks = (_OPENING + timedelta(microseconds=n) for n in range(1000))
    yield (at := next(ticks)), "accounts", account(BROUGHT, "reg_t", at)
    yield (at := next(ticks)), "instruments", instrument(OWN, at)
    option = {"asset_class": "option", "underlying": OWN, "multiplier": 100, "right": "call"}
    option |= {"strike": Decimal(50), "expiry": "2026-07-17", "style": "american"}
    yield (at := next(ticks)), "instruments", instrument(WRITTEN, at, **option)
    for symbol, usd in ((OWN, "60"), (WRITTEN, "11")):
        yield (at := next(ticks)), "prices", price(symbol, usd, at)
    for told in _balances():
        yield (at := next(ticks)), "opening_balances", told | {"as_of": text(at)}
    yield (at := next(ticks)), "corporate_actions", _dividend(at)
    yield (at := next(ticks)), "corporate_actions", _split(at)
    book = {"account_id": BROUGHT, "symbol": OWN, "quantity": Decimal(150), "as_of": "2026-06-03"}
    yield _SECOND, "stock_record", book
    # Ahead of its day. The split alone would make it 200 shares.
    ahead = _SECOND + timedelta(seconds=300)
    adjusted = {"symbol": WRITTEN, "deliverable": f"200 {OWN} + 10 cash"}
    yield ahead, "option_adjustments", adjusted | {"effective_on": "2026-06-05"}
    yield _THIRD, "cash_movements", dividend()
    late = _THIRD + timedelta(seconds=600)
    report = {"exercise_id": "assigned", "account_id": BROUGHT, "symbol": WRITTEN}
    report |= {"quantity": Decimal(1), "kind": "assignment", "event_time": text(late)}
    yield late, "exercises", report


def dividend() -> Row:
    """The movement that pays it."""
    return cash("dividend", BROUGHT, "75", _THIRD, "dividend")


def _balances() -> Iterator[Row]:
    for symbol, quantity, cost in ((OWN, 150, 50), (WRITTEN, -1, 5)):
        told = {"account_id": BROUGHT, "symbol": symbol, "quantity": Decimal(quantity)}
        yield told | {"cost": Decimal(cost)}
    yield {"account_id": BROUGHT, "cash": Decimal(1000)}


def _dividend(at: datetime) -> Row:
    told = {"action_id": "D", "symbol": OWN, "kind": "cash_dividend", "effective_on": "2026-06-04"}
    return told | {"cash_amount": Decimal("0.5"), "event_time": text(at)}


def _split(at: datetime) -> Row:
    told = {"action_id": "S", "symbol": OWN, "kind": "split", "effective_on": "2026-06-05"}
    return told | {"new_units": Decimal(2), "per_units": Decimal(1), "event_time": text(at)}
