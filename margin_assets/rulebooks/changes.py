"""A document of changes: some numbers of some families said otherwise, all others as in force.

By family it holds what a TOML file of it would say of these numbers alone. `changed_by` decides by
it, `rules_under` (`margin_assets/kernels/rules/rules.py`) turns it into numbers for a kernel.
"""

import json
import tomllib
from collections.abc import Mapping
from datetime import date
from typing import Any

from margin_assets.nearest import did_you_mean
from margin_assets.rulebooks import FAMILIES, changed_by, in_force

Changes = dict[str, Any]


def parsed_changes(text: str, name: str, on: date) -> Changes:
    """The document that a TOML text holds, each of its keys known to the versions of a day.

    Raises:
        ValueError: It is no TOML, or says what no rulebook does; `name` and the key are named.
    """
    try:
        changes = tomllib.loads(text)
        refuse_unfit(changes, on)
    except ValueError as error:
        msg = f"{name}: {error}"
        raise ValueError(msg) from None
    return changes


def setting(text: str) -> Changes:
    """The document of one setting, such as `house.ladder.warning_below=0.04`.

    What stands behind the sign is a value of TOML; a word without quotes is a text.

    Raises:
        ValueError: It has no path, or no value.
    """
    path, sign, value = (part.strip() for part in text.partition("="))
    keys = path.split(".")
    if not sign or not value or not all(keys) or len(keys) == 1:
        msg = f"{text!r} is no setting: write family.section.key=value"
        raise ValueError(msg)
    try:
        found: Any = tomllib.loads(f"value = {value}")["value"]
    except ValueError:
        found = value
    for key in reversed(keys):
        found = {key: found}
    return dict(found)


def merged(first: Mapping[str, Any], *later: Mapping[str, Any]) -> Changes:
    """Documents as one: what a later one says stands."""
    found = json.loads(json.dumps(first))
    for document in later:
        for key, value in document.items():
            both = isinstance(value, dict) and isinstance(found.get(key), dict)
            found[key] = merged(found[key], value) if both else value
    return dict(found)


def refuse_unfit(changes: Mapping[str, Any], on: date) -> None:
    """Refuses changes that the rulebooks in force on a day cannot take.

    Raises:
        ValueError: A family or a key is unknown, or a value does not fit it or its neighbours.
    """
    for family, numbers in changes.items():
        if family not in FAMILIES or not isinstance(numbers, dict):
            near = did_you_mean(family, FAMILIES)
            msg = f"unknown family {family!r}{near or '; known: ' + ', '.join(FAMILIES)}"
            raise ValueError(msg)
    with changed_by(changes):
        for family in changes:
            in_force(family, on)
