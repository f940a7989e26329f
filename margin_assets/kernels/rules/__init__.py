"""Numbers of the rules as typed values that a compiled loop can read, by the day they are in force.

Here belongs what turns a rulebook into numbers, and what the calendar makes of a rule's days: due
dates, last days, times of expiry. The numbers themselves and their citations are in `rulebooks`.

Others use:
    backtest_rules: BacktestRules, Crisis, backtest_rules
    clearing_rules: ClearingRules, Scan, clearing_rules
    dated: NEVER_EXPIRES, dated
    dividend_rules: counts_due
    expiry: DAY_HOURS, NEW_YORK, SessionTimes, first_hours, last_instants, next_turns, opening_days,
        time_left
    firm_rules: FirmRules, firm_rules, price_move_names
    grid: day_of, grid_point, new_york_day, rules_at
    instants: NEVER, UNSET
    overlay_rules: Bands, OverlayRules, READ, overlay_rules, overlay_rules_of, with_enabled
    rules: DECIDING, Rules, SECOND, benchmark, product_group_names, rules_in_force, rules_of,
        scenario_names
    settling: payment_due, settles_on, trade_dates
    timelines: BusinessDays, Calendar, business_days, date_series, maintenance_call_latest,
        nth_business_day, portfolio_deficiency_due, portfolio_net_capital_date, timeline_rules
"""
