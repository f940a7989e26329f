"""Compiled kernels loaded into a process that only forks: what it bears has them from birth."""

import sys

from numba.core.registry import CPUDispatcher


def load_compiled() -> None:
    """Every compiled kernel of the modules imported so far that Numba's cache holds."""
    for name, module in list(sys.modules.items()):
        if name.startswith("margin_assets."):
            for found in vars(module).values():
                if isinstance(found, CPUDispatcher) and found.py_func.__module__ == name:
                    _load(found)


def _load(loop: CPUDispatcher) -> None:
    if loop.stats.cache_path is None:  # one that only loops call, and is kept with them
        return
    for key in vars(loop)["_cache"]._cache_file._load_index():
        loop.compile(key[0])
