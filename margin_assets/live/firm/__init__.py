"""The firm in memory: the monitor that climbs the ladder at grid points, and the firm as a whole.

Here belongs what moves state and books in the order of events; each number comes from a kernel.
"""
