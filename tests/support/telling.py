"""A random but seeded story of two sessions and a third, cut into files and cycles at will."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from margin_assets.lake.landing.landing import LocalLanding
from tests.support.live_driver import Firm, Row, account, beta, cash, fill, instrument, line, price

Event = tuple[datetime, str, str]
"""Event time, feed, line as landed. A beta's time is the first instant of its date."""

SYMBOLS = ("AA", "BB", "CC", "DD", "EE", "SPY")

ACCOUNTS = tuple(f"ACC{n}" for n in range(8))

KINDS = ("reg_t", "portfolio_margin", "cash", "reg_t")

# Two sessions, their night, and a third after the five that make a price unusable.
STRETCHES = (
    (datetime(2020, 3, 9, 19, 30, tzinfo=UTC), 1800, 170),
    (datetime(2020, 3, 10, 13, 30, tzinfo=UTC), 5400, 260),
    (datetime(2020, 3, 18, 13, 29, 50, tzinfo=UTC), 2400, 130),
)

MIDNIGHT = timedelta(hours=4)


class Teller:
    """A random but seeded story, in event order."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.events: list[Event] = []
        self.usd = dict.fromkeys(SYMBOLS, 100.0)
        self.fills: list[Row] = []
        self.names = 0

    def tell(self) -> list[Event]:
        for day in ("2020-03-09", "2020-03-10", "2020-03-18"):
            for symbol in SYMBOLS[:4]:
                value = f"{self.random.uniform(0.2, 2.5):.2f}"
                self._beta(beta(symbol, value, day))
        for start, length, count in STRETCHES:
            offsets = sorted(self.random.randrange(length * 4) / 4 for _ in range(count))
            for offset in offsets:
                self._something(start + timedelta(seconds=offset))
        return sorted(self.events, key=lambda event: event[0])

    def _beta(self, row: Row) -> None:
        day = datetime.fromisoformat(row["as_of_date"]).replace(tzinfo=UTC)
        self.events.append((day + MIDNIGHT, "betas", line(row)))

    def _say(self, feed: str, row: Row) -> None:
        self.events.append((datetime.fromisoformat(row["event_time"]), feed, line(row)))

    def _name(self) -> str:
        self.names += 1
        # Ids that do not sort as they were made.
        return f"{self.random.randrange(10**6):06d}-{self.names}"

    def _something(self, when: datetime) -> None:
        kinds = ("_price", "_fill", "_correct", "_cash", "_account", "_instrument")
        kind = self.random.choices(kinds, (40, 30, 10, 10, 4, 6))[0]
        getattr(self, kind)(when)

    def _price(self, when: datetime) -> None:
        # EE is hardly ever priced and DD only on the first day: missing, stale and unusable.
        symbol = self.random.choice(SYMBOLS)
        is_silent = (symbol == "EE" and self.random.random() < 0.9) or (
            symbol == "DD" and when.day > 9
        )
        if not is_silent:
            self.usd[symbol] *= self.random.uniform(0.9, 1.09)
            self._say("prices", price(symbol, f"{self.usd[symbol]:.2f}", when))

    def _fill(self, when: datetime) -> None:
        symbol, who = self.random.choice(SYMBOLS), self.random.choice(ACCOUNTS)
        quantity = str(self.random.choice((-40, -7, 5, 15, 30, 60)))
        usd = f"{self.usd[symbol]:.2f}"
        self.fills.append(fill(self._name(), quantity, usd, when, account_id=who, symbol=symbol))
        self._say("fills", self.fills[-1])

    def _correct(self, when: datetime) -> None:
        if not self.fills:
            return
        old = self.random.choice(self.fills[-12:])
        quantity = str(self.random.choice((0, 3, -9, 25)))
        usd = f"{self.usd[old['symbol']] * self.random.uniform(0.9, 1.1):.2f}"
        place = {name: old[name] for name in ("account_id", "symbol")}
        row = fill(self._name(), quantity, usd, when, corrects=old["fill_id"], **place)
        self.fills.append(row)
        self._say("fills", row)
        if self.random.random() < 0.2:
            # A bust that lands before what it busts.
            name = self._name()
            place = {"account_id": "ACC0", "symbol": "AA"}
            self._say("fills", fill(self._name(), "0", usd, when, corrects=name, **place))
            self._say("fills", fill(name, "11", usd, when + timedelta(seconds=1), **place))

    def _cash(self, when: datetime) -> None:
        who, usd = self.random.choice(ACCOUNTS), self.random.choice(("900", "3500", "25000"))
        self._say("cash_movements", cash(self._name(), who, usd, when))

    def _account(self, when: datetime) -> None:
        number = self.random.randrange(len(ACCOUNTS))
        kind = self.random.choice(KINDS)
        # The last account is never registered.
        self._say("accounts", account(ACCOUNTS[min(number, len(ACCOUNTS) - 2)], kind, when))

    def _instrument(self, when: datetime) -> None:
        symbol = self.random.choice(SYMBOLS[:4])
        more = {"class_group": self.random.choice(("AA", "SPX", "TECH", symbol))}
        if self.random.random() < 0.3:
            more |= {"leverage": self.random.choice((2, -1, 3))}
        self._say("instruments", instrument(symbol, when, **more))


def second(when: datetime) -> int:
    """The grid point at which an event counts."""
    return -int(-when.timestamp() // 1)


def cut(events: list[Event], seconds: int) -> list[list[Event]]:
    """The events cut into cycles so long. Rows of one grid second are always together."""
    cycles: dict[int, list[Event]] = {}
    for event in events:
        cycles.setdefault(-(-second(event[0]) // seconds), []).append(event)
    return list(cycles.values())


def by_feed(events: list[Event]) -> dict[str, list[str]]:
    feeds: dict[str, list[str]] = {}
    for _, feed, row in events:
        feeds.setdefault(feed, []).append(row)
    return feeds


def deliver(
    folder: Path,
    cycles: list[list[Event]],
    *,
    restart: bool = False,
    singly: bool = False,
    landed: datetime = datetime(2020, 4, 1, tzinfo=UTC),
) -> Firm:
    """Lands each cycle's events, one file for a feed or one for each row, and runs it.

    With `restart` a process runs two cycles: the first on what it loaded, the other on its memory.
    """
    firm, files = Firm(folder), 0
    for number, events in enumerate(cycles):
        parts = [by_feed([event]) for event in events] if singly else [by_feed(events)]
        for part in parts:
            landed += timedelta(seconds=1)
            for feed, rows in part.items():
                files += 1
                firm.put(f"{feed}/{files:06d}.ndjson", "".join(rows).encode(), landed)
        if restart and number % 2:
            firm.restart()
        firm.session.cycle(LocalLanding(firm.landing))
    return firm


def decisions(firm: Firm) -> list[dict]:
    rows = firm.table("enforcement_decisions").sort("decided_at", "account_id", "decision_number")
    return rows.drop("cycle", "decision_number").to_dicts()


def assert_same(one: Firm, other: Firm) -> None:
    assert decisions(one) == decisions(other)
    calls = [firm.table("margin_calls").drop("cycle") for firm in (one, other)]
    order = ["changed_at", "account_id", "call_type", "version"]
    assert calls[0].sort(order).equals(calls[1].sort(order))
    order = ["settled_at", "account_id", "symbol", "settled_by_rule", "exercise_id"]
    settled = [f.table("settlements").drop("cycle").sort(order) for f in (one, other)]
    assert settled[0].equals(settled[1])
    mine, theirs = one.state(), other.state()
    for name, rows in mine.items():
        assert rows.decode().splitlines() == theirs[name].decode().splitlines(), name
