"""One position under each rule: compiled functions that read like the rule, inlined in the pass.

Values are signed cents, requirements positive cents. Source: FINRA Rule 4210(c) and Regulation T
220.12 by way of the rulebooks; house semantics, sections 3 to 5 and 7.
"""

from typing import NamedTuple

from numba import njit

from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.series import (
    FILL,
    MISSING,
    OPTION,
    STALE,
    UNUSABLE,
    USABLE,
    Series,
    quoted,
)
from margin_assets.kernels.book.states import (
    FILL_PRICE,
    NO_BETA,
    NO_PRICE,
    PRICE_STALE,
    PRICE_UNUSABLE,
)
from margin_assets.kernels.numeric.compiled import BORROWS, inner
from margin_assets.kernels.numeric.money import (
    CENTS,
    MAX_POSITION,
    MAX_TOTAL,
    MICRO,
    PPM,
    floor_line,
    model_line,
    rate_line,
    value_cents,
)
from margin_assets.kernels.rules.rules import Rules
from schemas.columns import MAX_PRICE

DEAREST = int(MAX_PRICE) * MICRO
"""Largest price there may be, micro-dollars."""
WHOLE = -PPM
"""A price falls by its whole at most."""


class Marked(NamedTuple):
    """One position and the price that values it."""

    s: int
    """Its symbol's place in the series."""
    quantity: int
    price: int
    """Micro-dollars."""


class Carried(NamedTuple):
    """One position as the lines of 4210(c) read it."""

    quantity: int
    value: int
    """Signed, in the unit that its line is asked for in."""
    below: bool
    """Which side of the price threshold of a short sale the price is on."""
    leverage: int
    marginable: bool


@inner(**BORROWS)
def _upper_bound(series: Series, s: int) -> int:
    """Most that an option is worth: a call its underlying, a put its strike; else the most of all.

    A call whose underlying has no usable price has no such bound.
    """
    if series.kind[s] != OPTION or (series.is_call[s] and series.underlying_state[s] > USABLE):
        return DEAREST
    return quoted(series, s, series.underlying_price[s] if series.is_call[s] else series.strike[s])


@inner(**BORROWS, forceinline=True)
def mark_price(book: Book, series: Series, rules: Rules, i: int) -> int:
    """Price that values position i, micro-dollars; 0 where a long position has no usable one.

    An unpriced short position is carried at the last price, or its last fill's, plus the cushion;
    an option without either at what it is worth at most.
    """
    s = book.series[i]
    state = series.price_state[s]
    if state <= USABLE:
        return series.price[s]
    if book.quantity[i] > 0:
        return 0
    last = series.price[s] if state != MISSING else book.last_fill_price[i]
    return last + rate_line(last, rules.short_cushion) if last >= 0 else _upper_bound(series, s)


@inner(**BORROWS, forceinline=True)
def marked(book: Book, series: Series, rules: Rules, i: int) -> Marked:
    """Position i of the book at its mark."""
    return Marked(book.series[i], book.quantity[i], mark_price(book, series, rules, i))


@inner(**BORROWS, forceinline=True)
def carried(series: Series, position: Marked, rules: Rules) -> Carried:
    """A position as it is carried, its value in cents."""
    s, quantity, price = position
    value = value_cents(quantity, price)
    below = is_below(price, rules)
    return Carried(quantity, value, below, series.leverage[s], series.is_marginable[s])


@njit(**BORROWS, forceinline=True)
def input_states(series: Series, s: int) -> int:
    """Named states that symbol s brings to an account that holds it."""
    states = series.input_state[s]
    state = series.price_state[s]
    if state == STALE:
        states |= PRICE_STALE
    elif state == FILL:
        states |= FILL_PRICE
    elif state == UNUSABLE:
        states |= PRICE_UNUSABLE
    elif state == MISSING:
        states |= NO_PRICE
    if series.beta[s] != series.beta[s]:
        states |= NO_BETA
    return states


@njit(**BORROWS, forceinline=True)
def maintenance_line(position: Carried, rules: Rules) -> int:
    """FINRA 4210(c): what carrying the position requires, cents.

    Long: a percentage, multiplied for a leveraged fund up to the whole value. Short: see
    `short_line`.
    """
    quantity, value = position.quantity, position.value
    if quantity > 0:
        if not position.marginable:
            return rate_line(value, rules.long_non_marginable)
        rate = rate_line(rules.long_maintenance, abs(position.leverage))
        return rate_line(value, min(rate, rules.long_cap))
    return short_line(position, floor_line(quantity, short_floor(position.below, rules)), rules)


