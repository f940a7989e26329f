"""Pure functions of margin: typed frames and the book in, typed frames out. No I/O, no clock."""

import os
from pathlib import Path
from typing import Any

from numba.core import config

from margin_assets.kernels.machine_code import claim, folder_of

# Threads of parallel loops would spin for milliseconds after each one, on cores that the commits
# of a cycle need. Read when the first such loop is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

_CONFIG: Any = config  # its settings are made at run time, unknown to the checker
_HERE = Path(__file__).parent

if not _CONFIG.CACHE_DIR and os.access(_HERE, os.W_OK):
    _FOLDER = folder_of(_HERE)
    claim(_FOLDER)
    _CONFIG.CACHE_DIR = str(_FOLDER)
