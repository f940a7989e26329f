"""CRIF files as frames of whole portfolios, a bounded number of rows at a time.

A first pass reads the names of portfolios alone: whether each stands in one place. If so the rows
stream by once; if not, the file is read once for every range of portfolios that fits.
"""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv

from margin_assets.crif.columns import COLUMNS, CrifError, Layout
from margin_assets.crif.lines import lines_of, refuse_swallowed

MOST_ROWS = 50_000
"""Rows that are worked on at once, if no single portfolio has more."""
_BLOCK_BYTES = 1 << 20


class Runs(NamedTuple):
    """Portfolios of a file in order of first appearance, with their numbers of rows."""

    portfolios: pl.DataFrame
    """Columns `portfolio_id` and `rows`."""
    are_whole: bool
    """Each portfolio's rows stand together."""


class Opened(NamedTuple):
    """A file's number of rows, and its frames of whole portfolios."""

    rows: int
    frames: Iterator[pl.DataFrame]


def opened(path: Path, layout: Layout) -> Opened:
    """The rows of a file, a portfolio never in two frames, in order of first appearance.

    Columns are `line` and those of `COLUMNS`, as text without outer spaces, null where empty or
    not in the file; `ragged` tells of a row that has more or fewer fields than the header. Lines
    count rows, the header as 1, those with nothing in them too.

    Raises:
        CrifError: The text is no CSV, or not of UTF-8.
    """
    runs = _runs(path, layout)
    rows = int(runs.portfolios["rows"].sum())
    if runs.are_whole:
        return Opened(rows, _streamed(path, layout))
    ranges = _ranges(runs.portfolios)
    return Opened(rows, (_gathered(path, layout, names) for names in ranges))


def _runs(path: Path, layout: Layout) -> Runs:
    only = {"portfolio_id": layout.names["portfolio_id"]}
    lines = lines_of(path)
    found, last = [], 1
    for batch in _batches(path, layout, only):
        last = int(batch["line"][-1]) if batch.height else last
        runs = batch.get_column("portfolio_id").fill_null("").rle().struct.unnest()
        found.append(runs.select(portfolio_id="value", rows=pl.col("len").cast(pl.Int64)))
    refuse_swallowed(path, lines, last)
    if not found:
        none = pl.DataFrame(schema={"portfolio_id": pl.String, "rows": pl.Int64})
        return Runs(none, are_whole=True)
    # A portfolio that goes on in the next batch is one run.
    is_new = (pl.col("portfolio_id") != pl.col("portfolio_id").shift(1)).fill_null(value=True)
    whole = (
        pl.concat(found)
        .with_columns(run=is_new.cum_sum())
        .group_by("run", maintain_order=True)
        .agg(pl.col("portfolio_id").first(), pl.col("rows").sum())
    )
    by_name = whole.group_by("portfolio_id", maintain_order=True).agg(pl.col("rows").sum())
    return Runs(by_name, by_name.height == whole.height)


def _streamed(path: Path, layout: Layout) -> Iterator[pl.DataFrame]:
    """Frames cut between portfolios."""
    held: list[pl.DataFrame] = []
    for batch in _filled(path, layout):
        held.append(batch)
        if sum(frame.height for frame in held) < MOST_ROWS:
            continue
        rows = pl.concat(held)
        names = rows["portfolio_id"].fill_null("")
        last = names != names[-1]
        yield rows.filter(last)
        held = [rows.filter(~last)]
    if held:
        yield pl.concat(held)


