"""Tables as software-defined assets, one module a group: an asset is a sentence over kernels.

Dagster is known here, in `checks`, `jobs`, `sensors` and `definitions` alone. Nothing here computes
a number, and frames go in and out through the lake's I/O manager.
"""
