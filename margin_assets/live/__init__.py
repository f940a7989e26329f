"""The live session: the firm in memory, cycle after cycle. It loads without Dagster.

`firm` is what is known and decided, `acceptance` which rows count, `session` plans, writes and
seals, `past` does it again. They import in that order.
"""