def _ranges(portfolios: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Names of portfolios by turns, as many at a time as have rows that fit."""
    before = portfolios["rows"].cum_sum() - portfolios["rows"]
    turns = portfolios.select(
        "portfolio_id", turn=before // MOST_ROWS, number=pl.int_range(pl.len())
    )
    yield from turns.partition_by("turn", maintain_order=True, include_key=False)


def _gathered(path: Path, layout: Layout, names: pl.DataFrame) -> pl.DataFrame:
    """All rows of the named portfolios, portfolios in the order of their first rows."""
    found = [
        batch.with_columns(pl.col("portfolio_id").fill_null("")).join(
            names, on="portfolio_id", how="inner", validate="m:1"
        )
        for batch in _filled(path, layout)
    ]
    blank = pl.when(pl.col("portfolio_id") != "").then(pl.col("portfolio_id"))
    rows = pl.concat(found).sort("number", "line").drop("number")
    return rows.with_columns(portfolio_id=blank)


def _filled(path: Path, layout: Layout) -> Iterator[pl.DataFrame]:
    """All columns of the rows that have anything in them."""
    is_filled = pl.any_horizontal(pl.col(*COLUMNS, "ragged").is_not_null())
    for batch in _batches(path, layout, layout.names):
        yield batch.filter(is_filled)


class _Torn(NamedTuple):
    """A row of another number of fields than the header has."""

    line: int
    portfolio_id: str | None
    ragged: str


def _batches(path: Path, layout: Layout, names: dict[str, str]) -> Iterator[pl.DataFrame]:
    """The rows of a file in its order; of its columns those that are named here."""
    torn: list[_Torn] = []

    def keep(row: pa_csv.InvalidRow) -> str:
        fields = next(csv.reader([row.text], delimiter=layout.delimiter), [])
        place = layout.place_of_portfolio
        name = fields[place].strip() if place < len(fields) else ""
        told = f"{row.actual_columns} fields where the header has {row.expected_columns}"
        torn.append(_Torn(row.number, name or None, told))
        return "skip"

    try:
        line, told = 1, 0
        for batch in _parsed(path, layout, names, keep):
            lines = _lines(line, batch.num_rows, torn)
            frame = _frame(batch, names, lines)
            line = int(lines[-1]) if len(lines) else line
            last = sum(row.line <= line for row in torn)
            yield _with_torn(frame, torn[told:last])
            told = last
        if torn[told:]:
            yield _with_torn(_frame(None, names, pl.Series([], dtype=pl.Int64)), torn[told:])
    except pa.ArrowInvalid as error:
        raise CrifError(f"{path}: {error}") from None


def _parsed(
    path: Path, layout: Layout, names: dict[str, str], keep: Callable[[pa_csv.InvalidRow], str]
) -> pa_csv.CSVStreamingReader:
    return pa_csv.open_csv(
        path,
        read_options=pa_csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
        parse_options=pa_csv.ParseOptions(
            delimiter=layout.delimiter,
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=keep,
        ),
        convert_options=pa_csv.ConvertOptions(
            include_columns=list(names.values()),
            column_types=dict.fromkeys(names.values(), pa.string()),
        ),
    )


def _lines(line: int, count: int, torn: list[_Torn]) -> pl.Series:
    """Lines of the next rows after one: those that torn rows have are not theirs."""
    free = pl.Series(range(line + 1, line + 1 + count + len(torn)), dtype=pl.Int64)
    taken = pl.Series([row.line for row in torn], dtype=pl.Int64)
    return free.filter(~free.is_in(taken.implode())).head(count)


def _frame(batch: pa.RecordBatch | None, names: dict[str, str], lines: pl.Series) -> pl.DataFrame:
    empty = pl.DataFrame(schema=dict.fromkeys(names.values(), pl.String))
    held = empty if batch is None else pl.DataFrame(pl.from_arrow(batch))
    stripped = {
        ours: pl.col(theirs).str.strip_chars().replace("", None) for ours, theirs in names.items()
    }
    texts = held.select(**stripped)
    absent = {name: pl.lit(None, pl.String) for name in COLUMNS if name not in names}
    return texts.with_columns(line=lines, **absent, ragged=pl.lit(None, pl.String)).select(
        "line", *COLUMNS, "ragged"
    )


def _with_torn(frame: pl.DataFrame, torn: list[_Torn]) -> pl.DataFrame:
    if not torn:
        return frame
    schema = {"line": pl.Int64, "portfolio_id": pl.String, "ragged": pl.String}
    rows = pl.DataFrame(torn, schema=schema, orient="row")
    return pl.concat([frame, rows], how="diagonal").sort("line")
