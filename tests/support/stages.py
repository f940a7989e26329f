"""Stages of a story that many tests begin at: told once a process, and copied for each test."""

import shutil
import tempfile
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def stage(tell: Callable[P, T]) -> Callable[P, T]:
    """Decorates what tells a story into an empty folder, its last argument.

    What it returns is kept with the folder; both are the same whoever asks.
    """

    @cache
    def kept() -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="stage-")

    told: list[T] = []

    @wraps(tell)
    def begun(*args: P.args, **kwargs: P.kwargs) -> T:
        *others, folder = args
        place = Path(kept().name)
        if not told:
            told.append(tell(*others, place, **kwargs))
        shutil.copytree(place, str(folder), dirs_exist_ok=True)
        return told[0]

    return begun
