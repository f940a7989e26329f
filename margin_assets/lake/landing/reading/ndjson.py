"""NDJSON: one JSON object a line; a line that is none is refused by itself."""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn, cast

import dataframely as dy
import polars as pl

from margin_assets.lake.landing.reading.alike import alike
from margin_assets.lake.landing.reading.chunks import Chunk, Faults, Refused, bounded_names, shown
from margin_assets.lake.landing.reading.cuts import MARK_ROWS, Mark
from margin_assets.lake.landing.reading.limits import CHUNK_ROWS, JSON_DEPTH, LINE_BYTES
from margin_assets.lake.landing.reading.streams import Raw, Readable, line_blocks
from margin_assets.lake.landing.reading.values import NOT_OF_TYPE, is_free_text, names_in_table

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BLANK = b" \t\r"


class _DuplicateKeyError(ValueError):
    pass


def chunks(stream: Readable, columns: dict[str, dy.Column], first: int = 1) -> Iterator[Chunk]:
    """Rows of the text, a block of lines at a time from line `first`; blank lines are none."""
    for lines in line_blocks(stream):
        for start in range(0, len(lines), CHUNK_ROWS):
            some = lines[start : start + CHUNK_ROWS]
            yield _chunk(some, first + start, columns)
        first += len(lines)


def marks(stream: Readable) -> Iterator[Mark]:
    """Places between lines, some thousands of lines apart."""
    row, place = 1, 0
    for lines in line_blocks(stream):
        for start in range(0, len(lines), MARK_ROWS):
            some = lines[start : start + MARK_ROWS]
            lengths = [*map(len, some)]
            held = size = sum(lengths)
            if max(lengths) > LINE_BYTES:
                held = sum(min(length, LINE_BYTES) for length in lengths)
            row, place = row + len(some), place + size + len(some)
            yield Mark(row, place, len(some), held)


def raw_rows(stream: Readable, wanted: set[int], first: int = 1) -> dict[int, Raw]:
    """Lines by number, as landed, from line `first`."""
    found: dict[int, Raw] = {}
    number = first - 1
    for lines in line_blocks(stream):
        for line in lines:
            number += 1
            if number in wanted:
                found[number] = line if isinstance(line, Raw) else Raw.of(line)
    return found


def _chunk(lines: list[bytes | Raw], first: int, columns: dict[str, dy.Column]) -> Chunk:
    known = names_in_table(columns)
    texts = alike(lines, {name: _kind(columns[name])[0] for name in sorted(known)})
    if texts is None:
        return _parsed(lines, first, columns)
    numbers, raw = range(first, first + len(lines)), cast("list[bytes]", lines)
    return Chunk(numbers, texts, raw.__getitem__, sum(map(len, raw)))


def _parsed(lines: list[bytes | Raw], first: int, columns: dict[str, dy.Column]) -> Chunk:
    rows: list[dict[str, object]] = []
    kept: list[bytes] = []
    numbers: list[int] = []
    refused: list[Refused] = []
    for number, line in enumerate(lines, first):
        if isinstance(line, Raw):
            detail = f"{line.length} bytes, {LINE_BYTES} at most"
            refused.append(Refused(number, {"line_too_long"}, detail, line))
        elif line.strip(_BLANK):
            row = _row(line)
            if isinstance(row, dict):
                rows.append(row)
                kept.append(line)
                numbers.append(number)
            else:
                refused.append(_refuse(number, line))
    faults: Faults = {}
    seen: dict[tuple[int, str], object] = {}
    texts = {
        name: _texts(name, column, [row.get(name) for row in rows], faults, seen)
        for name, column in columns.items()
    }
    extra = bounded_names(set().union(*rows) - names_in_table(columns))
    size = sum(map(len, kept))
    return Chunk(numbers, texts, kept.__getitem__, size, faults, seen, refused, extra)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DuplicateKeyError(f"{len(pairs)} keys, {len(found)} of them different")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


# Numbers stay digits, as bytes, which JSON has no other use for: nothing is rounded, and a number
# is told from a string by its type alone. An integer of a million digits costs nothing either.
_DECODER = json.JSONDecoder(
    parse_float=str.encode,
    parse_int=str.encode,
    parse_constant=_no_constant,
    object_pairs_hook=_object,
)


def _row(line: bytes) -> object:
    """The line's value; None where it is no JSON that we take."""
    # The parser's own limit depends on how deep its caller stands, so it is never reached.
    if line.count(b"{") + line.count(b"[") > JSON_DEPTH and _is_too_deep(line):
        return None
    try:
        return _DECODER.decode(line.decode())
    except ValueError:
        return None


def _is_too_deep(line: bytes) -> bool:
    depth = 0
    for sign in re.findall(rb"[\[{}\]]", _STRING.sub(b"", line)):
        depth += 1 if sign in b"[{" else -1
        if depth > JSON_DEPTH:
            return True
    return False


def _refuse(number: int, line: bytes) -> Refused:
    """Say of a line that is no row all that is wrong with it."""
    reasons = set()
    detail = "a NUL byte"
    if b"\0" in line:
        reasons.add("nul_byte")
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        detail = f"not UTF-8 from byte {error.start + 1} on"
        return Refused(number, reasons | {"not_utf8"}, detail, Raw.of(line))
    if not reasons:
        reason, detail = _fault_of_document(line, text)
        reasons.add(reason)
    return Refused(number, reasons, detail, Raw.of(line))


def _fault_of_document(line: bytes, text: str) -> tuple[str, str]:
    if _is_too_deep(line):
        return "nested_too_deep", f"more than {JSON_DEPTH} levels"
    try:
        _DECODER.decode(text)
    except _DuplicateKeyError as error:
        return "duplicate_key", str(error)
    except ValueError as error:
        return "invalid_json", str(error)
    return "not_an_object", shown(text)


def _texts(
    name: str,
    column: dy.Column,
    values: list[object],
    faults: Faults,
    seen: dict[tuple[int, str], object],
) -> pl.Series:
    """Texts of one column; values of another kind become faults and are left out."""
    due, dtype = _kind(column)
    if is_free_text(column):
        values = [_written(value) for value in values]
    if not set(map(type, values)) <= {due, type(None)}:
        for place, value in enumerate(values):
            if value is not None and type(value) is not due:
                faults.setdefault(place, set()).add((name, NOT_OF_TYPE[type(column)]))
                text = value.decode() if isinstance(value, bytes) else _as_landed(value)
                seen[place, name] = text
                values[place] = None
    try:
        return pl.Series(name, values, dtype=dtype).cast(pl.String)
    except UnicodeEncodeError:
        # JSON can escape half of a character. What stands for it here is in no column's grammar.
        return pl.Series(name, [_without_halves(value) for value in values], dtype=pl.String)


def _kind(column: dy.Column) -> tuple[type, pl.DataType]:
    match column:
        case dy.Decimal() | dy.Float64() | dy.Int64():
            return bytes, pl.Binary()
        case dy.Bool():
            return bool, pl.Boolean()
        case _:
            return str, pl.String()


def _written(value: object) -> object:
    """What a free text is where JSON has something else: its digits or its word."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else None


class _Digits(str):
    """A number inside a value, shown as it landed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _as_landed(value: object) -> object:
    """A value of JSON to be shown: its numbers are the digits that landed."""
    match value:
        case bytes():
            return _Digits(value.decode())
        case list():
            return [_as_landed(one) for one in value]
        case dict():
            return {name: _as_landed(one) for name, one in value.items()}
        case _:
            return value


def _without_halves(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    return "".join("\ufffd" if "\ud800" <= sign <= "\udfff" else sign for sign in value)
