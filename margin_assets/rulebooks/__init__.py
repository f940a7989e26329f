"""Numbers of the rules as dated files: `<family>/<effective-date>.toml`, each with its source."""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

FAMILIES = ("finra_4210", "reg_t", "tims", "house", "lake")


@dataclass(frozen=True)
class Rulebook:
    """One version of one family of rules, in force from `effective` on."""

    family: str
    effective: date
    numbers: dict[str, Any]


@cache
def versions(family: str) -> tuple[date, ...]:
    """Effective dates of a family's rulebooks, oldest first."""
    folder = files(__name__).joinpath(family)
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(date.fromisoformat(n[:-5]) for n in names if n.endswith(".toml")))


@cache
def in_force(family: str, on: date) -> Rulebook:
    """The rulebook in force on a day; before the first one held, that first one."""
    held = versions(family)
    effective = max((day for day in held if day <= on), default=held[0])
    text = files(__name__).joinpath(family, f"{effective}.toml").read_text("utf-8")
    return Rulebook(family, effective, tomllib.loads(text))


def versions_in_force(on: date) -> dict[str, str]:
    """Effective date of every family's rulebook in force on a day."""
    return {family: str(in_force(family, on).effective) for family in FAMILIES}
