"""What happens to a position beside trades: splits, dividends, mergers, new symbols.

Pure functions of opening balances, fills as they stand and actions, in the order of event time.
What comes in order acts on what is held; what comes late is worked out again from all rows of the
position, and the difference is an effect. No rule here takes a price from a market.
Sources: rules and by-laws of the OCC, cited where they decide.

Others use:
    actions: Action, Register, Version, acts_at, register_of, versions_of
    balances: Balance, Books, act
    carried: NO_QUOTE, Quote, Traded, carried, carried_volumes
    contracts: Told, adjustments_in_force, changes_contracts, delivered_at, differing_adjustments,
        in_force_at, unadjusted_contracts, with_since
    dividends: Dividends, Entry
    exercises: ASSIGNED, EXERCISED, EXPIRED, LOT, Legs, NOT_SETTLED, SETTLED, Terms, are_holders,
        changes, in_full, in_the_money, is_exact, leg_effects, leg_fills, legs_of, netted,
        settled_rows, settlement_frame, share_legs, told_before
    expiry_rules: expiry_rules
    openings: opened, opening_cash, opening_effects, opening_fills
    settled_units: in_units_of_today
    settlement_values: NO_VALUE, Windows, settlement_values, value_today, values_at, windows
    tapes: Late, NO_EFFECTS, Walked, effects_between, entries_of, late_effects, walked
"""
