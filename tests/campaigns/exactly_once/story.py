"""A small firm's three sessions, told by a seed: every feed, every kind of account and mischief.

The story begins the day before intraday margin takes effect, so that the rule starts within it.
Event times are unique, so that no order of landing decides between two rows; where it must (an id
reused, a correction that does not fit) the row is marked to land last.
"""

import random
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tests.campaigns.exactly_once import brought
from tests.campaigns.exactly_once.cast import ENDING, Event, second
from tests.campaigns.exactly_once.expected import Holding, cash, holdings
from tests.campaigns.exactly_once.liquidated import LEFT, PAID_FIRST
from tests.campaigns.exactly_once.mischief import Desk, Mischief
from tests.campaigns.exactly_once.teller import Teller

Span = tuple[datetime, datetime]
_APPROVED = (PAID_FIRST, LEFT)
"""While plans stand approved and unsent: a cycle ends then, so that the desk sees it."""
STORIES = 40
"""Stories that trials are told from: trial n tells story n modulo this."""
BATCHES = 9


@dataclass(frozen=True)
class Story:
    """Batches in the order of their delivery, and what must be in the tables at the end."""

    seed: int
    batches: tuple[tuple[Event, ...], ...]
    desk: Desk
    """What people do about refused rows when all has landed."""
    fills: frozenset[str]
    movements: frozenset[str]
    held: dict[Holding, Decimal]
    cash: dict[str, Decimal]
    flagged: frozenset[str]
    """Accounts that rows name which stay refused."""
    called: str
    """Id of the call that the desk extends."""
    is_punctual: bool
    """Whether every row is delivered in event order, so that it may be cut anywhere."""

    @property
    def has_overlays(self) -> bool:
        """Whether the house adds to the requirements: dear to compute, so one story in five."""
        return self.seed % 5 == 0

    @property
    def awaiting(self) -> set[str]:
        """Accounts with options that have ended and that no row has settled."""
        return {name for name, symbol in self.held if symbol in ENDING}


def story(seed: int) -> Story:
    """The story of a seed; even ones have rows that come late."""
    chance = random.Random(seed)
    teller = Teller(chance)
    teller.tell()
    mischief = Mischief(teller, chance)
    events = mischief.among(teller.events, has_late=seed % 2 == 0)
    movements = [*teller.paid, mischief.desk.released]
    paid = cash(teller.dealt, movements)
    return Story(
        seed,
        tuple(cut(sorted(events, key=lambda event: event.due), chance, BATCHES, _APPROVED)),
        mischief.desk,
        frozenset(row["fill_id"] for row in teller.dealt),
        frozenset(row["movement_id"] for row in (*movements, brought.dividend())),
        holdings(teller.dealt) | brought.HELD,
        paid | {brought.BROUGHT: brought.PAID},
        frozenset(mischief.flagged),
        teller.called,
        is_punctual=seed % 2 == 1,
    )


def cut(
    events: list[Event], chance: random.Random, count: int, among: Span | None = None
) -> list[tuple[Event, ...]]:
    """Events, by due time, in at most `count` batches; rows of a grid second stay together.

    With `among`, a batch ends between two instants: its last row is due from the first on, and the
    next one's first until the second.
    """
    places = [
        n for n in range(1, len(events)) if second(events[n - 1].due) != second(events[n].due)
    ]
    ends = chance.sample(places, min(count - 1, len(places)))
    if among is not None and not any(_is_among(events, end, among) for end in ends):
        ends[0] = next(place for place in places if _is_among(events, place, among))
    ends.sort()
    return [tuple(events[a:b]) for a, b in zip([0, *ends], [*ends, len(events)], strict=True)]


def _is_among(events: list[Event], place: int, among: Span) -> bool:
    first, last = among
    return first <= events[place - 1].due and events[place].due <= last
