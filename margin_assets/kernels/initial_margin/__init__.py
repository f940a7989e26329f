"""Initial margin of one netting set: SIMM and schedule from CRIF, models of clearing houses.

It knows sensitivities, notionals and factors' histories. Parameters are dated: the rulebook
families `simm` and `schedule_im`; a clearing house's are in the book that names its model, and in
`clearing`.

Others use:
    add_ons: ADD_ON_ROWS, add_ons, contradictions
    concentration: charge, threshold_share
    crif_terms: ADD_ONS, BUCKETS, CODE_OF, CREDIT_NON_Q, CREDIT_TENORS, FIXED_AMOUNT, MULTIPLIER,
        NOTIONAL, NOTIONAL_FACTOR, PARAMETERS, PRESENT_VALUE, PRODUCT_CLASSES, RATES, RISK_TYPES,
        SCHEDULE_CLASSES, SENSITIVITIES, SUB_CURVES, TENORS
    cuts: Error, Exposure, Model, Planes, States, Surrogate, forms_of, trained, values_of
    historical: filtered, over_days, shortfall_model, tail_of, value_at_risk_tail
    normed: norm_model, normal_weights, short_convexity
    parameters: HORIZONS, Parameters, parameters
    procyclicality: HORIZONS, Tool, charged, coverage_of, step_response, swing_of
    regulations: POST, by_unit, units_of, worst
    scanned: Scanned, credit_plane, gross_plane, point_planes, scan_planes, scan_range, scans
    schedule: TRADES, schedule_margins
    simm: margins
"""
