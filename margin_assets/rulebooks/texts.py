"""Texts of rulebooks: those that are installed, and what each says."""

import hashlib
import tomllib
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from margin_assets.rulebooks.limits import fault_of
from margin_assets.rulebooks.paths import flat


class Text(NamedTuple):
    """One version of a family as a lake adopted it."""

    family: str
    effective: date
    text: str

    @property
    def digest(self) -> str:
        """What plans name the text by."""
        return digest(self.text)


@cache
def dates_of(family: str) -> tuple[date, ...]:
    """Effective dates of the versions that are installed, oldest first."""
    folder = files(__package__).joinpath(family)
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(date.fromisoformat(n[:-5]) for n in names if n.endswith(".toml")))


@cache
def text_of(family: str, effective: date) -> str:
    """Text of a version that is installed."""
    return files(__package__).joinpath(family, f"{effective}.toml").read_text("utf-8")


@cache
def digest_of(family: str, effective: date) -> str:
    """What plans name a version that is installed by."""
    return digest(text_of(family, effective))


def digest(text: str) -> str:
    """A text's hash, as plans have it."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def parsed(family: str, text: str, name: str) -> dict[str, Any]:
    """Numbers of a rulebook's text, read once: every new day asks, and nobody changes them.

    Raises:
        ValueError: It is no TOML, or contradicts itself; `name` and the key are named.
    """
    try:
        numbers = tomllib.loads(text)
    except ValueError as error:
        msg = f"{name}: {error}"
        raise ValueError(msg) from None
    refuse_fault(family, numbers, name)
    return numbers


def refuse_fault(family: str, numbers: dict[str, Any], name: str) -> None:
    """Refuses numbers that contradict themselves.

    Raises:
        ValueError: They do; `name` and the key are named.
    """
    if fault := fault_of(family, flat(numbers)):
        msg = f"{name}: {fault}"
        raise ValueError(msg)
