"""What is decided by here, taken along to another process."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from margin_assets import rulebooks


class Carried(NamedTuple):
    """Versions that were chosen and changes that are tried, with the texts that lakes adopted."""

    choice: rulebooks.Choice
    texts: Mapping[str, str]


def carried() -> Carried:
    """What is decided by now."""
    choice = rulebooks.CHOSEN.get()
    named = {digest for _, held in choice.versions or () for _, digest in held if digest}
    return Carried(choice, {digest: rulebooks.ADOPTED[digest] for digest in sorted(named)})


@contextmanager
def decided_by(brought: Carried) -> Iterator[None]:
    """Decides as the process did from which it was brought."""
    rulebooks.ADOPTED.update(brought.texts)
    with rulebooks.deciding(brought.choice):
        yield
