"""Special memorandum accounts, buying power and margin calls of Regulation T.

Here belongs what the regulation remembers of an account from entry to entry. Rules: 12 CFR
220.4, 220.5 and 220.12.

Others use:
    reg_t_book: BY_CASH, BY_TRADE, RegTBook, Saved, entry_frame
    reg_t_calls: Calls, call_frame
    sma: RegTFigures, available, buying_power, mixed_excess, reg_t_figures,
        special_memorandum_accounts
    sma_entries: Trades, calls_against, cash_entries, entry_rules, trade_entries
    sma_frames: memorandum_frame
"""
