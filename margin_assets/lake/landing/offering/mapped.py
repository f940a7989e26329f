"""A file under a mapping becomes rows of a feed, as text: exactly, or refused cell by cell."""

import csv
import io
import re
from pathlib import Path
from typing import NamedTuple

import dataframely as dy
import polars as pl

from margin_assets.lake.landing.offering.mapping import Form, Mapping, MappingError, Sign
from margin_assets.lake.landing.offering.sheets import Sheet, form_of_text, sheet_names, sheet_of
from margin_assets.lake.landing.reading.rules import required_columns
from margin_assets.nearest import did_you_mean, likeness
from schemas import landed_columns

_MOST_FAULTS = 20
_ISO_DAY = r"^\d{4}-\d{2}-\d{2}$"
_ISO_TIME = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?$"
_OFFSET = r"(Z|[+-]\d{2}:?\d{2})$"
_LIKE = 0.75


class Mapped(NamedTuple):
    """Rows of a feed as CSV, and the row of the file that each came from."""

    feed: str
    content: bytes
    rows: list[int]


def mapped(path: Path, mapping: Mapping) -> Mapped:
    """The rows of a file under a mapping.

    Raises:
        MappingError: a column is not there, or a cell cannot be understood; each has its line.
        OSError: the file is not there.
    """
    sheet = sheet_of(path, mapping.file)
    _refuse_absent(mapping, sheet, path)
    texts, faults = [], []
    for name, column in landed_columns(mapping.feed).items():
        if (found := _texts(name, mapping, sheet)) is None:
            continue
        converted = _converted(found, (name, column), mapping, sheet)
        is_lost = found.is_not_null() & converted.is_null()
        faults += [
            f"{path}: row {sheet.rows[place]}: {name}: {found[place]!r} is "
            f"{_wanted((name, column), mapping)}"
            for place in is_lost.arg_true()
        ]
        texts.append(converted.alias(name))
    if faults:
        more = [f"{path}: and {len(faults) - _MOST_FAULTS} more"]
        raise MappingError("\n".join(faults[:_MOST_FAULTS] + more * (len(faults) > _MOST_FAULTS)))
    return Mapped(mapping.feed, _csv(pl.DataFrame(texts)), sheet.rows)


def draft(path: Path, mapping: Mapping) -> str:
    """A mapping to begin with: their columns of like names, and a line for each that is left.

    What the mapping does not say of a text's encoding and separator is read off the file, and of
    a workbook the names of its sheets.
    """
    file = form_of_text(path, mapping.file)
    theirs = sheet_of(path, file).cells.columns
    required = required_columns(mapping.feed)
    lines = []
    for name in landed_columns(mapping.feed):
        like = max(theirs, key=lambda other: likeness(name, other), default="")
        if like and likeness(name, like) >= _LIKE:
            lines.append(f"{name} = {_quoted(like)}")
        else:
            lines.append(f'# {name} = ""' + ("  # required" if name in required else ""))
    known = "".join(f"#   {name}\n" for name in theirs)
    form = "\n".join(map(_form_line, _FORM_EXAMPLES, [file] * len(_FORM_EXAMPLES)))
    sheets = ", ".join(sheet_names(path))
    of_sheets = (
        f"# Its sheets, of which the first unless one is named: {sheets}\n" if sheets else ""
    )
    return (
        f"feed = {_quoted(mapping.feed)}\n\n[file]\n{of_sheets}{form}\n\n"
        f"# Ours = theirs. The file has:\n{known}[columns]\n" + "\n".join(lines) + "\n"
    )


_FORM_EXAMPLES: dict[str, str | int] = {
    "sheet": "Sheet1",
    "header": 1,
    "separator": ";",
    "decimal": ",",
    "thousands": ".",
    "encoding": "cp1252",
    "date": "%d.%m.%Y",
    "time": "%d.%m.%Y %H:%M:%S",
    "zone": "Europe/Berlin",
}


def _form_line(key: str, form: Form) -> str:
    """A key of the form as it is given, or as it might be."""
    if key in form.model_fields_set:
        return f"{key} = {_toml(getattr(form, key))}"
    return f"# {key} = {_toml(_FORM_EXAMPLES[key])}"


def _toml(value: str | int) -> str:
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _sources(name: str, mapping: Mapping) -> list[str]:
    found = mapping.columns.get(name, name)
    return [found] if isinstance(found, str) else found


def _refuse_absent(mapping: Mapping, sheet: Sheet, path: Path) -> None:
    """Raises `MappingError` for columns of theirs that are not there, and of ours without any."""
    theirs = sheet.cells.columns
    named = [(f"columns.{n}", s) for n in mapping.columns for s in _sources(n, mapping)]
    named += [(f"sign.{name}.column", sign.column) for name, sign in mapping.sign.items()]
    faults = [
        f"{path}: {place}: no column {source!r}{did_you_mean(source, theirs)}"
        for place, source in named
        if source not in theirs
    ]
    ours = {*mapping.columns, *mapping.values, *theirs}
    missing = sorted(required_columns(mapping.feed) - ours)
    if missing:
        found = ", ".join(theirs)
        faults.append(f"{path}: {mapping.feed} needs {', '.join(missing)}; the file has {found}")
    faults += [
        f"{path}: {name}: column {source!r} holds numbers and texts: give its cells one format"
        for name, column in landed_columns(mapping.feed).items()
        for source in _sources(name, mapping)
        if source in sheet.mixed and isinstance(column, dy.Decimal | dy.Float64 | dy.Int64)
    ]
    if faults:
        raise MappingError("\n".join(faults))


