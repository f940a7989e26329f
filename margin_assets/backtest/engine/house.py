"""House add-ons of a day, by the overlays' own kernel; asked only where one is switched on."""

from functools import cache

import numpy as np
import polars as pl

from margin_assets.backtest.engine.ground import Ground, Moment
from margin_assets.backtest.history.building import History, returns_of
from margin_assets.backtest.policy import DayRules
from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.book.series import Series
from margin_assets.kernels.margin.house import charge_house, house_charges, house_positions
from margin_assets.kernels.margin.portfolio_margin import priced_series
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.numeric.money import MICRO, instant, to_decimal
from margin_assets.kernels.options.valuation import option_values
from margin_assets.kernels.securities.positions import with_marks
from schemas.landed import ACCOUNT_TYPES

_YEAR = 252.0


def charge(ground: Ground, at: tuple[Moment, Book], figures: Figures, day_rules: DayRules) -> None:
    """Adds the add-ons of a moment to what governs, in place."""
    (point, place, series, _), book = at
    if not day_rules.overlays.enabled:
        return
    now = instant(point)
    types = [ACCOUNT_TYPES[kind] for kind in book.account_type]
    accounts = pl.DataFrame({"account_id": _seats(len(types)), "account_type": types})
    accounts = accounts.with_columns(as_of=now)

    def positions() -> pl.DataFrame:
        held = _positions(ground, place, book, series).with_columns(as_of=now)
        marked = with_marks(held, book, series, day_rules.rules)
        values = option_values(series, day_rules.rules, np.zeros(0, dtype=np.int64))
        return house_positions(marked, book, priced_series(series, values), day_rules.rules)

    added = house_charges(accounts, figures, day_rules.overlays, positions)
    charge_house(figures, slice(None), added)


@cache
def _seats(count: int) -> pl.Series:
    return pl.Series([f"{seat:06d}" for seat in range(count)])


def _positions(ground: Ground, place: int, book: Book, series: Series) -> pl.DataFrame:
    history = ground.history
    owner = np.repeat(np.arange(len(book.cash)), np.diff(book.offsets))
    symbols, classes = pl.Series(history.symbols), pl.Series(history.asset_class)
    above, held = _underlyings(history), pl.Series(book.series.astype(np.int64))
    nothing, is_option = pl.lit(None, pl.Float64), classes == "option"
    sizes = series.multiplier[book.series] // MICRO
    return pl.DataFrame(
        {
            "account_id": _seats(len(book.cash)).gather(owner),
            "symbol": symbols.gather(held),
            "asset_class": classes.gather(held),
            "issuer_class": classes.gather(above).gather(held),
            "underlying": symbols.gather(above).set(~is_option, None).gather(held),
            "underlying_price": to_decimal(series.underlying_price[book.series], 6),
            "quantity": to_decimal(book.quantity // sizes, 6),
            "multiplier": to_decimal(series.multiplier[book.series], 6),
            "last_price": to_decimal(series.price[book.series], 6),
            "beta": series.beta[book.series],
            "volatility_annual": _volatility(ground, place)[above][book.series],
        }
    ).with_columns(
        underlying_price=pl.when(pl.col("underlying").is_not_null()).then("underlying_price"),
        expected_range=nothing,
        borrow_rate=nothing,
        is_hard_to_borrow=pl.lit(None, pl.Boolean),
    )


def _underlyings(history: History) -> Int64Array:
    """Column of what each security is written on; its own where it is no option."""
    columns = np.arange(len(history.symbols), dtype=np.int64)
    if history.contracts is not None:
        columns[history.contracts.first :] = history.contracts.underlying
    return columns


def _volatility(ground: Ground, place: int) -> FloatArray:
    """Annualised deviation of the returns of the sessions before; NaN where any is missing."""
    sessions, history = ground.counting.volatility_sessions, ground.history
    first = max(place - sessions - 1, 0)
    window = returns_of(history.total[first:place], history.age[first:place])[1:]
    if len(window) < sessions:
        return np.full(len(history.symbols), np.nan)
    found: FloatArray = window.std(axis=0, ddof=1) * np.sqrt(_YEAR)
    return found
