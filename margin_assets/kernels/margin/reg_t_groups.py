"""The `reg_t_requirements` table: every group of an account with its rule, so that it adds up."""

from typing import NamedTuple

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.eras import keys_of
from margin_assets.kernels.book.series import BOND, Series
from margin_assets.kernels.book.states import BEYOND_RANGE
from margin_assets.kernels.margin.margined import Eras, Margined, table
from margin_assets.kernels.margin.revaluation import mixed_accounts
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import OWNS
from margin_assets.kernels.numeric.money import to_decimal, value_cents
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.bonds import (
    EXEMPT_PARAGRAPH,
    INVESTMENT_GRADE,
    MUNICIPAL,
    PARAGRAPHS,
    SHORT_PARAGRAPH,
    principal_cents,
    short_debt_line,
)
from margin_assets.kernels.securities.lines import is_below, is_exact, marked
from margin_assets.kernels.strategies.group_lines import strategy_rates
from margin_assets.kernels.strategies.least_groups import least_requirements
from margin_assets.kernels.strategies.problems import own_lines, problems_of, run_end
from margin_assets.kernels.strategies.strategy_groups import strategy_groups
from schemas.margin import RegTRequirements

COLUMNS = (
    "symbol",
    "strategy",
    "rule",
    "quantity",
    "legs",
    "market_value",
    "gross_requirement",
    "maintenance_requirement",
    "initial_requirement",
    "net_deposit",
    "max_potential_loss",
)


def reg_t_requirements(eras: Eras) -> dy.DataFrame[RegTRequirements]:
    """Groups of least requirement under FINRA 4210(c), (e) and (f)(2), with Regulation T."""
    return table(_reg_t, eras)


def _reg_t(era: Margined) -> pl.DataFrame:
    positions, book, series, rules = era.counted, era.book, era.series, era.rules
    everyone = np.arange(era.accounts.height, dtype=np.int64)
    numbered = positions.with_columns(place=pl.int_range(pl.len(), dtype=pl.Int64))
    lines = _lines(book, series, rules)
    paragraphs = _paragraphs(positions, book, series, lines)
    parts = [_own_rows(numbered, book, series, lines, paragraphs)]
    # Of an account beyond the exact range no group has an amount.
    is_exact = era.figures.states & BEYOND_RANGE == 0
    mixed = everyone[mixed_accounts(book, series, everyone) & is_exact]
    problems = problems_of(book, series, rules, mixed)
    if len(problems.stock_position) or len(problems.leg_position):
        solution = least_requirements(problems, strategy_rates(rules))
        parts.append(strategy_groups(numbered, paragraphs, (problems, solution), rules))
    # A book without groups of its own is in order.
    rows = parts[0] if len(parts) == 1 else pl.concat(parts).sort("place", "order")
    numbered_rows = rows.with_columns(group_number=_numbers(rows["place"].to_numpy(), book))
    keys = keys_of(rows, "account_id").columns
    return numbered_rows.select(*keys, "group_number", *COLUMNS, "as_of")


def _numbers(place: Int64Array, book: Book) -> pl.Series:
    """Numbers of rows among those of their account, from 1; by the position that each is of."""
    first = np.searchsorted(place, book.offsets[:-1])
    counts = np.diff(first, append=len(place))
    within = np.arange(len(place)) - np.repeat(first, counts)
    return pl.Series(within + 1, dtype=pl.Int64)


class Lines(NamedTuple):
    """Positions that are not grouped: what each requires, cents."""

    maintenance: Int64Array
    initial: Int64Array
    below: npt.NDArray[np.bool_]
    is_short_debt: npt.NDArray[np.bool_]
    """Of a short bond: whether 4210(c)(4) decides."""
    is_grouped: npt.NDArray[np.bool_]
    """Whether it stands in a group instead."""


