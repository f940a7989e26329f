"""Small books of options and stock as plain rows, and the arrays that kernels take."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from margin_assets.kernels.strategies import Legs, Stocks, StrategyRates

MICRO = 1_000_000
RATES = StrategyRates(hedged_strike=100_000, long_box=500_000)
NO_INDEX = -1


@dataclass(frozen=True)
class Option:
    """Contracts of one series, in dollars; negative is short."""

    contracts: int
    right: str
    strike: float
    price: float
    expiry: int = 30
    spot: float = 100.0
    underlying: int = 0
    base: float = 0.20
    floor: float = 0.10
    loan: float = 0.0
    units: float = 100.0
    is_european: bool = False
    is_listed: bool = True


@dataclass(frozen=True)
class Stock:
    """Shares of one stock or fund, in dollars; negative is short."""

    shares: float
    price: float = 100.0
    maintenance: float | None = None
    initial: float | None = None
    underlying: int = 0
    covers_index: int = NO_INDEX


def micro(amount: float) -> int:
    """Dollars or units as micro-dollars or micro-units."""
    return round(amount * MICRO)


def canonical(options: Sequence[Option]) -> list[Option]:
    """Options in the order that callers of the kernels sort them to."""
    return sorted(
        options, key=lambda o: (not o.is_listed, o.underlying, o.expiry, o.strike, o.right)
    )


def legs_of(options: Sequence[Option]) -> Legs:
    """Options as arrays, in the order given."""

    def amounts(name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array([micro(getattr(o, name)) for o in options], dtype=np.int64)

    return Legs(
        underlying=np.array([o.underlying for o in options], dtype=np.int32),
        spot=amounts("spot"),
        is_call=np.array([o.right == "C" for o in options], dtype=np.bool_),
        strike=amounts("strike"),
        expiry=np.array([o.expiry for o in options], dtype=np.int32),
        is_european=np.array([o.is_european for o in options], dtype=np.bool_),
        is_listed=np.array([o.is_listed for o in options], dtype=np.bool_),
        units=amounts("units"),
        contracts=np.array([o.contracts for o in options], dtype=np.int64),
        price=amounts("price"),
        base=amounts("base"),
        floor=amounts("floor"),
        loan=amounts("loan"),
    )


def maintenance_of(stock: Stock) -> float:
    """Maintenance a share: the one given, else 25% long, the greater of 30% and $5 short."""
    if stock.maintenance is not None:
        return stock.maintenance
    return 0.25 * stock.price if stock.shares > 0 else max(0.30 * stock.price, 5.0)


def stocks_of(stocks: Sequence[Stock]) -> Stocks:
    """Stocks as arrays, in the order given."""
    initial = [0.5 * s.price if s.initial is None else s.initial for s in stocks]
    return Stocks(
        underlying=np.array([s.underlying for s in stocks], dtype=np.int32),
        shares=np.array([micro(s.shares) for s in stocks], dtype=np.int64),
        price=np.array([micro(s.price) for s in stocks], dtype=np.int64),
        maintenance=np.array([micro(maintenance_of(s)) for s in stocks], dtype=np.int64),
        initial=np.array([micro(amount) for amount in initial], dtype=np.int64),
        covers_index=np.array([s.covers_index for s in stocks], dtype=np.int32),
    )
