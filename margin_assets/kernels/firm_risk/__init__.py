"""The whole firm over its accounts: scenarios, names and issuers, limits on both.

Here belongs what sums or ranks the figures of many accounts; what one account requires belongs to
`margin`. Rules: FINRA's expectations of portfolio margin, and the house's own limits.

Others use:
    concentrations: Terms, concentrations_of
    issuer_map: IssuerMap, issuer_map, largest_positions
    kept: Kept
    limits: Breach, Firm, Key, Limit, above, acknowledged, struck
    price_moves: Scenarios, price_scenarios, spy_scenarios
    scenarios: credit_exposures_of, firm_risk_of, firm_sums
    summed: credit_exposures_sum, firm_risk_sum
    tables: concentrations, credit_exposures_at, firm_concentrations_at, firm_risk_at, firm_told
    view: firm_view, price_moves_of
"""
