"""Histories: files of prices and what changed them, read, named where they are bad, as arrays.

Prices stay raw: margin is asked of what was quoted. Returns are of prices with splits and
dividends. What a file does not say is named and never filled with a return.
"""
