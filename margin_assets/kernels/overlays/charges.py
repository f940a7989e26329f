"""Rows of the house's charges: amount x rate in exact cents, the reason, the table's columns.

Amounts are integer cents and rates parts per 1e12, both in 128 bits: no product overflows, and a
rate that moves with a weight leaves no jump of a cent in exposures below ten billion dollars.
"""

from decimal import Decimal

import numpy as np
import polars as pl
from numba import njit

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import OWNS
from margin_assets.kernels.numeric.money import BEYOND, MICRO, PPM, model_line
from margin_assets.kernels.rules.overlay_rules import Bands

RATE_SCALE = MICRO * PPM
_CENT = Decimal("0.01")


def account_keys(frame: pl.DataFrame) -> list[str]:
    """Columns that tell accounts apart: with several business dates, also the date."""
    return [name for name in ("business_date", "account_id") if name in frame.columns]


def cents(name: str) -> pl.Expr:
    """Decimal column of two places as cents."""
    return pl.col(name).cast(pl.Decimal(38, 2)).to_physical().clip(-BEYOND, BEYOND)


def charge_rows(
    frame: pl.DataFrame, overlay: str, subject: pl.Expr, reason: pl.Expr
) -> pl.DataFrame:
    """Rows of the table: base x rate, or the charge itself, less what is held for it already."""
    names = frame.columns
    charge = pl.col("charge") if "charge" in names else charge_line(pl.col("base"), pl.col("rate"))
    held = pl.col("held") if "held" in names else pl.lit(0, pl.Int128)
    charged = frame.with_columns(addon=charge - held).filter(pl.col("addon") > 0)
    return charged.select(
        *account_keys(frame),
        overlay=pl.lit(overlay),
        subject=subject,
        base=usd(pl.col("base")),
        rate=quotient(charged["rate"], RATE_SCALE),
        addon=usd(pl.col("addon")),
        reason=reason,
        as_of=pl.col("as_of"),
    )


def quotient(amounts: pl.Series, scale: int) -> pl.Series:
    """Scaled integers as fractions, each divided for itself.

    Polars multiplies a longer column by the reciprocal of a literal: the last bit of a row would
    depend on how many rows there are.
    """
    return pl.Series(amounts.name, amounts.cast(pl.Float64).to_numpy() / scale)


def reasons(word: str, **states: pl.Expr) -> pl.Expr:
    """Why a row is there, then the named states that hold, `;`-separated."""
    named = [pl.when(holds).then(pl.lit(name)) for name, holds in states.items()]
    return pl.concat_str(pl.lit(word), *named, separator=";", ignore_nulls=True)


def banded(measure: pl.Expr, bands: Bands) -> pl.Expr:
    """Rate of the highest band that the measure exceeds; of the last one without a measure."""
    rate = pl.lit(bands.otherwise * MICRO, pl.Int128)
    for above, ppm in zip(bands.above, bands.rates, strict=True):
        rate = pl.when(measure > above).then(rate_of(ppm)).otherwise(rate)
    return pl.when(measure.is_null()).then(rate_of(bands.rates[-1])).otherwise(rate)


def rate_of(ppm: int) -> pl.Expr:
    """A rulebook's rate in the scale of the charges."""
    return pl.lit(ppm * MICRO, pl.Int128)


def charge_line(amount: pl.Expr, rate: pl.Expr) -> pl.Expr:
    """Amount (cents, not negative) x rate, in cents, half a cent away from zero."""
    return (amount * rate + RATE_SCALE // 2) // RATE_SCALE


def usd(amount: pl.Expr) -> pl.Expr:
    """Cents as a decimal of two places."""
    return (amount.cast(pl.Decimal(38, 0)) * _CENT).cast(pl.Decimal(38, 2))


@njit(**OWNS)
def model_lines(
    amounts: Int64Array, factors: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> Int64Array:
    """Amounts (cents) x model values, each rounded once; what does not fit is `BEYOND`."""
    lines = np.empty(len(amounts), dtype=np.int64)
    for i in range(len(amounts)):
        if abs(amounts[i] * factors[i]) < BEYOND:
            lines[i] = model_line(amounts[i], factors[i])
        else:
            lines[i] = BEYOND if (amounts[i] > 0) == (factors[i] > 0) else -BEYOND
    return lines
