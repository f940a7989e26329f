"""Figures of accounts as their tables tell them: nothing is margined again for the firm."""

import numpy as np
import polars as pl

from margin_assets.kernels.book.figures import Figures, empty_figures
from margin_assets.kernels.book.states import BEYOND_RANGE, state_names
from margin_assets.kernels.numeric.money import to_scaled
from margin_assets.kernels.rules.rules import Rules, scenario_names

_COLUMNS = {
    "long_value": "long_market_value",
    "short_value": "short_market_value",
    "long_options": "long_option_value",
    "short_options": "short_option_value",
    "exposure": "beta_weighted_exposure",
    "equity": "equity",
    "reg_t_equity": "reg_t_equity",
    "net_liquidation": "net_liquidation",
    "maintenance": "reg_t_requirement",
    "initial": "initial_requirement",
    "portfolio_margin": "portfolio_margin_requirement",
    "governing": "governing_requirement",
}


def told_figures(summary: pl.DataFrame, stress: pl.DataFrame, rules: Rules) -> Figures:
    """Figures from `margin_summary`, sorted by account, and its rows of `stress_results`; cents.

    Of the named states only `beyond_range`, by which accounts are left out of sums over names.

    Raises:
        ValueError: an account lacks a scenario of the rules, or has another.
    """
    rows = stress.sort("account_id", "move", "scenario")
    order = sorted(zip(rules.stress_moves.tolist(), scenario_names(rules), strict=True))
    names = pl.Series([name for _, name in order] * summary.height, dtype=pl.String)
    whose = summary["account_id"].gather(np.repeat(np.arange(summary.height), len(order)))
    if not (rows["scenario"].equals(names) and rows["account_id"].equals(whose)):
        raise ValueError("the stress does not hold every scenario of every account")
    place = [scenario_names(rules).index(name) for _, name in order]
    figures = empty_figures(summary.height, rules)
    for name, told in _COLUMNS.items():
        getattr(figures, name)[:] = to_scaled(summary[told])
    for column, told in ((figures.pnl, "pnl"), (figures.restruck, "requirement")):
        column[:, place] = to_scaled(rows[told]).reshape(summary.height, len(order))
    is_beyond = summary["reasons"].str.split(";").list.contains(state_names(BEYOND_RANGE))
    figures.states[is_beyond.to_numpy()] = BEYOND_RANGE
    return figures
