"""Verbs over refused rows: quarantine list, show, release, dismiss."""

from typing import Annotated, Any

import typer

from margin_assets.cli import output
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    DEFAULT_LANDING,
    IdArgument,
    JsonOption,
    LakeOption,
    LandingOption,
    chosen_cycle,
    example,
    group,
    moment,
    opened_lake,
)

Document = dict[str, Any]
MaybeId = Annotated[
    str | None, typer.Argument(metavar="[ID]", help="Id of a row, or enough of its start.")
]
FileOption = Annotated[
    str | None,
    typer.Option(
        "--file", metavar="FILE", help="All open rows of a file: its id or its start, or its path."
    ),
]
ActorOption = Annotated[
    str | None,
    typer.Option(
        "--as",
        "--actor",
        metavar="NAME",
        envvar="MARGIN_ACTOR",
        help="Who does it; you, if not given.",
    ),
]

quarantine = group(
    "List, show, release, dismiss refused rows.", "margin quarantine list --feed fills"
)


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module."""
    quarantine.command("list", epilog=example("margin quarantine list --reason id_reused"))(
        list_rows
    )
    quarantine.command("show", epilog=example("margin quarantine show 3f2a9c"))(show)
    quarantine.command(
        "release",
        epilog=example(
            "margin quarantine release 3f2a9c --set price=101.25",
            "margin quarantine release --file fills/f.ndjson --landed-at 2026-03-03T15:01:00Z",
        ),
    )(release)
    quarantine.command(
        "dismiss",
        epilog=example(
            'margin quarantine dismiss 3f2a9c --reason "test trade"',
            'margin quarantine dismiss --file fills/f.ndjson --reason "booked by hand"',
        ),
    )(dismiss)
    app.add_typer(quarantine, name="quarantine")


def list_rows(  # noqa: PLR0913 (the options of the interface)
    *,
    lake: LakeOption = DEFAULT_LAKE,
    feed: Annotated[str | None, typer.Option(metavar="F", help="Only of this feed.")] = None,
    reason: Annotated[
        str | None, typer.Option(metavar="R", help="Only with this reason among theirs.")
    ] = None,
    closed_too: Annotated[
        bool, typer.Option("--all", help="Also those released or dismissed.", show_default=False)
    ] = False,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="The newest N.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Open refused rows with their reasons, newest cycle first.

    Rows that were released or dismissed are closed, and listed by --all alone.
    """
    from margin_assets.cli.landing.refused_rows import Choice, refused_rows

    held = opened_lake(lake)
    choice = Choice(feed, reason, closed_too, limit)
    total, rows = refused_rows(held, chosen_cycle(held), choice)
    if as_json:
        output.answer(rows)
        return
    shown = ("quarantine_id", "state", "feed", "path", "file_row", "reasons", "detail", "cycle")
    output.table(shown, ([row[name] for name in shown] for row in rows))
    output.note(f"{len(rows)} of {total} {'' if closed_too else 'open '}rows")


def show(
    *, row_id: IdArgument, lake: LakeOption = DEFAULT_LAKE, as_json: JsonOption = False
) -> None:
    """Everything known of one refused row, with what landed."""
    from margin_assets.cli.landing.refused_rows import refused_row

    held = opened_lake(lake)
    row = refused_row(held, chosen_cycle(held), row_id)
    raw = row.pop("raw")
    text = raw.decode("utf-8", "backslashreplace")
    if as_json:
        output.answer(row | {"raw_text": text, "raw": raw})
        return
    for name, value in row.items():
        output.say(f"{name:14} {output.shown(value)}")
    if row["reasons"] == "missing_column" and row["path"].endswith(".csv"):
        output.say(f"{'the file has':14} {text.splitlines()[0]}")
    output.say("as landed:")
    for line in text.splitlines() or [""]:
        output.say(f"  {line}")


