"""Compiled loops: where they are kept, and who compiles them.

Set up when `margin_assets` is imported, before Numba reads its settings; what it does is the
environment's and the disk's, so it lies outside the kernels.
"""

import os
import sys

_LOCATORS = (
    "margin_assets.machine_code.locator.StateLocator,"
    "UserProvidedCacheLocator,InTreeCacheLocator,UserWideCacheLocator,"
    "IPythonCacheLocator,ZipCacheLocator"
)


def set_up() -> None:
    """Has Numba keep loops by the state of their sources, unless told to keep them elsewhere."""
    if "NUMBA_CACHE_DIR" not in os.environ:
        os.environ.setdefault("NUMBA_CACHE_LOCATOR_CLASSES", _LOCATORS)
    if numba := sys.modules.get("numba.core.config"):
        numba.reload_config()
