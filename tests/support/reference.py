"""The rules once more, slowly: plain decimals, one account, written from the rule texts.

Shares nothing with the kernels; its numbers are those of FINRA 4210, Regulation T, OCC's ranges
and the house semantics, not the rulebooks.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from itertools import groupby
from typing import NamedTuple

from tests.support.portfolios import Holding, Owner, Term

D = Decimal
MOVES = tuple(D(p) / 100 for p in (-8, -6, -4, -2, 0, 2, 4, 6))
RANGES = {
    "equity": (D("0.15"), D("0.15")),
    "broad_index": (D("0.10"), D("0.10")),
    "broad_index_high_cap": (D("0.08"), D("0.06")),
}
EXACT = Context(prec=100, rounding=ROUND_HALF_UP)
FIFTHS = [D(k) / 5 for k in (1, 2, 3, 4, 5)]


class Result(NamedTuple):
    """What an account comes to, in dollars."""

    long_value: D
    short_value: D
    exposure: D
    equity: D
    maintenance: D
    initial: D
    portfolio_margin: D
    governing: D
    pnl: tuple[D, ...]
    restruck: tuple[D, ...]
    states: frozenset[str]


class Line(NamedTuple):
    """One position with its mark."""

    quantity: D
    price: D
    value: D
    term: Term


def cents(amount: D) -> D:
    """Rounded to the cent, halves away from zero."""
    return amount.quantize(D("0.01"), context=EXACT)


def margin(owner: Owner, terms: dict[str, Term]) -> Result:
    """Everything the fused pass says of one account."""
    with localcontext(EXACT):
        lines = [_line(holding, terms[holding.symbol]) for holding in owner.holdings]
        long = sum((line.value for line in lines if line.value >= 0), D(0))
        short = sum((-line.value for line in lines if line.value < 0), D(0))
        carried = [carry(line, line.value, low=line.price < 5) for line in lines]
        pm = scan(lines, [line.value for line in lines], None)
        governing = {"cash": long + short, "reg_t": sum(carried, D(0)), "portfolio_margin": pm}
        stressed = [[stress(line, move) for line in lines] for move in MOVES]
        return Result(
            long_value=long,
            short_value=short,
            exposure=sum(
                (
                    cents(line.value * D(str(line.term.beta)))
                    for line in lines
                    if line.term.beta is not None
                ),
                D(0),
            ),
            equity=D(owner.cash) + long - short,
            maintenance=sum(carried, D(0)),
            initial=sum(
                (open_today(line, c) for line, c in zip(lines, carried, strict=True)), D(0)
            ),
            portfolio_margin=pm,
            governing=governing[owner.kind],
            pnl=tuple(sum(row, D(0)) for row in stressed),
            restruck=tuple(restrike(owner.kind, lines, row) for row in stressed),
            states=states(owner, lines),
        )


def _line(holding: Holding, term: Term) -> Line:
    quantity = D(holding.quantity)
    price = mark(quantity, D(holding.last_fill), term)
    return Line(quantity, price, cents(quantity * price), term)


def mark(quantity: D, last_fill: D, term: Term) -> D:
    """Usable price; else 0 for a long, the last price or fill plus half for a short."""
    if term.state in ("fresh", "stale", "fill_price"):
        return D(term.price or 0)
    if quantity > 0:
        return D(0)
    last = last_fill if term.state == "missing" else D(term.price or 0)
    return (last * D("1.5")).quantize(D("0.000001"), context=EXACT)


def carry(line: Line, value: D, *, low: bool) -> D:
    """4210(c): to carry the position at a value; `low` is under $5 a share."""
    multiple = abs(D(str(line.term.leverage)))
    shares = abs(line.quantity)
    if line.quantity > 0:
        rate = min(D("0.25") * multiple, D(1)) if line.term.marginable else D(1)
        return cents(rate * value)
    rate, floor = (D(1), D("2.50")) if low else (D("0.30"), D(5))
    need = max(cents(rate * multiple * -value), cents(floor * shares))
    return need if line.term.marginable else max(need, -value)


def open_today(line: Line, carried: D) -> D:
    """Regulation T: half, or all of what is not marginable; never under maintenance."""
    rate = D("0.5") if line.term.marginable else D(1)
    return max(cents(rate * abs(line.value)), carried)


def stress(line: Line, move: D) -> D:
    """P&L at a move of SPY; without a beta twice the move, against the position.

    The value does not change its side: nobody loses, or gains by a short sale, more than it.
    """
    if line.term.beta is None:
        pnl = -cents(abs(line.value) * abs(move) * 2)
    else:
        pnl = cents(line.value * D(str(line.term.beta)) * move)
    after = line.value + pnl
    return (max(after, D(0)) if line.quantity > 0 else min(after, D(0))) - line.value


def restrike(kind: str, lines: Sequence[Line], pnl: Sequence[D]) -> D:
    """Governing requirement at the stressed values."""
    after = [line.value + p for line, p in zip(lines, pnl, strict=True)]
    if kind == "cash":
        return sum((abs(value) for value in after), D(0))
    low = [is_low(line, v) for line, v in zip(lines, after, strict=True)]
    if kind == "portfolio_margin":
        return scan(lines, after, low)
    carried = (carry(line, v, low=b) for line, v, b in zip(lines, after, low, strict=True))
    return sum(carried, D(0))


def is_low(line: Line, after: D) -> bool:
    """Under $5 a share after a move: by the value, and by the price of what has not moved."""
    return line.price < 5 if after == line.value else abs(after) < cents(5 * abs(line.quantity))


def scan(lines: Sequence[Line], values: Sequence[D], low: Sequence[bool] | None) -> D:
    """4210(g): worst point of each class group; broad indices offset each other at 90%."""
    is_low = low if low is not None else [line.price < 5 for line in lines]
    total = D(0)
    product = [D(0)] * 10
    members = sorted(zip(lines, values, is_low, strict=True), key=lambda m: group_of(m[0]))
    for _, found in groupby(members, key=lambda m: group_of(m[0])):
        group = list(found)
        total += sum(
            (carry(line, v, low=b) for line, v, b in group if not line.term.marginable), D(0)
        )
        pnl = group_pnl([(line, v) for line, v, _ in group])
        if group[0][0].term.range_class == "equity":
            total += max(D(0), -min(pnl))
        else:
            counted = [p if p < 0 else cents(p * D("0.90")) for p in pnl]
            product = [p + c for p, c in zip(product, counted, strict=True)]
    return total + max(D(0), -min(product))


def group_of(line: Line) -> str:
    """Class group of a position."""
    return line.term.group or line.term.symbol


def group_pnl(members: Sequence[tuple[Line, D]]) -> list[D]:
    """P&L of a class group at its ten points, from the lowest."""
    down, up = RANGES[members[0][0].term.range_class]
    points = [-down * k for k in reversed(FIFTHS)] + [up * k for k in FIFTHS]
    return [
        sum(
            (
                cents(value * max(point * D(str(line.term.leverage)), D(-1)))
                for line, value in members
                if line.term.marginable
            ),
            D(0),
        )
        for point in points
    ]


def states(owner: Owner, lines: Sequence[Line]) -> frozenset[str]:
    """Named states of the account's inputs."""
    found = set() if owner.is_registered else {"unregistered"}
    for line in lines:
        term = line.term
        if term.state != "fresh":
            found.add("fill_price" if term.state == "fill_price" else f"price_{term.state}")
        if term.asset_class is None:
            found.add("instrument_missing")
        if term.beta is None:
            found.add("beta_missing")
    return frozenset(found)
