"""What a file says that somebody wants a lake to decide by: whole rulebooks, or changes of some."""

import tomllib
from collections.abc import Mapping
from datetime import date
from typing import Any

import tomlkit

from margin_assets.rulebooks import FAMILIES, Rulebook, in_force, text_in_force
from margin_assets.rulebooks.changes import refuse_unfit
from margin_assets.rulebooks.drafts import draft_of
from margin_assets.rulebooks.paths import flat
from margin_assets.rulebooks.texts import Text, parsed

OF_LAKES = tuple(family for family in FAMILIES if family != "lake")
"""Families that a lake may have versions of its own of: bounds of work are the installation's."""
_ALIKE = 0.5
"""Share of a family's keys that a file has at least to be one of it."""


def proposed(text: str, name: str, effective: date) -> list[tuple[Rulebook, Text]]:
    """What a file proposes from a day on: by family what is in force then, and the text instead.

    The file is a whole rulebook, whose keys tell the family, or by family the numbers to change.
    Of a family that is changed the text in force is kept, comments and all, but for these numbers.

    Raises:
        ValueError: It is neither, changes nothing, or what it says does not fit; keys are named.
    """
    try:
        document = tomllib.loads(text)
    except ValueError as error:
        msg = f"{name}: {error}"
        raise ValueError(msg) from None
    if document.keys() & {*FAMILIES}:
        texts = _changed(document, name, effective)
    else:
        texts = [Text(_family_of(document, name, effective), effective, text)]
    found = [(in_force(new.family, effective), new) for new in texts]
    for before, new in found:
        # A file that was edited by hand fits in no other way than a draft does.
        if draft_of(before, new.text, name).numbers == before.numbers:
            msg = f"{name} changes no number of {before.family}/{before.effective}"
            raise ValueError(msg)
    return found


def _changed(changes: Mapping[str, Any], name: str, effective: date) -> list[Text]:
    for family in changes:
        _refuse_installations(family)
    try:
        refuse_unfit(changes, effective)
    except ValueError as error:
        msg = f"{name}: {error}"
        raise ValueError(msg) from None
    return [
        Text(family, effective, rewritten(text_in_force(family, effective)[1], numbers))
        for family, numbers in changes.items()
    ]


def rewritten(text: str, numbers: Mapping[str, Any]) -> str:
    """A rulebook's text with some of its numbers changed, and all else as it stands."""
    document = tomlkit.parse(text)
    for (*above, key), value in flat(numbers).items():
        section: Any = document
        for part in above:
            section = section[part]
        section[key] = value
    return tomlkit.dumps(document)


def _family_of(document: Mapping[str, Any], name: str, on: date) -> str:
    keys = flat(document).keys()

    def likeness(family: str) -> float:
        known = flat(in_force(family, on).numbers).keys()
        return len(known & keys) / len(known | keys)

    family = max(FAMILIES, key=likeness)
    if likeness(family) < _ALIKE:
        msg = (
            f"{name} is no rulebook, and names none: start from "
            "`margin rulebook show FAMILY --text`, or write what changes below [FAMILY.section]; "
            f"known: {', '.join(OF_LAKES)}"
        )
        raise ValueError(msg)
    _refuse_installations(family)
    return family


def _refuse_installations(family: str) -> None:
    if family in FAMILIES and family not in OF_LAKES:
        msg = f"{family} holds bounds of the installation's work: no lake has its own"
        raise ValueError(msg)


def book_of(text: Text) -> Rulebook:
    """A lake's text as a rulebook."""
    name = f"{text.family}/{text.effective}.toml"
    return Rulebook(text.family, text.effective, parsed(text.family, text.text, name))
