"""What governs an account of securities after a stress scenario, where its lines are not summed."""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.book.series import Series
from margin_assets.kernels.numeric.compiled import BORROWS, inner
from margin_assets.kernels.numeric.money import MAX_POSITION, value_cents
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.class_groups import (
    Scanned,
    clear_products,
    close_group,
    offset_groups,
    scan_security,
)
from margin_assets.kernels.securities.lines import (
    carried,
    mark_price,
    marked,
    stress_line,
    stressed_value,
)
from margin_assets.kernels.securities.plain import PlainTerms


class Holders(NamedTuple):
    """Accounts of the pass, what they hold, and the rules."""

    book: Book
    series: Series
    terms: PlainTerms
    rules: Rules


@inner(**BORROWS)
def strike_cash_again(holders: Holders, a: int, out: Figures) -> None:
    """A cash account's requirement at each scenario: the absolute values after the move."""
    book, series, _, rules = holders
    out.restruck[a, :] = 0
    for i in range(book.offsets[a], book.offsets[a + 1]):
        s = book.series[i]
        if abs(book.quantity[i]) <= MAX_POSITION:
            value = value_cents(book.quantity[i], mark_price(book, series, rules, i))
            for j in range(len(rules.stress_moves)):
                stressed = stressed_value(value, series.beta[s], j, rules)
                out.restruck[a, j] += abs(stressed)


@inner(**BORROWS)
def stressed_portfolio_margin(holders: Holders, a: int, scenario: int, scanned: Scanned) -> int:
    """4210(g) of account a struck again at the prices of a stress scenario."""
    book, series, _, rules = holders
    clear_products(scanned)
    requirement = 0
    first, end = book.offsets[a], book.offsets[a + 1]
    for i in range(first, end):
        s = book.series[i]
        if abs(book.quantity[i]) <= MAX_POSITION:
            held = carried(series, marked(book, series, rules, i), rules)
            line = stress_line(held.value, series.beta[s], rules.stress_moves[scenario], rules)
            requirement += scan_security(held, line, rules, series.range_class[s], scanned.group)
        if i + 1 == end or series.class_group[book.series[i + 1]] != series.class_group[s]:
            requirement += close_group(rules, series.range_class[s], np.int64(0), scanned)
    return requirement + offset_groups(scanned)
