"""Orders of least cost that cure an account, struck again by the ordinary kernels of margin.

Only what reduces a position is ordered, at its mark. It knows accounts, marks and the rulebook
`liquidation`; who approves a plan, and how its orders leave, is told elsewhere. Source: the house.
"""
