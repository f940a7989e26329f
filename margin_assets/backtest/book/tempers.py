"""A book drawn from tempers: the demo's owners, a life after another in each seat.

A life is drawn from the seed, its seat and its number alone: more accounts leave it as it is.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from margin_assets.backtest.book.option_owners import WRITERS, Opening, written
from margin_assets.backtest.book.plan import Lives, Movements, Plan, Trades
from margin_assets.backtest.faults import BacktestError
from margin_assets.backtest.history.building import History
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import CENTS, MICRO, value_cents
from margin_assets.scenarios.covid_owners import TEMPERS, Owner, Temper, initial_per_share
from schemas.landed import ACCOUNT_TYPES

_TRADED = ("equity", "etf")
_FEWEST = 3  # of a temper's favourites; fewer alive, and it picks from all
_PATIENCE = (1, 1, 1, 2, 3)
_OF = {temper.prefix: temper for temper in (*TEMPERS, *WRITERS)}
_WRITING = {temper.prefix for temper in WRITERS}


class BookDocument(BaseModel):
    """Who is in the book."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: Annotated[int, Field(ge=0)]
    accounts: Annotated[int, Field(ge=1, le=200_000)]
    life_sessions: Annotated[int, Field(ge=2)]
    least_price_usd: Annotated[float, Field(ge=0)]
    debit_spread: Annotated[float, Field(ge=0, le=1)]
    weights: dict[str, Annotated[float, Field(ge=0)]]


def book_document(name: str, **changed: int | None) -> BookDocument:
    """The book of a known name or of a TOML file, with some numbers changed.

    Raises:
        BacktestError: There is none, or it is none.
    """
    known = files("margin_assets.backtest.book").joinpath("known", f"{name}.toml")
    try:
        text = known.read_text("utf-8") if known.is_file() else Path(name).read_text("utf-8")
        told = tomllib.loads(text) | {key: n for key, n in changed.items() if n is not None}
        document = BookDocument.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BacktestError(f"book {name}: {where}: {first['msg']}") from None
    except (OSError, ValueError) as error:
        raise BacktestError(f"book {name}: {error}") from None
    if unknown := sorted(document.weights.keys() - _OF.keys()):
        raise BacktestError(f"book {name}: no temper {unknown[0]!r}; known: {', '.join(_OF)}")
    if not sum(document.weights.values()):
        raise BacktestError(f"book {name}: no temper has a weight")
    return document


def drawn(document: BookDocument, history: History, sessions: range) -> Plan:
    """The book's lives over some sessions of a history.

    Raises:
        BacktestError: Owners write options, and the history was read without any.
    """
    if history.chain is None and any(document.weights.get(prefix) for prefix in _WRITING):
        raise BacktestError("owners of the book write options: read the history's with --options")
    tempers = [_OF[prefix] for prefix, weight in document.weights.items() if weight]
    seats = _seated(document)
    told = [
        life
        for seat, temper in enumerate(seats)
        for life in _lives_of(document, (seat, tempers[temper]), history, sessions)
    ]
    told.sort(key=lambda life: (life.opened, life.seat))
    order = [trade for life in told for trade in life.trades]
    trades = np.array(order, dtype=np.int64).reshape(len(order), 5).T
    paid = np.array([(life.opened, life.seat, life.deposit) for life in told], dtype=np.int64)
    return Plan(
        book_id=_identity(document, history, sessions),
        title=f"{document.accounts} seats, seed {document.seed}",
        seats=document.accounts,
        tempers=tuple(temper.prefix for temper in tempers),
        lives=_columns(told),
        trades=Trades(*(np.ascontiguousarray(column) for column in trades)),
        movements=Movements(*np.ascontiguousarray(paid.reshape(len(told), 3).T)),
        debit_spread=document.debit_spread,
    )


class _Life(NamedTuple):
    account_id: str
    seat: int
    temper: int
    account_type: int
    opened: int
    closes: int
    patience: int
    pays: int
    deposit: int
    trades: list[tuple[int, int, int, int, int]]


def _columns(told: list[_Life]) -> Lives:
    def column(name: str) -> Int64Array:
        return np.array([getattr(life, name) for life in told], dtype=np.int64)

    return Lives(
        account_id=tuple(life.account_id for life in told),
        seat=column("seat"),
        temper=column("temper"),
        account_type=column("account_type").astype(np.int8),
        opened=column("opened"),
        closes=column("closes"),
        patience=column("patience"),
        pays=column("pays"),
        pocket=column("deposit") // 2,
    )


