"""Verbs before anything lands: landing template, check, map."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from margin_assets.cli import output
from margin_assets.cli.landing.tried_view import document_of, show
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    DEFAULT_LANDING,
    JsonOption,
    LakeOption,
    LandingOption,
    example,
    group,
    moment,
    named_lake,
)
from margin_assets.cli.output import Refusal

if TYPE_CHECKING:
    from margin_assets.lake.landing.offering.mapping import Mapping
    from margin_assets.lake.landing.places import LandingPlace

_WIDTH = 79  # of lists of names, whatever the window

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The file.")]
FeedOption = Annotated[
    str | None, typer.Option("--feed", metavar="F", help="Feed that it is of: fills, prices, ...")
]
MappingOption = Annotated[
    Path | None,
    typer.Option("--with", metavar="MAP.toml", help="How it is written and what it calls things."),
]

landing = group(
    "Examples to land, a file tried before it lands, a spreadsheet landed.",
    "margin landing template fills > fills.csv",
)


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module."""
    landing.command(
        "template",
        epilog=example(
            "margin landing template",
            "margin landing template fills > landing/fills/first.csv",
        ),
    )(show_template)
    landing.command(
        "check",
        epilog=example(
            "margin landing check fills.csv --feed fills",
            "margin landing check trades.xlsx --with trades.toml",
        ),
    )(check)
    landing.command(
        "map",
        epilog=example(
            "margin landing map trades.xlsx --feed fills --draft > trades.toml",
            "margin landing map trades.xlsx --with trades.toml --landing ./landing",
        ),
    )(land_mapped)
    app.add_typer(landing, name="landing")


def show_template(
    *, feed: Annotated[str | None, typer.Argument(help="Feed; none lists them.")] = None
) -> None:
    """Print an example file of a feed, or the feeds with their columns.

    The examples of all feeds land together as one small firm.
    """
    import sys

    from margin_assets.lake.landing.offering.templates import template
    from margin_assets.lake.landing.reading.rules import required_columns
    from schemas import FEEDS, feed_columns

    if feed is not None:
        sys.stdout.write(template(_known(feed)))
        return
    for name in FEEDS:
        required = required_columns(name)
        columns = [*feed_columns(name)]
        output.say(name)
        _say_names("required", [column for column in columns if column in required])
        _say_names("optional", [column for column in columns if column not in required])


def _say_names(what: str, names: list[str]) -> None:
    import textwrap

    text = ", ".join(names) or "none"
    first = f"  {what}: "
    for line in textwrap.wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=" " * len(first)
    ):
        output.say(line)


