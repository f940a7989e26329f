"""Pure functions of margin: typed frames and the book in, typed frames out. No I/O, no clock."""

import hashlib
import os
from pathlib import Path
from typing import Any

from numba.core import config

_CONFIG: Any = config  # its settings are made at run time, unknown to the checker

_HERE = Path(__file__).parent


def _compiled_for_these_sources() -> None:
    """Keeps compiled loops in a folder named after the sources of all of them.

    Numba looks only at the file of the outermost function: after a change in a module that is
    compiled into it, it would go on running the old machine code.
    """
    digest = hashlib.sha256()
    for source in sorted(_HERE.glob("*.py")):
        digest.update(source.read_bytes())
    folder = _HERE / "__pycache__" / f"numba-{digest.hexdigest()[:16]}"
    if not _CONFIG.CACHE_DIR and os.access(_HERE, os.W_OK):
        _CONFIG.CACHE_DIR = str(folder)


_compiled_for_these_sources()
