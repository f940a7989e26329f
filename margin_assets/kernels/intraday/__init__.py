"""Intraday margin: what each transaction leaves, and the register of deficits from start to end.

It takes what accounts come to at points of time, and keeps deficits. Rules: FINRA 4210(d)
as amended, by the date that the account switches on.

Others use:
    deficit_tables: Saved
    intraday: IntradayRules, NO_RULE, governing_rules, intraday_rules, levels, opens, rulebook_of,
        trades_reduce, worst_order
    intraday_book: IntradayBook
    intraday_register: Changes, Entries, Register
"""