def release(  # noqa: PLR0913 (the options of the interface)
    *,
    row_id: MaybeId = None,
    file: FileOption = None,
    lake: LakeOption = DEFAULT_LAKE,
    landing: LandingOption = DEFAULT_LANDING,
    landed_at: Annotated[
        str | None,
        typer.Option(metavar="TIMESTAMP", help="The landing time to give it; now, if not given."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="COLUMN=VALUE", help="Correct one column; repeatable."),
    ] = None,
    row: Annotated[
        str | None, typer.Option(metavar="JSON", help="The whole corrected row instead.")
    ] = None,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Land a refused row again, or a whole file that was refused for its time.

    One file in the landing folder, read in the next cycle. A row is corrected by --set or --row,
    or lands as it is where only its file's time was wrong. What lands must be understood, or
    nothing does. The refused row stays on record as released.
    """
    from margin_assets.cli.landing.refused_rows import open_rows_of, refused_row, release_file
    from margin_assets.cli.landing.released import Correction, land
    from margin_assets.desk.acts import Where

    _refuse_unless_one(row_id, file)
    if row is not None and changes:
        raise typer.BadParameter("--row and --set exclude each other")
    if file is not None and (row is not None or changes):
        raise typer.BadParameter("a whole file lands as it is: --set and --row take one row")
    at = None if landed_at is None else moment(landed_at)
    held, where = opened_lake(lake), Where(landing, actor, at)
    sealed = chosen_cycle(held)
    if file is not None:
        rows = open_rows_of(held, sealed, file)
        done = release_file(held, rows, where)
        found: Document = {"file_id": rows[0]["file_id"], "feed": rows[0]["feed"]}
        found |= {"rows": done.rows, "refused_again": done.refused_again, "path": str(done.path)}
    else:
        refused = refused_row(held, sealed, row_id or "")
        path = land(held, refused, Correction(_pairs(changes or []), row), where)
        found = {"quarantine_id": refused["quarantine_id"], "feed": refused["feed"]}
        found |= {"path": str(path)}
    _tell(found, as_json=as_json)


def dismiss(  # noqa: PLR0913 (the options of the interface)
    *,
    reason: Annotated[str, typer.Option(metavar="R", help="Why, for whoever asks later.")],
    row_id: MaybeId = None,
    file: FileOption = None,
    lake: LakeOption = DEFAULT_LAKE,
    landing: LandingOption = DEFAULT_LANDING,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close a refused row, or all open ones of a file, without landing it again.

    The act lands as a row of desk_actions, and counts from the next cycle on.
    """
    from margin_assets.cli.landing.refused_rows import dismiss as dismissed
    from margin_assets.cli.landing.refused_rows import open_rows_of, refused_row
    from margin_assets.desk.acts import Where

    _refuse_unless_one(row_id, file)
    held = opened_lake(lake)
    sealed = chosen_cycle(held)
    if file is not None:
        rows = open_rows_of(held, sealed, file)
        subject = rows[0]["file_id"]
    else:
        rows = [refused_row(held, sealed, row_id or "")]
        subject = rows[0]["quarantine_id"]
    act, path = dismissed(rows, subject, reason, Where(landing, actor))
    found = {"action_id": act.action_id, "subject": subject, "rows": len(rows), "path": str(path)}
    _tell(found, as_json=as_json)


def _refuse_unless_one(row_id: str | None, file: str | None) -> None:
    if (row_id is None) == (file is None):
        raise typer.BadParameter("name one row by its ID, or a file by --file")


def _tell(found: Document, *, as_json: bool) -> None:
    if as_json:
        output.answer(found)
        return
    count = f"{found['rows']} rows: " if "rows" in found else ""
    output.say(f"{count}landed {found['path']}; the next cycle reads it")
    if found.get("refused_again"):
        output.note(f"{found['refused_again']} rows would be refused again and stay open")


def _pairs(changes: list[str]) -> dict[str, str]:
    pairs = [change.partition("=") for change in changes]
    for name, sign, _ in pairs:
        if not name or not sign:
            raise typer.BadParameter(f"--set takes COLUMN=VALUE, not {name + sign!r}")
    return {name: value for name, _, value in pairs}