@njit(**BORROWS, forceinline=True)
def short_floor(below: bool, rules: Rules) -> int:
    """4210(c)(2) and (3): the dollar floor of a short position, cents a unit."""
    return rules.short_below_floor if below else rules.short_floor


@njit(**BORROWS, forceinline=True)
def short_line(position: Carried, floor: int, rules: Rules) -> int:
    """4210(c)(2) and (3): what carrying a short position requires, in the unit of its value.

    The greater of a percentage, multiplied for a leveraged fund, and the dollar floor, which is
    given in that unit too. A non-marginable one needs its value, where that is more.
    """
    size = -position.value
    percent = rules.short_below if position.below else rules.short_maintenance
    line = max(rate_line(size, rate_line(percent, abs(position.leverage))), floor)
    return line if position.marginable else max(line, rate_line(size, rules.short_non_marginable))


@inner(**BORROWS, forceinline=True)
def initial_line(position: Carried, maintenance: int, rules: Rules) -> int:
    """Regulation T 220.12, and never below maintenance (4210(b)): what opening it today takes."""
    if not position.marginable:
        rate = rules.initial_non_margin
    else:
        rate = rules.initial_long if position.quantity > 0 else rules.initial_short
    return max(rate_line(abs(position.value), rate), maintenance)


@inner(**BORROWS, forceinline=True)
def stress_line(value: int, beta: float, move: float, rules: Rules) -> int:
    """P&L of a position when SPY moves: value x beta x move; without a beta always a loss.

    The value stops at 0: a long position loses it at most, a short one gains it at most.
    """
    if beta != beta:
        line = -model_line(abs(value), abs(move) * rules.missing_beta)
    else:
        line = model_line(value, beta * move)
    return max(line, -value) if value > 0 else min(line, -value)


@inner(**BORROWS, forceinline=True)
def scan_line(value: int, point: int, leverage: int) -> int:
    """P&L of a position when its class group moves by `point` (ppm); value cannot fall below 0."""
    return rate_line(value, max(rate_line(point, leverage), WHOLE))


@inner(**BORROWS, forceinline=True)
def line_bound(series: Series, position: Marked, rules: Rules) -> float:
    """Cents that no line of the position, today's or stressed, goes beyond."""
    s, quantity, price = position
    beta = series.beta[s]
    reach = rules.missing_beta if beta != beta else abs(beta)
    move = max(abs(rules.stress_moves[0]), abs(rules.stress_moves[-1]))
    value = abs(float(quantity)) * float(price) / (MICRO * MICRO / CENTS)
    floor = abs(float(quantity)) / MICRO * max(rules.short_floor, rules.short_below_floor)
    return value * (1.0 + reach * move) * max(1.0, abs(series.leverage[s]) / PPM) + floor


@njit(**BORROWS)
def is_exact(series: Series, position: Marked, rules: Rules) -> bool:
    """Whether every line of the position fits; if not, its account is `beyond_range`."""
    is_small = abs(position.quantity) <= MAX_POSITION
    return is_small and line_bound(series, position, rules) <= MAX_TOTAL


@njit(**BORROWS, forceinline=True)
def is_below(price: int, rules: Rules) -> bool:
    """Whether a price (micro-dollars) is under the short-stock threshold."""
    return price < rules.short_threshold * 10_000


@inner(**BORROWS, forceinline=True)
def stressed_maintenance(position: Carried, line: int, rules: Rules) -> int:
    """4210(c) struck again at the stressed value: today's and its stress line.

    A value on the price threshold, rounded, keeps the side that the position is on today.
    """
    quantity, value, below, leverage, marginable = position
    threshold = floor_line(quantity, rules.short_threshold)
    if below:
        threshold = max(threshold, abs(value) + 1)
    stressed = value + line
    is_low = abs(stressed) < threshold
    return maintenance_line(Carried(quantity, stressed, is_low, leverage, marginable), rules)


@inner(**BORROWS)
def stressed_value(value: int, beta: float, scenario: int, rules: Rules) -> int:
    """Value after a stress scenario."""
    return value + stress_line(value, beta, rules.stress_moves[scenario], rules)
