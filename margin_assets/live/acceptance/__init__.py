"""Which rows of a plan count: read, seen before, corrected, refused, held for what is to come.

It changes no firm: what it accepts is told to the monitor by the session.
"""
