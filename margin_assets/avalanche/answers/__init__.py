"""The questions asked of a book: each runs the loop as it must and answers in one document.

A document is what `--json` prints and the report shows: plain names, lists and numbers.
"""
