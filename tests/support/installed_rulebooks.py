"""Rulebooks of another folder than the installed one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from inspect import unwrap
from pathlib import Path
from unittest.mock import patch

from margin_assets.rulebooks import Rulebook, in_force, texts

_KNOWN = (texts.dates_of, texts.text_of, texts.digest_of)


@contextmanager
def installed_in(folder: Path) -> Iterator[None]:
    """Has these installed; what is remembered of the others is not asked."""
    try:
        with patch.object(texts, "files", lambda _: folder):
            _forget()
            yield
    finally:
        _forget()


def read(family: str, on: date) -> Rulebook:
    """The rulebook in force, as it is read at first, past what is remembered."""
    return unwrap(in_force)(family, on)


def _forget() -> None:
    for known in _KNOWN:
        known.cache_clear()
