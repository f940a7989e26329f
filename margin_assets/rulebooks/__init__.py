"""Numbers of the rules as dated files: `<family>/<effective-date>.toml`, each with its source."""

import hashlib
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from functools import cache, wraps
from importlib.resources import files
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from margin_assets.rulebooks.limits import fault_of

FAMILIES = (
    "finra_4210",
    "reg_t",
    "tims",
    "intraday",
    "timelines",
    "overlays",
    "house",
    "calls",
    "firm",
    "liquidation",
    "lake",
)
"""What cycles are planned under."""
OUTSIDE = (
    "notifications",
    "simm",
    "schedule_im",
    "avalanche",
    "avalanche_scenarios",
    "backtest",
)
"""Families that decide nothing in a cycle: no plan names them, and none is replayed by them."""

P = ParamSpec("P")
R = TypeVar("R")
Versions = tuple[tuple[str, tuple[date, ...]], ...]
"""Effective dates of each family."""

_CHOSEN: ContextVar[Versions | None] = ContextVar("rulebooks", default=None)
"""Versions to decide by; None for all that are installed."""


class RulebookMissing(ValueError):  # noqa: N818 (says what happened)
    """A cycle was planned under a rulebook that is not installed, or is with another text."""


@dataclass(frozen=True)
class Rulebook:
    """One version of one family of rules, in force from `effective` on."""

    family: str
    effective: date
    numbers: dict[str, Any]


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """Remembers the results of a function of days, those of each choice of versions apart."""

    @cache
    def of_choice(_chosen: Versions | None) -> Callable[..., R]:
        return cache(function)

    @wraps(function)
    def asked(*args: P.args, **kwargs: P.kwargs) -> R:
        return of_choice(_CHOSEN.get())(*args, **kwargs)

    return asked


def versions(family: str) -> tuple[date, ...]:
    """Effective dates of a family's rulebooks, oldest first."""
    chosen = _CHOSEN.get()
    return _installed(family) if chosen is None else dict(chosen).get(family, _installed(family))


def families() -> tuple[str, ...]:
    """Families that decide: a cycle planned before one of them came was decided without it."""
    chosen = _CHOSEN.get()
    return FAMILIES if chosen is None else tuple(family for family, _ in chosen)


@remembered
def in_force(family: str, on: date) -> Rulebook:
    """The rulebook in force on a day; before the first one held, that first one.

    Raises:
        ValueError: It contradicts itself; file and key are named.
    """
    held = versions(family)
    effective = max((day for day in held if day <= on), default=held[0])
    text = _text(family, effective)
    return Rulebook(family, effective, _parsed(family, text, f"{family}/{effective}.toml"))


def installed() -> dict[str, dict[str, str]]:
    """What a cycle is planned under: by family a hash of each version's text, by its date."""
    return {
        family: {str(day): _digest(family, day) for day in _installed(family)}
        for family in FAMILIES
    }


@contextmanager
def planned_under(cycle: int, recorded: Mapping[str, Collection[str]]) -> Iterator[None]:
    """Decides by the versions that a cycle was planned under, whatever else is installed.

    `recorded` is what `installed` gave then; of cycles from before hashes were kept, dates alone.

    Raises:
        RulebookMissing: One of them is not installed, or its text is another.
    """
    try:
        known = [family for family in FAMILIES if family in recorded]
        chosen = tuple((family, _held(family, recorded)) for family in known)
    except RulebookMissing as missing:
        raise RulebookMissing(f"cycle {cycle} was planned under {missing}") from None
    is_all = chosen == tuple((family, _installed(family)) for family in FAMILIES)
    token = _CHOSEN.set(None if is_all else chosen)
    try:
        yield
    finally:
        _CHOSEN.reset(token)


def _held(family: str, recorded: Mapping[str, Collection[str]]) -> tuple[date, ...]:
    """Versions of a family that a cycle was planned under, each found as it was then."""
    days = tuple(sorted(date.fromisoformat(day) for day in recorded[family]))
    for day in days:
        if day not in _installed(family):
            raise RulebookMissing(f"rulebook {family}/{day}, which this installation has not")
        if not _is_as_recorded(family, day, recorded[family]):
            raise RulebookMissing(f"another text of rulebook {family}/{day} than is installed")
    return days


def _is_as_recorded(family: str, day: date, hashes: Collection[str]) -> bool:
    # Bounds of the lake decide how work is cut, never what is decided: they may be set anew.
    if family == "lake" or not isinstance(hashes, Mapping):
        return True
    return bool(hashes[str(day)] == _digest(family, day))


@cache
def _installed(family: str) -> tuple[date, ...]:
    folder = files(__name__).joinpath(family)
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(date.fromisoformat(n[:-5]) for n in names if n.endswith(".toml")))


@cache
def _text(family: str, effective: date) -> str:
    return files(__name__).joinpath(family, f"{effective}.toml").read_text("utf-8")


@cache
def _digest(family: str, effective: date) -> str:
    return hashlib.sha256(_text(family, effective).encode()).hexdigest()[:16]


def _parsed(family: str, text: str, name: str) -> dict[str, Any]:
    try:
        numbers = tomllib.loads(text)
    except ValueError as error:
        msg = f"{name}: {error}"
        raise ValueError(msg) from None
    if fault := fault_of(family, flat(numbers)):
        msg = f"{name}: {fault}"
        raise ValueError(msg)
    return numbers


def versions_in_force(on: date) -> dict[str, str]:
    """Effective date of every family's rulebook in force on a day."""
    return {family: str(in_force(family, on).effective) for family in families()}


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
    numbers = _parsed(family, path.read_text("utf-8"), str(path))
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
