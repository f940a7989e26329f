"""The past computed again, for replay and for moments whose versions are gone.

It writes no table of the lake.
"""
