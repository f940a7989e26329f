"""Stock, funds and bonds: the lines of one position, and the pass over accounts that hold no more.

Here belongs what one line of stock or debt requires, whatever else the account holds; it reads
series, marks and rules. Rules: FINRA 4210(c), (e)(1) and (e)(2), and their kin of Regulation T.

Others use:
    bonds: Debt, EXEMPT_PARAGRAPH, INVESTMENT_GRADE, MUNICIPAL, PARAGRAPHS, SHORT_PARAGRAPH,
        bond_line, bond_lines, principal_cents, short_debt_line
    class_groups: Scanned, clear_products, close_group, nothing_scanned, offset_groups,
        scan_security
    lines: Carried, Marked, carried, initial_line, input_states, is_below, is_exact, line_bound,
        maintenance_line, mark_price, marked, short_floor, short_line, stress_line,
        stressed_maintenance, stressed_value
    positions: bare_accounts, counted_positions, held_terms, marked_positions, with_marks
    securities: revalue_securities
"""
