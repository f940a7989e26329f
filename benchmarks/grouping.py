"""Least-requirement grouping: iron condors and random books a second and core, beside a peer.

The peer is the open package margin-estimator, which pairs legs in the order of their expiries and
proves nothing; ours proves that no grouping requires less. Both are given the same books as the
objects that they take. Then a hundred thousand accounts of about ten option legs, on all threads.
"""

import time
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from margin_estimator import Option, OptionType, Underlying, calculate_margin

from benchmarks import option_book
from benchmarks.output import median_seconds, show
from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.numeric.threads import at_most
from margin_assets.kernels.rules.rules import rules_in_force
from margin_assets.kernels.strategies.least_groups import least_requirements
from margin_assets.kernels.strategies.problems import Problems, problems_of
from margin_assets.kernels.strategies.solutions import Solution, group_of
from margin_assets.kernels.strategies.strategic import strategy_rates
from margin_assets.kernels.strategies.strategies import (
    LEG,
    SPREAD,
    STOCK_RECORD,
    Records,
    group_maintenance,
)

BOOKS, PEER_BOOKS = 20_000, 1_000
LARGE_BOOKS = 5
LARGE = ((30, 8), (48, 4), (65, 1), (100, 4), (200, 2), (400, 1), (400, 4), (400, 8))
DAY = date(2026, 6, 8)
SPOT = 100.0
MICRO = 1_000_000
Leg = tuple[int, bool, float, int, float]
"""Contracts, whether a call, strike, days to expiry, price."""


def condors(count: int, seed: int = 4210) -> list[list[Leg]]:
    """Seeded iron condors: a put spread below the price and a call spread above it."""
    rng = np.random.default_rng(seed)
    books = []
    for _ in range(count):
        low, width = 80 + int(rng.integers(0, 12)), int(rng.integers(1, 6))
        high, size = 104 + int(rng.integers(0, 12)), int(rng.integers(1, 11))
        books.append(
            [
                (size, False, low, 30, 0.4),
                (-size, False, low + width, 30, 1.1),
                (-size, True, high, 30, 1.2),
                (size, True, high + width, 30, 0.5),
            ]
        )
    return books


