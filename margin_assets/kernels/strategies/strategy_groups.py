"""Groups of a grouping as rows for people: the strategy by its name, its rule, its legs."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numba import njit

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.money import to_decimal, value_cents
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.strategies.group_lines import Line, group_line, strategy_rates, to_cents
from margin_assets.kernels.strategies.problems import Problems
from margin_assets.kernels.strategies.solutions import Solution, group_of
from margin_assets.kernels.strategies.strategies import (
    BOXED_STOCK,
    COVERED_CALL,
    COVERED_PUT,
    LONG_BOX,
    LONG_OPTION,
    NONE,
    PROTECTED_SHORT,
    REVERSE_CONVERSION,
    SHORT_OPTION,
    SPREAD,
    SPREAD_LEG,
    STOCK,
    STRADDLE,
    StrategyRates,
    contract_value,
    option_value,
)
from margin_assets.kernels.strategies.strategy_names import RULES, SPREAD_RULE, name_of
from schemas.margin import STRATEGIES

UNBOUNDED = np.iinfo(np.int64).min


class Rows(NamedTuple):
    """One entry a group for people, cents: a spread with its legs is one."""

    first: Int64Array
    """First row of the solution."""
    end: Int64Array
    place: Int64Array
    """Place in the book of its stock, or of its first leg."""
    name: Int64Array
    line: np.ndarray
    """Columns of `Line`."""
    value: Int64Array
    loss: Int64Array
    """Maximum potential loss; `UNBOUNDED` without one."""


def strategy_groups(
    positions: pl.DataFrame,
    paragraphs: pl.Series,
    solved: tuple[Problems, Solution],
    rules: Rules,
) -> pl.DataFrame:
    """Groups of solved problems; `positions` in book order with their `place`."""
    problems, solution = solved
    rows = _rows(problems, solution, strategy_rates(rules))
    legs = _legs_of(positions, problems, solution, rows)
    heads = positions[rows.place]
    names = pl.Series([STRATEGIES[name] for name in rows.name], dtype=pl.String)
    is_stock = names.is_in(["long_stock", "short_stock"])
    rule = names.replace_strict(RULES, default=SPREAD_RULE, return_dtype=pl.String)
    column = {name: to_decimal(rows.line[:, k].copy(), 2) for k, name in enumerate(Line._fields)}
    loss = to_decimal(rows.loss, 2, rows.loss == UNBOUNDED)
    keys = [name for name in ("business_date", "account_id") if name in heads.columns]
    return heads.select(
        *keys,
        pl.Series("place", rows.place),
        pl.Series("order", np.arange(len(rows.place)) + 1),
        symbol=pl.coalesce("underlying", "symbol"),
        strategy=names,
        rule=pl.select(
            pl.when(is_stock).then(paragraphs.gather(rows.place)).otherwise(rule)
        ).to_series(),
        quantity=legs["quantity"],
        legs=legs["legs"],
        market_value=to_decimal(rows.value, 2),
        gross_requirement=column["gross"],
        maintenance_requirement=column["maintenance"],
        initial_requirement=column["initial"],
        net_deposit=column["initial"] - column["proceeds"],
        max_potential_loss=loss,
        as_of=pl.col("as_of"),
    )


def leg_text(quantity: pl.Expr) -> pl.Expr:
    """A leg of `symbol` as a JSON object."""
    escaped = (
        pl.col("symbol")
        .str.replace_all("\\", "\\\\", literal=True)
        .str.replace_all('"', '\\"', literal=True)
    )
    shown = quantity.cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")
    return pl.format('{{"symbol": "{}", "quantity": {}}}', escaped, shown)


def _legs_of(
    positions: pl.DataFrame, problems: Problems, solution: Solution, rows: Rows
) -> pl.DataFrame:
    """First quantity and all legs as JSON of each row."""
    group, place, quantity = _legs(problems, solution, rows)
    named = positions.select(pl.col("symbol").gather(place), quantity=to_decimal(quantity, 6))
    text = leg_text(pl.col("quantity"))
    frame = pl.DataFrame({"group": group, "quantity": to_decimal(quantity, 6)})
    found = (
        frame.with_columns(text=named.select(text).to_series())
        .group_by("group", maintain_order=True)
        .agg(pl.col("quantity").first(), pl.len(), legs=pl.col("text").str.join(", "))
        .sort("group")
    )
    return found.with_columns(legs="[" + pl.col("legs") + "]")


@njit(**OWNS)
def _legs(
    problems: Problems, solution: Solution, rows: Rows
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Row, place in the book and signed quantity (micro) of every leg, stock first."""
    most = 5 * len(solution.kind)
    group, place = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    quantity = np.empty(most, dtype=np.int64)
    n = 0
    for row in range(len(rows.first)):
        for g in range(rows.first[row], rows.end[row]):
            stock = solution.stock[g]
            if stock != NONE:
                shares = solution.shares[g] * solution.count[g]
                group[n], place[n] = row, problems.stock_position[stock]
                quantity[n] = shares if problems.stocks[stock].shares > 0 else -shares
                n += 1
                if solution.kind[g] == BOXED_STOCK:
                    other = stock + problems.stocks[stock].other
                    group[n], place[n] = row, problems.stock_position[other]
                    quantity[n] = -quantity[n - 1]
                    n += 1
            for k in range(4):
                leg = solution.legs[g, k]
                if leg != NONE:
                    size = solution.count[g] * 1_000_000
                    group[n], place[n] = row, problems.leg_position[leg]
                    quantity[n] = size if problems.legs[leg].contracts > 0 else -size
                    n += 1
    return group[:n], place[:n], quantity[:n]


