"""Margin calls with a life: what is owed, by when, under which rule, and what met it.

What calls is decided elsewhere: by the ladder, Regulation T, intraday margin and day trading. Here
their demands become calls, one of a type an account, and every change a version. Rules: deadlines
of `timelines`, the firm's own policy of `calls`.

Others use:
    call_book: CallBook
    call_frames: Extension, kind_of
    call_rules: AGED, DAY_TRADING, FREE_RIDING, INTRADAY, MINIMUM_EQUITY, NO_CALL, OF_FIGURES,
        REG_T, call_rules, day_end, day_of, dues, latest_extension
    demands: of_day_trading, of_free_riding, of_intraday, of_ladder, of_reg_t
    free_riding: CashAccount, entries_of, standing
    open_calls: Demand, consequences, demand
"""
