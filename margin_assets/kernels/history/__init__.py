"""The same by business date: positions, memoranda and day traders, from everything landed.

Here belongs what recomputes the past by the kernels of the live day; it is their second route.
It has no rule of its own, and reads whole tables of what landed, never a lake.

Others use:
    accrued: with_accrued
    acted: NO_ACTIONS
    breaks: breaks_at, recorded_dates
    history: Booked, Landed, NO_DIVIDENDS, account_state_at, dated, marks_at, positions_at,
        risk_free_at
    pattern_history: pattern_day_traders_at
    recorded: Known
    short_sales: Tape, with_sales
    sma_history: memoranda_at
    sma_past: corrections_of
    sma_restated: ENDED, restated_nets, starts
    sma_walk: Firm
"""
