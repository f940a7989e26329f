"""Requirement, stress and summary tables: frames over the compiled rules, one row each grain.

Frames that hold several business dates carry `business_date` as a leading key and give it back.
"""

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from margin_assets.kernels.book.book import CASH, Book
from margin_assets.kernels.book.eras import EPOCH, keys_of
from margin_assets.kernels.book.figures import Figures, gross_values
from margin_assets.kernels.book.series import Series
from margin_assets.kernels.book.states import INDETERMINATE, STATE_NAMES, state_names
from margin_assets.kernels.margin.house import addons_of, house_accounts
from margin_assets.kernels.margin.margined import Eras, Margined, table
from margin_assets.kernels.margin.portfolio_margin import (
    TODAY,
    Asked,
    PricedSeries,
    contract_minimum,
    scan_position,
)
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import OWNS
from margin_assets.kernels.numeric.money import BEYOND, to_decimal
from margin_assets.kernels.rules.rules import Rules, product_group_names, scenario_names
from margin_assets.kernels.securities.lines import is_exact, marked
from schemas import empty
from schemas.house import HouseRequirements
from schemas.margin import MarginSummary, StressResults, TimsRequirements

POINT_COLUMNS = (
    *(f"pnl_down_{k}" for k in range(5, 0, -1)),
    *(f"pnl_up_{k}" for k in range(1, 6)),
)


def tims_requirements(eras: Eras) -> dy.DataFrame[TimsRequirements]:
    """P&L of each account's class groups at the ten points of 4210(g), before product offsets."""
    return table(_tims, eras)


def _tims(era: Margined) -> pl.DataFrame:
    positions, book, series, rules = era.positions, era.book, era.series, era.rules
    first = _group_starts(book, series)
    pnl, whole, minimum = _scans(book, era.priced, rules, first)
    heads = positions[first]
    ranges = series.range_class[book.series[first]]
    worst = np.argmin(pnl, axis=1) if len(first) else np.zeros(0, dtype=np.int64)
    scan = np.maximum(0, -pnl.min(axis=1, initial=0))
    day = (positions["as_of"].head(1).dt.date().to_list() or [EPOCH])[0]
    products = pl.Series([*product_group_names(day), None], dtype=pl.String)
    moves = rules.points[ranges, worst] / 1e6
    return keys_of(heads, "account_id", "class_group").with_columns(
        product_group=products.gather(rules.product_group[ranges] % len(products)).fill_null(
            heads["class_group"]
        ),
        **{name: to_decimal(pnl[:, k].copy(), 2) for k, name in enumerate(POINT_COLUMNS)},
        worst_move=pl.Series(moves, dtype=pl.Float64),
        scan_risk=to_decimal(scan, 2),
        minimum=to_decimal(minimum, 2),
        not_margined=to_decimal(whole, 2),
        requirement=to_decimal(np.maximum(scan, minimum) + whole, 2),
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


@njit(**OWNS)
def _scans(
    book: Book, priced: PricedSeries, rules: Rules, first: Int64Array
) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.int64]], Int64Array, Int64Array]:
    """P&L at the points, what is required whole and the contracts' minimum of each class group."""
    pnl = np.zeros((len(first), rules.points.shape[1]), dtype=np.int64)
    whole = np.zeros(len(first), dtype=np.int64)
    minimum = np.zeros(len(first), dtype=np.int64)
    series, a = priced.series, 0
    for g in range(len(first)):
        end = first[g + 1] if g + 1 < len(first) else len(book.series)
        while book.offsets[a + 1] <= first[g]:
            a += 1
        for i in range(first[g], end):
            position = marked(book, series, rules, i)
            if is_exact(series, position, rules):
                asked = Asked(book.is_exempt[a], TODAY)
                line = scan_position(priced, rules, position, asked, pnl[g])
                whole[g] = min(whole[g] + line, BEYOND)
                minimum[g] += contract_minimum(series, rules, position)
    return pnl, whole, minimum


def stress_results(eras: Eras) -> dy.DataFrame[StressResults]:
    """Beta-weighted SPY stress of each account, requirement held and struck again."""
    return table(_stress, eras)


def _stress(era: Margined) -> pl.DataFrame:
    accounts, rules, figures = era.accounts, era.rules, era.governed.figures
    count = len(rules.stress_moves)
    pnl, restruck = figures.pnl.ravel(), figures.restruck.ravel()
    equity, held = (np.repeat(f, count) for f in (figures.equity, figures.governing))
    equity += pnl
    flagged = np.repeat(state_flags(figures, "beta_missing"), count)
    keys = keys_of(accounts, "account_id", "as_of")[np.repeat(np.arange(accounts.height), count)]
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


