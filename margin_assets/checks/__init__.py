"""Asset checks: generated from the schemas, or one kernel and a verdict.

What must hold between tables is a kernel elsewhere; here it is asked of committed tables and told
to Dagster. Limits are numbers of the rulebook `lake`.
"""
