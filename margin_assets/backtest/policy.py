"""A policy: the rulebooks in force on each day, with what a document lays over them.

A document has a table a family, with keys of its rulebooks: `[house.ladder]`, `warning_below`.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from margin_assets.backtest.faults import BacktestError
from margin_assets.kernels.rules.overlay_rules import READ, OverlayRules, overlay_rules_of
from margin_assets.kernels.rules.rules import DECIDING, Rules, rules_of
from margin_assets.rulebooks import Rulebook, flat, in_force, installed
from margin_assets.rulebooks.limits import fault_of

BUILT_IN = "built-in"
_FAMILIES = tuple(dict.fromkeys((*DECIDING, *READ)))
Changes = Mapping[str, Any]


class DayRules(NamedTuple):
    """What decides on a day."""

    rules: Rules
    overlays: OverlayRules


class Policy:
    """Rules by day under one set of changes."""

    def __init__(self, name: str, changes: Changes) -> None:
        """Takes changes by family and key.

        Raises:
            BacktestError: A family or a key is unknown, or a number is out of its bounds.
        """
        self.name, self.changes = name, dict(changes)
        self._known: dict[tuple[date, ...], DayRules] = {}
        for family in self.changes:
            if family not in _FAMILIES:
                known = ", ".join(_FAMILIES)
                raise BacktestError(f"policy {name}: {family!r} decides nothing here; {known} do")
        self.on(date.max)

    @property
    def policy_id(self) -> str:
        """Hash of the changes and of every rulebook that may decide."""
        books = {family: texts for family, texts in installed().items() if family in _FAMILIES}
        told = json.dumps([self.changes, books], sort_keys=True, default=str)
        return hashlib.sha256(told.encode()).hexdigest()[:32]

    def on(self, day: date) -> DayRules:
        """Rules of a day; the same object for days of the same rulebooks."""
        books = {family: in_force(family, day) for family in _FAMILIES}
        key = tuple(book.effective for book in books.values())
        if key not in self._known:
            laid = {family: self._overlaid(book) for family, book in books.items()}
            try:
                self._known[key] = DayRules(rules_of(laid), overlay_rules_of(laid))
            except ValueError as error:
                raise BacktestError(f"policy {self.name}: {error}") from None
        return self._known[key]

    def _overlaid(self, book: Rulebook) -> Rulebook:
        changes = self.changes.get(book.family)
        if not changes:
            return book
        numbers = _merged(book.numbers, changes, (self.name, book.family))
        if fault := fault_of(book.family, flat(numbers)):
            raise BacktestError(f"policy {self.name}: {book.family}: {fault}")
        return Rulebook(book.family, book.effective, numbers)


def _merged(numbers: Mapping[str, Any], changes: Changes, at: tuple[str, ...]) -> dict[str, Any]:
    found = dict(numbers)
    for key, value in changes.items():
        if key not in found:
            where = ".".join((*at[1:], key))
            raise BacktestError(f"policy {at[0]}: no key {where}; there are {', '.join(numbers)}")
        if isinstance(value, Mapping) and isinstance(found[key], Mapping):
            found[key] = _merged(found[key], value, (*at, key))
        else:
            found[key] = value
    return found


def policy_of(name: str) -> Policy:
    """The built-in policy, or that of a TOML file.

    Raises:
        BacktestError: The file is none.
    """
    if name == BUILT_IN:
        return Policy(BUILT_IN, {})
    path = Path(name)
    try:
        changes = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BacktestError(f"policy {name}: {error}") from None
    return Policy(path.stem, changes)


def swept(policy: Policy, key: str, values: list[Any]) -> list[Policy]:
    """A policy once for each value of a key such as `house.ladder.warning_below`."""
    found = []
    for value in values:
        changes: Any = value
        for part in reversed(key.split(".")):
            changes = {part: changes}
        found.append(Policy(f"{policy.name}, {key}={value}", _laid(policy.changes, changes)))
    return found


def _laid(below: Changes, above: Changes) -> dict[str, Any]:
    found = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(found.get(key), Mapping)
        found[key] = _laid(found[key], value) if both else value
    return found
