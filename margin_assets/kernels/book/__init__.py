"""Positions as arrays sorted by account, and what fills, corrections and marks make of them.

Here belongs what is held and what it is marked at, never what it requires. The rules it follows are
those of trades and marks: house semantics 2 and 5.

Others use:
    book: Book, CASH, PORTFOLIO, REG_T, book_of, offsets_of, taken
    corrections: MISMATCH, counting, overruled, repeated, waiting, waiting_rows
    counting: counting_from
    deciding: DECIDING, UNDECIDED, deciding_values, with_values, without_values
    deliverables: Deliverable, adjusted, parsed
    delivered_terms: as_listed, delivered_units, is_unmodelled, paid_a_contract, strike_a_unit
    eras: EPOCH, eras_of, keys_of
    figures: Figures, beyond_range, empty_figures, gross_value, gross_values, with_room
    fills: EFFECT_COLUMNS, Effect, FillRow, effects_at, effects_in_order, fill_cash, fill_rows,
        history_effects, plain_effects, sized_cash, standing, standing_fills, tree_effects
    last_fills: TRADE_COLUMNS, last_fills, trades_of, with_places
    marks: marked_by_fill, next_change, next_opening, price_states, with_fill_prices,
        with_price_states
    multipliers: multiplier_versions, traded_leverage, traded_multiplier
    sales: UNTOLD, average_prices, proceeds_of, sale_columns, sales_after, take_sales
    series: BOND, FILL, FRESH, INDICES, MISSING, OPTION, SECURITY, STALE, Series, UNUSABLE, USABLE,
        as_shares, codes_of, quoted, series_of, sizes, unmodelled
    states: BEYOND_RANGE, DELIVERABLE_UNMODELLED, FILL_PRICE, INDETERMINATE, NOT_PROVEN, NO_BETA,
        NO_PRICE, NO_RATE, NO_UNDERLYING_PRICE, PRICE_STALE, PRICE_UNUSABLE, QUOTE_BELOW_BOUND,
        QUOTE_OUT_OF_BOUNDS, STATE_NAMES, UNMODELLED, UNPRICED, UNREGISTERED, state_names
    terms: INSTRUMENT_COLUMNS, Marks, day_column, first_instant, from_their_dates, instrument_terms,
        latest, marked_terms, with_underlyings
"""
