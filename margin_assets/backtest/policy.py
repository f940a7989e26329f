"""A policy: the rulebooks in force on each day, with a document of changes laid over them.

A document has a table a family, with keys of its rulebooks: `[house.ladder]`, `warning_below`.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from margin_assets.backtest.faults import BacktestError
from margin_assets.kernels.rules.overlay_rules import READ, OverlayRules, overlay_rules
from margin_assets.kernels.rules.rules import DECIDING, Rules, rules_in_force
from margin_assets.rulebooks import changed_by, in_force, installed, versions
from margin_assets.rulebooks.changes import Changes, merged, parsed_changes, setting

BUILT_IN = "built-in"
WARNING = "house.margin_status.warning"
"""Of a sweep: where a warning begins, and with it where it ends, as far above as it is."""
FAMILIES = tuple(dict.fromkeys((*DECIDING, *READ)))
"""Families that decide in a backtest."""


class DayRules(NamedTuple):
    """What decides on a day."""

    rules: Rules
    overlays: OverlayRules


class Policy:
    """Rules by day under one document of changes."""

    def __init__(self, name: str, changes: Changes) -> None:
        """Takes the document.

        Raises:
            BacktestError: A family decides nothing here, or a number fits no rulebook.
        """
        self.name, self.changes = name, changes
        self._known: dict[tuple[date, ...], DayRules] = {}
        self._by_day: dict[date, DayRules] = {}
        for family in changes:
            if family not in FAMILIES:
                known = ", ".join(FAMILIES)
                raise BacktestError(f"policy {name}: {family!r} decides nothing here; {known} do")
        self.on(date.max)

    @property
    def policy_id(self) -> str:
        """Hash of the changes and of every rulebook that may decide."""
        books = {family: texts for family, texts in installed().items() if family in FAMILIES}
        told = json.dumps([self.changes, books], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:32]

    def on(self, day: date) -> DayRules:
        """Rules of a day; the same object for days of the same rulebooks."""
        if day not in self._by_day:
            self._by_day[day] = self._of_era(day)
        return self._by_day[day]

    def _of_era(self, day: date) -> DayRules:
        key = tuple(
            max((one for one in versions(family) if one <= day), default=date.min)
            for family in FAMILIES
        )
        if key not in self._known:
            try:
                with changed_by(self.changes):
                    self._known[key] = DayRules(rules_in_force(day), overlay_rules(day))
            except ValueError as error:
                raise BacktestError(f"policy {self.name}: {error}") from None
        return self._known[key]


def known_policies() -> tuple[str, ...]:
    """Policies that are there by name: the built-in one first."""
    entries = files("margin_assets.backtest").joinpath("known_policies").iterdir()
    return (BUILT_IN, *sorted(e.name[:-5] for e in entries if e.name.endswith(".toml")))


def policy_of(name: str) -> Policy:
    """The policy of a known name, or of a TOML file.

    Raises:
        BacktestError: The file is none.
    """
    if name == BUILT_IN:
        return Policy(BUILT_IN, {})
    known = files("margin_assets.backtest").joinpath("known_policies", f"{name}.toml")
    path = Path(name)
    try:
        text = (known if name in known_policies() else path).read_text("utf-8")
        changes = parsed_changes(text, name, date.max)
    except (OSError, ValueError) as error:
        raise BacktestError(f"policy {name}: {error}") from None
    return Policy(path.stem, changes)


def swept(policy: Policy, grid: Mapping[str, tuple[str, ...]]) -> list[Policy]:
    """A policy once for each point of a grid: keys such as `house.ladder.overdue_minutes`.

    Raises:
        BacktestError: A key or a value fits no rulebook.
    """
    points: list[tuple[str, ...]] = [()]
    for key, values in grid.items():
        points = [(*point, f"{key}={value}") for point in points for value in values]
    try:
        documents: list[tuple[str, dict[str, Any]]] = [
            (
                ", ".join((policy.name, *point)),
                merged(policy.changes, *(_settings(policy, told) for told in point)),
            )
            for point in points
        ]
    except ValueError as error:
        raise BacktestError(f"sweep: {error}") from None
    return [Policy(name, changes) for name, changes in documents]


def _settings(policy: Policy, told: str) -> Changes:
    key, _, value = told.partition("=")
    if key != WARNING:
        return setting(told)
    with changed_by(policy.changes):
        ladder = in_force("house", date.max).numbers["ladder"]
    ends = float(value) + ladder["warning_ends_at"] - ladder["warning_below"]
    below = setting(f"house.ladder.warning_below={value}")
    return merged(below, {"house": {"ladder": {"warning_ends_at": round(ends, 6)}}})
