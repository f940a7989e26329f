"""CHECK constraints of a table, as rows are held to them before they are committed.

Most bound one column, and hold of all rows if they hold of its least and its greatest: numbers that
take no query to find, where a dozen tables of few rows are committed a cycle. Where that does not
decide, the condition itself does.
"""

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

import polars as pl

# How the library stores CAST(x AS DOUBLE), which Polars has no word for.
_CAST = re.compile(r"arrow_cast\((\w+), 'Float64'\)")
_OR_NULL = re.compile(r"(\w+) IS NULL OR (.*)")
_FINITE = re.compile(r"(\w+) - \1 = 0")
_LIMIT = re.compile(r"(?:(\w+)|arrow_cast\((\w+), 'Float64'\)) ([<>]=?) (-?\d+(?:\.\d+)?)")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}


@dataclass(frozen=True)
class Bounds:
    """What a condition says of one column, where it says nothing else."""

    column: str
    may_be_null: bool
    limits: tuple[tuple[Callable[[Any, Any], bool], Decimal], ...]

    def hold(self, frame: pl.DataFrame) -> bool:
        """Whether they surely hold of every row; False where they may not."""
        values = frame.get_column(self.column)
        nulls = values.null_count()
        if nulls and not self.may_be_null:
            return False
        if nulls == len(values):
            return True
        # What is no number is neither least nor greatest, but no sum of numbers either.
        if values.dtype.is_float() and not math.isfinite(values.sum()):
            return False
        ends: tuple[Any, Any] = values.min(), values.max()
        return all(holds(end, limit) for end in ends for holds, limit in self.limits)


@dataclass(frozen=True)
class Check:
    """A condition, and what it says of one column; None where it says more."""

    condition: pl.Expr
    bounds: Bounds | None


@cache
def check_of(text: str) -> Check:
    """A constraint as the Delta library keeps it.

    Raises:
        pl.exceptions.PolarsError: it is in words that Polars does not have.
    """
    found, sql = _bounds(text), _CAST.sub(r"CAST(\1 AS DOUBLE)", text)
    if found:
        # A column may be named by a word of the language.
        sql = re.sub(rf"\b{found.column}\b", f'"{found.column}"', sql)
    return Check(pl.sql_expr(sql), found)


def keeps(checks: Sequence[Check], frame: pl.DataFrame) -> bool:
    """Whether every row satisfies every condition; as in Delta, null does not."""
    unsure = [c.condition for c in checks if c.bounds is None or not c.bounds.hold(frame)]
    kept = [condition.all(ignore_nulls=False) for condition in unsure]
    return not kept or frame.select(pl.all_horizontal(kept)).item() is True


def _bounds(text: str) -> Bounds | None:
    column = None
    if or_null := _OR_NULL.fullmatch(text):
        column, text = or_null.groups()
    limits = []
    for term in text.split(" AND "):
        limit, finite = _LIMIT.fullmatch(term), _FINITE.fullmatch(term)
        if limit is None and finite is None:
            return None
        of = (limit[1] or limit[2]) if limit else finite[1] if finite else None
        if of != (column or of):
            return None
        column = of
        if limit:
            limits.append((_OPERATORS[limit[3]], Decimal(limit[4])))
    return Bounds(str(column), or_null is not None, tuple(limits))