def random_books(count: int, seed: int = 12) -> list[list[Leg]]:
    """Seeded books of 4 to 12 distinct series of one underlying."""
    rng = np.random.default_rng(seed)
    books = []
    for _ in range(count):
        chosen = rng.choice(2 * 3 * 21, size=int(rng.integers(4, 13)), replace=False)
        legs = [
            (
                int(rng.choice([-5, -3, -2, -1, 1, 2, 3, 5])),
                n % 2 == 0,
                80.0 + 2 * (int(n) // 6),
                30 * (1 + int(n) // 2 % 3),
                round(float(rng.uniform(0.1, 9)), 2),
            )
            for n in chosen
        ]
        books.append(sorted(legs, key=lambda leg: (leg[3], leg[2], not leg[1])))
    return books


def large_books(legs: int, expiries: int, count: int, seed: int = 400) -> list[list[Leg]]:
    """Seeded books of many distinct series of one underlying, dearer near the money and later."""
    rng = np.random.default_rng(seed)
    books = []
    for _ in range(count):
        book = []
        for n in rng.choice(2 * 200 * expiries, size=legs, replace=False):
            is_call, days = n % 2 == 0, 30 * (1 + int(n) // 2 % expiries)
            strike = 50.0 + int(n) // (2 * expiries) / 2
            inside = max(SPOT - strike if is_call else strike - SPOT, 0.0)
            near = float(np.exp(-(((strike - SPOT) / 20) ** 2)) * np.sqrt(days / 30))
            size = int(rng.choice([-1, 1]) * rng.integers(1, 21))
            book.append((size, is_call, strike, days, round(inside + 4 * near + 0.01, 2)))
        books.append(sorted(book, key=lambda leg: (leg[3], leg[2], not leg[1])))
    return books


def posed(books: list[list[Leg]]) -> Problems:
    """Books as the kernel takes them."""
    legs = [leg for book in books for leg in book]
    records: Records = np.zeros(len(legs), dtype=LEG)
    contracts, is_call, strike, days, price = zip(*legs, strict=True)
    records["contracts"], records["is_call"], records["expiry"] = contracts, is_call, days
    records["strike"] = np.rint(np.array(strike) * MICRO)
    records["price"] = np.rint(np.array(price) * MICRO)
    records["spot"], records["units"] = round(SPOT * MICRO), 100 * MICRO
    records["base"], records["floor"], records["is_listed"] = 200_000, 100_000, True
    ends = np.cumsum([0, *map(len, books)])
    return Problems(
        np.arange(len(books) + 1),
        ends,
        np.zeros(len(books) + 1, dtype=np.int64),
        records,
        np.zeros(0, dtype=STOCK_RECORD),
        np.arange(len(legs)),
        np.zeros(0, dtype=np.int64),
    )


def _peer(books: list[list[Leg]]) -> Callable[[], object]:
    options = [
        [
            Option(
                expiration=DAY + timedelta(days=days),
                price=Decimal(str(price)),
                quantity=contracts,
                strike=Decimal(str(strike)),
                type=OptionType.CALL if is_call else OptionType.PUT,
            )
            for contracts, is_call, strike, days, price in book
        ]
        for book in books
    ]
    under = Underlying(price=Decimal(str(SPOT)))
    return lambda: [calculate_margin(book, under) for book in options]


def _beside(books: list[list[Leg]]) -> dict[str, float]:
    problems, rates = posed(books), strategy_rates(rules_in_force(DAY))
    ours = len(books) / median_seconds(lambda: least_requirements(problems, rates))
    peer = PEER_BOOKS / median_seconds(_peer(books[:PEER_BOOKS]))
    return {"ours": ours, "margin-estimator": peer, "ratio": ours / peer}


def _large(legs: int, expiries: int) -> dict[str, float]:
    """Seconds a book, and the widest gap to the stated bound, percent of the gross requirement."""
    problems, rates = (
        posed(large_books(legs, expiries, LARGE_BOOKS)),
        strategy_rates(rules_in_force(DAY)),
    )
    began = time.perf_counter()
    found = least_requirements(problems, rates)
    seconds = (time.perf_counter() - began) / LARGE_BOOKS
    gross = _gross(problems, found)
    return {
        "seconds a book": seconds,
        "gap, %": float((found.gap / (gross - found.gap)).max() * 100),
    }


def _gross(problems: Problems, found: Solution) -> FloatArray:
    """Requirement of each problem with its long options at their cost, micro-dollars."""
    legs, rates = problems.legs, strategy_rates(rules_in_force(DAY))
    worth = legs["price"] * np.maximum(legs["contracts"], 0) * 100.0
    gross: FloatArray = np.add.reduceat(worth, problems.leg_offsets[:-1])
    for p in range(len(gross)):
        for g in range(found.offsets[p], found.offsets[p + 1]):
            group = group_of(found, g)
            gross[p] += found.amount[g] if found.kind[g] == SPREAD else 0
            alone = group_maintenance(group, legs, problems.stocks, rates)
            gross[p] += found.count[g] * alone
    return gross


def main() -> dict[str, Any]:
    """Books a second and core of both, in one run; seconds for the accounts of the option book."""
    kinds = {"iron condors": condors(BOOKS), "4 to 12 legs": random_books(BOOKS)}
    with at_most(1):
        beside = {name: _beside(books) for name, books in kinds.items()}
    series, book = option_book.make_market(), option_book.make_book()
    everyone, rules = np.arange(option_book.ACCOUNTS), rules_in_force(option_book.DAY)

    def grouped() -> None:
        problems = problems_of(book, series, rules, everyone)
        least_requirements(problems, strategy_rates(rules))

    large = {
        f"{legs} legs, {expiries} expiries": _large(legs, expiries) for legs, expiries in LARGE
    }
    return {
        "books a second and core": beside,
        "large books": large,
        "100,000 accounts, seconds": median_seconds(grouped),
    }


if __name__ == "__main__":
    show({"grouping": main()})
