"""What people do, and what leaves the house: acts, plans, orders, messages.

An act lands as a row of `desk_actions`, like any feed's file; what leaves goes by what is sealed.
Nothing here writes a table that a cycle writes.
"""
