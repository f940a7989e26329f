"""What open short positions were sold at: the opening sales of each, and their average price.

Regulation T 220.12(c)(2) compares a long call's strike with the price of the short sale. Opening
sales are those since the position was last flat or long; what covers a part of it leaves their
average as it is.
"""

import numpy as np
import polars as pl
from numba import njit

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS
from margin_assets.kernels.numeric.money import BEYOND, MICRO, bounded, to_decimal

UNTOLD = -1
"""Opening sales that an effect does not tell: they follow from those before it."""
_DECIMALS = 6


@njit(**BORROWS)
def proceeds_of(units: int, price: int) -> int:
    """Micro-units x micro-dollars, in micro-dollars rounded down; `BEYOND` if it does not fit."""
    if float(units) / MICRO * float(price) > 1e18:
        return BEYOND
    whole = units // MICRO
    dollars = price // MICRO
    rest, cents = units - whole * MICRO, price - dollars * MICRO
    return whole * price + rest * dollars + rest * cents // MICRO


@njit(**BORROWS)
def sales_after(
    held: int, sold: int, proceeds: int, quantity: int, price: int
) -> tuple[int, int, int]:
    """Position after a trade, micro-units, and its opening sales: units and what they brought."""
    after = held + quantity
    if after >= 0:
        return after, 0, 0
    if held >= 0:
        sold = proceeds = 0
    if quantity < 0:
        opening = min(-quantity, -after)
        sold += opening
        proceeds = min(proceeds + proceeds_of(opening, price), BEYOND)
    return after, sold, proceeds


@njit(**OWNS)
def take_sales(
    place: Int64Array,
    trades: tuple[Int64Array, Int64Array],
    told: tuple[Int64Array, Int64Array],
    held: Int64Array,
    sales: tuple[Int64Array, Int64Array],
) -> None:
    """Brings positions and their opening sales through trades (quantity, price), in place.

    `told`: opening sales after a trade where a correction has told them, else `UNTOLD`.
    """
    for n in range(len(place)):
        p = place[n]
        found = sales_after(held[p], sales[0][p], sales[1][p], trades[0][n], trades[1][n])
        held[p], sales[0][p], sales[1][p] = found
        if told[0][n] != UNTOLD and found[0] < 0:
            sales[0][p], sales[1][p] = told[0][n], told[1][n]


@njit(**OWNS)
def average_prices(sold: Int64Array, proceeds: Int64Array) -> Int64Array:
    """Proceeds a unit, micro-dollars rounded down; 0 where they are not known.

    Strikes have no more decimals, so that one is at most the average if it is at most this.
    """
    found = np.zeros(len(sold), dtype=np.int64)
    for i in range(len(sold)):
        if 0 < sold[i] < BEYOND // 10 and proceeds[i] < BEYOND:
            price, rest = proceeds[i] // sold[i], proceeds[i] % sold[i]
            for _ in range(_DECIMALS):
                price = 10 * price + 10 * rest // sold[i]
                rest = 10 * rest % sold[i]
            found[i] = price
    return found


def sale_prices(positions: pl.DataFrame) -> Int64Array:
    """Average sale price of each of the `positions`, micro-dollars; 0 where it is not known."""
    sold, proceeds = (
        bounded(positions[name].fill_null(0), BEYOND) for name in ("sale_quantity", "sale_proceeds")
    )
    return average_prices(sold, proceeds)


def sale_columns(sold: Int64Array, proceeds: Int64Array) -> dict[str, pl.Series]:
    """Opening sales as the columns of `positions`; null where there are none or none is known."""
    unknown = (sold <= 0) | (proceeds >= BEYOND)
    return {
        "sale_quantity": to_decimal(sold, 6, unknown),
        "sale_proceeds": to_decimal(proceeds, 6, unknown),
    }
