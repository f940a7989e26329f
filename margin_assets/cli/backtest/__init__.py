"""Verbs of backtests: policies run, compared and explained.

What they come to is found in `margin_assets/backtest`; here it is printed, or stored in a lake.
"""
