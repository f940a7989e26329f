"""Methods of margin whose requirements a backtest holds against each other."""

METHODS = ("reg_t", "portfolio_margin", "house")
"""In the order of the arrays that count by method."""
