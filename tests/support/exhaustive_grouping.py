"""Every grouping of a small option book there is, tried one after the other.

Written from the text of the rule alone, 4210(f)(2)(D) to (H), in whole micro-dollars: it shares
no code with what it is compared to.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

MICRO = 1_000_000
HEDGED, BOX = 100_000, 500_000  # rates of (H)(v), ppm
SAME = 50_000  # rate of (e)(1), ppm
ONE = 100  # shares a contract


@dataclass(frozen=True)
class Leg:
    contracts: int
    is_call: bool
    strike: int
    expiry: int
    price: int
    units: int = ONE
    is_european: bool = False
    is_listed: bool = True
    base: int = 200_000
    floor: int = 100_000
    loan: int = 0
    is_on_index: bool = False

    @property
    def lends_on(self) -> int:
        return self.price


@dataclass(frozen=True)
class Stock:
    shares: int
    price: int
    maintenance: int
    is_fund: bool = False  # in the class group of what the options are on


@dataclass(frozen=True)
class Book:
    spot: int
    legs: tuple[Leg, ...]
    stocks: tuple[Stock, ...] = ()


@dataclass(frozen=True)
class Choice:
    """One permitted group: how many of each leg and stock it takes, and what it requires."""

    kind: str
    counts: tuple[int, ...]
    shares: tuple[int, ...]
    cost: int


def part(amount: int, rate: int, whole: int = MICRO) -> int:
    return (2 * amount * rate + whole) // (2 * whole)


def naked(leg: Leg, spot: int) -> int:
    out = max(0, leg.strike - spot if leg.is_call else spot - leg.strike) * leg.units
    least = part((spot if leg.is_call else leg.strike) * leg.units, leg.floor)
    return leg.price * leg.units + max(part(spot * leg.units, leg.base) - out, least)


def pays(leg: Leg, at: int) -> int:
    return max(0, at - leg.strike if leg.is_call else leg.strike - at) * leg.units


def straddle(call: Leg, put: Leg, spot: int) -> int:
    sides = ((call, put), (put, call))
    return sum(max((naked(one, spot), other.price * other.units) for one, other in sides))


def spread_loss(legs: tuple[Leg, ...], counts: tuple[int, ...]) -> int | None:
    """Maximum potential loss; None where the rule knows no such spread.

    Of calls and of puts there are as many units long as short: more short calls lose and more
    long ones gain without limit, and in all the two sides stand for one contract value.
    """
    inside = [(leg, n if leg.contracts > 0 else -n) for leg, n in zip(legs, counts, strict=True)]
    inside = [(leg, n) for leg, n in inside if n]
    longs, shorts = [x for x, n in inside if n > 0], [x for x, n in inside if n < 0]
    if not longs or not shorts or len({(x.is_listed, x.is_european) for x, _ in inside}) > 1:
        return None
    if max(leg.expiry for leg in shorts) > min(leg.expiry for leg in longs):
        return None
    for is_call in (True, False):
        if sum(leg.units * n for leg, n in inside if leg.is_call is is_call) != 0:
            return None
    points = {0} | {leg.strike for leg, _ in inside}
    return max(0, *(-sum(pays(leg, at) * n for leg, n in inside) for at in points))


def is_long_box(a: Leg, b: Leg, c: Leg, d: Leg) -> bool:
    """A long call below a short one, and a long put where the short call is above a short one."""
    same = {(leg.expiry, leg.units, leg.is_listed, leg.is_european) for leg in (a, b, c, d)}
    return (
        len(same) == 1
        and a.is_european
        and [(leg.is_call, leg.contracts > 0) for leg in (a, b, c, d)]
        == [(True, True), (True, False), (False, True), (False, False)]
        and a.strike == d.strike < b.strike == c.strike
    )


def pairings(book: Book) -> Iterator[tuple[str, tuple[int, ...], int]]:
    """Groups of options only but spreads: their kind, legs and requirement."""
    spot = book.spot
    for i, leg in enumerate(book.legs):
        if leg.contracts < 0:
            yield "short_option", (i,), naked(leg, spot)
        elif leg.contracts > 0:
            yield "long_option", (i,), -part(leg.price * leg.units, leg.loan)
    for (i, a), (j, b) in itertools.permutations(enumerate(book.legs), 2):
        if a.contracts < 0 > b.contracts and a.is_call > b.is_call and a.units == b.units:
            yield "short_straddle", (i, j), straddle(a, b, spot)
    for places in itertools.permutations(range(len(book.legs)), 4):
        a, b, c, d = (book.legs[i] for i in places)
        if is_long_box(a, b, c, d):
            width = (b.strike - a.strike) * a.units
            value = (a.price - b.price + c.price - d.price) * a.units
            yield "long_box", places, part(width, BOX) - min(width, value)


def with_stock(book: Book, stock: Stock) -> Iterator[tuple[str, tuple[int, ...], int, int]]:
    """Groups of a stock and options: kind, legs, shares, requirement."""
    spot, way = book.spot, 1 if stock.shares > 0 else -1
    for i, leg in enumerate(book.legs):
        units = leg.units
        if stock.is_fund and not leg.is_on_index:
            continue
        need = -(-spot * units // stock.price) if stock.is_fund else units
        if leg.contracts < 0 and leg.is_call == (way > 0):
            amount, inside = stock.maintenance * need, pays(leg, spot)
            if way > 0 and inside:
                amount = part(amount, leg.strike, spot)
            yield "covered_call" if way > 0 else "covered_put", (i,), need, amount + inside
        if stock.is_fund or leg.contracts <= 0 or leg.is_call != (way < 0):
            continue
        amount, out = stock.maintenance * units, max(0, way * (spot - leg.strike)) * units
        hedged = part(leg.strike * units, HEDGED) + out
        yield "protective_put" if way > 0 else "protected_short", (i,), units, min(hedged, amount)
        for j, other in enumerate(book.legs):
            if other.contracts >= 0 or other.is_call == leg.is_call or other.units != units:
                continue
            if other.expiry == leg.expiry and other.strike == leg.strike:
                yield "conversion" if way > 0 else "reverse_conversion", (i, j), units, hedged
            elif other.expiry == leg.expiry and way > 0 and leg.strike < other.strike:
                most = part(amount, other.strike, spot)
                yield "collar", (i, j), units, min(hedged, most) + pays(other, spot)


def choices(book: Book) -> list[Choice]:
    """Every group that the rule permits of a book."""
    size, stocks = len(book.legs), len(book.stocks)
    nothing = (0,) * stocks

    def taking(places: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(int(i in places) for i in range(size))

    found = [Choice(kind, taking(at), nothing, cost) for kind, at, cost in pairings(book)]
    for s, stock in enumerate(book.stocks):
        for kind, at, need, cost in with_stock(book, stock):
            shares = tuple(need if k == s else 0 for k in range(stocks))
            found.append(Choice(kind, taking(at), shares, cost))
    for counts in itertools.product(*(range(abs(leg.contracts) + 1) for leg in book.legs)):
        loss = spread_loss(book.legs, counts)
        if loss is not None:
            found.append(Choice("spread", counts, nothing, loss))
    return found


def alone(book: Book, rest: list[int]) -> int:
    """Shares that are in no group: what is held both ways takes a rate of the long value."""
    cost = sum(n * stock.maintenance for n, stock in zip(rest, book.stocks, strict=True))
    for (n, one), (m, other) in itertools.permutations(zip(rest, book.stocks, strict=True), 2):
        if one.shares > 0 > other.shares and not one.is_fund and not other.is_fund:
            saved = one.maintenance + other.maintenance - part(one.price, SAME)
            cost -= min(n, m) * saved
    return cost


def packed(counts: tuple[int, ...], shares: tuple[int, ...]) -> int:
    """Quantities side by side in one number, each below a spare bit."""
    total = sum(n << 5 * i for i, n in enumerate(counts))
    return total + sum(n << 5 * len(counts) + 12 * s for s, n in enumerate(shares))


def least(book: Book, permitted: list[Choice]) -> int:
    """Least requirement over every grouping of the book, micro-dollars."""
    size, stocks = len(book.legs), len(book.stocks)
    order = sorted(range(size), key=lambda i: book.legs[i].contracts > 0)  # shorts first
    spare = packed((16,) * size, (2048,) * stocks)
    starting: list[list[tuple[int, int]]] = [[] for _ in order]
    for choice in permitted:
        first = next(i for i in order if choice.counts[i])
        starting[first].append((packed(choice.counts, choice.shares), choice.cost))
    known: dict[int, int] = {}

    def of(left: int) -> int:
        if left not in known:
            first = next((i for i in order if left >> 5 * i & 15), None)
            if first is None:
                known[left] = alone(book, [left >> 5 * size + 12 * s & 2047 for s in range(stocks)])
            else:
                known[left] = min(
                    cost + of(left - taken)
                    for taken, cost in starting[first]
                    if (left | spare) - taken & spare == spare
                )
        return known[left]

    held = tuple(abs(leg.contracts) for leg in book.legs)
    return of(packed(held, tuple(abs(stock.shares) for stock in book.stocks)))


def random_book(rng: random.Random) -> Book:
    """Few strikes and expiries, so that legs pair; prices from fair to stale beyond reason."""
    spot = rng.randint(200, 60_000) * 10_000 + rng.choice([0, 0, 3_333])
    strikes = [
        max(1, round(spot * rng.choice([0.3, 0.8, 0.95, 1, 1.05, 1.1, 1.5, 2]) / 500_000)) * 500_000
        for _ in range(rng.randint(1, 4))
    ]
    expiries = rng.sample([9, 37, 65, 400], k=rng.randint(1, 3))
    style, is_on_index = rng.random() < 0.4, rng.random() < 0.7
    units = [ONE] * 9 + [rng.choice([ONE, 10, 150])]
    rates = rng.choice([(200_000, 100_000), (150_000, 100_000), (600_000, 300_000)])
    legs: dict[tuple[object, ...], Leg] = {}
    for _ in range(rng.randint(2, 5)):
        strike, is_call, expiry = rng.choice(strikes), rng.random() < 0.5, rng.choice(expiries)
        inside = max(0, spot - strike if is_call else strike - spot)
        time_value = rng.choice([0, 10_000, spot // 50, rng.randint(0, spot // 10)])
        leg = Leg(
            rng.choice([-3, -2, -1, -1, 1, 1, 2, 3]),
            is_call,
            strike,
            expiry,
            rng.randint(0, 2 * spot) if rng.random() < 0.05 else inside + time_value,
            rng.choice(units),
            style and rng.random() < 0.95,
            rng.random() < 0.97,
            *rates,
            250_000 if expiry == 400 else 0,
            is_on_index,
        )
        key = (strike, is_call, expiry, leg.units, leg.is_european, leg.is_listed)
        legs.setdefault(key, leg)
    if rng.random() < 0.1:  # no such four come together by chance
        for strike, way in ((min(strikes), 1), (max(strikes) + 5 * MICRO, -1)):
            for is_call in (True, False):
                inside = max(0, spot - strike if is_call else strike - spot)
                count = rng.randint(1, 2) * (way if is_call else -way)
                price = inside + rng.choice([0, spot // 50])
                leg = Leg(
                    count,
                    is_call,
                    strike,
                    expiries[0],
                    price,
                    ONE,
                    True,
                    True,
                    *rates,
                    0,
                    is_on_index,
                )
                legs[strike, is_call, expiries[0], ONE, True, True] = leg
        legs = dict(list(legs.items())[-5:])
    return Book(spot, tuple(legs.values()), random_stocks(rng, spot))


def random_stocks(rng: random.Random, spot: int) -> tuple[Stock, ...]:
    """None, some, or one of them long and short."""
    stocks = [random_stock(rng, spot) for _ in range(rng.choice([0, 0, 0, 1, 1, 2]))]
    own = [stock for stock in stocks if not stock.is_fund]
    if own and rng.random() < 0.4:
        long, short = rng.choice([100, 150, 200, 237]), rng.choice([100, 150, 200, 318])
        rate = rng.choice([250_000, 750_000])
        sides = [Stock(long, spot, part(spot, rate)), Stock(-short, spot, part(spot, 300_000))]
        stocks = sides[:: rng.choice([1, -1])]
    return tuple(stocks)


def random_stock(rng: random.Random, spot: int) -> Stock:
    shares = rng.choice([-1, 1]) * rng.choice([100, 200, 300, 150, rng.randint(1, 300)])
    is_fund = rng.random() < 0.1
    price = rng.choice([spot // 10, spot * 2 // 3]) if is_fund else spot
    rate = rng.choice([250_000, 250_000, 750_000, 1_000_000])
    if shares < 0:
        return Stock(shares, price, max(5 * MICRO, part(price, 300_000)), is_fund)
    return Stock(shares, price, part(price, rate), is_fund)
