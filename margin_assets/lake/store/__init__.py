"""Delta tables and raw objects on a folder or on S3: each commit once, with patience.

Others take `store.Lake`; nobody else opens a table. What is declared comes from `schemas`.
"""
