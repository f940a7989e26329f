"""The firm's tables of a firm whose accounts are kept in parts: sums over the parts, exact."""

from typing import cast

import dataframely as dy
import polars as pl

from schemas.firm import CreditExposures
from schemas.margin import FirmRisk

_MEASURES = (
    "accounts",
    "accounts_deficient",
    "gross_market_value",
    "net_market_value",
    "beta_weighted_exposure",
    "pnl",
    "equity",
    "requirement",
    "deficiency",
    "credit_exposure",
)
_CREDIT_MEASURES = ("accounts", "accounts_under_water", "pnl", "net_liquidation", "credit_exposure")


def firm_risk_sum(parts: pl.DataFrame) -> dy.DataFrame[FirmRisk]:
    """`firm_risk` of all accounts from the rows of disjoint parts, of one cycle and instant."""
    return cast("dy.DataFrame[FirmRisk]", _sum(parts, ("scenario", "move"), _MEASURES))


def credit_exposures_sum(parts: pl.DataFrame) -> dy.DataFrame[CreditExposures]:
    """`credit_exposures` of all accounts from the rows of disjoint parts, of one instant."""
    return cast(
        "dy.DataFrame[CreditExposures]",
        _sum(parts, ("scenario", "move", "account_type"), _CREDIT_MEASURES),
    )


def _sum(parts: pl.DataFrame, keys: tuple[str, ...], measures: tuple[str, ...]) -> pl.DataFrame:
    # Counts and cents: a sum of theirs is the same in any order.
    summed = parts.group_by(*keys, "cycle", "as_of").agg(pl.col(measures).sum())
    return summed.select(parts.columns).sort("move", *keys)
