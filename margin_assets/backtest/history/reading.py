"""Files of a history as long rows, each with the file and the row that it came from."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from margin_assets.backtest.faults import BacktestError
from margin_assets.backtest.history.document import Described, HistoryFile
from margin_assets.backtest.history.quotes import option_quotes

CLOSES = {"symbol": pl.String, "day": pl.Date, "close": pl.Float64}
SOURCED = CLOSES | {"file": pl.String, "file_row": pl.Int64}
ACTIONS = {"symbol": pl.String, "day": pl.Date, "kind": pl.String, "value": pl.Float64}
"""Of `after` the last day before, of the others the first day on which it counts."""
YIELDS = {"day": pl.Date, "rate": pl.Float64}
BARS = {"symbol": pl.String, "at": pl.Datetime("us", "UTC"), "close": pl.Float64}
QUOTES = {
    "underlying": pl.String,
    "day": pl.Date,
    "expiry": pl.Date,
    "right": pl.String,
    "strike": pl.Int64,
    "style": pl.String,
    "multiplier": pl.Int64,
    "close": pl.Float64,
    "file": pl.String,
    "file_row": pl.Int64,
}
"""Of options: strike in micro-dollars; a close that is null is no price."""
_WHEN_ASKED = {"bars": "bars", "option_quotes": "quotes"}
"""Kinds of files that are read where somebody asks for them, and what they are rows of."""
_DAYS = ("day", "date", "Date")
_EXCHANGE = "America/New_York"
_PERCENT = 100.0


class Rows(NamedTuple):
    """What the files of a history say."""

    closes: pl.DataFrame
    """symbol, day, close in USD as printed, file and row."""
    actions: pl.DataFrame
    """symbol, day, kind, value: `split` new shares for an old one, `dividend` USD a share."""
    yields: pl.DataFrame
    """day, rate a year as a fraction."""
    files: dict[str, str]
    """SHA-256 of each file by its name."""
    bars: pl.DataFrame | None = None
    """symbol, end of the bar, close in USD; None where nobody asked for them."""
    quotes: pl.DataFrame | None = None
    """Of options, a row a contract and day; None where nobody asked for them."""


def read_rows(history: Described, *, with_bars: bool = False, with_options: bool = False) -> Rows:
    """Reads every file of a history; those of bars and options where they are asked for.

    Raises:
        BacktestError: A file is not there, or not of its kind; or none has what is asked for.
    """
    document = history.document
    asked = {"bars": with_bars, "option_quotes": with_options}
    for kind, is_asked in asked.items():
        if is_asked and not any(file.kind == kind for file in document.file):
            raise BacktestError(f"history {document.name} has no file of {kind.replace('_', ' ')}")
    if with_options and document.adjusted:
        raise BacktestError(f"history {document.name}: strikes are of raw closes, its own are not")
    found: dict[str, list[pl.DataFrame]] = {
        name: [] for name in ("closes", "actions", "yields", *_WHEN_ASKED.values())
    }
    hashes: dict[str, str] = {}
    for file in document.file:
        if not asked.get(file.kind, True):
            continue
        path = history.place(file)
        hashes[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        into, rows = _read(path, file)
        found[into].append(rows)
    return Rows(
        _all(found["closes"], SOURCED),
        _all(found["actions"], ACTIONS),
        _all(found["yields"], YIELDS),
        hashes,
        _all(found["bars"], BARS) if with_bars else None,
        _all(found["quotes"], QUOTES) if with_options else None,
    )


def _all(parts: list[pl.DataFrame], schema: Mapping[str, Any]) -> pl.DataFrame:
    typed = [
        part.select(pl.col(name).cast(kind) for name, kind in schema.items()) for part in parts
    ]
    return pl.concat([pl.DataFrame(schema=schema), *typed])


def _read(path: Path, file: HistoryFile) -> tuple[str, pl.DataFrame]:
    readers: dict[str, tuple[str, Callable[[pl.DataFrame], pl.DataFrame]]] = {
        "closes": ("closes", _closes),
        "wide_closes": ("closes", _wide_closes),
        "actions": ("actions", lambda table: table),
        "factors": ("actions", _actions_of_factors),
        "yields": ("yields", lambda table: _yields(table, file.column or "rate")),
        "bars": ("bars", lambda table: _bars(table, file.minutes)),
        "option_quotes": ("quotes", lambda table: option_quotes(table, file)),
    }
    into, reader = readers[file.kind]
    try:
        rows = reader(_table(path))
    except (pl.exceptions.PolarsError, OSError) as error:
        told = " ".join(str(error).split())[:200]
        raise BacktestError(f"{path} is no file of {file.kind}: {told}") from None
    return into, rows.with_columns(file=pl.lit(path.name))


def _table(path: Path) -> pl.DataFrame:
    """A file with its day as a date and its rows numbered from 1."""
    is_parquet = path.suffix == ".parquet"
    table = pl.read_parquet(path) if is_parquet else pl.read_csv(path, infer_schema_length=None)
    table = table.rename(lambda name: name.removeprefix("#"))
    day = next((name for name in _DAYS if name in table.columns), None)
    if day is not None:
        is_text = table[day].dtype == pl.String
        table = table.rename({day: "day"}).with_columns(
            pl.col("day").str.to_date("%Y-%m-%d") if is_text else pl.col("day").cast(pl.Date)
        )
    return table.with_row_index("file_row", offset=1)


def _closes(table: pl.DataFrame) -> pl.DataFrame:
    """Columns symbol, date and close; others are not read. A row without a close is none."""
    return table.select("symbol", "day", "close", "file_row").drop_nulls("close")


def _wide_closes(table: pl.DataFrame) -> pl.DataFrame:
    """A date, and one column of closes a symbol."""
    index = ["file_row", "day"]
    long = table.unpivot(index=index, variable_name="symbol", value_name="close")
    return long.drop_nulls("close")


def _actions_of_factors(table: pl.DataFrame) -> pl.DataFrame:
    """Splits and dividends of factors that are each valid up to a day.

    adjusted = raw x price factor x split factor. Where the split factor grows, one share became
    as many; where the price factor grows, a dividend went: its share of the close of that day.
    """
    rows = table.with_columns(
        last=pl.col("valid_to_date").cast(pl.String).str.to_date("%Y%m%d")
    ).sort("symbol", "last")
    following = {
        name: pl.col(name).shift(-1).over("symbol") for name in ("split_factor", "price_factor")
    }
    split = pl.col("split_factor_next") / pl.col("split_factor")
    paid = (1.0 - pl.col("price_factor") / pl.col("price_factor_next")) * pl.col("reference_close")
    after = rows.with_columns(
        **{f"{name}_next": column for name, column in following.items()}
    ).with_columns(split=split, dividend=paid)
    kinds = [
        after.filter((pl.col("split") - 1.0).abs() > _NOISE).select(
            "symbol", day="last", kind=pl.lit("split"), value="split"
        ),
        after.filter(pl.col("dividend").abs() > _NOISE).select(
            "symbol", day="last", kind=pl.lit("dividend"), value="dividend"
        ),
    ]
    # The day after the last of the old factor: the first session on or after it counts.
    return pl.concat(kinds).with_columns(pl.col("day") + pl.duration(days=1))


_NOISE = 2e-4  # what six printed digits of a factor may leave


def _yields(table: pl.DataFrame, column: str) -> pl.DataFrame:
    """A date and a rate in per cent a year; 0 and blank are missing."""
    rate = pl.col(column).cast(pl.Float64)
    return table.filter(rate != 0.0).select("day", rate=rate / _PERCENT)


def _bars(table: pl.DataFrame, minutes: int) -> pl.DataFrame:
    """Columns symbol, ts and close: `ts` begins the bar, on the exchange's clock or with a zone."""
    began = pl.col("ts")
    if table["ts"].dtype == pl.String:
        began = began.str.to_datetime()
    zone = getattr(table.select(began.head(1)).schema["ts"], "time_zone", None)
    if zone is None:
        # An hour that a change of clocks repeats or leaves out lies outside of every session.
        began = began.dt.replace_time_zone(_EXCHANGE, ambiguous="earliest", non_existent="null")
    ended = began.dt.convert_time_zone("UTC") + pl.duration(minutes=minutes)
    return table.select("symbol", at=ended, close=pl.col("close").cast(pl.Float64)).drop_nulls()
