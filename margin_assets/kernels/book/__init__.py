"""Positions as arrays sorted by account, and what fills, corrections and marks make of them.

Here belongs what is held and what it is marked at, never what it requires. The rules it follows are
those of trades and marks: house semantics 2 and 5.
"""
