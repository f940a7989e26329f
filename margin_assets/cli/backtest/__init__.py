"""Verbs of backtests."""
