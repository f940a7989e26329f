"""Columns of text become columns of the declared types, exactly or not at all.

Every form is read as text first: CSV has nothing else, JSON numbers keep their digits that way,
and Parquet values have one exact text each. So there is one grammar of values, here. Whole
columns are converted by Polars; only values that its strict patterns do not take are looked at
one by one.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_UP, Context, Decimal, Inexact, InvalidOperation
from functools import cache

import dataframely as dy
import numpy as np
import polars as pl

from schemas.columns import FREE_TEXT_CHARACTERS

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:(?P<second>[0-9]{2})"
    r"(\.(?P<fraction>[0-9]+))?(?P<zone>[Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
_PLAIN_INSTANT = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,6})?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
_PLAIN_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_PLAIN_WHOLE = r"^-?[0-9]{1,18}$"
# Wide enough for every bound of the schemas, narrow enough never to overflow.
_PLAIN_DECIMAL = r"^-?[0-9]{{1,18}}(\.[0-9]{{1,{scale}}})?$"
_DECIMAL_DIGITS = 38
_RUN = 4
"""Rows of a run of equal texts, on average, from which on one of them is read for all."""
_LARGEST_WHOLE = 2**63 - 1
# Room for every digit of a column and one more; a digit lost is an error, never a rounding.
_EXACTLY = Context(prec=_DECIMAL_DIGITS + 2, traps=[Inexact, InvalidOperation])
_AWAY_FROM_ZERO = Context(prec=_DECIMAL_DIGITS + 2, rounding=ROUND_UP, traps=[])

NOT_OF_TYPE = {
    dy.String: "not_text",
    dy.Decimal: "not_a_number",
    dy.Float64: "not_a_number",
    dy.Int64: "not_a_number",
    dy.Bool: "not_a_boolean",
    dy.Datetime: "not_a_time",
    dy.Date: "not_a_date",
}
"""Word for a value that is of another kind altogether."""


class NotAValue(Exception):
    """A text that the column cannot hold; `nearest` lets the bounds be judged all the same."""

    def __init__(self, word: str, nearest: Decimal | None = None) -> None:
        super().__init__(word)
        self.word = word
        self.nearest = nearest


@dataclass(frozen=True)
class Converted:
    """A typed column, null where there was nothing or no value; `words` says which by row."""

    values: pl.Series
    words: dict[int, str]


def convert(column: dy.Column, texts: pl.Series) -> Converted:
    """Typed column of a column of texts; null stays null.

    Source: semantics 1.2, 1.4 and 7.1.
    """
    if texts.null_count() == len(texts):
        # Many columns of few rows: most say nothing of what may be said.
        return Converted(texts.cast(column.dtype), {})
    match column:
        case dy.Decimal():
            return _decimals(texts, column.scale)
        case dy.Float64():
            return _floats(texts)
        case dy.Int64():
            return _by_pattern(texts, _PLAIN_WHOLE, pl.Int64(), _whole)
        case dy.Bool():
            return _booleans(texts)
        case dy.Datetime():
            return _repeated_instants(texts)
        case dy.Date():
            return _dates(texts)
        case _ if is_free_text(column):
            return Converted(_plain(texts), {})
        case _:
            return Converted(texts, {})


def names_in_table(columns: Mapping[str, dy.Column]) -> set[str]:
    """Those of the columns that are read which the feed's table has."""
    return {n for n, column in columns.items() if not (column.metadata or {}).get("is_beside")}


def is_free_text(column: dy.Column) -> bool:
    """Whether anything may stand in a column: no value of it refuses a row."""
    return bool((column.metadata or {}).get("free_text"))


def _plain(texts: pl.Series) -> pl.Series:
    """Free text without control characters, cut to what the column takes."""
    return texts.str.replace_all(r"\p{Cc}", " ").str.slice(0, FREE_TEXT_CHARACTERS)


def is_number(text: str) -> bool:
    """Whether a text is a finite decimal number in ASCII."""
    return _NUMBER.fullmatch(text) is not None


def exact(text: str, scale: int) -> Decimal:
    """Value of a number with at most that many decimals; zeros at the end are none.

    Raises:
        NotAValue: it is no number, too large for any column, or has more decimals.
    """
    if not is_number(text):
        raise NotAValue("not_a_number")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise NotAValue("out_of_range") from None
    if not number:
        return Decimal(0)
    # Asked before anything is written out: 1e999999 must not become a million digits.
    if number.adjusted() >= _DECIMAL_DIGITS - scale - 1:
        raise NotAValue("out_of_range")
    unit = Decimal(1).scaleb(-scale)
    try:
        return number.quantize(unit, context=_EXACTLY)
    except Inexact:
        nearest = number.quantize(unit, context=_AWAY_FROM_ZERO)
        raise NotAValue("too_many_decimals", nearest) from None


