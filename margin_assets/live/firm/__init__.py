"""The firm in memory: holdings, market, and the monitor that climbs the ladder at grid points.

Here belongs state between cycles and what moves it; each number comes from a kernel.
"""
