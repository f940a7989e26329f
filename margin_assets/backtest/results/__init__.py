"""What runs came to: as rows of tables, as one document, in a lake.

Kernels of `kernels/backtest` count; here their figures get the columns that `schemas` declares.
"""
