"""What history says of a requirement: coverage, alarms and what they would have saved.

Pure loops and formulas over a book's days; the days themselves are walked by
`margin_assets.backtest`. Sources: Kupiec (1995), Christoffersen (1998). The rulebook `backtest`
has the numbers.

Others use:
    coverage: Transitions, coverage_tests
    days: BEYOND_REQUIRED, BREACH, Breaches, CALM, LOST, NO_DAY, Paths, REQUIRED, UNKNOWN,
        count_breaches, losses_of, lowest_left_alone
"""
