"""What is kept of each account beside its holdings: calls, SMA, day trades, plans, dividends.

Here belongs what one rule remembers between grid points; each number comes from a kernel, and the
monitor in `live.firm` says when a book moves.
"""
