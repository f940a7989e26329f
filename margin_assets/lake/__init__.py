"""The lake: the only code that touches storage.

`store` keeps tables and objects, `ledger` cycles and their chain, `landing` turns files into rows,
`upkeep` keeps tables small, `sql` answers questions. They import in that order, and no kernel but
for the names of columns and of instants.
"""
