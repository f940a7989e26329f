"""What walks, by its text: so that nothing kept by another program is taken for its own."""

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path

_HOUSE = Path(__file__).parents[1]
_ROOMS = ("backtest", "kernels", "rulebooks")
_LIBRARIES = ("numba", "numpy", "polars")


@cache
def program_id() -> str:
    """Hash of the sources that decide in a backtest, and of the versions that they compute by."""
    told = hashlib.sha256()
    for path in sorted(path for room in _ROOMS for path in (_HOUSE / room).rglob("*.py")):
        told.update(f"{path.relative_to(_HOUSE).as_posix()}\0".encode())
        told.update(hashlib.sha256(path.read_bytes()).digest())
    for name in _LIBRARIES:
        told.update(f"{name} {metadata.version(name)}\0".encode())
    return told.hexdigest()
