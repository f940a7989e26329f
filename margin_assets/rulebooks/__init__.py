"""Numbers of the rules as dated files: `<family>/<effective-date>.toml`, each with its source.

A lake may have adopted versions of its own beside those installed. Both are chosen by their text,
so that two lakes in one process never decide by each other's.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from functools import cache, wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

from margin_assets.rulebooks.paths import with_changes
from margin_assets.rulebooks.texts import (
    Text,
    dates_of,
    digest_of,
    parsed,
    refuse_fault,
    text_of,
)

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
    "expiry",
    "cash_account",
    "rates",
    "index_options",
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
    "clearing",
    "day_trade_funds",
)
"""Families that decide nothing in a cycle: no plan names them, and none is replayed by them."""

P = ParamSpec("P")
R = TypeVar("R")
Versions = tuple[tuple[date, str], ...]
"""Effective date of each version of a family, and the hash of its text if a lake adopted it."""


class Choice(NamedTuple):
    """What is decided by."""

    versions: tuple[tuple[str, Versions], ...] | None = None
    """By family; None for all that are installed."""
    changes: str = ""
    """Canonical JSON of a document of changes; empty for none."""


_ALL = Choice()
CHOSEN: ContextVar[Choice] = ContextVar("rulebooks", default=_ALL)
ADOPTED: dict[str, str] = {}
"""Texts that lakes adopted, by their hash: whoever names one finds that one."""


class RulebookMissing(ValueError):
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
    def of_choice(_chosen: Choice) -> Callable[..., R]:
        return cache(function)

    @wraps(function)
    def asked(*args: P.args, **kwargs: P.kwargs) -> R:
        return of_choice(CHOSEN.get())(*args, **kwargs)

    return asked


def versions(family: str) -> tuple[date, ...]:
    """Effective dates of a family's rulebooks, oldest first."""
    return tuple(day for day, _ in _versions(family))


def _versions(family: str) -> Versions:
    chosen = CHOSEN.get().versions
    found = None if chosen is None else dict(chosen).get(family)
    return _as_installed(family) if found is None else found


def _as_installed(family: str) -> Versions:
    return tuple((day, "") for day in dates_of(family))


def families() -> tuple[str, ...]:
    """Families that decide: a cycle planned before one of them came was decided without it."""
    chosen = CHOSEN.get().versions
    return FAMILIES if chosen is None else tuple(family for family, _ in chosen)


@remembered
def in_force(family: str, on: date) -> Rulebook:
    """The rulebook in force on a day; before the first one held, that first one.

    Raises:
        ValueError: It contradicts itself; file and key are named.
    """
    effective, text = text_in_force(family, on)
    numbers = parsed(family, text, f"{family}/{effective}.toml")
    if changes := CHOSEN.get().changes:
        numbers = with_changes(numbers, json.loads(changes).get(family, {}), family)
        refuse_fault(family, numbers, f"{family} as changed")
    return Rulebook(family, effective, numbers)


def text_in_force(family: str, on: date) -> tuple[date, str]:
    """Effective date and text of the rulebook in force on a day."""
    held = _versions(family)
    effective, adopted_as = max((v for v in held if v[0] <= on), default=held[0])
    return effective, ADOPTED[adopted_as] if adopted_as else text_of(family, effective)


Recorded = Mapping[str, Collection[str]]
"""By family a hash of each version's text, by its date; dates alone before hashes were kept."""


def installed() -> dict[str, dict[str, str]]:
    """What a cycle is planned under where the lake adopted nothing of its own."""
    return {
        family: {str(day): digest_of(family, day) for day in dates_of(family)}
        for family in FAMILIES
    }


def with_own(
    books: Mapping[str, Mapping[str, str]], own: Collection[Text]
) -> dict[str, dict[str, str]]:
    """What a cycle is planned under: what is installed, and what the lake adopted, oldest first.

    Of one date the last one adopted stands, and before one that is installed.
    """
    found = {family: dict(held) for family, held in books.items()}
    for text in own:
        found[text.family][str(text.effective)] = text.digest
    return found


@contextmanager
def planned_under(
    cycle: int,
    recorded: Recorded,
    own: Callable[[], Collection[Text]] = tuple,
) -> Iterator[None]:
    """Decides by the versions that a cycle was planned under, whatever else is installed.

    `recorded` is what `with_own` gave then. `own` is asked for what the lake adopted, if something
    is recorded that is not installed.

    Raises:
        RulebookMissing: One of them is neither installed nor adopted, or its text is another.
    """
    own = cache(own)
    try:
        known = [family for family in FAMILIES if family in recorded]
        chosen = tuple((family, _held(family, recorded, own)) for family in known)
    except RulebookMissing as missing:
        raise RulebookMissing(f"cycle {cycle} was planned under {missing}") from None
    is_all = chosen == tuple((family, _as_installed(family)) for family in FAMILIES)
    # Changes that somebody tries are no part of a plan.
    with deciding(Choice(None if is_all else chosen)):
        yield


@contextmanager
def adopted(own: Collection[Text]) -> Iterator[None]:
    """Decides by all that is installed and by what a lake adopted, oldest first."""
    with planned_under(0, with_own(installed(), own), lambda: own):
        yield


@contextmanager
def changed_by(changes: Mapping[str, Any]) -> Iterator[None]:
    """Decides by the rulebooks in force with some of their numbers changed.

    `changes` is by family what a TOML file of it would say of these numbers alone:
    `{"house": {"ladder": {"warning_below": 0.04}}}`.

    Raises:
        ValueError: On use, where a version in force has no such number, or it does not fit.
    """
    written = json.dumps(changes, sort_keys=True, allow_nan=False) if changes else ""
    with deciding(CHOSEN.get()._replace(changes=written)):
        yield


@contextmanager
def deciding(choice: Choice) -> Iterator[None]:
    """Decides by a choice that was made elsewhere."""
    token = CHOSEN.set(choice)
    try:
        yield
    finally:
        CHOSEN.reset(token)


def _held(family: str, recorded: Recorded, own: Callable[[], Collection[Text]]) -> Versions:
    """Versions of a family that a cycle was planned under, each found as it was then."""
    days = sorted(date.fromisoformat(day) for day in recorded[family])
    return tuple((day, _found(family, day, recorded[family], own)) for day in days)


def _found(
    family: str, day: date, hashes: Collection[str], own: Callable[[], Collection[Text]]
) -> str:
    is_installed = day in dates_of(family)
    if is_installed and _is_as_recorded(family, day, hashes):
        return ""
    for text in own():
        if (text.family, text.effective, text.digest) == (family, day, _recorded(hashes, day)):
            ADOPTED[text.digest] = text.text
            return text.digest
    if is_installed:
        raise RulebookMissing(f"another text of rulebook {family}/{day} than is installed")
    raise RulebookMissing(f"rulebook {family}/{day}, which this installation has not")


def _recorded(hashes: Collection[str], day: date) -> str | None:
    return hashes[str(day)] if isinstance(hashes, Mapping) else None


def _is_as_recorded(family: str, day: date, hashes: Collection[str]) -> bool:
    # Bounds of the lake decide how work is cut, never what is decided: they may be set anew.
    return family == "lake" or _recorded(hashes, day) in (None, digest_of(family, day))


def versions_in_force(on: date) -> dict[str, str]:
    """Effective date of every family's rulebook in force on a day."""
    return {family: str(in_force(family, on).effective) for family in families()}
