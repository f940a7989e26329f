"""Exact money: int64 cents, micro-dollars and micro-units, rounded half away from zero.

One choice for the whole system: tables hold decimals, kernels hold the same numbers scaled to
int64. Quantities and prices carry six decimals (`MICRO`), amounts two. A product of two such
numbers does not fit 64 bits, so it is divided in parts; nothing here passes through a float but
the model values (beta), which are rounded once, in `model_line`.
"""

from typing import cast

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from numba import njit

from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner

MICRO = 1_000_000
PPM = 1_000_000
CENTS = 100
_VALUE_SCALE = 10_000_000_000  # micro-units x micro-dollars in a cent
_DIGIT = 1 << 16
_LEAST, _MOST = -(2**63), 2**63 - 1
_FITS = 9.0e18  # a product of two int64 below it fits one
# A model line this close below half a cent counts as the half: a fixed part of a cent, and the
# error that a product of two doubles may carry.
TIE = 1e-6
RELATIVE_TIE = 4.5e-16

MAX_POSITION = 9_000_000_000 * MICRO
"""Largest exact position, in micro-units: beyond it the account is `beyond_range`."""
MAX_TOTAL = 3.0e18
"""Largest sum of an account's lines, in cents, so that any three of its totals still add up."""

BEYOND = 4 * 10**18
"""Stands for every amount that no kernel counts with: beyond all bounds, yet two of it fit."""


