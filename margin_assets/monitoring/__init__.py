"""Health, freshness and the daily dates: what is known of the monitor in, verdicts and figures out.

One kernel, shown by checks, by `margin status` and to Prometheus. Limits are the house rulebook's.
"""
