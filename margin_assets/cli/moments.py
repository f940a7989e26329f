"""The past a verb is asked about: from table versions, or computed again, and which of the two."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from margin_assets.cli import output
from margin_assets.cli.output import Refusal

if TYPE_CHECKING:
    from margin_assets.lake.ledger.cycles import Sealed
    from margin_assets.lake.ledger.moment import Moment
    from margin_assets.lake.store.store import Lake

DEFAULT_SCRATCH = Path("~/.cache/margin/past")

RecomputeOption = Annotated[
    bool,
    typer.Option("--recompute", help="Compute the moment again though its versions are there."),
]
ScratchOption = Annotated[
    Path,
    typer.Option(
        "--scratch",
        metavar="DIR",
        envvar="MARGIN_SCRATCH",
        help="Where moments are computed again, and kept for the next question.",
    ),
]


@contextmanager
def at_moment(
    lake: "Lake", sealed: "Sealed", tables: Collection[str], scratch: Path, *, recompute: bool
) -> Iterator["Moment"]:
    """The tables as a cycle left them, by the route that is open; said on stderr if it is long.

    Raises:
        Refusal: neither the versions nor the landed bytes are there any more.
    """
    from margin_assets.lake.ledger.divisions import hashes_in
    from margin_assets.lake.ledger.moment import sealed_moment, unreadable

    lost = unreadable(lake, sealed, tables)
    if hashes_in(sealed) and (lost or recompute):
        raise Refusal(f"cycle {sealed.cycle}: ask the lake of a division, which computes it again")
    if not lost and not recompute:
        yield sealed_moment(lake, sealed)
        return
    why = f"versions of {', '.join(lost)} are gone" if lost else "as asked"
    with _computed_again(lake, sealed, scratch.expanduser(), why) as moment:
        yield moment


@contextmanager
def _computed_again(lake: "Lake", sealed: "Sealed", folder: Path, why: str) -> Iterator["Moment"]:
    from margin_assets.cli.landing.feed_verbs import quiet_imports

    with quiet_imports():
        from margin_assets.live.past.past import recomputed, start_of
    base = start_of(lake, sealed, folder)
    start = f"the state kept at cycle {base}" if base else "the first cycle"
    output.note(f"cycle {sealed.cycle}: computed again from {start} ({why})")
    with ExitStack() as held:
        with output.progress() as bar:
            task = bar.add_task("recompute", total=None)
            again = recomputed(
                lake, sealed, folder, lambda n, m: bar.update(task, completed=n, total=m)
            )
            try:
                moment = held.enter_context(again)
            except FileNotFoundError as error:
                raise Refusal(f"cycle {sealed.cycle} cannot be computed again: {error}") from error
        yield moment


def say_route(moment: "Moment") -> None:
    """One line on stderr for a moment that is read from table versions."""
    if moment.states is moment.lake:
        output.note(f"cycle {moment.cycle}: read from table versions")
