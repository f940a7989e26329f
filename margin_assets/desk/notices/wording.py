"""Messages in words: the templates of the package, over values that nothing obeys."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from margin_assets.desk.notices.policy import NEW_YORK

_LONGEST_SUBJECT = 200


def inert(text: str) -> str:
    """The text on one line, with a space for every character that something might obey."""
    return "".join(c if c.isprintable() else " " for c in text)


def worded(template: str, values: Mapping[str, Any]) -> tuple[str, str]:
    """Subject, one line, and body of a message. Values are shown, never read as a template."""
    text = _templates().get_template(f"{template}.txt").render(shown(values))
    subject, _, body = text.partition("\n")
    return inert(subject)[:_LONGEST_SUBJECT], body.strip("\n") + "\n"


def shown(value: Any) -> Any:  # noqa: ANN401 (whatever a row holds)
    """A value as a template gets it: text, flags, or lists and mappings of such."""
    match value:
        case None | bool():
            return value
        case Decimal():
            return f"{value:,.2f} USD"
        case int():
            return f"{value:,}"
        case datetime():
            return f"{value.astimezone(NEW_YORK):%Y-%m-%d %H:%M:%S} in New York"
        case Mapping():
            return {name: shown(held) for name, held in value.items()}
        case list() | tuple():
            return [shown(held) for held in value]
        case _:
            return inert(str(value))


def _words(text: str) -> str:
    return text.replace("_", " ")


@cache
def _templates() -> SandboxedEnvironment:
    made = SandboxedEnvironment(
        # Plain text: nothing in it is markup, and escaping would change account ids.
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=PackageLoader("margin_assets.desk.notices"),
    )
    made.filters["words"] = _words
    return made
