"""The ladder: call, restriction, liquidation and minimum equity, as decisions of grid points.

Rules: the house rulebook, and the minimum of FINRA 4210(b) and (g).
"""
