"""Options: terms, values, implied volatility.

Here belongs what an option is worth, at any spot; what it requires is in `strategies` and `margin`.
"""
