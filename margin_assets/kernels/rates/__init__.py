"""Curves, cash flows laid out once, values and sensitivities of bonds and swaps.

It knows nodes, fixings and instruments as arrays; quotes become nodes by QuantLib. Conventions are
those of ISDA and of the markets, each named where it is used.
"""
