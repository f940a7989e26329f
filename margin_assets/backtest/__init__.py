"""Backtests: years of real days through the kernels of the live monitor. No Dagster.

A history (prices, splits, dividends, yields) and a book of accounts are walked day by day under
a policy, which is the rulebooks in force and what a file lays over them. Numbers of the method
are the rulebook `backtest`; formulas are in `margin_assets.kernels.backtest`.
"""
