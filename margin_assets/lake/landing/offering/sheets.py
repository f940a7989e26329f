"""Workbooks and CSV of any kind as columns of text, with the rows that they stood in."""

import csv
import io
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import fastexcel
import polars as pl

from margin_assets.lake.landing.offering.mapping import Form, MappingError
from margin_assets.lake.landing.reading.limits import is_bomb
from margin_assets.nearest import did_you_mean

WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
_ROW = "\0row"
_SEPARATORS = (",", ";", "\t", "|")
# A workbook keeps binary fractions and shows fifteen digits: those are what somebody entered.
_DIGITS = 15
_NO_DAY, _MIDNIGHT = r"^(1899-12-3[01]|1904-01-01) ", " 00:00:00"
_LONG = re.compile(r"-?\d+\.\d+(?:[eE][+-]?\d+)?")


class Sheet(NamedTuple):
    """Cells as text, by the names of the columns; null where a cell is empty."""

    cells: pl.DataFrame
    rows: list[int]
    """Row of the file that each row stood in, from 1."""
    numbers: frozenset[str]
    """Columns whose cells are numbers of a workbook, whatever they look like there."""
    mixed: frozenset[str]
    """Columns of a workbook whose cells are some numbers and some texts."""


def sheet_of(path: Path, form: Form) -> Sheet:
    """The table in a file.

    Raises:
        MappingError: the file cannot be read as `form` says.
        OSError: it is not there.
    """
    content = path.read_bytes()
    is_workbook = path.suffix.lower() in WORKBOOKS
    found = _workbook(content, path, form) if is_workbook else _csv(content, path, form)
    # A row without any cell is the end of a table, or a gap in it.
    is_row = ~pl.all_horizontal(pl.exclude(_ROW).is_null())
    kept = found.cells.filter(is_row)
    return Sheet(kept.drop(_ROW), kept[_ROW].to_list(), found.numbers, found.mixed)


def sheet_names(path: Path) -> list[str]:
    """Names of the sheets of a workbook, in its order; of any other file none.

    Raises:
        MappingError: it is no workbook, whatever its name says.
        OSError: it is not there.
    """
    if path.suffix.lower() not in WORKBOOKS:
        return []
    try:
        return fastexcel.read_excel(path.read_bytes()).sheet_names
    except fastexcel.FastExcelError as error:
        raise MappingError(f"{path}: {str(error).splitlines()[0]}") from None


def form_of_text(path: Path, form: Form) -> Form:
    """The form with the encoding and the separator of a CSV, where it says neither.

    A text that is not UTF-8 is taken for one of Windows; fields stand between the sign that the
    row of column names has most of.

    Raises:
        OSError: it is not there.
    """
    if path.suffix.lower() in WORKBOOKS:
        return form
    content, found = path.read_bytes(), dict[str, str]()
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError:
        found["encoding"] = "cp1252"
    head = b"".join(content.splitlines()[form.header - 1 : form.header])
    separator = max(_SEPARATORS, key=lambda sign: head.count(sign.encode()))
    if separator != _SEPARATORS[0]:
        found["separator"] = separator
    return form.model_copy(
        update={n: v for n, v in found.items() if n not in form.model_fields_set}
    )


class _Cells(NamedTuple):
    cells: pl.DataFrame
    numbers: frozenset[str] = frozenset()
    mixed: frozenset[str] = frozenset()


def _workbook(content: bytes, path: Path, form: Form) -> _Cells:
    _refuse_bomb(content, path)
    try:
        book = fastexcel.read_excel(content)
        name = book.sheet_names[0] if form.sheet is None else form.sheet
        if name not in book.sheet_names:
            known = ", ".join(book.sheet_names)
            raise MappingError(
                f"{path}: no sheet {name!r}; it has {known}{did_you_mean(name, book.sheet_names)}"
            )
        texts = book.load_sheet(name, header_row=form.header - 1, dtypes="string").to_polars()
        kinds, mixed = _kinds(book, name, form.header - 1, texts)
    except fastexcel.FastExcelError as error:
        raise MappingError(f"{path}: {str(error).splitlines()[0]}") from None
    cells = texts.with_columns(_shown(texts[name], kind) for name, kind in kinds.items())
    numbers = frozenset(name for name, kind in kinds.items() if kind.is_numeric())
    first = form.header + 1
    return _Cells(_numbered(cells, pl.int_range(first, first + pl.len())), numbers, mixed)


