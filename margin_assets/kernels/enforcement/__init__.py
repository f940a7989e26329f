"""The ladder: call, restriction, liquidation and minimum equity, as decisions of grid points.

Here belongs where an account stands and what moves it, from figures that `margin` comes to.
Rules: the house rulebook, and the minimum of FINRA 4210(b) and (g).

Others use:
    ladder: climb, set_deadlines
    liquidation: liquidated
    minimum: equity_shortfalls, minimum_equity
    rungs: CALL, DIMENSIONS, Evaluated, LIQUIDATION, Ladder, MARGIN_STATUS, REASONS, RESTRICTION,
        STATES, Steps, WARNING, empty_ladder
"""
