"""Requirement, stress and summary tables: frames over the compiled rules, one row each grain.

All take the `positions` and `account_state` frames, sorted by account; frames that hold several
business dates carry `business_date` as a leading key and give it back.
"""

from collections.abc import Callable
from datetime import date

import numpy as np
import polars as pl
from numba import njit

from margin_assets.kernels.book import (
    CASH,
    INDETERMINATE,
    STATE_NAMES,
    Book,
    Int64Array,
    Series,
    book_of,
    state_names,
)
from margin_assets.kernels.lines import (
    initial_line,
    is_below,
    is_exact,
    maintenance_line,
    mark_price,
    scan_line,
)
from margin_assets.kernels.money import BEYOND, to_decimal, value_cents
from margin_assets.kernels.revaluation import Figures, revalue
from margin_assets.kernels.rules import (
    Rules,
    product_group_names,
    rules_in_force,
    scenario_names,
)

POINT_COLUMNS = (
    *(f"pnl_down_{k}" for k in range(5, 0, -1)),
    *(f"pnl_up_{k}" for k in range(1, 6)),
)
Kernel = Callable[[pl.DataFrame, pl.DataFrame, Rules], pl.DataFrame]


def _under_its_rules(
    kernel: Kernel, positions: pl.DataFrame, accounts: pl.DataFrame
) -> pl.DataFrame:
    """Applies a kernel to each run of dates that share their rulebooks."""
    dates = accounts["as_of"].dt.date()
    eras: dict[int, list[date]] = {}
    rules_of = {day: rules_in_force(day) for day in dates.unique().sort().to_list()}
    for day, rules in rules_of.items():
        eras.setdefault(id(rules), []).append(day)
    parts = [
        kernel(
            positions.filter(positions["as_of"].dt.date().is_in(days)),
            accounts.filter(dates.is_in(days)),
            rules_of[days[0]],
        )
        for days in eras.values()
    ]
    if parts:
        return pl.concat(parts)
    return kernel(positions, accounts, rules_in_force(EPOCH))


EPOCH = date(1970, 1, 1)


