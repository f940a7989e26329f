"""Options: terms, values, implied volatility.

Here belongs what an option is worth, at any spot; what it requires is in `strategies` and `margin`.
It reads series and rules. Each model is cited where it is used.

Others use:
    quotes: implied_of, quote_states, quoted_positions
    valuation: OptionValues, bounded_line, no_options, option_stress_pnl, option_values, rescanned,
        resized, stress_multiple, unknown_spot, update_values
"""
