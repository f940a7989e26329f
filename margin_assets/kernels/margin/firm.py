"""The firm under each scenario, summed from the figures of its accounts without shaping tables."""

from decimal import Decimal

import numpy as np
import polars as pl

from margin_assets.kernels.book.figures import Figures, gross_values
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instant
from margin_assets.kernels.rules.rules import Rules, scenario_names

_DOLLARS = pl.Decimal(38, 2)
_LOW = np.int64(0xFFFFFFFF)


def firm_risk_of(figures: Figures, rules: Rules, at: int) -> pl.DataFrame:
    """Each SPY scenario over the firm as of an instant, amounts in USD, in order of the move.

    The same rows as `requirements.firm_risk` of the tables that these figures fill.
    """
    equity = figures.equity[:, None] + figures.pnl
    owned = figures.net_liquidation[:, None] + figures.pnl
    excess = equity - figures.restruck
    firm = {
        "gross_market_value": _total(gross_values(figures, slice(None))),
        "net_market_value": _total(figures.long_value) - _total(figures.short_value),
        "beta_weighted_exposure": _total(figures.exposure),
    }
    scenarios = {
        "pnl": _totals(figures.pnl),
        "equity": _totals(equity),
        "requirement": _totals(figures.restruck),
        "deficiency": _totals(np.maximum(-excess, 0)),
        "credit_exposure": _totals(np.maximum(-owned, 0)),
    }
    count = len(rules.stress_moves)
    return (
        pl.DataFrame(
            {
                "scenario": scenario_names(rules),
                "move": rules.stress_moves,
                "accounts": [len(equity)] * count,
                "accounts_deficient": (excess < 0).sum(axis=0),
                **{name: _usd(cents) for name, cents in scenarios.items()},
                **{name: _usd([cents] * count) for name, cents in firm.items()},
            },
            schema_overrides={"accounts": pl.Int64, "accounts_deficient": pl.Int64},
        )
        .with_columns(as_of=instant(at))
        .sort("move")
    )


def _total(cents: Int64Array) -> int:
    """Exact sum: the halves of 64-bit numbers are summed apart, so that neither overflows."""
    return (int((cents >> 32).sum()) << 32) + int((cents & _LOW).sum())


def _totals(cents: Int64Array) -> list[int]:
    return [_total(column) for column in cents.T]


def _usd(cents: list[int]) -> pl.Series:
    return pl.Series([Decimal(amount).scaleb(-2) for amount in cents], dtype=_DOLLARS)
