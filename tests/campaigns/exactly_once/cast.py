"""Who and what the stories are about, and when they happen."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from tests.campaigns.exactly_once.expected import is_option
from tests.support.live_driver import Row, instrument

KINDS = ("reg_t", "portfolio_margin", "cash", "reg_t", "portfolio_margin", "reg_t", "cash", "reg_t")
ACCOUNTS = tuple(f"ACC{n}" for n in range(len(KINDS)))
UNREGISTERED = "GHOST"
MISTAKEN, TWIN = "MISTAKEN", "TWIN"
"""Both do the same, but the first has a fill that is set right days later."""
CALLED, THEIRS = "CALLED", "KK"
"""Who is called at a known time, for the one stock that only they hold."""
SOLD, EASED, RECALLED, FALLEN = "SOLD", "EASED", "RECALLED", "JJ"
"""Who is liquidated at a known time, for the fall of the one stock that only they hold."""
CALL, PUT, INDEX_PUT, BOND, UNKNOWN = "AA 260717C105", "AA 260717P95", "SPX 260918P2700", "TB", "ZZ"
LAST_CALL, LAST_PUT = "AA 260604C100", "SPX 260604P2800"
ENDING = (LAST_CALL, LAST_PUT)
"""Options whose last day is the second of a story's three."""
OPTIONS = (CALL, PUT, INDEX_PUT, *ENDING)
STOCKS = ("AA", "BB", "CC", "SPY")
OPENING = {"AA": 100, "BB": 60, "CC": 20, "SPY": 280, "SPX": 2800, CALL: 2.5, PUT: 2.2}
OPENING |= {
    THEIRS: 100,
    FALLEN: 100,
    INDEX_PUT: 120,
    LAST_CALL: 1.1,
    LAST_PUT: 14,
    BOND: 990,
    UNKNOWN: 10,
}
# The last hour before intraday margin, its first morning, and the morning after.
STRETCHES = (
    (datetime(2026, 6, 3, 19, 0, tzinfo=UTC), 3300, 22),
    (datetime(2026, 6, 4, 13, 30, tzinfo=UTC), 5400, 30),
    (datetime(2026, 6, 5, 13, 30, tzinfo=UTC), 4800, 20),
)
ENDED = datetime(2026, 6, 4, 20, 0, tzinfo=UTC)
"""The close of the ending options' last day."""


class Event(NamedTuple):
    """One row: when it counts, when it is delivered, and what lands."""

    when: datetime
    due: datetime
    feed: str
    line: str
    lands_last: bool = False


def instruments(when: Iterator[datetime]) -> Iterator[Row]:
    """Everything that can be traded, but what nobody knows."""
    for symbol in STOCKS[:3]:
        yield instrument(symbol, next(when), class_group=symbol)
    for symbol in (THEIRS, FALLEN):
        yield instrument(symbol, next(when))
    fund = {"asset_class": "etf", "class_group": "SPX", "leverage": 1}
    yield instrument("SPY", next(when), **fund)
    yield instrument("SPX", next(when), asset_class="broad_index_high_cap")
    for symbol in filter(is_option, OPENING):
        underlying, terms = symbol.split()
        row = {"asset_class": "option", "underlying": underlying, "multiplier": 100}
        row |= {"right": "call" if terms[6] == "C" else "put", "strike": Decimal(terms[7:])}
        row |= {"expiry": f"20{terms[:2]}-{terms[2:4]}-{terms[4:6]}"}
        style = "european" if underlying == "SPX" else "american"
        yield instrument(symbol, next(when), **row, style=style)
    bond = {"asset_class": "treasury", "maturity": "2034-02-15", "coupon": Decimal("0.04")}
    yield instrument(BOND, next(when), **bond, principal=1000)


def second(when: datetime) -> int:
    """The grid point at which an event counts."""
    return -int(-when.timestamp() // 1)
