"""What somebody probably meant, among the names that there are."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

_LEAST = 0.6
"""How alike two names are at least, of 1."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name most like the word, whatever its case and signs; None if none is near.

    Of names equally alike the first one.
    """
    plain: dict[str, str] = {}
    for name in known:
        plain.setdefault(_plain(name), name)
    asked = _plain(word)
    found = get_close_matches(asked, plain, n=1, cutoff=_LEAST) or _within(asked, plain)
    return plain[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`: did you mean 'x'?`, or nothing where no name is near."""
    near = nearest(word, known)
    return "" if near is None else f": did you mean {near!r}?"


def likeness(one: str, other: str) -> float:
    """How alike two names are, from 0 to 1, whatever their case and signs."""
    return SequenceMatcher(None, _plain(one), _plain(other)).ratio()


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def _within(asked: str, plain: dict[str, str]) -> list[str]:
    """Names that the word is the beginning of, or that begin it."""
    if len(asked) < 3:
        return []
    return [name for name in plain if name.startswith(asked) or (name and asked.startswith(name))]
