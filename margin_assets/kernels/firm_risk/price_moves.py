"""Every price moved alike: the stress that FINRA expects of portfolio margin, whatever the betas.

A scenario of prices is one of SPY in a market in which every beta is the multiple of a fund, 1 of
what is none: so the kernels of the stress strike both.

Source: FINRA, Portfolio Margin FAQ (up and down 25 percent at a minimum), on 4210(g)(1).
"""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.book.series import OPTION, Series
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import PPM
from margin_assets.kernels.options.valuation import (
    OptionValues,
    no_options,
    resized,
    update_values,
)
from margin_assets.kernels.rules.firm_rules import FirmRules
from margin_assets.kernels.rules.rules import Rules


class Scenarios(NamedTuple):
    """A market, and rules whose stress moves are to be struck in it."""

    series: Series
    values: OptionValues
    rules: Rules


def spy_scenarios(series: Series, values: OptionValues, rules: Rules) -> Scenarios:
    """The scenarios of the house: moves of SPY, by beta."""
    return Scenarios(series, values, rules)


def price_rules(rules: Rules, firm: FirmRules) -> Rules:
    """Rules whose stress moves are those of prices; none of them restricts."""
    moves = np.array(firm.price_moves)
    return rules._replace(stress_moves=moves, restricting=np.zeros(len(moves), dtype=np.bool_))


def price_scenarios(
    series: Series,
    rules: Rules,
    firm: FirmRules,
    known: tuple[OptionValues, Int64Array] | None = None,
) -> Scenarios:
    """The scenarios of prices.

    `known` are option values of an earlier call and the options to value again, in place; without
    them all are valued.
    """
    moved = series._replace(beta=series.leverage / PPM)
    by_price = price_rules(rules, firm)
    values, chosen = known or (no_options(), np.flatnonzero(series.kind == OPTION))
    values = resized(values, moved, by_price)
    options = chosen[series.kind[chosen] == OPTION]
    if len(options):
        update_values(values, moved, by_price, options)
    return Scenarios(moved, values, by_price)
