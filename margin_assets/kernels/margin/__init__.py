"""One revaluation of everything, and the tables over it: requirements, stress, summary.

Here belongs what needs securities, options and strategies together. Rules: FINRA 4210(c), (f) and
(g), and the house's.

Others use:
    consistency: accounts_apart, accounts_without_memorandum, accounts_without_summary,
        broken_rules, class_groups_apart, credit_exposure_gaps, house_addon_gaps,
        indeterminate_accounts, open_call_gaps, portfolio_margin_gaps, position_value_gaps,
        quarantine_rate, reg_t_gaps, still_stress_gaps
    deposits: account_requirements
    drivers: drivers, why_not_told
    grouping_gaps: grouping_gap
    house: addons_of, charge_house, house_accounts, house_charges, house_positions
    margined: Eras, Margined, margined, table
    portfolio_margin: priced_series
    reg_t_groups: reg_t_requirements
    requirements: POINT_COLUMNS, margin_summary, stress_results, summary_of, tims_requirements
    revaluation: mixed_accounts, restrikes, revalue
    rulebook_moves: rulebook_moves, seen_under, totals_of, warned
    settlement: Asked, settled, settled_book_of, with_dividends
    tables: OVER_ACCOUNTS, tables_over
"""
