"""Small histories and books for tests of backtests, all checkable by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from margin_assets.backtest.book.plan import Lives, Movements, Plan, Trades
from margin_assets.backtest.engine.ground import ground_of
from margin_assets.backtest.engine.state import empty_state
from margin_assets.backtest.engine.walk import Walk
from margin_assets.backtest.history.building import History, built
from margin_assets.backtest.history.carrying import carrying, quoted_at
from margin_assets.backtest.history.document import Document, HistoryFile
from margin_assets.backtest.history.reading import ACTIONS, BARS, QUOTES, SOURCED, YIELDS, Rows
from margin_assets.backtest.policy import BUILT_IN, Policy
from margin_assets.calendar import sessions
from margin_assets.kernels.numeric.money import MICRO, value_cents
from schemas.landed import ACCOUNT_TYPES


def days(count: int, first: date = date(2020, 1, 2)) -> list[date]:
    """Sessions from a day on."""
    known = sessions().days
    start = next(n for n, day in enumerate(known) if day >= first)
    return known[start : start + count]


def document(benchmark: str = "X", **more: object) -> Document:
    file = HistoryFile(path="closes.csv", kind="closes")
    told = {"name": "test", "title": "A test", "source": "none", "benchmark": benchmark}
    return Document.model_validate(told | {"file": (file,)} | more)


def rows(
    closes: Mapping[str, Sequence[float | None]],
    actions: Sequence[tuple[str, date, str, float]] = (),
    first: date = date(2020, 1, 2),
) -> Rows:
    """Closes by symbol, one a session; None for no row."""
    known = days(max(len(column) for column in closes.values()), first)
    told = [
        (symbol, day, close, "closes.csv", number)
        for symbol, column in closes.items()
        for number, (day, close) in enumerate(zip(known, column, strict=False), 1)
        if close is not None
    ]
    return Rows(
        pl.DataFrame(told, schema=SOURCED, orient="row"),
        pl.DataFrame(list(actions), schema=ACTIONS, orient="row"),
        pl.DataFrame(schema=YIELDS),
        {"closes.csv": "0" * 64},
    )


def history(
    closes: Mapping[str, Sequence[float | None]],
    bars: Sequence[tuple[str, datetime, float]] | None = None,
    **more: object,
) -> History:
    told = None if bars is None else pl.DataFrame(list(bars), schema=BARS, orient="row")
    return built(rows(closes)._replace(bars=told), document(**more))


def option(symbol: str) -> tuple[str, date, str, int]:
    """Terms of a contract named like `X 200417C105`: of what, last day, right, strike in micros."""
    underlying, told = symbol.split()
    day = date(2000 + int(told[:2]), int(told[2:4]), int(told[4:6]))
    return underlying, day, "call" if told[6] == "C" else "put", round(float(told[7:]) * MICRO)


def quotes(
    closes: Mapping[str, Sequence[float | None]], first: date = date(2020, 1, 2)
) -> pl.DataFrame:
    """Rows of option quotes by contract, one a session; None for no quote."""
    known = days(max(len(column) for column in closes.values()), first)
    told = []
    for symbol, column in closes.items():
        underlying, end, right, strike = option(symbol)
        told += [
            (underlying, day, end, right, strike, "american", 100, close, "quotes.csv", number)
            for number, (day, close) in enumerate(zip(known, column, strict=False), 1)
            if close is not None
        ]
    return pl.DataFrame(told, schema=QUOTES, orient="row")


def noon(day: date, hour: int = 12) -> datetime:
    """An hour of a day on the exchange."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo("America/New_York"))


@dataclass(frozen=True)
class Seat:
    """One account: a deposit and trades at the close of a session."""

    deposit: int
    """USD."""
    held: Mapping[str, int]
    """Shares, or contracts named like `X 200417C105`, by symbol."""
    kind: str = "reg_t"
    opened: int = 0
    closes: int = 10_000
    patience: int = 0
    pays: bool = True
    pocket: int = 0


def carried(found: History, *seats: Seat) -> tuple[History, Plan]:
    """A book of seats that hold contracts too, and the history with them as columns."""
    book = plan(found, *seats)
    whole, security = carrying(found, book.trades.security)
    return whole, book._replace(trades=book.trades._replace(security=security))


