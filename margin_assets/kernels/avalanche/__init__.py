"""Paths of shocks, calls, payments, forced sales and their impact, and what follows from them.

It knows a platform as arrays and one seed; a path is a function of (seed, path, step, stream). Its
sources are named in docs/avalanche.md.

Others use:
    answers.attribution: Attribution, Attributor, blocks, charged_today, tail
    answers.concentration: Concentration, Shared, concentration, hidden_share, index_excess
    answers.efficiency: Brought, efficiency
    answers.facility: FacilitySize, Sought, Verdict, facility_size, first_guess
    answers.funding: Cushion, DAYS, FundingDay, LEVELS, coverage_shortfall, funding_forecast
    answers.margins: Margin, layout, margin, summed, today
    answers.policy: Limits, Plausibility, Policy, WarningLevels, policy
    answers.portfolio: Asked, Margins, Scaled, least_margin
    answers.quantiles: Distribution, Quantile, Share, distribution, quantile, share_by_hour,
        share_of
    answers.recommendations: Alone, Candidate, Horizon, Measured, Recommendation, alone, ranked
    answers.scaling: scaled
    answers.score: ScoreInputs, integrated_score
    answers.shapley: Pair, Shares, Value, pairs, shapley
    answers.spiral: Spiral
    answers.state_spiral: spiral_today
    answers.warning: Components, Level, Nearness, Reading, coefficients, fitted, isotonic,
        level_after, mapped, nearest, percentile, score, scores, skill, use_of
    holdings: Holdings, ManagerCuts, ManagerExposures, NOBODY, Names
    laws: Kept, broken_laws
    market.correlations: change, is_positive, mended, mixed, root, stressed
    market.residuals: bridged, by_hour, unit_variance
    market.shapes: fading, front_loaded, rising, shares, worst_direction
    paths.philox: GA, SHAPLEY, uniforms
    platform: APC_BUFFER, APC_FLOOR, APC_NONE, APC_STRESS, Accounts, Addons, BILATERAL, CLEARED,
        Collateral, Cuts, Entities, Estimators, Exposures, Facilities, Factors, GAINS_AT_END_OF_DAY,
        GAINS_KEPT, GAINS_PAID, Groups, Platform, Sets, Units
    results: CALL, DEFAULT, DRAWN, LIQUIDITY, NEVER, PAID, RETURN, Results, SOLD, TURNED, Trace,
        replaced
    reverse.genetic: Effort, Exceedance, bred
    reverse.points: Candidate, Multiples, Space, candidate, cosine, point_of, space_of
    reverse.polish: Polished, distinct, polished, slopes_at
    scenario: BY_ORDER, CHEAPEST, GAUSSIAN, HISTORY, IMPACT, LINEAR, NOISELESS, NO_IMPACT, NO_SALES,
        PRO_RATA, SQUARE_ROOT, STUDENT, Scenario, Settings
    simulation: Simulator, simulate, trace
"""
