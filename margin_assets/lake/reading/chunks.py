"""Rows of a chunk are judged: what passed, typed, and what did not, with every reason."""

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from margin_assets.lake.reading.files import LandedFile
from margin_assets.lake.reading.limits import EXTRA_COLUMNS, SHOWN_CHARACTERS
from margin_assets.lake.reading.rules import Rule, feed_columns, row_rules
from margin_assets.lake.reading.streams import Raw
from margin_assets.lake.reading.values import convert

Faults = dict[int, set[tuple[str, str]]]
"""By place in the chunk: column and word of what is wrong with it."""


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

    file_rows: list[int]
    columns: dict[str, pl.Series]
    """Texts by column; one that the file lacks is absent."""
    raw: Callable[[int], bytes]
    """Landed bytes of the row at a place in the chunk."""
    faults: Faults = field(default_factory=dict)
    """What the form already refuses: JSON values of another kind, absent from `columns`."""
    seen: dict[tuple[int, str], object] = field(default_factory=dict)
    """Those values, by place and column."""
    refused: list[Refused] = field(default_factory=list)
    extra_columns: frozenset[str] = frozenset()


def judge(chunk: Chunk, file: LandedFile) -> tuple[pl.DataFrame, list[Refused]]:
    """Rows of the chunk that passed, and all that did not."""
    faults: Faults = {place: set(found) for place, found in chunk.faults.items()}
    frame = _typed(chunk, file.feed, faults)
    _break_rules(frame, row_rules(file.feed, file.landed_at), faults)
    refused = [_refuse(chunk, place, found) for place, found in faults.items()]
    frame = frame.with_columns(
        file_id=pl.lit(file.file_id),
        file_row=pl.Series(chunk.file_rows, dtype=pl.Int64),
        landed_at=pl.lit(file.landed_at).cast(pl.Datetime("us", "UTC")),
    )
    if faults:
        is_sound = pl.Series([place not in faults for place in range(frame.height)])
        frame = frame.filter(is_sound)
    return frame, chunk.refused + refused


def shown(text: object) -> str:
    """A value as a person may see it: short, ASCII, without control characters."""
    written = ascii(text)
    short = written[:SHOWN_CHARACTERS]
    return short if len(written) <= SHOWN_CHARACTERS else f"{short}..."


def bounded_names(names: set[str]) -> frozenset[str]:
    """Names of extra columns, as ASCII and not more of them than anyone reads."""
    return frozenset(shown(name)[1:-1] for name in sorted(names)[:EXTRA_COLUMNS])


def _typed(chunk: Chunk, feed: str, faults: Faults) -> pl.DataFrame:
    typed = []
    for name, column in feed_columns(feed).items():
        texts = chunk.columns.get(name)
        if texts is None:
            texts = pl.Series([None] * len(chunk.file_rows), dtype=pl.String)
        converted = convert(column, texts.alias(name))
        for place, word in converted.words.items():
            faults.setdefault(place, set()).add((name, word))
        typed.append(converted.values)
    return pl.DataFrame(typed)


def _break_rules(frame: pl.DataFrame, rules: tuple[Rule, ...], faults: Faults) -> None:
    """Add what breaks a rule; a value that could not be read is not also missing."""
    if frame.is_empty() or frame.select(_all_kept(rules)).item():
        return
    broken = frame.select(
        rule.keeps.fill_null(value=True).not_().alias(str(number))
        for number, rule in enumerate(rules)
    )
    unread = {(place, column) for place, found in faults.items() for column, _ in found}
    for rule, breaks in zip(rules, broken, strict=True):
        for place in breaks.arg_true():
            if rule.word != "missing" or (place, rule.column) not in unread:
                faults.setdefault(place, set()).add((rule.column, rule.word))


def _all_kept(rules: tuple[Rule, ...]) -> pl.Expr:
    return pl.all_horizontal(rule.keeps.fill_null(value=True) for rule in rules).all()


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
