"""A small firm's three sessions, told by a seed: every feed, every kind of account and mischief.

The story begins the day before intraday margin takes effect, so that the rule starts within it.
Event times are unique, so that no order of landing decides between two rows; where it must (an id
reused, a correction that does not fit) the row is marked to land last.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from tests.support.live_driver import Row, account, beta, cash, fill, instrument, line, price, text

STORIES = 40
"""Stories that trials are told from: trial n tells story n modulo this."""
BATCHES = 9
KINDS = ("reg_t", "portfolio_margin", "cash", "reg_t", "portfolio_margin", "reg_t", "cash", "reg_t")
ACCOUNTS = tuple(f"ACC{n}" for n in range(len(KINDS)))
UNREGISTERED = "GHOST"
CALL, PUT, INDEX_PUT, BOND, UNKNOWN = "AA 260717C105", "AA 260717P95", "SPX 260918P2700", "TB", "ZZ"
STOCKS = ("AA", "BB", "CC", "SPY")
OPENING = {"AA": 100, "BB": 60, "CC": 20, "SPY": 280, "SPX": 2800, CALL: 2.5, PUT: 2.2}
OPENING |= {INDEX_PUT: 120, BOND: 990, UNKNOWN: 10}
# The last hour before intraday margin, its first morning, and the morning after.
STRETCHES = (
    (datetime(2026, 6, 3, 19, 0, tzinfo=UTC), 3300, 24),
    (datetime(2026, 6, 4, 13, 30, tzinfo=UTC), 5400, 34),
    (datetime(2026, 6, 5, 13, 30, tzinfo=UTC), 4800, 22),
)


class Event(NamedTuple):
    """One row: when it counts, when it is delivered, and what lands."""

    when: datetime
    due: datetime
    feed: str
    line: str
    lands_last: bool = False


@dataclass(frozen=True)
class Story:
    """Batches in the order of their delivery, and what must be in the tables at the end."""

    seed: int
    batches: tuple[tuple[Event, ...], ...]
    fills: frozenset[str]
    movements: frozenset[str]
    is_punctual: bool
    """Whether every row is delivered in event order, so that it may be cut anywhere."""

    @property
    def has_overlays(self) -> bool:
        """Whether the house adds to the requirements: dear to compute, so one story in five."""
        return self.seed % 5 == 0


def story(seed: int) -> Story:
    """The story of a seed; even ones have rows that come late."""
    teller = _Teller(seed)
    events = sorted(teller.tell(), key=lambda event: event.due)
    return Story(
        seed,
        tuple(cut(events, teller.random, BATCHES)),
        frozenset(teller.fills_kept),
        frozenset(teller.movements_kept),
        is_punctual=not teller.has_late,
    )


def cut(events: list[Event], chance: random.Random, count: int) -> list[tuple[Event, ...]]:
    """Events, by due time, in at most `count` batches; rows of a grid second stay together."""
    places = [
        n for n in range(1, len(events)) if second(events[n - 1].due) != second(events[n].due)
    ]
    ends = sorted(chance.sample(places, min(count - 1, len(places))))
    return [tuple(events[a:b]) for a, b in zip([0, *ends], [*ends, len(events)], strict=True)]


def second(when: datetime) -> int:
    """The grid point at which an event counts."""
    return -int(-when.timestamp() // 1)


class _Teller:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.has_late = seed % 2 == 0
        self.events: list[Event] = []
        self.usd = {symbol: float(usd) for symbol, usd in OPENING.items()}
        self.dealt: list[Row] = []
        self.fills_kept: set[str] = set()
        self.movements_kept: set[str] = set()
        self.names = 0
        self.now = STRETCHES[0][0]

    def tell(self) -> list[Event]:
        self._open()
        for start, length, count in STRETCHES:
            offsets = sorted(self.random.sample(range(60 * 4, length * 4), count))
            for offset in offsets:
                self.now = start + timedelta(seconds=offset / 4)
                self._something()
        self._mischief()
        return self.events

    def _tick(self) -> datetime:
        self.now += timedelta(microseconds=self.random.randrange(1, 900))
        return self.now

    def _name(self) -> str:
        self.names += 1
        # Ids that do not sort as they were made.
        return f"{self.random.randrange(10**6):06d}-{self.names}"

    def _say(self, feed: str, row: Row, due: datetime | None = None, **more: bool) -> None:
        when = datetime.fromisoformat(row["event_time"]) if "event_time" in row else self.now
        self.events.append(Event(when, due or when, feed, line(row), **more))

    def _open(self) -> None:
        for name, kind in zip(ACCOUNTS, KINDS, strict=True):
            self._say("accounts", account(name, kind, self._tick()))
        for row in self._instruments():
            self._say("instruments", row)
        self._weigh()
        for symbol, annual in (("AA", "0.45"), ("BB", "0.7")):
            row: Row = {"symbol": symbol, "volatility_annual": Decimal(annual)}
            self._say("volatilities", row | {"as_of_date": "2026-06-02", "kind": "historical_30d"})
        self._rate("0.0425")
        for symbol, usd in self.usd.items():
            if symbol != UNKNOWN:
                self._say("prices", price(symbol, f"{usd:.2f}", self._tick()))
        for name in ACCOUNTS:
            self._pay(name, self.random.choice((6000, 15000, 40000, 120000)))
            for _ in range(2):
                self._deal(name)

    def _weigh(self) -> None:
        for symbol in (*STOCKS, "SPX"):
            value = f"{self.random.uniform(0.3, 2.4):.2f}"
            self._say("betas", beta(symbol, value, "2026-06-01"))
            if symbol in STOCKS[:3]:
                # Of days that have not come: they wait for it.
                for day in ("2026-06-04", "2026-06-05", "2026-06-30"):
                    value = f"{self.random.uniform(0.3, 2.4):.2f}"
                    self._say("betas", beta(symbol, value, day))

    def _instruments(self) -> Iterator[Row]:
        for symbol in STOCKS[:3]:
            yield instrument(symbol, self._tick(), class_group=symbol)
        fund = {"asset_class": "etf", "class_group": "SPX", "leverage": 1}
        yield instrument("SPY", self._tick(), **fund)
        yield instrument("SPX", self._tick(), asset_class="broad_index_high_cap")
        for symbol in (CALL, PUT, INDEX_PUT):
            underlying, terms = symbol.split()
            row = {"asset_class": "option", "underlying": underlying, "multiplier": 100}
            row |= {"right": "call" if terms[6] == "C" else "put", "strike": Decimal(terms[7:])}
            row |= {"expiry": f"20{terms[:2]}-{terms[2:4]}-{terms[4:6]}"}
            style = "european" if underlying == "SPX" else "american"
            yield instrument(symbol, self._tick(), **row, style=style)
        bond = {"asset_class": "treasury", "maturity": "2034-02-15", "coupon": Decimal("0.04")}
        yield instrument(BOND, self._tick(), **bond, principal=1000)

    def _something(self) -> None:
        deeds = {self._quote: 46, self._trade: 26, self._correct: 10, self._deposit: 9}
        deeds |= {self._retype: 4, self._reclass: 3, self._rerate: 2}
        self.random.choices(list(deeds), list(deeds.values()))[0]()

    def _quote(self) -> None:
        moved = self.random.choice((*STOCKS, CALL, PUT, INDEX_PUT, BOND, "SPX"))
        step = 0.01 if moved == BOND else 0.09
        self.usd[moved] = max(self.usd[moved] * self.random.uniform(1 - step, 1 + step), 0.05)
        self._say("prices", price(moved, f"{self.usd[moved]:.2f}", self._tick()))

    def _trade(self) -> None:
        self._deal(self.random.choice((*ACCOUNTS, *ACCOUNTS, UNREGISTERED)))

    def _deal(self, who: str) -> None:
        symbol = self.random.choice((*STOCKS, *STOCKS, CALL, PUT, INDEX_PUT, BOND, UNKNOWN))
        sizes = (-3, -1, 1, 2, 4) if " " in symbol else (-60, -25, -10, 10, 40, 90)
        quantity, usd = str(self.random.choice(sizes)), f"{self.usd[symbol]:.2f}"
        row = fill(self._name(), quantity, usd, self._tick(), account_id=who, symbol=symbol)
        self._keep(row)

    def _keep(self, row: Row) -> None:
        self.dealt.append(row)
        self.fills_kept.add(row["fill_id"])
        self._say("fills", row)

    def _correct(self) -> None:
        old = self.random.choice(self.dealt[-15:])
        place = {name: old[name] for name in ("account_id", "symbol")}
        usd = f"{self.usd[old['symbol']] * self.random.uniform(0.95, 1.05):.2f}"
        quantity = str(self.random.choice((0, 1, 3, -2, 5)))
        corrects = {"corrects": old["fill_id"]} | place
        self._keep(fill(self._name(), quantity, usd, self._tick(), **corrects))
        if self.random.random() < 0.3:
            # A bust that lands before what it busts.
            name, place = self._name(), {"account_id": ACCOUNTS[0], "symbol": "AA"}
            self._keep(fill(self._name(), "0", usd, self._tick(), corrects=name, **place))
            self.now += timedelta(seconds=1)
            self._keep(fill(name, "11", usd, self._tick(), **place))

    def _deposit(self) -> None:
        self._pay(self.random.choice((*ACCOUNTS, UNREGISTERED)), self.random.choice((900, 30000)))

    def _pay(self, who: str, usd: int) -> None:
        name = self._name()
        self.movements_kept.add(name)
        self._say("cash_movements", cash(name, who, str(usd), self._tick()))

    def _retype(self) -> None:
        place = self.random.randrange(len(ACCOUNTS))
        self._say("accounts", account(ACCOUNTS[place], self.random.choice(KINDS), self._tick()))

    def _reclass(self) -> None:
        symbol = self.random.choice(STOCKS[:3])
        more = {"class_group": self.random.choice(("AA", "TECH", symbol))}
        self._say("instruments", instrument(symbol, self._tick(), **more))

    def _rerate(self) -> None:
        self._rate(f"{self.random.uniform(0.03, 0.06):.4f}")

    def _rate(self, annual: str) -> None:
        row = {
            "name": "risk_free",
            "rate_annual": Decimal(annual),
            "event_time": text(self._tick()),
        }
        self._say("rates", row)

    def _mischief(self) -> None:
        """Rows that must be refused, dropped or marked late, among the others."""
        fills = [event for event in self.events if event.feed == "fills"]
        for bad in self._bad_lines():
            when = self._between()
            self.events.append(Event(when, when, *bad))
        for old in self.random.sample(fills[:-5], 3):
            again = old.when + timedelta(seconds=self.random.randrange(2, 900))
            self.events.append(old._replace(due=min(again, self.now)))
        reused = self.random.choice(self.dealt[:-5]) | {"price": Decimal("1.23")}
        self._say("fills", reused, self.now, lands_last=True)
        other = next(name for name in ACCOUNTS if name != self.dealt[0]["account_id"])
        place = {"account_id": other, "symbol": self.dealt[0]["symbol"]}
        misfit = fill(self._name(), "5", "9", self.now, corrects=self.dealt[0]["fill_id"], **place)
        self._say("fills", misfit, self.now, lands_last=True)
        if self.has_late:
            for event in self.random.sample(self.events, 12):
                if event.feed in ("fills", "prices", "cash_movements") and not event.lands_last:
                    late = min(
                        event.due + timedelta(minutes=self.random.randrange(4, 80)), self.now
                    )
                    self.events[self.events.index(event)] = event._replace(due=late)

    def _between(self) -> datetime:
        start, length, _ = self.random.choice(STRETCHES)
        return start + timedelta(seconds=self.random.randrange(60, length))

    def _bad_lines(self) -> Iterator[tuple[str, str]]:
        future, past = self.now + timedelta(days=400), STRETCHES[0][0]
        yield "fills", line(fill(self._name(), "1", "10", future))
        yield "fills", '{"fill_id": "HALF", "account_id": "ACC1", "sym\n'
        yield "prices", line(price("AA", "-4.00", past))
        yield "cash_movements", line(cash("WRONG", "ACC2", "-50", past))
        yield "instruments", line(instrument("FUND", past, asset_class="etf"))
