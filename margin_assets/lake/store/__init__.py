"""Delta tables: each commit once, with the patience of `objects`.

Others take `store.Lake`; nobody else opens a table. What is declared comes from `schemas`.
"""
