"""Who the 300 invented owners are, and the account each of them keeps; not what they do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

import numpy as np

SEED = 2020

_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Temper:
    """A kind of owner. Pairs are the least and the most that is drawn, both included.

    `usage` is the per cent of the opening deposit that the initial requirement of the first
    purchases takes, `short` the per cent of that which is for short positions, `answering` the
    per cent of the owners who ever answer a call. `names` are picked from `choice`, or from all
    stocks if that is empty. `opens` counts sessions from 0, which has no price before its close.
    """

    prefix: str
    account_type: str
    owners: int
    deposit_thousands: tuple[int, int]
    usage: tuple[int, int]
    names: tuple[int, int]
    short: tuple[int, int] = (0, 0)
    answering: int = 0
    saves: bool = False
    choice: tuple[str, ...] = ()
    opens: tuple[int, int] = (1, 8)


_VOLATILE = ("AMD", "BAC", "BBY", "CVX", "GE", "JPM", "RRC", "XOM")
_ALL_SHORT = (100, 100)
_AT_THE_LOWS = (46, 57)

# Half of a deposit used is no debt in a reg_t account, all of it is two dollars for one; in a
# portfolio-margin account, where 15% opens a position, 60% used is four dollars for one.
TEMPERS = (
    Temper("CSH", "cash", 40, (5, 120), (60, 97), (2, 6), saves=True),
    Temper("UNL", "reg_t", 50, (10, 250), (30, 49), (2, 8), saves=True),
    Temper("LEV", "reg_t", 80, (10, 200), (85, 100), (3, 8), answering=70),
    Temper("CON", "reg_t", 25, (10, 150), (88, 100), (1, 1), answering=50, choice=_VOLATILE),
    Temper("HDG", "reg_t", 30, (50, 400), (70, 98), (4, 8), short=(30, 50), answering=80),
    Temper("SHT", "reg_t", 12, (20, 150), (55, 98), (1, 3), short=_ALL_SHORT, answering=50),
    Temper(
        "BER",
        "reg_t",
        13,
        deposit_thousands=(20, 150),
        usage=(70, 98),
        names=(1, 2),
        short=_ALL_SHORT,
        answering=60,
        choice=_VOLATILE,
        opens=_AT_THE_LOWS,
    ),
    Temper("PML", "portfolio_margin", 35, (150, 900), (30, 68), (4, 10), answering=65),
    Temper(
        "PMH",
        "portfolio_margin",
        15,
        deposit_thousands=(200, 900),
        usage=(45, 80),
        names=(6, 10),
        short=(40, 50),
        answering=90,
    ),
)


class Fill(NamedTuple):
    """One row of the feed `fills`; quantity in signed shares, price in USD a share."""

    fill_id: str
    account_id: str
    symbol: str
    quantity: int
    price: Decimal
    event_time: datetime
    corrects_fill_id: str | None = None


class CashMovement(NamedTuple):
    """One row of the feed `cash_movements`; amount in signed USD, positive into the account."""

    movement_id: str
    account_id: str
    amount: Decimal
    kind: str
    event_time: datetime


@dataclass
class Owner:
    """One owner's habits, the account as it stands, and every row that made it so.

    `patience` is the morning of a call, counted from 1, on which it is answered, 0 for never;
    `pays` whether by money, as long as `pocket` lasts, rather than by closing positions.
    """

    account_id: str
    temper: Temper
    rng: np.random.Generator
    patience: int = 0
    pays: bool = False
    pocket: Decimal = Decimal(0)
    mornings_called: int = 0
    cash: Decimal = Decimal(0)
    positions: dict[str, int] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    movements: list[CashMovement] = field(default_factory=list)

    def trade(self, symbol: str, quantity: int, price: Decimal, at: datetime) -> None:
        """Book a fill of signed shares at USD a share; a quantity of 0 books nothing."""
        if quantity:
            fill_id = f"{self.account_id}-F{len(self.fills) + 1:03d}"
            self.fills.append(Fill(fill_id, self.account_id, symbol, quantity, price, at))
            self.cash -= cents(quantity * price)
            self.positions[symbol] = self.positions.get(symbol, 0) + quantity
            if not self.positions[symbol]:
                del self.positions[symbol]

    def move(self, amount: Decimal, kind: str, at: datetime) -> None:
        """Book a cash movement of signed USD; an amount of 0 books nothing."""
        if amount:
            movement_id = f"{self.account_id}-M{len(self.movements) + 1:03d}"
            self.movements.append(CashMovement(movement_id, self.account_id, amount, kind, at))
            self.cash += amount

    def longs(self) -> list[str]:
        """Symbols held long, in alphabetical order."""
        return sorted(symbol for symbol, quantity in self.positions.items() if quantity > 0)

    def draw(self, bounds: tuple[int, int]) -> int:
        """Draw an integer within bounds, both included."""
        return int(self.rng.integers(bounds[0], bounds[1], endpoint=True))

    def happens(self, percent: int) -> bool:
        """Draw whether something of this chance happens."""
        return self.draw((1, 100)) <= percent


def owners() -> Iterator[Owner]:
    """Every owner with an empty account; each draws from a stream of its own."""
    kinds = [(temper, n) for temper in TEMPERS for n in range(1, temper.owners + 1)]
    for number, (temper, n) in enumerate(kinds):
        rng = np.random.default_rng([SEED, number])
        owner = Owner(f"{temper.prefix}-{n:04d}", temper, rng)
        if owner.happens(temper.answering):
            owner.patience = (1, 1, 1, 2, 3)[owner.draw((0, 4))]
        owner.pays = owner.happens(50)
        yield owner


def initial_per_share(account_type: str, side: int, price: Decimal) -> Decimal:
    """USD a share to be brought in to open a position; `side` is positive for long.

    Source: Regulation T 220.12(a) and (c)(1), 50%; FINRA 4210(b), not less than maintenance.
    """
    maintenance = maintenance_per_share(account_type, side, price)
    return max(price / 2, maintenance) if account_type == "reg_t" else maintenance


def maintenance_per_share(account_type: str, side: int, price: Decimal) -> Decimal:
    """USD a share to be kept in the account; `side` is positive for long.

    Source: FINRA 4210(c)(1) to (c)(3); for portfolio margin 4210(g), each stock by itself.
    """
    if account_type == "cash":
        return price
    if account_type == "portfolio_margin":
        return price * Decimal("0.15")
    if side > 0:
        return price * Decimal("0.25")
    if price < Decimal(5):
        return max(Decimal("2.50"), price)
    return max(Decimal(5), price * Decimal("0.30"))


def maintenance(owner: Owner, closes: Mapping[str, Decimal]) -> Decimal:
    """USD to be kept in the account, as its owner reckons: a sum over positions."""
    kind = owner.temper.account_type
    held = owner.positions.items()
    return sum(
        (abs(q) * maintenance_per_share(kind, q, closes[symbol]) for symbol, q in held),
        Decimal(0),
    )


def equity(owner: Owner, closes: Mapping[str, Decimal]) -> Decimal:
    """Cash and long value less short value, in USD; negative when the owner owes the firm."""
    return owner.cash + sum(q * closes[symbol] for symbol, q in owner.positions.items())


def cents(amount: Decimal) -> Decimal:
    """USD to the cent, halves away from zero."""
    return amount.quantize(_CENT, ROUND_HALF_UP)