def _refuse_bomb(content: bytes, path: Path) -> None:
    """Raises `MappingError` for a workbook whose parts say that they become too large."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            size = sum(part.file_size for part in parts.infolist())
    except zipfile.BadZipFile:
        return  # an older form, or none: who reads it says so
    if is_bomb(size, len(content)):
        raise MappingError(f"{path}: its {len(content)} bytes become {size}")


def _kinds(
    book: fastexcel.ExcelReader, name: str, header: int, texts: pl.DataFrame
) -> tuple[dict[str, pl.DataType], frozenset[str]]:
    """What the cells of each column are, and columns whose cells are of several kinds."""
    kinds, mixed = {}, set()
    for column in texts:
        if column.null_count() == len(column):
            continue
        try:
            one = book.load_sheet(
                name,
                header_row=header,
                use_columns=[column.name],
                schema_sample_rows=None,
                dtype_coercion="strict",
            )
        except fastexcel.UnsupportedColumnTypeCombinationError:
            mixed.add(column.name)
        else:
            kinds[column.name] = one.to_polars()[column.name].dtype
    return kinds, frozenset(mixed)


def _shown(texts: pl.Series, kind: pl.DataType) -> pl.Series:
    """Cells of a workbook as they were entered."""
    if kind.is_numeric():
        return texts.map_elements(_entered, pl.String)
    if kind.is_temporal():
        # A time of day is kept as one of a day before all others, a day as its midnight.
        times = texts.str.replace(_NO_DAY, "")
        is_day = times.str.ends_with(_MIDNIGHT).all()
        return times.str.strip_suffix(_MIDNIGHT) if is_day else times
    return texts


def _entered(text: str) -> str:
    return f"{float(text):.{_DIGITS}g}" if _LONG.fullmatch(text) else text


def _csv(content: bytes, path: Path, form: Form) -> _Cells:
    try:
        text = content.decode("utf-8-sig" if form.encoding == "utf-8" else form.encoding)
    except UnicodeDecodeError as error:
        raise MappingError(
            f"{path}: not {form.encoding} at byte {error.start + 1}; file.encoding names another"
        ) from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=form.separator, strict=True)
    try:
        records = [(reader.line_num, record) for record in reader if reader.line_num >= form.header]
    except csv.Error as error:
        raise MappingError(f"{path}: row {reader.line_num}: {error}") from None
    (_, header), *lines = records or [(form.header, [])]
    _refuse_header(header, path)
    for row, record in lines:
        if record and len(record) != len(header):
            raise MappingError(
                f"{path}: row {row} has {len(record)} fields, the header {len(header)}; "
                "file.separator says what is between them"
            )
    held = [(row, record) for row, record in lines if record]
    cells = pl.DataFrame(
        [r for _, r in held], schema=dict.fromkeys(header, pl.String), orient="row"
    )
    return _Cells(_numbered(cells, pl.Series([row for row, _ in held], dtype=pl.Int64)))


def _refuse_header(header: list[str], path: Path) -> None:
    if not header:
        raise MappingError(f"{path}: no row of column names; file.header says which it is")
    if twice := [name for name, count in Counter(header).items() if count > 1]:
        raise MappingError(f"{path}: two columns are called {twice[0]!r}")


def _numbered(cells: pl.DataFrame, rows: pl.Series | pl.Expr) -> pl.DataFrame:
    text = pl.all().str.strip_chars()
    return cells.with_columns(pl.when(text != "").then(text)).with_columns(rows.alias(_ROW))
