"""The pattern day trader rule, which intraday margin replaces by account and date.

Here belongs what counts as a day trade, who is a pattern day trader, and what that lets an account
buy. It takes fills as they stand and figures of other rooms. Rules: FINRA 4210(f)(8)(B).

Others use:
    day_trades: day_trade_rules, day_trades, is_legacy, standing_trades, weighed
    held_deposits: held_deposits
    pattern_book: Closing, PatternBook
    pattern_rows: ACTIVITY, MET, UNMET, pattern_frame, rows_of
"""