def _texts(name: str, mapping: Mapping, sheet: Sheet) -> pl.Series | None:
    """Their texts of a column of ours; None where they have none."""
    if name in mapping.values:
        value = mapping.values[name]
        told = str(value).lower() if isinstance(value, bool) else str(value)
        return pl.Series(name, [told] * sheet.cells.height, pl.String)
    sources = _sources(name, mapping)
    if sources[0] not in sheet.cells.columns:
        return None
    # A part that is empty leaves the whole empty: half a time is none.
    joined = pl.concat_str(sources, separator=" ", ignore_nulls=False)
    return sheet.cells.select(joined.alias(name)).to_series()


def _converted(
    found: pl.Series, column: tuple[str, dy.Column], mapping: Mapping, sheet: Sheet
) -> pl.Series:
    """The texts as our files have them; null where one cannot be understood."""
    name, kind = column
    if name in mapping.values:
        return found
    if name in mapping.words:
        found = found.replace(mapping.words[name])
    match kind:
        case dy.Decimal() | dy.Float64() | dy.Int64():
            is_number = set(_sources(name, mapping)) <= sheet.numbers
            numbers = found if is_number else _numbers(found, mapping)
            return _signed(numbers, mapping.sign.get(name), sheet)
        case dy.Datetime():
            return _instants(found, mapping)
        case dy.Date():
            return _days(found, mapping.file.date)
        case _:
            return found


def _numbers(texts: pl.Series, mapping: Mapping) -> pl.Series:
    decimal, thousands = (re.escape(s) for s in (mapping.file.decimal, mapping.file.thousands))
    grouped = rf"|\d{{1,3}}({thousands}\d{{3}})+" if thousands else ""
    form = rf"^[+-]?(\d+{grouped})({decimal}\d+)?$"
    plain = pl.col(texts.name).str.strip_prefix("+")
    if thousands:
        plain = plain.str.replace_all(mapping.file.thousands, "", literal=True)
    plain = plain.str.replace(mapping.file.decimal, ".", literal=True)
    is_number = pl.col(texts.name).str.contains(form)
    return texts.to_frame().select(pl.when(is_number).then(plain).alias(texts.name)).to_series()


def _signed(numbers: pl.Series, sign: Sign | None, sheet: Sheet) -> pl.Series:
    if sign is None:
        return numbers
    # With its sign told elsewhere, one that has a sign as well would have two.
    plain = pl.when(~numbers.str.starts_with("-")).then(numbers)
    words = sheet.cells[sign.column]
    signed = (
        pl.when(words.is_in(sign.negative))
        .then(pl.format("-{}", plain))
        .when(words.is_in(sign.positive))
        .then(plain)
    )
    return pl.select(signed.alias(numbers.name)).to_series()


def _instants(texts: pl.Series, mapping: Mapping) -> pl.Series:
    text, form = pl.col(texts.name), mapping.file
    told = pl.when(text.str.contains(_OFFSET)).then(text)
    if form.zone is None:
        return texts.to_frame().select(told.alias(texts.name)).to_series()
    plain = pl.when(text.str.contains(_ISO_TIME)).then(text.str.replace("T", " "))
    tries = [plain.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us")]
    if form.time is not None:
        tries.append(text.str.to_datetime(form.time, strict=False, time_unit="us"))
    # An hour that comes twice, or never, on the day of a change names no instant.
    at = pl.coalesce(tries).dt.replace_time_zone(form.zone, ambiguous="null", non_existent="null")
    utc = at.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
    return texts.to_frame().select(pl.coalesce(told, utc).alias(texts.name)).to_series()


def _days(texts: pl.Series, form: str | None) -> pl.Series:
    text = pl.col(texts.name)
    iso = pl.when(text.str.contains(_ISO_DAY)).then(text)
    tries = [iso.str.to_date("%Y-%m-%d", strict=False)]
    if form is not None:
        tries.append(text.str.to_date(form, strict=False))
    day = pl.coalesce(tries).dt.strftime("%Y-%m-%d")
    return texts.to_frame().select(day.alias(texts.name)).to_series()


def _wanted(column: tuple[str, dy.Column], mapping: Mapping) -> str:
    """What a text of the column should have been."""
    form, (name, kind) = mapping.file, column
    match kind:
        case dy.Datetime():
            zone = f"in {form.zone}" if form.zone else "with an offset, for file.zone names none"
            return f"no time as {form.time or 'YYYY-MM-DD hh:mm:ss'} {zone}"
        case dy.Date():
            return f"no day as {form.date or 'YYYY-MM-DD'}"
        case _:
            group = f" and {form.thousands!r} between thousands" if form.thousands else ""
            sign = f", or has no word for its sign by sign.{name}" if name in mapping.sign else ""
            return f"no number with {form.decimal!r} before its decimals{group}{sign}"


def _csv(texts: pl.DataFrame) -> bytes:
    """The rows as a file that lands: one line each, below the header."""
    out = io.StringIO(newline="")
    written = csv.writer(out, lineterminator="\n")
    written.writerow(texts.columns)
    written.writerows(["" if text is None else text for text in row] for row in texts.iter_rows())
    return out.getvalue().encode()
