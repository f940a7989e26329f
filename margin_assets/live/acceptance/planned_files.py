"""Files of a plan as acceptance takes them: whose bytes, which file, and which of its lines."""

from collections.abc import Callable
from functools import partial
from typing import BinaryIO

import polars as pl

from margin_assets.lake.landing.landing import PlannedFile
from margin_assets.lake.landing.reading import FileRead, Landed
from margin_assets.live.acceptance.refusals import NO_END, FileKey

OpenFile = Callable[[PlannedFile], BinaryIO]


def landed_of(file: PlannedFile, open_file: OpenFile) -> Landed:
    """A planned file, or its stretch, as it is read."""
    return Landed(file.landed(), partial(open_file, file), file.stretch())


def key_of(file: PlannedFile) -> FileKey:
    """What tells a file from all others."""
    return file.feed, file.file_id


def goes_on(file: PlannedFile) -> bool:
    """Whether it is a later stretch of a file that is being taken."""
    stretch = file.stretch()
    return stretch is not None and stretch.start > 0


def lines_of(file: PlannedFile, read: FileRead) -> tuple[int, int]:
    """The first and the last `file_row` that a reading speaks for; 0 is the file as a whole."""
    stretch = file.stretch()
    if stretch is None:
        return 0, NO_END
    first = stretch.first_row if stretch.start else 0
    if stretch.end is None:
        return first, NO_END
    rows = pl.concat([read.rows["file_row"], read.quarantined["file_row"]])
    return first, int(str(rows.max())) if len(rows) else first
