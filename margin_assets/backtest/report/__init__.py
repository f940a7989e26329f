"""The report of runs: one page that loads nothing, from the same rows that a lake holds.

It shows and counts, and computes no figure of margin. Every text is escaped where it is drawn.
"""
