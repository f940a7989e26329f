"""Firms whose options end: reports of it, and a seeded story around an expiry."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.support.live_driver import (
    Firm,
    Row,
    account,
    beta,
    cash,
    fill,
    instrument,
    line,
    price,
    text,
)
from tests.support.option_books import option
from tests.support.telling import Event

BEFORE = datetime(2024, 6, 20, 14, tzinfo=UTC)
EXPIRY, MONDAY = datetime(2024, 6, 21, tzinfo=UTC), datetime(2024, 6, 24, tzinfo=UTC)
LANDED = datetime(2024, 12, 1, tzinfo=UTC)
C105, C110, P105 = "X 240621C105", "X 240621C110", "X 240621P105"
INDEX_CALL, MORNING_CALL = "SPX 240620C5400 E", "SPX 240621C5400 E"
RULED = MONDAY + timedelta(hours=15.5)
"""When what nobody reported is settled: 11:30 in New York."""


def report(
    name: str,
    quantity: str,
    kind: str,
    when: datetime,
    *,
    symbol: str = C105,
    account_id: str = "A",
    corrects: str | None = None,
    value: str | None = None,
) -> Row:
    row: Row = {"exercise_id": name, "account_id": account_id, "symbol": symbol}
    row |= {"quantity": Decimal(quantity), "kind": kind, "event_time": text(when)}
    row |= {} if corrects is None else {"corrects_exercise_id": corrects}
    return row if value is None else row | {"settlement_value": Decimal(value)}


def spread() -> dict[str, list[Row]]:
    """Ten call spreads 105/110 of which the stock closes between the strikes."""
    at = BEFORE + timedelta(seconds=1)
    return {
        "accounts": [account("A", when=BEFORE)],
        "cash_movements": [cash("m", "A", "10000", BEFORE)],
        "instruments": [instrument("X", BEFORE), *(option(n, BEFORE) for n in (C105, C110))],
        "prices": [
            *(price(name, usd, at) for name, usd in (("X", "100"), (C105, "0.05"), (C110, "0.05"))),
            price("X", "106", EXPIRY + timedelta(hours=19.99)),
        ],
        "fills": [
            fill("short", "-10", "0.05", at, symbol=C105),
            fill("long", "10", "0.05", at, symbol=C110),
        ],
    }


def opened(folder: Path) -> Firm:
    """The spreads on the Monday after their last day, before anybody settled them."""
    firm = Firm(folder)
    firm.cycle(LANDED, **spread())
    firm.cycle(LANDED, prices=[price("X", "125", MONDAY + timedelta(hours=13.6))])
    return firm


def ticked(firm: Firm, when: datetime, usd: str = "125") -> None:
    firm.cycle(LANDED, prices=[price("X", usd, when)])


class ExpiryTeller:
    """A random but seeded story of options around their last day, in event order."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.rows: list[tuple[datetime, str, Row]] = []
        self.held: dict[tuple[str, str], int] = {}
        self.names = 0

    def tell(self) -> list[Event]:
        self._open()
        for hour, usd in ((14, "104.2"), (17, "105.6"), (19.9, "105.01")):
            self._say(EXPIRY, hour, "prices", price("X", usd, EXPIRY + timedelta(hours=hour)))
        for (who, symbol), quantity in self.held.items():
            self._settle(who, symbol, quantity)
        for day, hour in ((MONDAY, 13.6), (MONDAY, 15.6), (MONDAY, 19), (MONDAY, 44)):
            usd = f"{self.random.uniform(95, 120):.2f}"
            self._say(day, hour, "prices", price("X", usd, day + timedelta(hours=hour)))
        ordered = sorted(self.rows, key=lambda row: row[0])
        return [(when, feed, line(row)) for when, feed, row in ordered]

    def _say(self, day: datetime, hour: float, feed: str, row: Row) -> None:
        self.rows.append((day + timedelta(hours=hour), feed, row))

    def _name(self) -> str:
        self.names += 1
        return f"{self.random.randrange(10**6):06d}-{self.names}"

    def _open(self) -> None:
        symbols = (C105, C110, P105)
        known = [instrument("X", BEFORE), *(option(name, BEFORE) for name in symbols)]
        opening = {"instruments": known, "betas": [beta("X", "1.2", "2024-06-01")]}
        for who, kind in (("A", "reg_t"), ("B", "portfolio_margin"), ("C", "cash"), ("D", "reg_t")):
            opening.setdefault("accounts", []).append(account(who, kind, BEFORE))
            opening.setdefault("cash_movements", []).append(cash(f"m{who}", who, "400000", BEFORE))
            for symbol in symbols:
                quantity = self.random.choice((-9, -4, 3, 8))
                self.held[who, symbol] = quantity
                row = fill(self._name(), str(quantity), "1", BEFORE, account_id=who, symbol=symbol)
                opening.setdefault("fills", []).append(row)
        opening["prices"] = [
            price(name, usd, BEFORE)
            for name, usd in (("X", "104"), (C105, "1"), (C110, "0.2"), (P105, "2"))
        ]
        for feed, rows in opening.items():
            for row in rows:
                self._say(BEFORE, 0, feed, row)

    def _settle(self, who: str, symbol: str, quantity: int) -> None:
        """Some reported in time, some late, some not at all; some corrected, some closed."""
        left = abs(quantity)
        kind = "exercise" if quantity > 0 else "assignment"
        for hour in sorted(self.random.choice((6, 12.5, 15.7, 18)) for _ in range(2)):
            size = self.random.randint(0, left)
            if not size:
                continue
            left -= size
            became = kind if self.random.random() < 0.7 else "expiry"
            name, when = self._name(), MONDAY + timedelta(hours=hour, seconds=self.names)
            about = {"symbol": symbol, "account_id": who}
            self.rows.append((when, "exercises", report(name, str(size), became, when, **about)))
            if self.random.random() < 0.4:
                later, fewer = when + timedelta(hours=2), str(self.random.randint(0, size))
                row = report(self._name(), fewer, became, later, corrects=name, **about)
                self.rows.append((later, "exercises", row))
        if left and self.random.random() < 0.3:
            when = MONDAY + timedelta(hours=16, seconds=self.names)
            side = -1 if quantity > 0 else 1
            row = fill(self._name(), str(side), "0", when, account_id=who, symbol=symbol)
            self.rows.append((when, "fills", row))
