"""What must hold of the tables of the rates book: each kernel returns what it does not hold for.

Frames that hold several business dates carry `business_date` and give it back.
"""

import dataframely as dy
import polars as pl

from margin_assets.kernels.rates.rates_rules import rates_rules
from schemas.rates.results import Curves, RatesSensitivities, RatesValues

MOST_REPRICING_ERROR = 1e-9
"""Of a rate; of a future's price it is a millionth of a basis point."""
_ROUNDED = 1e-6
_KEYS = [name for name, column in RatesValues.columns().items() if column.primary_key]


def key_rate_gaps(
    values: dy.DataFrame[RatesValues], sensitivities: dy.DataFrame[RatesSensitivities]
) -> pl.DataFrame:
    """Positions whose key rates do not add up to their DV01, what rounding loses aside."""
    keys = _dated(values, *_KEYS)
    sums = sensitivities.group_by(keys).agg(pl.col("dv01").sum().alias("sum"), terms=pl.len())
    both = values.select(*keys, "dv01").join(sums, on=keys, how="full", coalesce=True)
    gap = (pl.col("dv01").fill_null(0.0) - pl.col("sum").fill_null(0.0)).abs()
    # Beside the rounding of each, that of the last digit of sums of many millions.
    most = _ROUNDED * (pl.col("terms").fill_null(0) + 1) + 1e-12 * pl.col("dv01").abs()
    return both.filter(gap > most.fill_null(_ROUNDED)).select(keys).sort(keys)


def rising_factors(curves: dy.DataFrame[Curves]) -> pl.DataFrame:
    """Curves of which a discount factor is above the one before: a forward rate is negative."""
    keys = _dated(curves, "cycle", "curve")
    return curves.filter(pl.col("forward_rate") < 0.0).select(keys).unique().sort(keys)


def forwards_out_of_bounds(curves: dy.DataFrame[Curves]) -> pl.DataFrame:
    """Curves of which a forward rate is beyond the bounds of the rulebook in force."""
    keys = _dated(curves, "cycle", "curve")
    bounds = [
        (day, one.name, one.least_forward, one.most_forward)
        for day in curves["as_of"].dt.date().unique()
        if (rules := rates_rules(day)) is not None
        for one in rules.curves
    ]
    schema = {"day": pl.Date, "curve": pl.String, "least": pl.Float64, "most": pl.Float64}
    known = pl.DataFrame(bounds, schema=schema, orient="row")
    dated = curves.with_columns(day=pl.col("as_of").dt.date())
    both = dated.join(known, on=["day", "curve"], how="left")
    is_beyond = ~pl.col("forward_rate").is_between("least", "most")
    return both.filter(is_beyond).select(keys).unique().sort(keys)


def repricing_gaps(curves: dy.DataFrame[Curves]) -> pl.DataFrame:
    """Curves that do not give back the quotes they were made of."""
    keys = _dated(curves, "cycle", "curve")
    is_off = pl.col("repricing_error") > MOST_REPRICING_ERROR
    return curves.filter(is_off).select(keys).unique().sort(keys)


def unpriced(values: dy.DataFrame[RatesValues]) -> pl.DataFrame:
    """Positions that have no value, or are valued off a stale curve."""
    keys = _dated(values, *_KEYS)
    return values.filter(pl.col("status").is_in(["unpriced", "stale"])).select(keys).sort(keys)


def _dated(frame: pl.DataFrame, *keys: str) -> list[str]:
    return [*(["business_date"] if "business_date" in frame.columns else []), *keys]
