"""Where compiled loops are kept: a folder for each module and state of what it is compiled from.

Numba keeps the machine code of a loop by the file that the loop stands in, and would go on running
it after a change in a module whose loops are compiled into it. So a module's folder is named after
its own text and that of every module of the project that it imports, near or far: a change compiles
anew what it reaches, and nothing else.

They are kept for the user, not beside the sources: another checkout or installation of the same
text finds them. What an older version left beside its sources is used where it still fits.
"""

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from numba.core.caching import InTreeCacheLocator
from numba.misc.appdirs import AppDirs

from margin_assets.machine_code import turns
from margin_assets.machine_code.telling import tell_of_compiling

_KEPT = 4
_KEPT_SHARED = 24
"""Of one module's name: several modules may have it, and several installations share the place."""
_IMPORT = re.compile(r"^(?:from|import) +([\w.]+)(?: +import +\(?([\w, ]*))?", re.MULTILINE)


class StateLocator(InTreeCacheLocator):
    """Keeps the loops of this project by state; leaves all others to Numba's own locators."""

    def __init__(self, py_func: Callable[..., Any], py_file: str) -> None:
        super().__init__(py_func, py_file)  # type: ignore[no-untyped-call]  # Numba's own
        self._cache_path = str(place_of(Path(py_file), _root(), shared()))

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> "StateLocator | None":
        """The locator of one loop; None for a loop of another package, or where nothing is kept."""
        if not Path(py_file).is_relative_to(Path(__file__).parents[1]):
            return None
        tell_of_compiling()
        turns.take()
        locator = super().from_function(py_func, py_file)  # type: ignore[no-untyped-call]  # the same
        return locator if isinstance(locator, cls) else None


def shared() -> Path:
    """Where the user's machine code is kept, whichever installation made it."""
    place = AppDirs(appname="margin", appauthor=False)  # type: ignore[no-untyped-call]  # Numba's own
    return Path(place.user_cache_dir) / "loops"


@cache
def place_of(source: Path, root: Path, common: Path) -> Path:
    """Folder of a module's machine code: beside it if it is there, else the one that all share."""
    beside = folder_of(source, root)
    if beside.exists():
        return beside
    folder = common / beside.name
    _prune(folder, f"numba-{source.stem}-*", _KEPT_SHARED)
    return folder


@cache
def folder_of(source: Path, root: Path) -> Path:
    """Folder beside a module for its machine code; older states go, but for the newest few.

    A process that runs an older state compiles again what it has not loaded yet.
    """
    folder = source.parent / "__pycache__" / f"numba-{source.stem}-{_state(source, root)}"
    _prune(folder, f"numba-{source.stem}-*", _KEPT)
    return folder


def _prune(folder: Path, pattern: str, kept: int) -> None:
    """Removes the folders beside one that were not used for longest; notes that this one is."""
    older = [path for path in folder.parent.glob(pattern) if path != folder]
    for old in sorted(older, key=_last_use)[: 1 - kept]:
        shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.touch()


def _state(source: Path, root: Path) -> str:
    """Hash of a module and of all that it imports, found below the root."""
    reached, ahead = {source}, [source]
    while ahead:
        new = _imported(ahead.pop(), root) - reached
        reached |= new
        ahead.extend(new)
    digest = hashlib.sha256()
    for module in sorted(reached):
        digest.update(_text(module).encode())
    return digest.hexdigest()[:16]


@cache
def _imported(source: Path, root: Path) -> frozenset[Path]:
    """Modules below the root that a module names in its import lines."""
    named = _IMPORT.findall(_text(source))
    return frozenset(path for module, names in named for path in _paths(root, module, names))


def _paths(root: Path, module: str, names: str) -> Iterator[Path]:
    place = root.joinpath(*module.split("."))
    inside = [place / f"{name.strip()}.py" for name in names.split(",") if name.strip()]
    for path in (place.with_suffix(".py"), place / "__init__.py", *inside):
        if path.is_file():
            yield path


@cache
def _text(source: Path) -> str:
    return source.read_text()


def _root() -> Path:
    return Path(__file__).parents[2]


def _last_use(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:  # another process removed it
        return 0.0