@njit(**BORROWS, forceinline=True)
def value_cents(quantity: int, price: int) -> int:
    """Quantity (micro-units) x price (micro-dollars), in cents, rounded half away from zero.

    Exact for |quantity| up to `MAX_POSITION` and prices up to 1e13 micro-dollars.
    """
    size = abs(quantity)
    if float(size) * float(price) < _FITS:
        cents = (size * price + _VALUE_SCALE // 2) // _VALUE_SCALE
        return cents if quantity >= 0 else -cents
    whole = size // _VALUE_SCALE
    rest = size - whole * _VALUE_SCALE
    # rest x price may need 77 bits: cut the price at 1e5 so that every product fits.
    high = price // 100_000
    low = price - high * 100_000
    part = rest * high
    part_whole = part // 100_000
    tail = (part - part_whole * 100_000) * 100_000 + rest * low
    cents = whole * price + part_whole + (tail + _VALUE_SCALE // 2) // _VALUE_SCALE
    return cents if quantity >= 0 else -cents


@inner(**BORROWS, forceinline=True)
def signed_value(quantity: int, change: int) -> int:
    """Quantity (micro-units) x change of price (micro-dollars, signed), cents."""
    return value_cents(quantity, change) if change >= 0 else -value_cents(quantity, -change)


@inner(**BORROWS, forceinline=True)
def units_of(quantity: int, multiplier: int) -> int:
    """Units (micro) that a quantity of contracts (micro) stands for; multiplier in micro-units.

    Rounded half away from zero to the micro-unit; beyond every exact position it is `BEYOND`.
    """
    if multiplier == MICRO:
        return quantity
    size = abs(quantity)
    if float(size) * float(multiplier) / MICRO > MAX_POSITION:
        return BEYOND if quantity > 0 else -BEYOND
    whole = size // MICRO
    units = whole * multiplier + ((size - whole * MICRO) * multiplier + MICRO // 2) // MICRO
    return units if quantity >= 0 else -units


@njit(**BORROWS, forceinline=True)
def rate_line(cents: int, ppm: int) -> int:
    """Amount (cents) x rate (parts per million), in cents, rounded half away from zero."""
    size = abs(cents)
    rate = abs(ppm)
    whole = size // PPM
    line = whole * rate + ((size - whole * PPM) * rate + PPM // 2) // PPM
    return line if (cents >= 0) == (ppm >= 0) else -line


@njit(**BORROWS, forceinline=True)
def share_order(cents: int, total: int, ppm: int) -> int:
    """How an amount stands to an exact share of a total: -1 below it, 0 at it, 1 above.

    The share is not rounded. Total and share (parts per million, at most 1) are not negative.
    """
    whole = total // PPM
    rest = (total - whole * PPM) * ppm
    line = whole * ppm + rest // PPM
    if cents != line:
        return -1 if cents < line else 1
    return -1 if rest % PPM else 0


@njit(**BORROWS, forceinline=True)
def model_line(cents: int, factor: float) -> int:
    """Amount (cents) x a model value, in cents, rounded half away from zero.

    The named place where a float becomes money. The ties keep a tie that is exact in decimals
    (100.25 x 0.02) a tie, whatever the last bit of the binary factor.
    """
    exact = cents * factor
    size = np.floor(abs(exact) + (0.5 + TIE + abs(exact) * RELATIVE_TIE))
    return np.int64(size) if exact >= 0 else -np.int64(size)


@njit(**BORROWS, forceinline=True)
def floor_line(quantity: int, floor: int) -> int:
    """Quantity (micro-units, absolute) x dollar floor (cents a unit), in cents, rounded."""
    size = abs(quantity)
    whole = size // MICRO
    return whole * floor + ((size - whole * MICRO) * floor + MICRO // 2) // MICRO


def to_decimal(values: Int64Array, scale: int, missing: BoolArray | None = None) -> pl.Series:
    """Scaled int64 as an exact decimal series of `scale` places; null where one is `missing`."""
    limbs = np.empty((len(values), 2), dtype=np.int64)
    limbs[:, 0] = values
    limbs[:, 1] = values >> 63
    bits = None if missing is None else np.packbits(~missing, bitorder="little").tobytes()
    buffers = [None if bits is None else pa.py_buffer(bits), pa.py_buffer(limbs.tobytes())]
    return pl.Series(pa.Array.from_buffers(pa.decimal128(38, scale), len(values), buffers))


def to_scaled(series: pl.Series) -> Int64Array:
    """Decimal series as its scaled int64; nulls become 0.

    Raises:
        OverflowError: a number does not fit.
    """
    found, is_cut = _narrowed(series, _LEAST, _MOST)
    if is_cut:
        msg = f"{series.name}: a number is beyond 64 bits"
        raise OverflowError(msg)
    return found


def bounded(series: pl.Series, largest: int) -> Int64Array:
    """The same, but what is larger becomes the largest, with its sign."""
    return _narrowed(series, -largest, largest)[0]


def _narrowed(series: pl.Series, least: int, most: int) -> tuple[Int64Array, bool]:
    """Decimals as scaled int64 within two bounds, nulls as 0; and whether a bound was needed.

    The buffer is read as it lies: Polars makes a query of each step that it takes for a column.
    """
    array = series.to_arrow()
    if array.null_count:
        array = array.fill_null(0)
    halves = np.frombuffer(array.buffers()[1], dtype=np.int64)[2 * array.offset :]
    found = np.empty(len(array), dtype=np.int64)
    return found, _narrow(halves, np.int64(least), np.int64(most), found)


@njit(**BORROWS)
def _narrow(halves: Int64Array, least: int, most: int, found: Int64Array) -> bool:
    is_cut = False
    for i in range(len(found)):
        low, high = halves[2 * i], halves[2 * i + 1]
        fits = high == low >> 63
        found[i] = min(max(low, least), most) if fits else (most if high >= 0 else least)
        is_cut |= not fits
    return is_cut


def whole(series: pl.Series, missing: int) -> Int64Array:
    """Whole numbers, dates (days since 1970) or instants (microseconds since); nulls as told."""
    array = series.cast(pl.Int64).to_arrow()
    return np.array(array.fill_null(missing) if array.null_count else array, dtype=np.int64)


def instants(series: pl.Series) -> Int64Array:
    """Instants as microseconds since 1970 in UTC; nulls become -1."""
    return whole(series, -1)


def to_instants(values: Int64Array) -> pl.Series:
    """Microseconds since 1970 as UTC instants; negative ones become null."""
    array = pa.array(values, type=pa.int64(), mask=values < 0)
    return cast(pl.Series, pl.from_arrow(array)).cast(pl.Datetime("us", "UTC"))


def instant(at: int) -> pl.Expr:
    """An instant (microseconds since 1970) as a literal column."""
    return pl.lit(at, pl.Int64).cast(pl.Datetime("us", "UTC"))


def units(
    quantity: Int64Array, multiplier: Int64Array, series: npt.NDArray[np.int32]
) -> Int64Array:
    """Micro-units of positions: quantities times the multipliers of their series."""
    return _units(quantity, multiplier, series) if (multiplier != MICRO).any() else quantity


@njit(**OWNS)
def _units(
    quantity: Int64Array, multiplier: Int64Array, series: npt.NDArray[np.int32]
) -> Int64Array:
    found = np.empty(len(quantity), dtype=np.int64)
    for i in range(len(quantity)):
        found[i] = units_of(quantity[i], multiplier[series[i]])
    return found


@inner(**BORROWS)
def in_proportion(amount: int, part: int, whole: int) -> int:
    """Amount x part / whole, rounded half up; `BEYOND` where it does not fit.

    None may be negative. Exact for `whole` up to 1e14 and `part` up to 1e14.
    """
    if whole <= 0 or float(amount) * float(part) / float(whole) > 4e18:
        return BEYOND
    result, rest = 0, 0
    for shift in (48, 32, 16, 0):
        digit = (amount >> shift) & (_DIGIT - 1)
        rest = rest * _DIGIT + digit * part
        result = result * _DIGIT + rest // whole
        rest %= whole
    return result + (1 if 2 * rest >= whole else 0)
