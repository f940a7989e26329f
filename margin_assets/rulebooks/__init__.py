"""Numbers of the rules as dated files: `<family>/<effective-date>.toml`, each with its source."""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from margin_assets.rulebooks.limits import fault_of

FAMILIES = ("finra_4210", "reg_t", "tims", "intraday", "timelines", "overlays", "house", "lake")


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
    """The rulebook in force on a day; before the first one held, that first one.

    Raises:
        ValueError: It contradicts itself; file and key are named.
    """
    held = versions(family)
    effective = max((day for day in held if day <= on), default=held[0])
    file = f"{family}/{effective}.toml"
    return Rulebook(family, effective, _read(family, files(__name__).joinpath(file), file))


def _read(family: str, file: Traversable, name: str) -> dict[str, Any]:
    try:
        numbers = tomllib.loads(file.read_text("utf-8"))
    except ValueError as error:
        msg = f"{name}: {error}"
        raise ValueError(msg) from None
    if fault := fault_of(family, flat(numbers)):
        msg = f"{name}: {fault}"
        raise ValueError(msg)
    return numbers


def versions_in_force(on: date) -> dict[str, str]:
    """Effective date of every family's rulebook in force on a day."""
    return {family: str(in_force(family, on).effective) for family in FAMILIES}


_LARGEST = 1e9  # in a draft, so that no number leaves the integers that the kernels count in


def named(name: str) -> Rulebook:
    """The rulebook that `family/YYYY-MM-DD`, a version, or `family=path.toml`, a draft, names.

    A draft is of the family's newest version and takes its date: it has every key of it, each with
    a value of the same kind and no sign the other has not, and no other key.

    Raises:
        ValueError: No such family or version, or no such draft; its keys are named.
        OSError: The draft cannot be read.
    """
    family, is_draft, draft = name.partition("=")
    if not is_draft:
        family, _, version = name.partition("/")
    if family not in FAMILIES:
        msg = f"unknown family {family!r} in {name!r}; known: {', '.join(FAMILIES)}"
        raise ValueError(msg)
    if is_draft:
        return _draft(family, Path(draft))
    held = {str(day): day for day in versions(family)}
    if version not in held:
        msg = f"{family} has no version {version!r}; it has {', '.join(held)}"
        raise ValueError(msg)
    return in_force(family, held[version])


def flat(numbers: dict[str, Any], *above: str) -> dict[tuple[str, ...], Any]:
    """Values of a rulebook by the path of their keys, in its order."""
    found: dict[tuple[str, ...], Any] = {}
    for key, value in numbers.items():
        found |= flat(value, *above, key) if isinstance(value, dict) else {(*above, key): value}
    return found


def _draft(family: str, path: Path) -> Rulebook:
    newest = in_force(family, versions(family)[-1])
    numbers = _read(family, path, str(path))
    if faults := _faults(flat(numbers), flat(newest.numbers)):
        msg = f"{path} is no draft of {family}: {'; '.join(faults)}"
        raise ValueError(msg)
    return Rulebook(family, newest.effective, numbers)


def _faults(draft: dict[tuple[str, ...], Any], newest: dict[tuple[str, ...], Any]) -> list[str]:
    faults = [f"{'.'.join(path)} is missing" for path in newest if path not in draft]
    faults += [f"{'.'.join(path)} is unknown" for path in draft if path not in newest]
    return faults + [
        f"{'.'.join(path)} is {value!r} where the newest version has {newest[path]!r}"
        for path, value in draft.items()
        if path in newest and not _fits(value, newest[path])
    ]


def _fits(value: Any, like: Any) -> bool:  # noqa: ANN401 (whatever TOML holds)
    """Whether a value may stand where the newest version has the other."""
    if isinstance(like, list):
        return isinstance(value, list) and value != [] and all(_fits(v, min(like)) for v in value)
    if isinstance(like, bool) or not isinstance(like, int | float):
        return type(value) is type(like)
    kinds = (int,) if isinstance(like, int) else (int, float)
    return type(value) in kinds and (-_LARGEST if like < 0 else 0) <= value <= _LARGEST