def check(  # noqa: PLR0913 (the options of the interface)
    *,
    file: FileArgument,
    feed: FeedOption = None,
    mapping: MappingOption = None,
    lake: LakeOption = DEFAULT_LAKE,
    landed_at: Annotated[
        str | None,
        typer.Option(metavar="TIMESTAMP", help="As if it landed then; now, if not given."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what would be accepted of a file and what refused, storing nothing.

    The rows go through the steps of the live session, against all that the lake has accepted;
    by themselves where there is no lake. Exit code 1 if a row would be refused.
    """
    from margin_assets.cli.landing.feed_verbs import quiet_imports

    at = datetime.now(UTC) if landed_at is None else moment(landed_at)
    rows: list[int] | None = None
    if mapping is not None:
        found = _mapped(file, _mapping(mapping, feed))
        feed, content, name, rows = found.feed, found.content, f"{file.stem}.csv", found.rows
    else:
        name, content = _plain(file), _read(file)
    held = named_lake(lake)
    with quiet_imports():
        from margin_assets.live.checking.landing_trial import Offered, trial
    tried = trial(Offered(_known(feed), name, content, at), held if held.is_there() else None)
    document = document_of(file, tried, rows)
    if name.endswith(".csv") and document["status"] == "quarantined":
        document["header"] = content.split(b"\n", 1)[0].decode("utf-8", "backslashreplace").strip()
    if as_json:
        output.answer(document)
    else:
        show(document, lake)
    if document["refused"]:
        raise typer.Exit(1)


def land_mapped(  # noqa: PLR0913 (the options of the interface)
    *,
    file: FileArgument,
    mapping: MappingOption = None,
    feed: FeedOption = None,
    is_draft: Annotated[
        bool, typer.Option("--draft", help="Print a mapping to begin with.", show_default=False)
    ] = False,
    landing_folder: LandingOption = DEFAULT_LANDING,
    target: Annotated[
        Path | None,
        typer.Option("--output", metavar="CSV", help="Write the rows there and land nothing."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Land a spreadsheet or a CSV of any kind through a mapping.

    Workbooks (.xlsx, .xlsm, .xls, .xlsb, .ods), other separators, decimal commas, other names of
    columns. A cell that cannot be understood, or a row that would be refused, and nothing lands.
    """
    if is_draft:
        _draft(file, feed, mapping)
        return
    if mapping is None:
        raise Refusal("name a mapping by --with, or begin one: --feed F --draft > mapping.toml")
    found = _mapped(file, _mapping(mapping, feed))
    name = f"{file.stem}-{hashlib.sha256(found.content).hexdigest()[:8]}.csv"
    _refuse_unread(found.feed, name, found.content, found.rows)
    if target is not None:
        target.write_bytes(found.content)
        path: LandingPlace = target
    else:
        path = _landed(found.feed, name, found.content, landing_folder)
    if as_json:
        output.answer({"feed": found.feed, "rows": len(found.rows), "path": str(path)})
    else:
        then = "" if target is not None else "; the next cycle reads it"
        output.say(f"{len(found.rows)} rows of {found.feed}: {path}{then}")


def _landed(feed: str, name: str, content: bytes, folder: str) -> "LandingPlace":
    from margin_assets.desk.acts import Where
    from margin_assets.lake.landing.places import is_there

    if not is_there(folder):
        raise Refusal(f"no landing folder {folder}: --landing names it; `mkdir {folder}` makes it")
    return Where(folder).put(feed, name, [content])


def _draft(file: Path, feed: str | None, mapping: Path | None) -> None:
    import sys

    from margin_assets.lake.landing.offering.mapped import draft
    from margin_assets.lake.landing.offering.mapping import Mapping

    begun = Mapping(feed=_known(feed)) if mapping is None else _mapping(mapping, feed)
    with _refusing():
        sys.stdout.write(draft(file, begun))


def _known(feed: str | None) -> str:
    from margin_assets.nearest import did_you_mean
    from schemas import FEEDS

    if feed is None:
        raise Refusal(f"name the feed by --feed: {', '.join(FEEDS)}")
    if feed not in FEEDS:
        raise Refusal(f"no feed {feed!r}{did_you_mean(feed, FEEDS) or ': ' + ', '.join(FEEDS)}")
    return feed


def _plain(file: Path) -> str:
    """Name of a file that lands as it is."""
    from margin_assets.lake.landing.offering.sheets import WORKBOOKS
    from margin_assets.lake.landing.reading import form_of

    if form_of(file.name) is None:
        what = "a workbook" if file.suffix.lower() in WORKBOOKS else "no form that lands"
        raise Refusal(
            f"{file} is {what}: .ndjson, .csv (or either with .gz or .zst) and .parquet land as "
            "they are, all else through a mapping: --with MAP.toml"
        )
    return file.name


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Refusal(f"{file} cannot be read: {error.strerror}") from None


def _mapping(path: Path, feed: str | None) -> "Mapping":
    from margin_assets.lake.landing.offering.mapping import parse_mapping

    try:
        text = _read(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refusal(f"{path} is not UTF-8") from None
    with _refusing():
        found = parse_mapping(text, str(path))
    if feed not in (None, found.feed):
        raise Refusal(f"{path} is of feed {found.feed}, not {feed}")
    return found


def _mapped(file: Path, mapping: "Mapping") -> Any:  # noqa: ANN401 (loaded where it is used)
    from margin_assets.lake.landing.offering.mapped import mapped

    with _refusing():
        return mapped(file, mapping)


@contextmanager
def _refusing() -> Iterator[None]:
    """Refuses with the last fault, after a line for each of the others."""
    from margin_assets.lake.landing.offering.mapping import MappingError

    try:
        yield
    except MappingError as error:
        *others, last = str(error).splitlines()
        for line in others:
            output.note(line)
        raise Refusal(last) from None
    except OSError as error:
        raise Refusal(f"{error.filename} cannot be read: {error.strerror}") from None


def _refuse_unread(feed: str, name: str, content: bytes, rows: list[int]) -> None:
    """Refuses rows that reading alone would refuse; what other rows say, `check` tells."""
    import io

    from margin_assets.lake.landing.reading import LandedFile, read_landed

    digest = hashlib.sha256(content).hexdigest()
    file = LandedFile(feed, f"{feed}/{name}", digest, len(content), datetime.now(UTC))
    refused = read_landed(file, lambda: io.BytesIO(content)).quarantined
    for row in refused.iter_rows(named=True):
        place = rows[row["file_row"] - 2] if row["file_row"] else 0
        output.note(f"row {place}: {row['reasons']}: {row['detail']}")
    if refused.height:
        raise Refusal(f"{refused.height} rows would be refused; nothing landed")
