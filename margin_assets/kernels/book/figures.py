"""What every account comes to: one array a figure, written in place by the passes."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from margin_assets.kernels.numeric.arrays import Int64Array, Int64Table
from margin_assets.kernels.numeric.compiled import BORROWS, inner
from margin_assets.kernels.numeric.money import MAX_TOTAL
from margin_assets.kernels.rules.rules import Rules

LARGEST = int(MAX_TOTAL)
"""Cents that stand for a requirement beyond the exact range."""


class Figures(NamedTuple):
    """What an account comes to, in cents; one entry an account, scenarios across."""

    long_value: Int64Array
    short_value: Int64Array
    """Absolute value; neither holds options."""
    long_options: Int64Array
    short_options: Int64Array
    """Absolute value."""
    exposure: Int64Array
    """Sum of value x beta."""
    equity: Int64Array
    """What the governing requirement is held against."""
    reg_t_equity: Int64Array
    """Cash plus long less short; of options only what has loan value."""
    net_liquidation: Int64Array
    """Cash plus long less short, options included."""
    maintenance: Int64Array
    initial: Int64Array
    portfolio_margin: Int64Array
    governing: Int64Array
    pnl: Int64Table
    """Change of value of every position in each scenario: equity after it is `equity` and this."""
    restruck: Int64Table
    """Governing requirement struck again at each scenario's prices, to set against that equity."""
    states: npt.NDArray[np.int32]
    """Named states of the inputs, as bits."""


def empty_figures(accounts: int, rules: Rules) -> Figures:
    """Room for the figures of a number of accounts."""
    column = np.zeros(accounts, dtype=np.int64)
    table = np.zeros((accounts, len(rules.stress_moves)), dtype=np.int64)
    return Figures(
        long_value=column,
        short_value=column.copy(),
        long_options=column.copy(),
        short_options=column.copy(),
        exposure=column.copy(),
        equity=column.copy(),
        reg_t_equity=column.copy(),
        net_liquidation=column.copy(),
        maintenance=column.copy(),
        initial=column.copy(),
        portfolio_margin=column.copy(),
        governing=column.copy(),
        pnl=table,
        restruck=table.copy(),
        states=np.zeros(accounts, dtype=np.int32),
    )


def with_room(figures: Figures, accounts: int) -> Figures:
    """The figures, with room for accounts that are new; their figures are all 0."""
    new = accounts - len(figures.states)
    if not new:
        return figures
    return Figures._make(
        np.concatenate([column, np.zeros((new, *column.shape[1:]), dtype=column.dtype)])
        for column in figures
    )


@njit(**BORROWS)
def gross_value(figures: Figures, a: int) -> int:
    """Gross market value of account a: all that is long and all that is short."""
    securities = figures.long_value[a] + figures.short_value[a]
    return securities + figures.long_options[a] + figures.short_options[a]


def gross_values(figures: Figures, accounts: Int64Array | slice) -> Int64Array:
    """Gross market value of many accounts, by place: the loop's own formula over columns."""
    formula = getattr(gross_value, "py_func", gross_value)
    return formula(figures, accounts)


@inner(**BORROWS)
def beyond_range(a: int, out: Figures) -> None:
    """No figure of an account beyond range is known: it is shown to need the largest one.

    It has a cent of equity against it, so that it is called at once, and liquidated only if
    nobody mends it in time.
    """
    out.long_value[a] = out.short_value[a] = out.exposure[a] = 0
    out.long_options[a] = out.short_options[a] = 0
    out.equity[a] = out.reg_t_equity[a] = out.net_liquidation[a] = 1
    out.maintenance[a] = out.initial[a] = out.portfolio_margin[a] = LARGEST
    out.governing[a] = LARGEST
    for j in range(out.pnl.shape[1]):
        out.pnl[a, j] = 0
        out.restruck[a, j] = LARGEST
