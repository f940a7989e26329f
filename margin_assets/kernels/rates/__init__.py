"""Curves, cash flows laid out once, values and sensitivities of bonds and swaps.

It knows nodes, fixings and instruments as arrays; quotes become nodes by QuantLib. Conventions are
those of ISDA and of the markets, each named where it is used.

Others use:
    bills: Bill, bill, discount_rate, investment_rate, price_at_discount, price_at_investment
    bonds: BondTerms, Settled, bond_terms, dated, dirty_price, settled, z_spread
    conventions: CONVENTIONS, DAY_COUNTS, FREQUENCIES, OwnCalendar, QlObject, RULES, calendar,
        day_count, day_of, days_of, is_tenor, of_ql, period, quantlib, to_ql, year_fractions,
        years_of
    curves: BASIS_POINT, Curve, EXTRAPOLATIONS, INTERPOLATIONS, discount_factors, key_rate_weights,
        weights
    fixings: OvernightPast, TermPast, overnight_past, term_past
    flows: Flows, joined, known_cash
    grid: Grid, Walk, walk
    legs: OvernightIndex, Payments, Period, TermIndex, Timetable, at, fixed_leg, overnight_leg,
        periods, repaid, term_leg
    quote_helpers: IborTerms, QUOTE_KINDS, Quote
    quotes: Bootstrap, QuotedCurve, Unbuildable, evaluated_on
    rates_laws: forwards_out_of_bounds, key_rate_gaps, repricing_gaps, rising_factors, unpriced
    rates_rules: CurveRules, RatesRules, rates_rules
    tail_risk: expected_shortfall, value_at_risk
    terms: Open, Past, first_overnight_day, still_to_come
    values: Discounts, OfBooks, Valued, present_values, slopes_by_row, values_in
    yields: COMPOUNDINGS, Dated, YieldConvention, YieldFigures, at_yield, implied_yield
"""