@njit(**OWNS)
def _rows(problems: Problems, solution: Solution, rates: StrategyRates) -> Rows:
    count = len(solution.kind)
    rows = Rows(
        np.empty(count, dtype=np.int64),
        np.empty(count, dtype=np.int64),
        np.empty(count, dtype=np.int64),
        np.empty(count, dtype=np.int64),
        np.zeros((count, 5), dtype=np.int64),
        np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.int64),
    )
    n = g = 0
    while g < count:
        end = g + 1
        while solution.kind[g] == SPREAD and end < count and solution.kind[end] == SPREAD_LEG:
            end += 1
        rows.first[n], rows.end[n] = g, end
        rows.place[n] = _place(problems, solution, g)
        rows.name[n] = name_of(problems, solution, g, end)
        for row in range(g, end):
            line = group_line(solution, row, problems, rates)
            for k in range(5):
                rows.line[n, k] += line[k]
            rows.value[n] += _value(problems, solution, row)
        rows.loss[n] = _loss(problems, solution, g)
        n += 1
        g = end
    return Rows(
        rows.first[:n],
        rows.end[:n],
        rows.place[:n],
        rows.name[:n],
        rows.line[:n],
        rows.value[:n],
        rows.loss[:n],
    )


@inner(**BORROWS)
def _place(problems: Problems, solution: Solution, g: int) -> int:
    if solution.stock[g] != NONE:
        return problems.stock_position[solution.stock[g]]
    first = solution.legs[g, 0] if solution.kind[g] != SPREAD else solution.legs[g + 1, 0]
    return problems.leg_position[first]


@inner(**BORROWS)
def _value(problems: Problems, solution: Solution, g: int) -> int:
    """Market value of one row of the solution, signed, cents."""
    total = 0
    for k in range(4):
        leg = solution.legs[g, k]
        if leg != NONE:
            worth = option_value(problems.legs[leg]) * solution.count[g]
            total += worth if problems.legs[leg].contracts > 0 else -worth
    cents = to_cents(total)
    stock = solution.stock[g]
    if stock != NONE:
        shares = solution.shares[g] * solution.count[g]
        worth = value_cents(shares, problems.stocks[stock].price)
        cents += worth if problems.stocks[stock].shares > 0 else -worth
        if solution.kind[g] == BOXED_STOCK:
            other = stock + problems.stocks[stock].other
            cents -= value_cents(shares, problems.stocks[other].price)
    return cents


@inner(**BORROWS)
def _loss(problems: Problems, solution: Solution, g: int) -> int:
    """Most that the group loses by expiry, before premiums, cents."""
    kind, group, legs = solution.kind[g], group_of(solution, g), problems.legs
    if kind == SPREAD:
        return to_cents(solution.amount[g])
    if kind == LONG_OPTION or kind == LONG_BOX:
        return 0
    if kind == SHORT_OPTION and not legs[group.a].is_call:
        return to_cents(
            contract_value(legs[group.a].strike, legs[group.a].units) * solution.count[g]
        )
    if kind == STOCK or kind == COVERED_CALL:
        return max(_value_of_stock(problems, solution, g), UNBOUNDED)
    is_open = kind == SHORT_OPTION or kind == STRADDLE or kind == COVERED_PUT
    if is_open or kind == BOXED_STOCK:
        return UNBOUNDED
    gap = legs[group.a].spot - legs[group.a].strike
    if kind == PROTECTED_SHORT or kind == REVERSE_CONVERSION:
        gap = legs[group.b if kind == REVERSE_CONVERSION else group.a].strike - legs[group.a].spot
    return to_cents(contract_value(max(gap, 0), legs[group.a].units) * solution.count[g])


@inner(**BORROWS)
def _value_of_stock(problems: Problems, solution: Solution, g: int) -> int:
    stock = solution.stock[g]
    if problems.stocks[stock].shares < 0:
        return UNBOUNDED
    return value_cents(solution.shares[g] * solution.count[g], problems.stocks[stock].price)
