"""Verbs over refused rows: quarantine list, show, release."""

from pathlib import Path
from typing import Annotated, Any

import typer

from margin_assets.cli import output
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    DEFAULT_LANDING,
    JsonOption,
    LakeOption,
    LandingOption,
    chosen_cycle,
    example,
    opened_lake,
)

Document = dict[str, Any]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Id, or enough of its start.")]

quarantine = typer.Typer(
    help="List, show, release refused rows.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=example("margin quarantine list --feed fills"),
)


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module."""
    quarantine.command("list", epilog=example("margin quarantine list --reason id_reused"))(
        list_rows
    )
    quarantine.command("show", epilog=example("margin quarantine show 3f2a9c"))(show)
    quarantine.command(
        "release", epilog=example("margin quarantine release 3f2a9c --set price=101.25")
    )(release)
    app.add_typer(quarantine, name="quarantine")


def list_rows(
    *,
    lake: LakeOption = DEFAULT_LAKE,
    feed: Annotated[str | None, typer.Option(metavar="F", help="Only of this feed.")] = None,
    reason: Annotated[
        str | None, typer.Option(metavar="R", help="Only with this reason among theirs.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="The newest N.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Refused rows with their reasons, newest cycle first."""
    from margin_assets.cli.released import refused_rows

    held = opened_lake(lake)
    total, rows = refused_rows(held, chosen_cycle(held), feed, reason, limit)
    if as_json:
        output.answer(rows)
        return
    shown = ("quarantine_id", "feed", "path", "file_row", "reasons", "detail", "cycle")
    output.table(shown, ([row[name] for name in shown] for row in rows))
    output.note(f"{len(rows)} of {total} rows")


def show(
    *, row_id: IdArgument, lake: LakeOption = DEFAULT_LAKE, as_json: JsonOption = False
) -> None:
    """Everything known of one refused row, with what landed."""
    from margin_assets.cli.released import refused_row

    held = opened_lake(lake)
    row = refused_row(held, chosen_cycle(held), row_id)
    raw = row.pop("raw")
    text = raw.decode("utf-8", "backslashreplace")
    if as_json:
        output.answer(row | {"raw_text": text, "raw": raw})
        return
    for name, value in row.items():
        output.say(f"{name:14} {output.shown(value)}")
    output.say("as landed:")
    for line in text.splitlines() or [""]:
        output.say(f"  {line}")


def release(  # noqa: PLR0913 (the options of the interface)
    *,
    row_id: IdArgument,
    lake: LakeOption = DEFAULT_LAKE,
    landing: LandingOption = DEFAULT_LANDING,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="COLUMN=VALUE", help="Correct one column; repeatable."),
    ] = None,
    row: Annotated[
        str | None, typer.Option(metavar="JSON", help="The whole corrected row instead.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Land a corrected row again: one file in the landing folder, read in the next cycle.

    The corrected row must be understood, or nothing lands. The refused row stays on record.
    """
    from margin_assets.cli.released import Correction, land, refused_row

    if row is not None and changes:
        raise typer.BadParameter("--row and --set exclude each other")
    held = opened_lake(lake)
    refused = refused_row(held, chosen_cycle(held), row_id)
    path = land(held, refused, Correction(_pairs(changes or []), row), Path(landing))
    found: Document = {
        "quarantine_id": refused["quarantine_id"],
        "feed": refused["feed"],
        "path": str(path),
    }
    if as_json:
        output.answer(found)
    else:
        output.say(f"landed {path}; the next cycle reads it")


def _pairs(changes: list[str]) -> dict[str, str]:
    pairs = [change.partition("=") for change in changes]
    for name, sign, _ in pairs:
        if not name or not sign:
            raise typer.BadParameter(f"--set takes COLUMN=VALUE, not {name + sign!r}")
    return {name: value for name, _, value in pairs}
