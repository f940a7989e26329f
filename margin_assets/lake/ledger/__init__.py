"""Cycles as planned and sealed, the chain of their hashes, and the tables as they left them.

Others take `ledger.Ledger` and `sealed.SealedTables`. It writes the table `cycles` alone.
"""