def _seated(document: BookDocument) -> list[int]:
    """Temper of each seat, by largest remainders of the weights; alike ones spread evenly."""
    weights = [weight for weight in document.weights.values() if weight]
    total = sum(weights)
    owed = [0.0] * len(weights)
    seats = []
    for _ in range(document.accounts):
        owed = [due + weight / total for due, weight in zip(owed, weights, strict=True)]
        chosen = max(range(len(owed)), key=lambda n: (round(owed[n], 9), -n))
        owed[chosen] -= 1.0
        seats.append(chosen)
    return seats


def _lives_of(
    document: BookDocument, seated: tuple[int, Temper], history: History, sessions: range
) -> Iterator[_Life]:
    seat, temper = seated
    length, number = document.life_sessions, 0
    first = np.random.default_rng([document.seed, seat]).integers(1, length, endpoint=True)
    # The first life is cut short, so that seats change hands all year round.
    opened, closes = sessions.start, sessions.start + int(first)
    while opened < sessions.stop:
        rng = np.random.default_rng([document.seed, seat, number])
        owner = Owner(f"{temper.prefix}-{seat + 1:05d}-{number:02d}", temper, rng)
        life = _drawn_life(owner, seat, (opened, closes), (document, history))
        if life is not None:
            yield life
        opened, closes, number = closes, closes + length, number + 1


def _drawn_life(
    owner: Owner, seat: int, span: tuple[int, int], given: tuple[BookDocument, History]
) -> _Life | None:
    document, history = given
    temper, place = owner.temper, span[0]
    if owner.happens(temper.answering):
        owner.patience = _PATIENCE[owner.draw((0, len(_PATIENCE) - 1))]
    pays = owner.happens(50)
    deposit = 1_000 * CENTS * owner.draw(temper.deposit_thousands)
    budget = deposit * owner.draw(temper.usage) // 100
    short = budget * owner.draw(temper.short) // 100
    least = round(document.least_price_usd * MICRO)
    if temper.prefix in _WRITING:
        trades = written(owner, budget, Opening(history, place, seat, least))
        if not trades:
            return None
    else:
        chosen = _choose(owner, least, history, place)
        if not chosen:
            return None
        shorts = round(len(chosen) * short / budget)
        trades = [
            *_entered(owner, chosen[:shorts], -short, (history, place, seat)),
            *_entered(owner, chosen[shorts:], budget - short, (history, place, seat)),
        ]
    prefixes = [prefix for prefix, weight in document.weights.items() if weight]
    kind, of = ACCOUNT_TYPES.index(temper.account_type), prefixes.index(temper.prefix)
    return _Life(
        owner.account_id, seat, of, kind, *span, owner.patience, int(pays), deposit, trades
    )


def _choose(owner: Owner, least: int, history: History, place: int) -> list[int]:
    """Securities that an owner opens with: alive, priced today, with a beta, and not too cheap."""
    there = (history.age[place] == 0) & (history.price[place] >= least)
    there &= ~np.isnan(history.beta[history.month[place]])
    stocks = [int(s) for s in np.flatnonzero(there) if history.asset_class[s] in _TRADED]
    liked = [s for s in stocks if history.symbols[s].partition("@")[0] in owner.temper.choice]
    pool = liked if len(liked) >= _FEWEST else stocks
    picked = owner.rng.permutation(len(pool))[: owner.draw(owner.temper.names)]
    return [pool[n] for n in picked]


def _entered(
    owner: Owner, chosen: list[int], budget: int, at: tuple[History, int, int]
) -> Iterator[tuple[int, int, int, int, int]]:
    """Trades at the close, so that their initial requirement fits a budget; below 0 it sells."""
    history, place, seat = at
    weights = [owner.draw((1, 4)) for _ in chosen]
    side = -1 if budget < 0 else 1
    for security, weight in zip(chosen, weights, strict=True):
        price = int(history.price[place, security])
        share = abs(budget) * weight // sum(weights)
        needed = initial_per_share(owner.temper.account_type, side, Decimal(price) / MICRO)
        shares = int(Decimal(share) / CENTS / needed)
        if shares:
            quantity = side * shares * MICRO
            yield place, seat, security, quantity, -value_cents(quantity, price)


def _identity(document: BookDocument, history: History, sessions: range) -> str:
    told: list[Any] = [document.model_dump(), history.history_id, sessions.start, sessions.stop]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]
