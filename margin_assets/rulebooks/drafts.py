"""Rulebooks by name: versions that there are, and drafts that may take the place of one."""

from pathlib import Path

from margin_assets.rulebooks import FAMILIES, Rulebook, in_force, versions
from margin_assets.rulebooks.paths import draft_faults
from margin_assets.rulebooks.texts import parsed


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
        newest = in_force(family, versions(family)[-1])
        return draft_of(newest, Path(draft).read_text("utf-8"), draft)
    held = {str(day): day for day in versions(family)}
    if version not in held:
        msg = f"{family} has no version {version!r}; it has {', '.join(held)}"
        raise ValueError(msg)
    return in_force(family, held[version])


def draft_of(like: Rulebook, text: str, name: str) -> Rulebook:
    """A text in the place of a version: it has every key of it, of its kind, and no other key.

    Raises:
        ValueError: It does not fit; `name` and the keys are named.
    """
    numbers = parsed(like.family, text, name)
    if faults := draft_faults(numbers, like.numbers):
        msg = f"{name} is no draft of {like.family}: {'; '.join(faults)}"
        raise ValueError(msg)
    return Rulebook(like.family, like.effective, numbers)
