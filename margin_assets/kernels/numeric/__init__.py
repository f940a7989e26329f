"""Exact money, arrays and the normal distribution: arithmetic that knows nothing of margin.

Here belongs what any formula may need, in loops or whole columns. It reads no rulebook.
"""
