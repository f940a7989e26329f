"""Verbs by which a lake takes rulebooks of its own: adopt, overlay."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from margin_assets.cli import output
from margin_assets.cli.documents.rulebook_diff import show_moves
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    ActorOption,
    JsonOption,
    LakeOption,
    example,
    opened_lake,
)
from margin_assets.cli.output import Refusal

Document = dict[str, Any]
EffectiveOption = Annotated[
    datetime,
    typer.Option(
        metavar="DATE", formats=["%Y-%m-%d"], help="From this day on, by UTC; not sealed yet."
    ),
]
ReasonOption = Annotated[str, typer.Option(metavar="R", help="Why; kept with it.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show what would change, and adopt nothing.")
]


def register(rulebook: typer.Typer) -> None:
    """Adds the verbs of this module."""
    rulebook.command(
        "adopt",
        epilog=example(
            "margin rulebook adopt house.toml --effective 2026-12-01 --dry-run",
            "margin rulebook adopt house.toml --effective 2026-12-01 "
            '--reason "Risk committee, 24 November" --as mia',
        ),
    )(adopt)
    rulebook.command(
        "overlay",
        epilog=example(
            'margin rulebook overlay low_price on --effective 2026-12-01 --reason "Penny stocks"'
        ),
    )(overlay)


def adopt(  # noqa: PLR0913 (the options of the interface)
    *,
    file: Annotated[Path, typer.Argument(help="A whole rulebook, or the numbers that change.")],
    effective: EffectiveOption,
    reason: ReasonOption = "",
    actor: ActorOption = None,
    is_dry: DryRunOption = False,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
) -> None:
    """Adopt a rulebook of the lake's own, from a day on that no cycle has decided of.

    FILE is a whole rulebook, as `margin rulebook show FAMILY --text` prints one, with other
    numbers; or only the numbers that change, below the name of their family, such as
    `warning_below = 0.08` below `[house.ladder]`.

    First it is said which numbers change and, of the accounts of the last sealed cycle, who moves.
    What is adopted is never edited: another version, or a later one, is adopted in its turn.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Refusal(f"{file} cannot be read: {why}") from None
    _adopt(lake, (text, file.name), effective.date(), (actor, reason, is_dry, as_json))


def overlay(  # noqa: PLR0913 (the options of the interface)
    *,
    name: Annotated[str, typer.Argument(help="Name of the overlay, as `rulebook show overlays`.")],
    switch: Annotated[Literal["on", "off"], typer.Argument(help="on or off.")],
    effective: EffectiveOption,
    reason: ReasonOption = "",
    actor: ActorOption = None,
    is_dry: DryRunOption = False,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
) -> None:
    """Switch a house overlay on or off from a day on; its numbers stay.

    It is adopted as any rulebook of the lake's own is: `margin rulebook adopt --help`.
    """
    from margin_assets.nearest import did_you_mean
    from schemas.house import OVERLAYS

    known = (*OVERLAYS, "initial")
    if name not in known:
        raise Refusal(
            f"unknown overlay {name!r}{did_you_mean(name, known) or '; known: ' + ', '.join(known)}"
        )
    text = f"[overlays.{name}]\nenabled = {'true' if switch == 'on' else 'false'}\n"
    _adopt(lake, (text, f"{name} {switch}"), effective.date(), (actor, reason, is_dry, as_json))


def _adopt(
    uri: str, said: tuple[str, str], effective: date, asked: tuple[str | None, str, bool, bool]
) -> None:
    from margin_assets.desk.acts import user_of_the_system
    from margin_assets.desk.adopting import adopt as adopt_in
    from margin_assets.desk.adopting import preview, proposal

    (text, name), (actor, reason, is_dry, as_json) = said, asked
    if not is_dry and not reason.strip():
        raise Refusal("say why: give --reason, or --dry-run to look alone")
    lake = opened_lake(uri)
    found = proposal(lake, text, name, effective)
    shown = preview(lake, found) | {"adopted": []}
    if not as_json:
        _show(shown)
    if not is_dry:
        who = actor or user_of_the_system()
        done = adopt_in(lake, found, (who, reason), datetime.now(UTC))
        shown["adopted"] = [adoption.__dict__ for adoption in done]
    if as_json:
        output.answer(shown)
        return
    for one in shown["adopted"]:
        output.say(f"adopted {one['family']}/{one['effective']} ({one['digest']})")
    if is_dry:
        output.note("nothing was adopted")


def _show(found: Document) -> None:
    output.say(f"from {found['effective']} on, in the place of {', '.join(found['replaced'])}")
    heads = ("number", "was", "becomes")
    output.table(heads, (row.values() for row in found["numbers"]))
    if found["moves"] is None:
        output.note("no cycle has a snapshot yet: nobody to move")
        return
    output.say(f"on cycle {found['cycle']}, as of {output.instant(found['as_of'])}:")
    show_moves(found, ("before", "after"))
