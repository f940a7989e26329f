"""Pure functions of margin: typed frames and the book in, typed frames out. No I/O, no clock."""

import os
from typing import Any

from numba.core import config

# Threads of parallel loops would spin for milliseconds after each one, on cores that the commits
# of a cycle need. Read when the first such loop is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

_CONFIG: Any = config  # its settings are made at run time, unknown to the checker

if not (_CONFIG.CACHE_DIR or _CONFIG.CACHE_LOCATOR_CLASSES):
    _CONFIG.CACHE_LOCATOR_CLASSES = (
        "margin_assets.kernels.machine_code.StateLocator,"
        "UserProvidedCacheLocator,InTreeCacheLocator,UserWideCacheLocator,"
        "IPythonCacheLocator,ZipCacheLocator"
    )