def _keys(frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    date = ["business_date"] if "business_date" in frame.columns else []
    return frame.select(*date, *names)


def reg_t_requirements(positions: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """FINRA 4210(c) maintenance and Regulation T initial requirement of each position."""
    return _under_its_rules(_reg_t, positions, accounts)


def _reg_t(positions: pl.DataFrame, accounts: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    book, series = book_of(positions, accounts)
    maintenance, initial, below = _reg_t_lines(book, series, rules)
    is_long = pl.Series(book.quantity > 0)
    return _keys(positions, "account_id", "symbol").with_columns(
        strategy=pl.select(
            pl.when(is_long).then(pl.lit("long_stock")).otherwise(pl.lit("short_stock"))
        ).to_series(),
        rule=_paragraphs(positions, pl.Series(below)),
        market_value=positions["market_value"],
        maintenance_requirement=to_decimal(maintenance, 2),
        initial_requirement=to_decimal(initial, 2),
        as_of=positions["as_of"],
    )


def _paragraphs(positions: pl.DataFrame, below: pl.Series) -> pl.Series:
    """Paragraph of 4210 that decides each line."""
    long, marginable = pl.col("quantity") > 0, pl.col("is_marginable")
    fund = pl.when(pl.col("leverage").abs() != 1.0).then(pl.lit("; RN 09-53")).otherwise(pl.lit(""))
    return positions.select(
        rule=pl.when(long & marginable)
        .then(pl.lit("FINRA 4210(c)(1)") + fund)
        .when(long)
        .then(pl.lit("FINRA 4210(c)(6)"))
        .when(~marginable)
        .then(pl.lit("house: non-marginable short"))
        .when(below)
        .then(pl.lit("FINRA 4210(c)(2)") + fund)
        .otherwise(pl.lit("FINRA 4210(c)(3)") + fund)
    ).to_series()


@njit(cache=True)
def _reg_t_lines(
    book: Book, series: Series, rules: Rules
) -> tuple[Int64Array, Int64Array, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    count = len(book.series)
    maintenance = np.empty(count, dtype=np.int64)
    initial = np.empty(count, dtype=np.int64)
    below = np.empty(count, dtype=np.bool_)
    for i in range(count):
        s, quantity = book.series[i], book.quantity[i]
        price = mark_price(book, series, rules, i)
        below[i] = is_below(price, rules)
        if not is_exact(quantity, price, series.leverage[s], series.beta[s], rules):
            maintenance[i] = initial[i] = 0
            continue
        value = value_cents(quantity, price)
        maintenance[i] = maintenance_line(
            quantity, value, below[i], series.leverage[s], series.is_marginable[s], rules
        )
        initial[i] = initial_line(quantity, value, series.is_marginable[s], maintenance[i], rules)
    return maintenance, initial, below


def tims_requirements(positions: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """P&L of each account's class groups at the ten points of 4210(g), before product offsets."""
    return _under_its_rules(_tims, positions, accounts)


def _tims(positions: pl.DataFrame, accounts: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    book, series = book_of(positions, accounts)
    first = _group_starts(book, series)
    pnl, whole = _scans(book, series, rules, first)
    heads = positions[first]
    ranges = series.range_class[book.series[first]]
    worst = np.argmin(pnl, axis=1) if len(first) else np.zeros(0, dtype=np.int64)
    scan = np.maximum(0, -pnl.min(axis=1, initial=0))
    day = (positions["as_of"].dt.date().to_list() or [EPOCH])[0]
    products = [*product_group_names(day), None]
    moves = rules.points[ranges, worst] / 1e6
    return _keys(heads, "account_id", "class_group").with_columns(
        product_group=pl.Series(
            [products[g] for g in rules.product_group[ranges]], dtype=pl.String
        ).fill_null(heads["class_group"]),
        **{name: to_decimal(pnl[:, k].copy(), 2) for k, name in enumerate(POINT_COLUMNS)},
        worst_move=pl.Series(moves, dtype=pl.Float64),
        scan_risk=to_decimal(scan, 2),
        not_margined=to_decimal(whole, 2),
        requirement=to_decimal(scan + whole, 2),
        as_of=heads["as_of"],
    )


def _group_starts(book: Book, series: Series) -> Int64Array:
    """First position of every class group of every account."""
    group = series.class_group[book.series]
    is_first = np.ones(len(group), dtype=np.bool_)
    is_first[1:] = group[1:] != group[:-1]
    starts = book.offsets[:-1][np.diff(book.offsets) > 0]
    is_first[starts] = True
    return np.flatnonzero(is_first).astype(np.int64)


@njit(cache=True)
def _scans(
    book: Book, series: Series, rules: Rules, first: Int64Array
) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.int64]], Int64Array]:
    points = rules.points.shape[1]
    pnl = np.zeros((len(first), points), dtype=np.int64)
    whole = np.zeros(len(first), dtype=np.int64)
    for g in range(len(first)):
        end = first[g + 1] if g + 1 < len(first) else len(book.series)
        for i in range(first[g], end):
            s, quantity = book.series[i], book.quantity[i]
            price = mark_price(book, series, rules, i)
            leverage = series.leverage[s]
            if not is_exact(quantity, price, leverage, series.beta[s], rules):
                continue
            value = value_cents(quantity, price)
            if series.is_marginable[s]:
                for k in range(points):
                    pnl[g, k] += scan_line(value, rules.points[series.range_class[s], k], leverage)
            else:
                below = is_below(price, rules)
                line = maintenance_line(quantity, value, below, leverage, False, rules)
                whole[g] = min(whole[g] + line, BEYOND)
    return pnl, whole


def stress_results(positions: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Beta-weighted SPY stress of each account, requirement held and struck again."""
    return _under_its_rules(_stress, positions, accounts)


def _stress(positions: pl.DataFrame, accounts: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    figures = revalue(*book_of(positions, accounts), rules)
    count = len(rules.stress_moves)
    pnl, restruck = figures.pnl.ravel(), figures.restruck.ravel()
    equity = np.repeat(figures.equity, count) + pnl
    held = np.repeat(figures.governing, count)
    flagged = np.repeat(state_flags(figures, "beta_missing"), count)
    keys = _keys(accounts, "account_id", "as_of")[np.repeat(np.arange(accounts.height), count)]
    return keys.with_columns(
        scenario=pl.Series(scenario_names(rules) * accounts.height, dtype=pl.String),
        move=pl.Series(np.tile(rules.stress_moves, accounts.height)),
        pnl=to_decimal(pnl, 2),
        equity=to_decimal(equity, 2),
        requirement_held=to_decimal(held, 2),
        excess_held=to_decimal(equity - held, 2),
        requirement=to_decimal(restruck, 2),
        excess=to_decimal(equity - restruck, 2),
        is_underwater=pl.Series(equity - held < 0),
        is_flagged=pl.Series(flagged),
    )


def state_flags(figures: Figures, name: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which accounts have a named state."""
    flags: np.ndarray[tuple[int], np.dtype[np.bool_]] = (
        figures.states >> STATE_NAMES.index(name) & 1
    ).astype(np.bool_)
    return flags


def margin_summary(positions: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Both methods of each account side by side, and what governs."""
    return _under_its_rules(_summary, positions, accounts)


def _summary(positions: pl.DataFrame, accounts: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    book, series = book_of(positions, accounts)
    figures = revalue(book, series, rules)
    cents = {
        "long_market_value": figures.long_value,
        "short_market_value": figures.short_value,
        "gross_market_value": figures.long_value + figures.short_value,
        "beta_weighted_exposure": figures.exposure,
        "equity": figures.equity,
        "reg_t_requirement": figures.maintenance,
        "initial_requirement": figures.initial,
        "portfolio_margin_requirement": figures.portfolio_margin,
        "house_requirement": figures.governing,
        "governing_requirement": figures.governing,
        "excess": figures.equity - figures.governing,
        "margin_savings": figures.maintenance - figures.portfolio_margin,
    }
    cheaper = figures.portfolio_margin < figures.maintenance
    known = figures.states & INDETERMINATE == 0
    reasons = _ineligible(book, figures, rules)
    return _keys(accounts, "account_id", "account_type", "cash", "as_of").with_columns(
        status=_word(known, "determinate", "indeterminate"),
        reasons=pl.Series([state_names(int(s)) for s in figures.states], dtype=pl.String),
        **{name: to_decimal(values, 2) for name, values in cents.items()},
        margin_method=_word(cheaper, "portfolio_margin", "reg_t"),
        is_portfolio_margin_eligible=reasons == "",
        ineligible_reasons=reasons,
    )


def _word(flags: np.ndarray[tuple[int], np.dtype[np.bool_]], yes: str, no: str) -> pl.Series:
    return pl.select(pl.when(pl.Series(flags)).then(pl.lit(yes)).otherwise(pl.lit(no))).to_series()


def _ineligible(book: Book, figures: Figures, rules: Rules) -> pl.Series:
    """Why portfolio margin is closed to each account; empty where it is open."""
    tests = pl.DataFrame(
        {
            "cash_account": book.account_type == CASH,
            "equity_below_minimum": figures.equity < rules.portfolio_minimum,
            "indeterminate": figures.states & INDETERMINATE != 0,
        }
    )
    named = [pl.when(pl.col(name)).then(pl.lit(name)) for name in tests.columns]
    return tests.select(pl.concat_str(named, separator=";", ignore_nulls=True)).to_series()


def firm_risk(summary: pl.DataFrame, stress: pl.DataFrame) -> pl.DataFrame:
    """Each SPY scenario over the firm: one client's excess pays no other's deficit."""
    date = ["business_date"] if "business_date" in summary.columns else []
    zero = pl.lit(0).cast(pl.Decimal(38, 2))
    firm = (
        summary.group_by(*date, maintain_order=True).agg(_firm_totals())
        if date
        else (summary.select(_firm_totals()))
    )
    scenarios = (
        stress.group_by(*date, "scenario", "move", maintain_order=True)
        .agg(
            accounts=pl.len().cast(pl.Int64),
            accounts_deficient=(pl.col("excess") < 0).sum().cast(pl.Int64),
            pnl=pl.col("pnl").sum(),
            equity=pl.col("equity").sum(),
            requirement=pl.col("requirement").sum(),
            deficiency=-pl.min_horizontal("excess", zero).sum(),
            credit_exposure=-pl.min_horizontal("equity", zero).sum(),
            as_of=pl.col("as_of").max(),
        )
        .sort(*date, "move")
    )
    if date:
        return scenarios.join(firm, on=date, how="left", validate="m:1")
    return scenarios.join(firm, how="cross")


def _firm_totals() -> list[pl.Expr]:
    return [
        pl.col("gross_market_value").sum(),
        net_market_value.alias("net_market_value"),
        pl.col("beta_weighted_exposure").sum(),
    ]


net_market_value = (pl.col("long_market_value") - pl.col("short_market_value")).sum()
