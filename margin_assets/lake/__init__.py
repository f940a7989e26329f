"""The lake: the only code that touches storage.

`objects` keeps raw bytes, `store` tables, `ledger` cycles and their chain, `landing` turns files
into rows, `upkeep` keeps tables small, `sql` answers questions. They import in that order, and no
kernel but for the names of columns and of instants.
"""
