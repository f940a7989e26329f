"""What the day makes of a last day: days left, and on which side of the rules' time limits."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from margin_assets.kernels.rules.rules import Rules

NEVER_EXPIRES = np.iinfo(np.int32).max


class Dated(NamedTuple):
    """One entry a symbol; of what has no last day, `NEVER_EXPIRES` days and no limit passed."""

    expiry: npt.NDArray[np.int32]
    days_left: npt.NDArray[np.int32]
    is_long_dated: npt.NDArray[np.bool_]
    government_band: npt.NDArray[np.int8]
    is_beyond_zero_years: npt.NDArray[np.bool_]


def dated(last_day: pl.Series, on: pl.Series, rules: Rules) -> Dated:
    """Days left and time limits of last days (of options, of bonds) seen from days in New York.

    Months and years are of the calendar: what ends on the same day nine months on is not beyond
    nine months; what matures on the same day a year on has not less than a year.
    """
    frame = pl.DataFrame({"last": last_day, "on": on})
    last, today = pl.col("last"), pl.col("on")

    def reaches(years: int) -> pl.Expr:
        return (last >= today.dt.offset_by(f"{years}y")).fill_null(value=False)

    found = frame.select(
        expiry=last.cast(pl.Int32).fill_null(NEVER_EXPIRES),
        days_left=(last - today).dt.total_days().cast(pl.Int32).fill_null(NEVER_EXPIRES),
        is_long_dated=(last > today.dt.offset_by(f"{rules.loan_months}mo")).fill_null(value=False),
        government_band=pl.sum_horizontal(
            reaches(int(years)).cast(pl.Int8) for years in rules.government_years
        ),
        is_beyond_zero_years=reaches(rules.zero_coupon_years),
    )
    return Dated(
        expiry=found["expiry"].to_numpy().astype(np.int32),
        days_left=found["days_left"].to_numpy().astype(np.int32),
        is_long_dated=found["is_long_dated"].to_numpy(),
        government_band=found["government_band"].to_numpy().astype(np.int8),
        is_beyond_zero_years=found["is_beyond_zero_years"].to_numpy(),
    )
