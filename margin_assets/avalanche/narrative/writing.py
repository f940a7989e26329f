"""The narrative: who writes it, and the check that no number is stated that was not given."""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from margin_assets.avalanche.narrative.facts import SECTIONS, Facts, facts_of

_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_SPELLED = re.compile(
    r"\b(two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    r"|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
    r"|dozen|half|twice|double|triple|hundred|thousand|million|billion|trillion)s?\b",
    re.IGNORECASE,
)


class NumberInvented(ValueError):
    """A text states a number that is not among the figures it was given."""


class Writer(Protocol):
    """Whoever writes a section from its facts."""

    def write(self, section: str, facts: Facts) -> str:
        """The section's text, without a heading."""
        ...


def narrative(document: Mapping[str, Any], writer: Writer) -> dict[str, str]:
    """The text of each section.

    Raises:
        NumberInvented: A text states a number that was not given.
    """
    facts = facts_of(document)
    return {
        section: checked(writer.write(section, facts[section]), facts[section])
        for section in SECTIONS
    }


def checked(text: str, facts: Facts) -> str:
    """The text, if every number in it is one of the facts'; digits and spelled ones alike.

    Raises:
        NumberInvented: One is not; it is named.
    """
    given = " ".join(facts.values())
    for pattern in (_NUMBER, _SPELLED):
        known = {found.lower() for found in pattern.findall(given)}
        for found in pattern.findall(text):
            if found.lower() not in known:
                msg = f"the narrative states {found!r}, which is none of the figures"
                raise NumberInvented(msg)
    return text
