"""What happens to the firm: quotes, trades, corrections of old trades, options that end, money."""

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from margin_assets.kernels.calls.call_frames import call_id
from tests.campaigns.exactly_once import brought
from tests.campaigns.exactly_once.cast import (
    ACCOUNTS,
    BOND,
    CALL,
    CALLED,
    ENDED,
    ENDING,
    INDEX_PUT,
    KINDS,
    LAST_CALL,
    MISTAKEN,
    OPENING,
    OPTIONS,
    PUT,
    STOCKS,
    STRETCHES,
    THEIRS,
    TWIN,
    UNKNOWN,
    UNREGISTERED,
    Event,
    instruments,
    second,
)
from tests.campaigns.exactly_once.expected import holdings, is_option
from tests.campaigns.exactly_once.liquidated import PLANS, rows
from tests.support.live_driver import Row, account, beta, cash, fill, instrument, line, price, text

_TWINS = (MISTAKEN, TWIN)
_UNTOUCHED = (*_TWINS, CALLED)
_OF_KNOWN_END = (*_UNTOUCHED, *PLANS)
"""Whose trades are never corrected by chance."""


class Teller:
    """Tells one story by the luck of a seed."""

    def __init__(self, chance: random.Random) -> None:
        self.random = chance
        self.events: list[Event] = []
        self.usd = {symbol: float(usd) for symbol, usd in OPENING.items()}
        self.dealt: list[Row] = []
        self.paid: list[Row] = []
        self.names = 0
        self.now = STRETCHES[0][0]
        self.mistake: Row | None = None
        self.called = ""
        """Id of the call that is extended."""

    def tell(self) -> None:
        """Everything that happens, in the order of its time."""
        self._open()
        self._liquidate()
        for when, feed, row in brought.rows():
            self.events.append(Event(when, when, feed, line(row)))
        for number, (start, length, count) in enumerate(STRETCHES):
            offsets = sorted(self.random.sample(range(60 * 4, length * 4), count))
            for place, offset in enumerate(offsets):
                self.now = start + timedelta(seconds=offset / 4)
                self._something()
                if place == count // 2:
                    (self._mistake, self._trade_twins, self._set_right)[number]()
                    if number == 0:
                        self._call()

    def tick(self) -> datetime:
        """A moment later."""
        self.now += timedelta(microseconds=self.random.randrange(1, 900))
        return self.now

    def name(self) -> str:
        """An id; ids do not sort as they were made."""
        self.names += 1
        return f"{self.random.randrange(10**6):06d}-{self.names}"

    def say(self, feed: str, row: Row, due: datetime | None = None, **more: bool) -> None:
        """A row lands when it happens, or when it is due."""
        when = datetime.fromisoformat(row["event_time"]) if "event_time" in row else self.now
        self.events.append(Event(when, due or when, feed, line(row), **more))

    def _ticks(self) -> Iterator[datetime]:
        while True:
            yield self.tick()

    def _open(self) -> None:
        for name, kind in zip((*ACCOUNTS, *_UNTOUCHED), (*KINDS, *["reg_t"] * 3), strict=True):
            self.say("accounts", account(name, kind, self.tick()))
        for told in instruments(self._ticks()):
            self.say("instruments", told)
        self._weigh()
        for symbol, annual in (("AA", "0.45"), ("BB", "0.7")):
            row: Row = {"symbol": symbol, "volatility_annual": Decimal(annual)}
            self.say("volatilities", row | {"as_of_date": "2026-06-02", "kind": "historical_30d"})
        self._rate("0.0425")
        for symbol, usd in self.usd.items():
            if symbol != UNKNOWN:
                self.say("prices", price(symbol, f"{usd:.2f}", self.tick()))
        for name in ACCOUNTS:
            self._pay(name, self.random.choice((6000, 15000, 40000, 120000)))
            for _ in range(2):
                self._deal(name)
        for name, symbol in zip(ACCOUNTS[:2], ENDING, strict=True):
            self._fill(name, symbol, self.random.choice((-2, 3)))
        for name in _TWINS:
            self._pay(name, 9000)
        self._fill_twins("AA", 60)
        # A debit of 7,000 on 10,000: 500 above the requirement.
        self._pay(CALLED, 3000)
        self._fill(CALLED, THEIRS, 100, "100")

    def _liquidate(self) -> None:
        """What happens to those who are liquidated, at times of its own."""
        kept = {"fills": self.dealt, "cash_movements": self.paid}
        for feed, row in rows():
            kept.get(feed, []).append(row)
            self.say(feed, row)

    def _call(self) -> None:
        """A withdrawal calls for what it lacks, and the desk gives more time."""
        row = cash(self.name(), CALLED, "-1000", self.tick(), "withdrawal")
        self.paid.append(row)
        self.say("cash_movements", row)
        self.called = call_id(CALLED, "maintenance", second(self.now) * 10**6)
        self.now += timedelta(seconds=30)
        until = {"until": text(self.now + timedelta(hours=2))}
        act = {"action_id": self.name(), "kind": "call_extend", "subject": self.called}
        act |= {"actor": "desk", "reason": "a wire is under way", "details": json.dumps(until)}
        self.say("desk_actions", act | {"event_time": text(self.tick())})

    def _weigh(self) -> None:
        for symbol in (*STOCKS, "SPX"):
            value = f"{self.random.uniform(0.3, 2.4):.2f}"
            self.say("betas", beta(symbol, value, "2026-06-01"))
            if symbol in STOCKS[:3]:
                # Of days that have not come: they wait for it.
                for day in ("2026-06-04", "2026-06-05", "2026-06-30"):
                    value = f"{self.random.uniform(0.3, 2.4):.2f}"
                    self.say("betas", beta(symbol, value, day))

    def _something(self) -> None:
        deeds = {self._quote: 46, self._trade: 26, self._correct: 10, self._deposit: 9}
        deeds |= {self._retype: 4, self._reclass: 3, self._rerate: 2}
        if self.now > ENDED:
            deeds |= {self._settle: 20}
        self.random.choices(list(deeds), list(deeds.values()))[0]()

    def _quote(self) -> None:
        moved = self.random.choice((*STOCKS, *OPTIONS, BOND, "SPX"))
        step = 0.01 if moved == BOND else 0.09
        self.usd[moved] = max(self.usd[moved] * self.random.uniform(1 - step, 1 + step), 0.05)
        usd = self._usd(moved)
        # Price 0 is taken of what is known by then to be an option.
        self.say("prices", price(moved, usd, self.tick()), lands_last=usd == "0.00")

    def _usd(self, symbol: str, times: float = 1.0) -> str:
        """A price; of an option that has ended 0."""
        has_ended = symbol in ENDING and self.now > ENDED
        return "0.00" if has_ended else f"{self.usd[symbol] * times:.2f}"

    def _trade(self) -> None:
        self._deal(self.random.choice((*ACCOUNTS, *ACCOUNTS, UNREGISTERED)))

    def _deal(self, who: str) -> None:
        options = OPTIONS if self.now < ENDED else (CALL, PUT, INDEX_PUT)
        symbol = self.random.choice((*STOCKS, *STOCKS, *options, BOND, UNKNOWN))
        sizes = (-3, -1, 1, 2, 4) if is_option(symbol) else (-60, -25, -10, 10, 40, 90)
        self._fill(who, symbol, self.random.choice(sizes))

    def _fill(self, who: str, symbol: str, quantity: int | Decimal, usd: str = "") -> None:
        usd, place = usd or self._usd(symbol), {"account_id": who, "symbol": symbol}
        self._keep(fill(self.name(), str(quantity), usd, self.tick(), **place))

    def _keep(self, row: Row, **more: bool) -> None:
        self.dealt.append(row)
        self.say("fills", row, **more)

    def _correct(self) -> None:
        """Any trade so far, however many closes ago, or a correction of one."""
        old = self.random.choice(self.dealt)
        usd = self._usd(old["symbol"], self.random.uniform(0.95, 1.05))
        if old["account_id"] not in _OF_KNOWN_END:
            self._replace(old, str(self.random.choice((0, 1, 3, -2, 5))), usd)
        if self.random.random() < 0.3:
            # A bust that lands before what it busts.
            name, usd = self.name(), self._usd("AA")
            place = {"account_id": ACCOUNTS[0], "symbol": "AA"}
            self._keep(fill(self.name(), "0", usd, self.tick(), corrects=name, **place))
            self.now += timedelta(seconds=1)
            self._keep(fill(name, "11", usd, self.tick(), **place))

    def _replace(self, old: Row, quantity: str, usd: str) -> None:
        place = {name: old[name] for name in ("account_id", "symbol")}
        row = fill(self.name(), quantity, usd, self.tick(), corrects=old["fill_id"], **place)
        self._keep(row, lands_last=row["price"] == 0)

    def _settle(self) -> None:
        """Somebody's option that has ended is closed at price 0, and perhaps exercised."""
        open_ones = [place for place in holdings(self.dealt) if place[1] in ENDING]
        if not open_ones:
            self._quote()
            return
        who, symbol = self.random.choice(open_ones)
        quantity = holdings(self.dealt)[who, symbol]
        place = {"account_id": who, "symbol": symbol}
        self._keep(fill(self.name(), str(-quantity), "0", self.tick(), **place), lands_last=True)
        if symbol == LAST_CALL and self.random.random() < 0.5:
            self._fill(who, "AA", quantity * 100, "100")

    def _mistake(self) -> None:
        """One of the twins trades what the other never does, or otherwise."""
        symbol, quantity = self.random.choice((("AA", 50), ("BB", 90), ("BB", -40), (CALL, 2)))
        self._fill(MISTAKEN, symbol, quantity, self._usd(symbol, self.random.choice((0.6, 1.3))))
        self.mistake = self.dealt[-1]
        right = self.random.choice((0, 0, quantity, quantity // 2))
        self.right = (str(right), self._usd(symbol))
        if right:
            place = {"account_id": TWIN, "symbol": symbol}
            self._keep(fill(self.name(), *self.right, self.now, **place))

    def _trade_twins(self) -> None:
        self._fill_twins("AA", self.random.choice((-20, 30)))

    def _fill_twins(self, symbol: str, quantity: int) -> None:
        at, usd = self.tick(), self._usd(symbol)
        for name in _TWINS:
            place = {"account_id": name, "symbol": symbol}
            self._keep(fill(self.name(), str(quantity), usd, at, **place))

    def _set_right(self) -> None:
        self._replace(self.mistake, *self.right)
        self.now += timedelta(seconds=1)
        self._fill_twins("BB", 10)

    def _deposit(self) -> None:
        self._pay(self.random.choice((*ACCOUNTS, UNREGISTERED)), self.random.choice((900, 30000)))

    def _pay(self, who: str, usd: int) -> None:
        self.paid.append(cash(self.name(), who, str(usd), self.tick()))
        self.say("cash_movements", self.paid[-1])

    def _retype(self) -> None:
        place = self.random.randrange(len(ACCOUNTS))
        self.say("accounts", account(ACCOUNTS[place], self.random.choice(KINDS), self.tick()))

    def _reclass(self) -> None:
        symbol = self.random.choice(STOCKS[:3])
        more = {"class_group": self.random.choice(("AA", "TECH", symbol))}
        self.say("instruments", instrument(symbol, self.tick(), **more))

    def _rerate(self) -> None:
        self._rate(f"{self.random.uniform(0.03, 0.06):.4f}")

    def _rate(self, annual: str) -> None:
        row = {
            "name": "risk_free",
            "rate_annual": Decimal(annual),
            "event_time": text(self.tick()),
        }
        self.say("rates", row)
