"""Verbs that show rulebooks, those of a lake's own among them: list, show."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from margin_assets.cli import output
from margin_assets.cli.options import DEFAULT_LAKE, JsonOption, LakeOption, example, named_lake
from margin_assets.cli.output import Refusal

if TYPE_CHECKING:
    from margin_assets.lake.ledger.adoptions import Adoption

Document = dict[str, Any]
_OWN = "rulebooks"


def register(rulebook: typer.Typer) -> None:
    """Adds the verbs of this module."""
    rulebook.command("list", epilog=example("margin rulebook list"))(list_rulebooks)
    rulebook.command(
        "show",
        epilog=example(
            "margin rulebook show tims", "margin rulebook show house --text > house.toml"
        ),
    )(show_rulebook)


def list_rulebooks(*, lake: LakeOption = DEFAULT_LAKE, as_json: JsonOption = False) -> None:
    """Every family and version, with its source; of those a lake adopted, who did and why.

    A version that was adopted again for its day, or whose day was sealed before a cycle was
    planned under it, decides nothing and is not listed but with --json, as `is_used` false.
    """
    from margin_assets.rulebooks import FAMILIES, OUTSIDE, in_force, versions

    with _own(lake) as adoptions:
        found = [
            {
                "family": family,
                "effective": day,
                "source": in_force(family, day).numbers.get("source", ""),
            }
            for family in (*FAMILIES, *OUTSIDE)
            for day in versions(family)
        ]
        used = {(one.family, one.effective): one for one, is_used in adoptions if is_used}
    for row in found:
        one = used.get((row["family"], row["effective"]))
        row |= {"source": row["source"] if one is None else one.told} | _told(one)
    if as_json:
        unused = [(one, is_used) for one, is_used in adoptions if not is_used]
        rows = [row | {"is_used": True} for row in found]
        rows += [
            {"family": one.family, "effective": one.effective, "source": None}
            | _told(one)
            | {"is_used": False}
            for one, _ in unused
        ]
        output.answer(rows)
        return
    heads = ("family", "effective", "source")
    output.table(heads, ([row[name] for name in heads] for row in found))


def _told(adoption: "Adoption | None") -> Document:
    names = ("adopted_by", "adopted_at", "reason", "digest")
    return {name: getattr(adoption, name, None) for name in names}


@contextmanager
def _own(uri: str) -> Iterator[list[tuple["Adoption", bool]]]:
    """Decides by a lake's own rulebooks, if any; tells what it adopted, and if that is used."""
    # Who asks for what is installed waits for no lake, and for no library that reads one.
    if "://" not in uri and not (Path(uri) / _OWN).is_dir():
        yield []
        return
    from margin_assets.lake.ledger.adoptions import Adopted
    from margin_assets.lake.ledger.ledger import Ledger
    from margin_assets.rulebooks import adopted

    lake = named_lake(uri)
    held = Adopted(lake)
    texts = held.after(Ledger(lake).last_sealed())
    used = {(text.family, text.effective): text.digest for text in texts}
    with adopted(texts):
        yield [(one, used.get((one.family, one.effective)) == one.digest) for one, _ in held.all()]


def show_rulebook(
    *,
    family: Annotated[str, typer.Argument(help="Family, as `margin rulebook list` names it.")],
    on: Annotated[
        str | None, typer.Argument(metavar="[DATE]", help="In force on that day; else the newest.")
    ] = None,
    as_text: Annotated[
        bool, typer.Option("--text", help="Its file as it is: what a lake's own may start from.")
    ] = False,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
) -> None:
    """The numbers of one family in force on a day, each in the words of its file."""
    from margin_assets.cli.documents.rulebook_words import words_of
    from margin_assets.nearest import did_you_mean
    from margin_assets.rulebooks import FAMILIES, OUTSIDE, in_force, text_in_force, versions
    from margin_assets.rulebooks.paths import flat

    known = (*FAMILIES, *OUTSIDE)
    if family not in known:
        near = did_you_mean(family, known)
        raise Refusal(f"unknown family {family!r}{near or '; known: ' + ', '.join(known)}")
    with _own(lake) as adoptions:
        day = _day(on) if on else versions(family)[-1]
        book, (_, text) = in_force(family, day), text_in_force(family, day)
    if as_text:
        sys.stdout.write(text)
        return
    words = words_of(text)
    if as_json:
        told = {"family": family, "effective": book.effective, "numbers": book.numbers}
        output.answer(told | {"words": words})
        return
    output.say(f"{family}, effective {book.effective}")
    for one, is_used in adoptions:
        if is_used and (one.family, one.effective) == (family, book.effective):
            output.say(f"adopted by {one.adopted_by} at {output.instant(one.adopted_at)}")
            output.say(f"reason: {one.reason}")
    for path, value in flat(book.numbers).items():
        name = ".".join(path)
        # Of numbers on one line the comment stands for all of them.
        word = words.get(name) or words.get(".".join(path[:-1]))
        said = f"  # {word}" if word else ""
        output.say(f"{name} = {output.shown(value)}{said}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day as YYYY-MM-DD") from None