@njit(**OWNS)
def _lines(book: Book, series: Series, rules: Rules) -> Lines:
    count = len(book.series)
    maintenance, initial = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    below, grouped = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    short_debt = np.zeros(count, dtype=np.bool_)
    for a in range(len(book.cash)):
        i, end = book.offsets[a], book.offsets[a + 1]
        while i < end:
            after, _, _, is_grouped = run_end(book, series, i, end)
            while i < after:
                position = marked(book, series, rules, i)
                s, quantity, price = position
                below[i] = is_below(price, rules)
                grouped[i] = is_grouped and series.kind[s] != BOND
                exact = is_exact(series, position, rules)
                if exact and not grouped[i]:
                    maintenance[i], initial[i] = own_lines(book, series, rules, a, i)
                if exact and series.kind[s] == BOND and quantity < 0:
                    size, principal = value_cents(-quantity, price), principal_cents(quantity)
                    short_debt[i] = maintenance[i] == short_debt_line(size, principal, rules)
                i += 1
    return Lines(maintenance, initial, below, short_debt, grouped)


def _own_rows(
    positions: pl.DataFrame, book: Book, series: Series, lines: Lines, paragraphs: pl.Series
) -> pl.DataFrame:
    kind = series.kind[book.series]
    value = pl.col("market_value")
    frame = positions.with_columns(
        order=pl.lit(0, pl.Int64),
        legs=pl.lit(None, pl.String),
        strategy=_strategies(kind, book.quantity),
        rule=paragraphs,
        maintenance_requirement=to_decimal(lines.maintenance, 2),
        initial_requirement=to_decimal(lines.initial, 2),
    ).with_columns(
        gross_requirement="maintenance_requirement",
        net_deposit="initial_requirement",
        # What a short sale may lose has no bound.
        max_potential_loss=pl.when(pl.col("quantity") > 0).then(value),
    )
    is_row = ~lines.is_grouped & (book.quantity != 0)  # an option that came to nothing
    kept = frame.filter(pl.Series(is_row))
    return kept.select(*keys_of(kept, "account_id").columns, "place", "order", *COLUMNS, "as_of")


def _strategies(kind: npt.NDArray[np.int8], quantity: Int64Array) -> pl.Series:
    words = pl.Series(["short_stock", "short_bond", "long_stock", "long_bond"])
    return words.gather(2 * (quantity > 0) + (kind == BOND))


def _paragraphs(positions: pl.DataFrame, book: Book, series: Series, lines: Lines) -> pl.Series:
    """Paragraph that decides each line."""
    long, marginable = pl.col("quantity") > 0, pl.col("is_marginable")
    fund = pl.when(pl.col("leverage").abs() != 1.0).then(pl.lit("; RN 09-53")).otherwise(pl.lit(""))
    return positions.select(
        rule=pl.when(pl.Series(series.kind[book.series] == BOND))
        .then(_bond_paragraphs(book, series, lines))
        .when(long & marginable)
        .then(pl.lit("FINRA 4210(c)(1)") + fund)
        .when(long)
        .then(pl.lit("FINRA 4210(c)(6)"))
        .when(~marginable)
        .then(pl.lit("house: non-marginable short"))
        .when(pl.Series(lines.below))
        .then(pl.lit("FINRA 4210(c)(2)") + fund)
        .otherwise(pl.lit("FINRA 4210(c)(3)") + fund)
    ).to_series()


def _bond_paragraphs(book: Book, series: Series, lines: Lines) -> pl.Series:
    code = series.bond_class[book.series]
    exempt = np.repeat(book.is_exempt, np.diff(book.offsets)) & (code <= INVESTMENT_GRADE)
    short = lines.is_short_debt & (code > MUNICIPAL)
    words = np.array(PARAGRAPHS, dtype=object)[code]
    words[short] = SHORT_PARAGRAPH
    words[exempt] = EXEMPT_PARAGRAPH
    return pl.Series(words.tolist(), dtype=pl.String)
