"""Reverse stress: the least implausible combination of moves that breaks the platform.

A candidate is a point; what it does to the platform comes in as a function. Formulas and sources
are in docs/avalanche-answers.md.
"""
