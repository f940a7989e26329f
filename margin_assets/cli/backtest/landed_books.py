"""A landing folder as a book: its files go through the live session, into a lake of the moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from margin_assets.cli.landing.feed_verbs import new_session
from margin_assets.cli.options import created_lake
from margin_assets.cli.output import note


@contextmanager
def as_lake(book: str) -> Iterator[str]:
    """The book to run: what is no landing folder stays as it is.

    Duplicates, corrections and refusals are those of the live session: nothing else reads files.
    """
    landing = Path(book)
    if not (landing / "fills").is_dir() or (landing / "cycles").is_dir():
        yield book
        return
    from margin_assets.lake.landing.landing import LocalLanding

    with TemporaryDirectory(prefix="margin-backtest-") as folder:
        lake = created_lake(f"{folder}/lake")[0]
        session = new_session(lake)
        session.recover()
        cycles = 0
        while session.cycle(LocalLanding(landing)) is not None:
            cycles += 1
        note(f"{book}: read in {cycles} cycles")
        yield f"{folder}/lake"
