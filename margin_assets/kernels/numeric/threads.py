"""When a walk over accounts is worth more than one thread."""

ALONE = 512
"""Accounts that one thread walks as soon as several that must be woken.

A firm of no more does without the loop over threads, in which Numba compiles the walk three times.
"""
