"""Options that several verbs share, and the lake and the cycle that they name."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from margin_assets.cli.output import Refusal

if TYPE_CHECKING:
    from margin_assets.engines import Engine
    from margin_assets.lake.ledger.cycles import Sealed
    from margin_assets.lake.store.store import Lake
    from margin_assets.serving.limits import Limits

DEFAULT_LAKE = "./lake"
DEFAULT_LANDING = "./landing"
DEFAULT_TIMEOUT = 30.0
DEFAULT_MEMORY = "2GB"
SHORT_ID = 12
"""Of an id, in a list for people."""


def _named(text: str) -> str:
    """A place that is named: an unset variable of a script must not become the root folder."""
    if not text.strip():
        raise typer.BadParameter("is empty: name a place")
    return text


LakeOption = Annotated[
    str,
    typer.Option(
        "--lake",
        metavar="URI",
        envvar="MARGIN_LAKE",
        callback=_named,
        help="A folder or s3://bucket/prefix.",
    ),
]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Id, or enough of its start.")]
LandingOption = Annotated[
    str,
    typer.Option(
        "--landing",
        metavar="DIR",
        envvar="MARGIN_LANDING",
        callback=_named,
        help="Landing folder, or s3://bucket/prefix.",
    ),
]
ActorOption = Annotated[
    str | None,
    typer.Option("--as", metavar="NAME", envvar="MARGIN_ACTOR", help="Who does it."),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="One JSON document on stdout.", show_default=False)
]
TimeoutOption = Annotated[
    float, typer.Option(metavar="SECONDS", min=0.1, help="A question that takes longer is stopped.")
]
MemoryOption = Annotated[
    str, typer.Option(metavar="SIZE", help="A question that needs more, such as 2GB, is stopped.")
]
EngineOption = Annotated[
    Literal["local", "ray"],
    typer.Option("--engine", help="Where the heavy work runs: here, or on Ray; the same numbers."),
]
AddressOption = Annotated[
    str,
    typer.Option(
        "--address",
        metavar="HOST:PORT",
        envvar="MARGIN_RAY_ADDRESS",
        help="Ray cluster to join; without one a cluster of this machine, for as long as it runs.",
    ),
]
CycleOption = Annotated[
    int | None, typer.Option("--cycle", metavar="N", min=1, help="As sealed in cycle N.")
]


def example(*lines: str) -> str:
    """Examples as they stand at the end of a verb's help."""
    title = "Example:" if len(lines) == 1 else "Examples:"
    # The backspace tells the formatter to leave the lines alone.
    return "\n".join(["\b", title, *(f"  {line}" for line in lines)])


def group(told: str, *lines: str) -> typer.Typer:
    """Verbs under one name, with what they are for and examples."""
    return typer.Typer(
        help=told, no_args_is_help=True, rich_markup_mode=None, epilog=example(*lines)
    )


def moment(text: str) -> datetime:
    """An RFC 3339 instant; without an offset it names no instant."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not an RFC 3339 instant") from None
    if at.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no offset; write Z for UTC")
    return at.astimezone(UTC)


def opened_lake(uri: str) -> "Lake":
    """The lake at `uri`, which must be there."""
    lake = named_lake(uri)
    if not lake.is_there():
        raise Refusal(f"no lake at {uri}: `margin init` makes one, `margin demo` fills one")
    return lake


def named_lake(uri: str) -> "Lake":
    """The lake at `uri`, whether it is there or not."""
    from margin_assets.lake.store.store import Lake

    scheme, found, _ = uri.partition("://")
    if found and scheme not in ("s3", "file"):
        raise typer.BadParameter(f"{uri!r} is neither a folder nor s3://bucket/prefix")
    return Lake(uri.removeprefix("file://"))


def created_lake(uri: str) -> tuple["Lake", list[str]]:
    """The lake at `uri`, made if it is not there, and the tables that were made."""
    lake = named_lake(uri)
    if uri.startswith("s3://"):
        lake.check_store()
    return lake, [] if lake.is_created() else lake.create()


def chosen_engine(name: str, address: str) -> "Engine":
    """The engine that two options name; an address alone means nothing."""
    from margin_assets.engines import engine_of

    with cluster_kept():
        return engine_of(name, address if name == "ray" else "")


@contextmanager
def cluster_kept() -> Iterator[None]:
    """Refuses in one line where an engine is not installed, or its cluster is lost."""
    from margin_assets.engines import EngineUnavailable

    try:
        yield
    except EngineUnavailable as error:
        raise Refusal(str(error)) from None


def limits_of(timeout: float, memory: str) -> "Limits":
    """The limits that two options name."""
    from margin_assets.serving.limits import Limits, memory_size

    try:
        return Limits(timeout, memory_size(memory))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def refuse_overlap(lake: str, landing: str | Path) -> None:
    """A lake inside its landing folder would be read as landings, and grow by being read."""
    if "://" in str(landing):
        inside = f"{lake.rstrip('/')}/".startswith(f"{str(landing).rstrip('/')}/")
    else:
        inside = "://" not in lake and Path(lake).resolve().is_relative_to(Path(landing).resolve())
    if inside:
        raise Refusal(f"lake {lake} lies in landing folder {landing}; keep them apart")


def chosen_cycle(
    lake: "Lake", cycle: int | None = None, as_of: datetime | None = None
) -> "Sealed | None":
    """The sealed cycle asked for, or the last; None where none is sealed and none is named."""
    from margin_assets.lake.ledger.ledger import Ledger

    ledger = Ledger(lake)
    if as_of is not None:
        cycle = ledger.last_before(as_of)
    return ledger.last_sealed() if cycle is None else ledger.sealed(cycle)
