"""Rows that must be refused, dropped or marked late, among the others; and what people do then."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from tests.campaigns.exactly_once.cast import (
    ACCOUNTS,
    CALLED,
    EASED,
    ENDING,
    FALLEN,
    MISTAKEN,
    RECALLED,
    SOLD,
    STRETCHES,
    THEIRS,
    TWIN,
    Event,
)
from tests.campaigns.exactly_once.teller import Teller
from tests.support.live_driver import Row, cash, fill, instrument, line, price

_HALF = '{"fill_id": "HALF", "account_id": "ACC5", "sym\n'
# A late row changes what the twins have in common, whether an option's last fill closes it, or
# when those who are called or liquidated are.
_PUNCTUAL = (MISTAKEN, TWIN, CALLED, THEIRS, SOLD, EASED, RECALLED, FALLEN, *ENDING)


@dataclass(frozen=True)
class Desk:
    """What people do about refused rows once everything has landed."""

    at: datetime
    dismissed: str
    """A line of `fills` of which they say that it may go."""
    mended: str
    """A line of `cash_movements` that they land again, set right."""
    released: Row
    """As it is then."""


class Mischief:
    """What goes wrong in a story that was told."""

    def __init__(self, teller: Teller, chance: random.Random) -> None:
        self._teller = teller
        self._random = chance
        wrong = cash("WRONG", "ACC2", "-50", STRETCHES[0][0])
        # Everything else has happened then, so that it is late in no delivery.
        at = teller.now + timedelta(seconds=5)
        self.desk = Desk(at, _HALF, line(wrong), cash("WRONG", "ACC2", "50", at))
        self.flagged: set[str] = set()

    def among(self, events: list[Event], *, has_late: bool) -> list[Event]:
        """The events and all that goes wrong."""
        teller, now = self._teller, self._teller.now
        fills = [event for event in events if event.feed == "fills"]
        for bad in self._bad_lines():
            when = self._between()
            events.append(Event(when, when, *bad))
        for old in self._random.sample(fills[:-5], 3):
            again = old.when + timedelta(seconds=self._random.randrange(2, 900))
            events.append(old._replace(due=min(again, now)))
        reused = self._random.choice(teller.dealt[:-5]) | {"price": Decimal("1.23")}
        teller.say("fills", reused, now, lands_last=True)
        first = teller.dealt[0]
        other = next(name for name in ACCOUNTS if name != first["account_id"])
        place = {"account_id": other, "symbol": first["symbol"]}
        misfit = fill(teller.name(), "5", "9", now, corrects=first["fill_id"], **place)
        teller.say("fills", misfit, now, lands_last=True)
        self.flagged |= {reused["account_id"], other}
        if has_late:
            self._delay(events)
        return events

    def _delay(self, events: list[Event]) -> None:
        for place in self._random.sample(range(len(events)), 12):
            event = events[place]
            is_punctual = event.lands_last or any(name in event.line for name in _PUNCTUAL)
            if event.feed in ("fills", "prices", "cash_movements") and not is_punctual:
                late = event.due + timedelta(minutes=self._random.randrange(4, 80))
                events[place] = event._replace(due=min(late, self._teller.now))

    def _between(self) -> datetime:
        start, length, _ = self._random.choice(STRETCHES)
        return start + timedelta(seconds=self._random.randrange(60, length))

    def _bad_lines(self) -> Iterator[tuple[str, str]]:
        future, past = self._teller.now + timedelta(days=400), STRETCHES[0][0]
        yield "fills", line(fill(self._teller.name(), "1", "10", future))
        yield "fills", self.desk.dismissed
        yield "prices", line(price("AA", "-4.00", past))
        yield "cash_movements", self.desk.mended
        yield "instruments", line(instrument("FUND", past, asset_class="etf"))
