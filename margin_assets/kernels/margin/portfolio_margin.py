"""Portfolio margin of one account that holds anything: 4210(g), today and after each scenario."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.series import BOND, OPTION, Series
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, inner
from margin_assets.kernels.numeric.money import (
    MAX_POSITION,
    signed_value,
    value_cents,
)
from margin_assets.kernels.options.quotes import quote_states
from margin_assets.kernels.options.valuation import OptionValues, bounded_line
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.bonds import bond_line
from margin_assets.kernels.securities.class_groups import (
    Scanned,
    clear_products,
    close_group,
    offset_groups,
    scan_security,
)
from margin_assets.kernels.securities.lines import (
    Marked,
    carried,
    marked,
    stress_line,
)

TODAY = -1


class PricedSeries(NamedTuple):
    """What every account of the pass reads of the symbols."""

    series: Series
    values: OptionValues
    states: npt.NDArray[np.int32]
    """Named states of each symbol, its option model's included."""


class Holders(NamedTuple):
    """Accounts of the pass, what they hold, and the rules."""

    book: Book
    priced: PricedSeries
    rules: Rules


class Asked(NamedTuple):
    """What a class group is scanned for."""

    is_exempt: bool
    """Whether its account is exempt."""
    scenario: int
    """Stress scenario from whose prices it moves, or `TODAY`."""


def priced_series(series: Series, values: OptionValues) -> PricedSeries:
    """Series with their option values and named states."""
    return PricedSeries(series, values, quote_states(series))


@inner(**BORROWS)
def portfolio_margin(holders: Holders, a: int, scenario: int, scanned: Scanned) -> int:
    """4210(g) of account a, today (`TODAY`) or struck again at the prices of a stress scenario."""
    book, priced, rules = holders
    series = priced.series
    clear_products(scanned)
    requirement = minimum = 0
    first, end = book.offsets[a], book.offsets[a + 1]
    for i in range(first, end):
        s = book.series[i]
        if abs(book.quantity[i]) <= MAX_POSITION:
            position = marked(book, series, rules, i)
            asked = Asked(book.is_exempt[a], scenario)
            requirement += scan_position(priced, rules, position, asked, scanned.group)
            minimum += contract_minimum(series, rules, position)
        if i + 1 == end or series.class_group[book.series[i + 1]] != series.class_group[s]:
            requirement += close_group(rules, series.range_class[s], minimum, scanned)
            minimum = 0
    return requirement + offset_groups(scanned)


@inner(**BORROWS)
def scan_position(
    priced: PricedSeries, rules: Rules, position: Marked, asked: Asked, group: Int64Array
) -> int:
    """Adds a position's P&L at the points to its group; returns what is required whole."""
    series, s = priced.series, position.s
    if series.kind[s] == OPTION:
        _scan_option(priced.values, position, asked.scenario, group)
        return 0
    held, line = carried(series, position, rules), 0
    if asked.scenario != TODAY:
        line = stress_line(held.value, series.beta[s], rules.stress_moves[asked.scenario], rules)
    if series.kind[s] == BOND:
        return bond_line(series, position, held.value + line, asked.is_exempt, rules)
    return scan_security(held, line, rules, series.range_class[s], group)


@inner(**BORROWS)
def _scan_option(values: OptionValues, position: Marked, scenario: int, group: Int64Array) -> None:
    s, quantity, price = position
    slot = values.slot[s]
    if scenario != TODAY and len(values.rescan) == 0:
        return
    # What has no beta has no stressed price: it is struck again where it stands.
    is_today = scenario == TODAY or values.stress_bound[slot]
    for k in range(len(group)):
        pnl = values.scan[slot, k] if is_today else values.rescan[slot, scenario, k]
        if values.scan_bound[slot]:
            pnl = bounded_line(pnl, price, quantity)
        group[k] += signed_value(quantity, pnl)


@inner(**BORROWS, forceinline=True)
def contract_minimum(series: Series, rules: Rules, position: Marked) -> int:
    """4210(g)(7): an amount a unit of every option held, of a long one at most its value."""
    s, quantity, price = position
    if series.kind[s] != OPTION:
        return 0
    least = value_cents(abs(quantity), rules.contract_minimum)
    return min(least, value_cents(quantity, price)) if quantity > 0 else least
