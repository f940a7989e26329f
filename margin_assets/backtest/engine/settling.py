"""What becomes of options that nobody closed: shares and cash, by the rule for the unreported."""

import numpy as np
import polars as pl

from margin_assets.backtest.engine.contracts import Ends, units_of
from margin_assets.backtest.engine.state import State
from margin_assets.backtest.history.building import Contracts, History
from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.series import USABLE, Series
from margin_assets.kernels.book.states import DELIVERABLE_UNMODELLED
from margin_assets.kernels.corporate.exercises import Legs, Terms, in_the_money, legs_of
from margin_assets.kernels.margin.revaluation import restrikes
from margin_assets.kernels.margin.settlement import settled
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import MICRO, value_cents
from margin_assets.kernels.options.valuation import OptionValues, option_values
from margin_assets.kernels.rules.rules import Rules


def counted(book: Book, series: Series, rules: Rules) -> Book:
    """A book as it counts: options that have ended are the shares and cash that they come to."""
    if not series.is_ended.any() or not series.is_ended[book.series].any():
        return book
    listed, delivered = series.multiplier[book.series], series.delivered[book.series]
    in_shares = series.is_ended[book.series] & (listed != delivered)
    quantity = np.where(in_shares, book.quantity // listed * delivered, book.quantity)

    def valued() -> OptionValues:
        return option_values(series, rules, restrikes(book, series))

    return settled(book._replace(quantity=quantity), series, rules, valued)


def settle_contracts(
    state: State, known: tuple[History, Ends], series: Series, at: tuple[int, int]
) -> Int64Array:
    """Settles what is due at an instant of a session; returns whose.

    Args:
        state: Moved in place.
        known: A history with contracts, and their ends.
        series: Terms of the instant.
        at: Session and instant.
    """
    (history, ends), (place, due) = known, at
    contracts = history.contracts
    if contracts is None:
        return np.zeros(0, dtype=np.int64)
    column = contracts.first + np.flatnonzero(ends.due == due)
    column = column[series.input_state[column] & DELIVERABLE_UNMODELLED == 0]
    seat, row = np.nonzero(state.quantity[:, column])
    lots = (column[row] - contracts.first, state.quantity[seat, column[row]])
    legs = _legs(history, series, ends, lots, place)
    state.quantity[seat, column[row]] = 0
    np.add.at(state.quantity, (seat, contracts.underlying[lots[0]]), legs.shares)
    np.add.at(state.cash, seat, legs.cash)
    return np.unique(seat).astype(np.int64)


def _legs(
    history: History, series: Series, ends: Ends, lots: tuple[Int64Array, Int64Array], place: int
) -> Legs:
    """What lots, by contract and micro-units, come to in units of a session of settlement."""
    contracts, (number, quantity) = history.contracts, lots
    if contracts is None:
        raise ValueError("the history has no contracts")
    column = contracts.first + number
    listed = series.multiplier[column]
    strike, multiplier = (contracts.terms[name].to_numpy() for name in ("strike", "multiplier"))
    terms = Terms(
        underlying=pl.Series([None] * len(number), dtype=pl.String),
        is_call=series.is_call[column],
        strike=series.strike[column],
        multiplier=series.delivered[column],
        pays_cash=series.is_on_index[column],
        paid=np.where(series.delivered[column] == listed, -1, (strike * multiplier)[number]),
    )
    told = [_value(history, contracts, ends, (n, place)) for n in number.tolist()]
    value = np.array(told, dtype=np.int64)
    delivers = in_the_money(terms, value) >= ends.threshold[number]
    # Told as they change the account: what is held goes, what is owed comes back.
    return legs_of(terms, -quantity // listed * MICRO, delivers, value)


def _value(history: History, contracts: Contracts, ends: Ends, at: tuple[int, int]) -> int:
    """Value of the underlying that decides, in units of the session of settlement."""
    number, place = at
    then = units_of(history, contracts, number, int(ends.session[number]))
    return int(int(ends.value[number]) * then / units_of(history, contracts, number, place))


def close_ended(state: State, seats: Int64Array, series: Series) -> None:
    """Pays what options that have ended are in the money by, before they are settled.

    Without a usable price what is owed counts, at the last price, and what is held does not.
    """
    row, security = np.nonzero((state.quantity[seats] != 0) & series.is_ended)
    if not len(row):
        return
    seat = seats[row]
    held = state.quantity[seat, security]
    gap = series.price[security] - series.strike[security]
    inside = np.maximum(np.where(series.is_call[security], gap, -gap), 0)
    counts = (series.price_state[security] <= USABLE) | (held < 0)
    units = held // series.multiplier[security] * series.delivered[security]
    worth = zip(units.tolist(), np.where(counts, inside, 0).tolist(), strict=True)
    paid = np.array([value_cents(units, each) for units, each in worth], dtype=np.int64)
    np.add.at(state.cash, seat, paid)
    state.quantity[seat, security] = 0
