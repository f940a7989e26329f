"""One position under each rule: compiled functions that read like the rule, inlined in the pass.

Values are signed cents, requirements positive cents. Source: FINRA Rule 4210(c) and Regulation T
220.12 by way of the rulebooks; house semantics, sections 3 to 5 and 7.
"""

from numba import njit

from margin_assets.kernels.book.book import (
    FILL,
    FILL_PRICE,
    MISSING,
    NO_BETA,
    NO_PRICE,
    OPTION,
    PRICE_STALE,
    PRICE_UNUSABLE,
    STALE,
    UNUSABLE,
    USABLE,
    Book,
    Series,
)
from margin_assets.kernels.numeric.compiled import BORROWS
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


@njit(**BORROWS)
def _upper_bound(series: Series, s: int) -> int:
    """Most that an option is worth: a call its underlying, a put its strike; else the most of all.

    A call whose underlying has no usable price has no such bound.
    """
    if series.kind[s] != OPTION or (series.is_call[s] and series.underlying_state[s] > USABLE):
        return DEAREST
    return series.underlying_price[s] if series.is_call[s] else series.strike[s]


@njit(**BORROWS, forceinline=True)
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
def maintenance_line(
    quantity: int, value: int, below: bool, leverage: int, marginable: bool, rules: Rules
) -> int:
    """FINRA 4210(c): what carrying the position requires.

    Long: a percentage, multiplied for a leveraged fund up to the whole value. Short: the greater
    of a multiplied percentage and the dollar floor a share; `below` says which side of the price
    threshold. A non-marginable short needs its value too, where that is more.
    """
    multiple = abs(leverage)
    if quantity > 0:
        if not marginable:
            return rate_line(value, rules.long_non_marginable)
        return rate_line(value, min(rate_line(rules.long_maintenance, multiple), rules.long_cap))
    size = -value
    if below:
        percent, floor = rules.short_below, rules.short_below_floor
    else:
        percent, floor = rules.short_maintenance, rules.short_floor
    line = max(rate_line(size, rate_line(percent, multiple)), floor_line(quantity, floor))
    return line if marginable else max(line, rate_line(size, rules.short_non_marginable))


@njit(**BORROWS, forceinline=True)
def initial_line(
    quantity: int, value: int, marginable: bool, maintenance: int, rules: Rules
) -> int:
    """Regulation T 220.12, and never below maintenance (4210(b)): what opening it today takes."""
    if not marginable:
        rate = rules.initial_non_margin
    else:
        rate = rules.initial_long if quantity > 0 else rules.initial_short
    return max(rate_line(abs(value), rate), maintenance)


@njit(**BORROWS, forceinline=True)
def stress_line(value: int, beta: float, move: float, rules: Rules) -> int:
    """P&L of a position when SPY moves: value x beta x move; without a beta always a loss.

    The value stops at 0: a long position loses it at most, a short one gains it at most.
    """
    if beta != beta:
        line = -model_line(abs(value), abs(move) * rules.missing_beta)
    else:
        line = model_line(value, beta * move)
    return max(line, -value) if value > 0 else min(line, -value)


@njit(**BORROWS, forceinline=True)
def scan_line(value: int, point: int, leverage: int) -> int:
    """P&L of a position when its class group moves by `point` (ppm); value cannot fall below 0."""
    return rate_line(value, max(rate_line(point, leverage), WHOLE))


@njit(**BORROWS, forceinline=True)
def line_bound(quantity: int, price: int, leverage: int, beta: float, rules: Rules) -> float:
    """Cents that no line of the position, today's or stressed, goes beyond."""
    reach = rules.missing_beta if beta != beta else abs(beta)
    move = max(abs(rules.stress_moves[0]), abs(rules.stress_moves[-1]))
    value = abs(float(quantity)) * float(price) / (MICRO * MICRO / CENTS)
    floor = abs(float(quantity)) / MICRO * max(rules.short_floor, rules.short_below_floor)
    return value * (1.0 + reach * move) * max(1.0, abs(leverage) / PPM) + floor


@njit(**BORROWS)
def is_exact(quantity: int, price: int, leverage: int, beta: float, rules: Rules) -> bool:
    """Whether every line of the position fits; if not, its account is `beyond_range`."""
    return (
        abs(quantity) <= MAX_POSITION
        and line_bound(quantity, price, leverage, beta, rules) <= MAX_TOTAL
    )


@njit(**BORROWS, forceinline=True)
def is_below(price: int, rules: Rules) -> bool:
    """Whether a price (micro-dollars) is under the short-stock threshold."""
    return price < rules.short_threshold * 10_000


@njit(**BORROWS, forceinline=True)
def stressed_maintenance(
    quantity: int,
    value: int,
    line: int,
    below: bool,
    leverage: int,
    marginable: bool,
    rules: Rules,
) -> int:
    """4210(c) struck again at the stressed value: today's and its stress line.

    `below` is the side of the price threshold today: a value on it, rounded, keeps that side.
    """
    threshold = floor_line(quantity, rules.short_threshold)
    if below:
        threshold = max(threshold, abs(value) + 1)
    stressed = value + line
    is_low = abs(stressed) < threshold
    return maintenance_line(quantity, stressed, is_low, leverage, marginable, rules)


__all__ = [
    "initial_line",
    "input_states",
    "is_below",
    "line_bound",
    "maintenance_line",
    "mark_price",
    "scan_line",
    "stress_line",
    "stressed_maintenance",
    "value_cents",
]
