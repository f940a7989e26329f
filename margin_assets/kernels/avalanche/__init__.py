"""Paths of shocks, calls, payments, forced sales and their impact, and what follows from them.

It knows a platform as arrays and one seed; a path is a function of (seed, path, step, stream). Its
sources are named in docs/avalanche.md.
"""