def _decimals(texts: pl.Series, scale: int) -> Converted:
    pattern = _PLAIN_DECIMAL.format(scale=scale)
    dtype = pl.Decimal(_DECIMAL_DIGITS, scale)
    return _by_pattern(texts, pattern, dtype, lambda text: exact(text, scale))


def _floats(texts: pl.Series) -> Converted:
    converted = _by_pattern(texts, f"^{_NUMBER.pattern}$", pl.Float64(), _float)
    # -0.0 and 0.0 are one value, and must be stored and hashed as one.
    value = pl.col(texts.name)
    one_zero = pl.when(value == 0.0).then(0.0).otherwise(value).alias(texts.name)
    return Converted(converted.values.to_frame().select(one_zero).to_series(), converted.words)


def _whole(text: str) -> int:
    try:
        number = int(exact(text, 0))
    except NotAValue as refusal:
        raise NotAValue(
            "not_whole" if refusal.word == "too_many_decimals" else refusal.word
        ) from None
    if abs(number) > _LARGEST_WHOLE:
        raise NotAValue("out_of_range")
    return number


def _float(text: str) -> float:
    if not is_number(text):
        raise NotAValue("not_a_number")
    return float(text)


def _booleans(texts: pl.Series) -> Converted:
    lowered = texts.str.to_lowercase()
    is_true = pl.select(
        pl.when(lowered.is_in(["true", "false"])).then(lowered == "true").alias(texts.name)
    ).to_series()
    return _patched(texts, is_true, _never("not_a_boolean"))


def _repeated_instants(texts: pl.Series) -> Converted:
    """Instants, each run of the same read once: rows that happened together land together."""
    if len(texts) < _RUN:
        return _instants(texts)
    is_new = texts.ne_missing(texts.shift())
    starts = np.union1d([0], is_new.arg_true().to_numpy())
    if len(starts) * _RUN > len(texts):
        return _instants(texts)
    found = _instants(texts.gather(starts))
    if found.words:
        return _instants(texts)
    of_run = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(texts)))
    return Converted(found.values.gather(of_run), {})


def _instants(texts: pl.Series) -> Converted:
    values = texts.to_frame().select(_plain_instant(texts.name)).to_series()
    return _patched(texts, values.cast(pl.Datetime("us", "UTC")), _no_instant)


@cache
def _plain_instant(name: str) -> pl.Expr:
    column = pl.col(name)
    plain = pl.when(column.str.contains(_PLAIN_INSTANT)).then(
        pl.concat_str(
            column.str.slice(0, 10),
            pl.lit("T"),
            column.str.slice(11).str.replace("[Zz]$", "+00:00"),
        )
    )
    return plain.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", strict=False, time_unit="us").alias(
        name
    )


def _no_instant(text: str) -> None:
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise NotAValue("not_a_time")
    if match["zone"] is None:
        raise NotAValue("without_zone")
    if match["second"] == "60":
        raise NotAValue("leap_second")
    raise NotAValue("below_microsecond" if len(match["fraction"] or "") > 6 else "not_a_time")


def _dates(texts: pl.Series) -> Converted:
    plain = pl.when(pl.col(texts.name).str.contains(_PLAIN_DATE)).then(pl.col(texts.name))
    day = plain.str.to_date("%Y-%m-%d", strict=False)
    # Polars knows a year 0, Python and Delta's readers do not.
    day = pl.when(day >= date.min).then(day)
    values = texts.to_frame().select(day.alias(texts.name)).to_series()
    return _patched(texts, values, _never("not_a_date"))


def _by_pattern(
    texts: pl.Series, pattern: str, dtype: pl.DataType, one: Callable[[str], object]
) -> Converted:
    """Cast the texts that match; ask `one` for the value of every other."""
    values = texts.to_frame().select(_matching(texts.name, pattern, dtype)).to_series()
    return _patched(texts, values, one)


@cache
def _matching(name: str, pattern: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    return pl.when(column.str.contains(pattern)).then(column).cast(dtype, strict=False).alias(name)


def _patched(texts: pl.Series, values: pl.Series, one: Callable[[str], object]) -> Converted:
    # A value comes of a text: as many of one as of the other, and none is left.
    if values.null_count() == texts.null_count():
        return Converted(values, {})
    left = (texts.is_not_null() & values.is_null()).arg_true()
    found: list[object] = []
    words: dict[int, str] = {}
    for index, text in zip(left, texts.gather(left), strict=True):
        try:
            found.append(one(text))
        except NotAValue as refusal:
            found.append(refusal.nearest)
            words[index] = refusal.word
    patch = pl.Series(found, dtype=values.dtype)
    return Converted(values.scatter(left, patch), words)


def _never(word: str) -> Callable[[str], object]:
    def refuse(_: str) -> object:
        raise NotAValue(word)

    return refuse