def _security(found: History, symbol: str, place: int) -> tuple[int, int, int]:
    """Column, units of one and price of a security, or of a contract that trades name."""
    if symbol in found.symbols:
        column = found.symbols.index(symbol)
        return column, 1, int(found.price[place, column])
    underlying, end, right, strike = option(symbol)
    is_it = (pl.col("underlying") == underlying) & (pl.col("expiry") == end)
    is_it &= (pl.col("right") == right) & (pl.col("strike") == strike)
    (row,) = quoted_at(found, place).filter(is_it).rows(named=True)
    return len(found.symbols) + row["contract"], row["multiplier"], row["close"]


def plan(found: History, *seats: Seat) -> Plan:
    """A book of seats, one life each, in the order of their opening."""
    order = sorted(range(len(seats)), key=lambda n: (seats[n].opened, n))
    told = []
    for n, seat in enumerate(seats):
        for symbol, count in seat.held.items():
            place, units, usd = _security(found, symbol, seat.opened)
            shares = count * units * MICRO
            told.append((seat.opened, n, place, shares, -value_cents(shares, usd)))
    trades = [row[:4] for row in sorted(told)]
    paid = [row[4] for row in sorted(told)]
    at, seat_of, security, quantity = np.array(trades, dtype=np.int64).reshape(-1, 4).T.copy()
    money = sorted((seat.opened, n, seat.deposit * 100) for n, seat in enumerate(seats))
    moved = np.array(money, dtype=np.int64).reshape(-1, 3).T.copy()

    def column(*values: int) -> np.ndarray:
        return np.array([values[n] for n in order], dtype=np.int64)

    lives = Lives(
        account_id=tuple(f"A{n}" for n in order),
        seat=np.array(order, dtype=np.int64),
        temper=np.zeros(len(seats), dtype=np.int64),
        account_type=column(*(ACCOUNT_TYPES.index(s.kind) for s in seats)).astype(np.int8),
        opened=column(*(s.opened for s in seats)),
        closes=column(*(s.closes for s in seats)),
        patience=column(*(s.patience for s in seats)),
        pays=column(*(int(s.pays) for s in seats)),
        pocket=column(*(s.pocket * 100 for s in seats)),
    )
    return Plan(
        book_id="0" * 32,
        title="a book by hand",
        seats=len(seats),
        tempers=("T",),
        lives=lives,
        trades=Trades(at, seat_of, security, quantity, np.array(paid, dtype=np.int64)),
        movements=Movements(*moved),
        debit_spread=0.0,
    )


def walk(found: History, book: Plan, policy: Policy | None = None) -> Walk:
    """A walk that stands before the first session."""
    chosen = policy or Policy(BUILT_IN, {})
    ground = ground_of(found, chosen)
    state = empty_state(book, len(found.symbols), len(ground.changes))
    return Walk(ground, book, chosen, state)


def small_history(folder: Path) -> Path:
    """A history of drawn closes as files, with a crash that no requirement covers."""
    names = [f"S{n}" for n in range(6)]
    rng = np.random.default_rng(5)
    market = rng.normal(0, 0.03, 330)
    market[200] = -0.45
    columns = [60 * np.cumprod(1 + market + rng.normal(0, 0.03, 330)) for _ in names]
    lines = [",".join(["Date", "SPY", *names])]
    spy = 300 * np.cumprod(1 + market)
    for n, day in enumerate(days(330)):
        closes = [spy[n], *(column[n] for column in columns)]
        lines.append(",".join([str(day), *(f"{close:.2f}" for close in closes)]))
    (folder / "closes.csv").write_text("\n".join(lines) + "\n")
    (folder / "history.toml").write_text(
        'name = "small"\ntitle = "A small history"\nsource = "Drawn"\nbenchmark = "SPY"\n'
        'adjusted = true\n[[file]]\npath = "closes.csv"\nkind = "wide_closes"\n'
        '[[names]]\nsymbol = "SPY"\nasset_class = "etf"\n'
    )
    return folder
