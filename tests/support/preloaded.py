"""Compiled kernels loaded into a process that only forks: what it bears has them from birth."""

import sys

from numba.core.registry import CPUDispatcher


def load_compiled() -> None:
    """Every compiled kernel of the modules imported so far that Numba's cache holds."""
    for name, module in list(sys.modules.items()):
        if name.startswith("margin_assets."):
            for found in vars(module).values():
                if isinstance(found, CPUDispatcher) and found.py_func.__module__ == name:
                    for key in vars(found)["_cache"]._cache_file._load_index():
                        found.compile(key[0])
