"""The history of the book's factors as arrays, and what runs and models take from it."""

from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.avalanche.book.faults import BookError
from margin_assets.avalanche.book.reading import Tables
from margin_assets.kernels.avalanche.market.residuals import bridged, by_hour, unit_variance
from margin_assets.kernels.initial_margin.historical import filtered
from margin_assets.kernels.numeric.arrays import FloatArray

DECAY = 0.97
"""Memory of the volatility that the generator's history is filtered by."""
BRIDGE_SEED = 17
_HOURS = 24


class History(NamedTuple):
    """Returns of every factor on every day; empty where the book has none."""

    dates: tuple[date, ...]
    daily: FloatArray
    """[day, factor]; not a number where a factor has no return."""
    hourly: FloatArray
    """[day, 24, factor]; no days where the history is daily."""

    def lacking(self, factors: list[int]) -> list[int]:
        """Those of the factors that do not have a return on every day."""
        if not self.dates:
            return factors
        return [f for f in factors if np.isnan(self.daily[:, f]).any()]


def history_of(tables: Tables, factors: tuple[str, ...]) -> History:
    """The history of a book.

    Raises:
        BookError: A factor has two returns at one time, or days and hours are mixed.
    """
    rows = tables["factor_history"]
    if not rows.height:
        empty = np.zeros((0, len(factors)))
        return History((), empty, np.zeros((0, _HOURS, len(factors))))
    twice = rows.filter(pl.struct("factor_id", "date", "hour").is_duplicated())
    if twice.height:
        factor, day, hour = twice.select("factor_id", "date", "hour").row(0)
        raise BookError([f"factor_history: {factor!r} has two returns on {day}, hour {hour}"])
    by_the_hour = rows["hour"].is_not_null()
    if by_the_hour.any() and not by_the_hour.all():
        raise BookError(["factor_history: some rows have an hour and others none"])
    dates = tuple(rows["date"].unique().sort())
    place = {day: number for number, day in enumerate(dates)}
    column = {factor: number for number, factor in enumerate(factors)}
    at = np.array([place[day] for day in rows["date"]])
    of = np.array([column[factor] for factor in rows["factor_id"]])
    returns = rows["return"].to_numpy()
    if not by_the_hour.any():
        daily = np.full((len(dates), len(factors)), np.nan)
        daily[at, of] = returns
        return History(dates, daily, np.zeros((0, _HOURS, len(factors))))
    hourly = np.full((len(dates), _HOURS, len(factors)), np.nan)
    hourly[at, rows["hour"].to_numpy(), of] = returns
    return History(dates, hourly.sum(axis=1), hourly)


def generator_residuals(
    history: History, hour_share: FloatArray, factors: tuple[str, ...]
) -> FloatArray:
    """[day, 24, factor]: what the bootstrap draws from.

    Raises:
        BookError: A factor lacks a return on some day.
    """
    lacking = history.lacking(list(range(len(factors))))
    if lacking:
        raise BookError(
            f"factor_history: {factors[f]!r} has no return on every day, and the generator is "
            "history"
            for f in lacking
        )
    apart = filtered(history.daily, DECAY)
    if len(history.hourly):
        standard = by_hour(history.hourly, apart.volatility, hour_share)
        days, hours, count = standard.shape
        return unit_variance(standard.reshape(days * hours, count)).reshape(days, hours, count)
    return bridged(unit_variance(apart.residuals), hour_share, BRIDGE_SEED)
