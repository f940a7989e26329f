"""The same by business date: positions, memoranda and day traders, from everything landed.

Here belongs what recomputes the past by the kernels of the live day; it is their second route.
"""