def house_requirements(eras: Eras) -> dy.DataFrame[HouseRequirements]:
    """Add-ons of the house overlays that the day's rulebook switches on, one row a charge."""
    return table(_house, eras)


def _house(era: Margined) -> pl.DataFrame:
    if not era.overlays.enabled:
        return keys_of(era.accounts.clear(), "account_id", "as_of").join(
            empty("house_requirements"), on="account_id"
        )
    required = house_accounts(era.accounts, era.figures)
    return addons_of(era.house_positions(), required, era.overlays)


def _named(states: npt.NDArray[np.int32]) -> pl.Series:
    """Named states of each account: few combinations occur."""
    distinct, place = np.unique(states, return_inverse=True)
    return pl.Series([state_names(int(s)) for s in distinct], dtype=pl.String).gather(place)


def state_flags(figures: Figures, name: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which accounts have a named state."""
    flags: np.ndarray[tuple[int], np.dtype[np.bool_]] = (
        figures.states >> STATE_NAMES.index(name) & 1
    ).astype(np.bool_)
    return flags


def margin_summary(eras: Eras) -> dy.DataFrame[MarginSummary]:
    """Both methods of each account side by side, and what governs."""
    return table(summary_of, eras)


def summary_of(era: Margined) -> pl.DataFrame:
    """The summary of every account under one set of rules, whatever is in force on its day."""
    figures, charge = era.governed
    savings = margin_savings(figures)
    cents = {
        "long_market_value": figures.long_value,
        "short_market_value": figures.short_value,
        "long_option_value": figures.long_options,
        "short_option_value": figures.short_options,
        "gross_market_value": gross_values(figures, slice(None)),
        "beta_weighted_exposure": figures.exposure,
        "equity": figures.equity,
        "reg_t_equity": figures.reg_t_equity,
        "net_liquidation": figures.net_liquidation,
        "reg_t_requirement": figures.maintenance,
        "initial_requirement": figures.initial,
        "portfolio_margin_requirement": figures.portfolio_margin,
        "regulatory_requirement": figures.governing - charge,
        "house_addons": charge,
        "house_requirement": figures.governing,
        "governing_requirement": figures.governing,
        "excess": figures.equity - figures.governing,
        "margin_savings": savings,
    }
    known = figures.states & INDETERMINATE == 0
    reasons = _ineligible(era, figures)
    return keys_of(era.accounts, "account_id", "account_type", "cash", "as_of").with_columns(
        status=_word(known, "determinate", "indeterminate"),
        reasons=_named(figures.states),
        **{name: to_decimal(values, 2) for name, values in cents.items()},
        margin_method=_word(savings > 0, "portfolio_margin", "reg_t"),
        is_portfolio_margin_eligible=reasons == "",
        ineligible_reasons=reasons,
    )


def margin_savings(figures: Figures) -> Int64Array:
    """What portfolio margin leaves free beyond Reg T, cents.

    Without options it is the difference of the requirements; with them each requirement is set
    against its own equity, so it is the difference of what remains.
    """
    free = figures.net_liquidation - figures.portfolio_margin
    savings: Int64Array = free - (figures.reg_t_equity - figures.maintenance)
    return savings


def _word(flags: np.ndarray[tuple[int], np.dtype[np.bool_]], yes: str, no: str) -> pl.Series:
    return pl.select(pl.when(pl.Series(flags)).then(pl.lit(yes)).otherwise(pl.lit(no))).to_series()


def _ineligible(era: Margined, figures: Figures) -> pl.Series:
    """Why portfolio margin is closed to each account; empty where it is open.

    Bonds are carried at their own rates beside it; unlisted options ask for another tier.
    """
    book, rules = era.book, era.rules
    unlisted = np.repeat(np.arange(len(book.cash)), np.diff(book.offsets))[
        (~era.positions["is_listed"]).to_numpy()
    ]
    has_unlisted = np.isin(np.arange(len(book.cash)), unlisted)
    equity = figures.net_liquidation
    tests = pl.DataFrame(
        {
            "cash_account": book.account_type == CASH,
            "equity_below_minimum": equity < rules.portfolio_minimum,
            "unlisted_below_minimum": has_unlisted & (equity < rules.unlisted_minimum),
            "indeterminate": figures.states & INDETERMINATE != 0,
        }
    )
    named = [pl.when(pl.col(name)).then(pl.lit(name)) for name in tests.columns]
    return tests.select(pl.concat_str(named, separator=";", ignore_nulls=True)).to_series()
