"""What moves the factors of a run, prepared: correlations, residuals of history, scenarios.

It knows arrays of factors and hours; section numbers are of the model in docs/avalanche.md.
"""
