"""Health, freshness and the daily dates: what is known of the monitor in, verdicts and figures out.

One kernel, shown by checks, by `margin status` and to Prometheus, whose metrics the live session
serves (`live.session`). Limits are the rulebook's of the lake.
"""
