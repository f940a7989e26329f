"""Rows of chunks are judged: what passed, typed, and what did not, with every reason."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate, pairwise

import numpy as np
import polars as pl

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.lake.landing.reading.files import LandedFile
from margin_assets.lake.landing.reading.limits import EXTRA_COLUMNS, SHOWN_CHARACTERS
from margin_assets.lake.landing.reading.rules import row_rules
from margin_assets.lake.landing.reading.streams import Raw
from margin_assets.lake.landing.reading.values import convert
from schemas import landed_columns

Faults = dict[int, set[tuple[str, str]]]
"""By place among the rows: column and word of what is wrong with it."""


@dataclass(frozen=True)
class Refused:
    """One line or row that goes to quarantine."""

    file_row: int
    reasons: set[str]
    detail: str
    raw: Raw
    account_id: str | None = None
    """The account that the row names, if that much of it could be read."""


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file as text, and the lines among them that are no rows at all."""

    file_rows: Sequence[int]
    columns: dict[str, pl.Series]
    """Texts by column; one that the file lacks is absent."""
    raw: Callable[[int], bytes]
    """Landed bytes of the row at a place in the chunk."""
    size: int
    """Bytes that it was read from, or as many as it holds."""
    faults: Faults = field(default_factory=dict)
    """What the form already refuses: JSON values of another kind, absent from `columns`."""
    seen: dict[tuple[int, str], object] = field(default_factory=dict)
    """Those values, by place and column."""
    refused: list[Refused] = field(default_factory=list)
    extra_columns: frozenset[str] = frozenset()


Part = tuple[LandedFile, Chunk]
Judged = tuple[pl.DataFrame, list[Refused]]
"""Rows of a chunk that passed, and all that did not."""


def judge(parts: Sequence[Part]) -> list[Judged]:
    """What becomes of each chunk; all are of one feed, and judged together.

    A column is typed at once, whatever the number of files: small ones cost no more than the
    rows they have.
    """
    chunks = [chunk for _, chunk in parts]
    starts = list(accumulate((len(chunk.file_rows) for chunk in chunks), initial=0))
    faults = {
        start + place: set(found)
        for start, chunk in zip(starts, chunks, strict=False)
        for place, found in chunk.faults.items()
    }
    feed = parts[0][0].feed
    frame = _typed(chunks, feed, faults).with_columns(_provenance(parts))
    _break_rules(frame, feed, faults)
    refused: list[list[Refused]] = [list(chunk.refused) for chunk in chunks]
    is_sound = np.ones(frame.height, dtype=np.bool_)
    for place, found in faults.items():
        number = bisect_right(starts, place) - 1
        refused[number].append(_refuse(chunks[number], place - starts[number], found))
        is_sound[place] = False
    return list(zip(_split(frame, is_sound, starts), refused, strict=True))


def shown(text: object) -> str:
    """A value as a person may see it: short, ASCII, without control characters."""
    written = ascii(text)
    short = written[:SHOWN_CHARACTERS]
    return short if len(written) <= SHOWN_CHARACTERS else f"{short}..."


def bounded_names(names: Iterable[str]) -> frozenset[str]:
    """Names of extra columns, as ASCII and not more of them than anyone reads."""
    return frozenset(shown(name)[1:-1] for name in sorted(names)[:EXTRA_COLUMNS])


def _split(
    frame: pl.DataFrame, is_sound: np.ndarray[tuple[int], np.dtype[np.bool_]], starts: list[int]
) -> list[pl.DataFrame]:
    if not is_sound.all():
        frame = frame.filter(pl.Series(is_sound))
    ends = np.concatenate([[0], np.cumsum(is_sound)])[starts].tolist()
    return [frame[start:end] for start, end in pairwise(ends)]


def _provenance(parts: Sequence[Part]) -> list[pl.Series]:
    """Where each row is from; what rows of one file share is held once."""
    of_row = np.repeat(np.arange(len(parts)), [len(chunk.file_rows) for _, chunk in parts])
    files = [file for file, _ in parts]
    instants = pl.Series("landed_at", [f.landed_at for f in files], pl.Datetime("us", "UTC"))
    numbers = [_numbers(chunk.file_rows) for _, chunk in parts]
    return [
        pl.Series("file_id", [f.file_id for f in files], pl.String).gather(of_row),
        pl.Series("file_row", np.concatenate(numbers)),
        instants.gather(of_row),
    ]


def _numbers(rows: Sequence[int]) -> Int64Array:
    if isinstance(rows, range):
        return np.arange(rows.start, rows.stop, rows.step, dtype=np.int64)
    return np.asarray(rows, dtype=np.int64)


def _typed(chunks: Sequence[Chunk], feed: str, faults: Faults) -> pl.DataFrame:
    typed = []
    for name, column in landed_columns(feed).items():
        texts = pl.concat([_texts(chunk, name) for chunk in chunks])
        converted = convert(column, texts)
        for place, word in converted.words.items():
            faults.setdefault(place, set()).add((name, word))
        typed.append(converted.values)
    return pl.DataFrame(typed)


def _texts(chunk: Chunk, name: str) -> pl.Series:
    found = chunk.columns.get(name)
    absent = [None] * len(chunk.file_rows)
    return pl.Series(name, absent, pl.String) if found is None else found.alias(name)


def _break_rules(frame: pl.DataFrame, feed: str, faults: Faults) -> None:
    """Add what breaks a rule; a value that could not be read is not also missing."""
    if frame.is_empty() or frame.select(_all_kept(feed)).item():
        return
    rules = row_rules(feed)
    broken = frame.select(
        rule.keeps.fill_null(value=True).not_().alias(str(number))
        for number, rule in enumerate(rules)
    )
    unread = {(place, column) for place, found in faults.items() for column, _ in found}
    for rule, breaks in zip(rules, broken, strict=True):
        for place in breaks.arg_true():
            if rule.word != "missing" or (place, rule.column) not in unread:
                faults.setdefault(place, set()).add((rule.column, rule.word))


@cache
def _all_kept(feed: str) -> pl.Expr:
    return pl.all_horizontal(rule.keeps.fill_null(value=True) for rule in row_rules(feed)).all()


def _refuse(chunk: Chunk, place: int, found: set[tuple[str, str]]) -> Refused:
    details = []
    for name in sorted({column for column, _ in found}):
        value = _value(chunk, place, name)
        details.append(f"{name} is {'absent' if value is None else shown(value)}")
    reasons = {f"{column}_{word}" for column, word in found}
    raw = Raw.of(chunk.raw(place))
    account = chunk.columns.get("account_id")
    names = account is not None and "account_id" not in {column for column, _ in found}
    account_id = account[place] if account is not None and names else None
    return Refused(chunk.file_rows[place], reasons, "; ".join(details), raw, account_id)


def _value(chunk: Chunk, place: int, name: str) -> object:
    texts = chunk.columns.get(name)
    text: object = None if texts is None else texts[place]
    return chunk.seen.get((place, name), text)
