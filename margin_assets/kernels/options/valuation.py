"""Option values of each series once, for every position in it: valuation points and stress.

An option without a usable model input has no value model: its P&L is then bounded by the move of
its underlying, since no option moves by more (`is_bound`). Losses count whole, gains not at all.
One quoted below its least value is worth that least value at each price: its volatility is 0.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from margin_assets.kernels.book.series import OPTION, USABLE, Series
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array, Int64Cube, Int64Table
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.money import MICRO, PPM, signed_value
from margin_assets.kernels.options.options import series_values
from margin_assets.kernels.options.quotes import contracts_of, delivered_share
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.lines import Marked

_BUMP = 1e-3  # of the spot, to either side, for the delta
_LEAST_MULTIPLE = 1e-6  # of the spot: a price falls by its whole at most


class OptionValues(NamedTuple):
    """Model values of option series, micro-dollars a quoted unit; one row an option series."""

    slot: npt.NDArray[np.int32]
    """Row of each series; -1 for what is no option."""
    scan: Int64Table
    """P&L at the valuation points."""
    stress: Int64Table
    """P&L in the stress scenarios: the change of the model's value, at most the price itself."""
    rescan: Int64Cube
    """P&L at the points from the price after each scenario, where asked for; else empty."""
    delta: npt.NDArray[np.float64]
    """Units of the underlying that a quoted unit stands for."""
    scan_bound: npt.NDArray[np.bool_]
    """No model: the move of the underlying bounds the P&L."""
    stress_bound: npt.NDArray[np.bool_]


def no_options() -> OptionValues:
    """Values of a market without options."""
    none = np.zeros((0, 1), dtype=np.int64)
    flags = np.zeros(0, dtype=np.bool_)
    return OptionValues(
        slot=np.zeros(0, dtype=np.int32),
        scan=none,
        stress=none,
        rescan=np.zeros((0, 1, 1), dtype=np.int64),
        delta=np.zeros(0),
        scan_bound=flags,
        stress_bound=flags,
    )


def resized(values: OptionValues, series: Series, rules: Rules) -> OptionValues:
    """Values with a row for every option series, those there were in their old rows."""
    options, before = np.flatnonzero(series.kind == OPTION), len(values.delta)
    slot = np.full(len(series.price), -1, dtype=np.int32)
    slot[: len(values.slot)] = values.slot
    new = options[slot[options] < 0]
    if len(values.slot) == len(series.price) and not len(new):
        return values
    slot[new] = before + np.arange(len(new), dtype=np.int32)
    # What is no option any more keeps its row.
    count = before + len(new)
    scenarios, points = len(rules.stress_moves), rules.points.shape[1]
    shapes = {"scan": (count, points), "stress": (count, scenarios)}
    grown = {name: np.zeros(shapes.get(name, count), getattr(values, name).dtype) for name in _ROWS}
    for name, column in grown.items():
        if before:
            column[:before] = getattr(values, name)
    return values._replace(slot=slot, **grown)


_ROWS = ("scan", "stress", "delta", "scan_bound", "stress_bound")


def option_values(series: Series, rules: Rules, restrikes: Int64Array) -> OptionValues:
    """Values of every option series; `restrikes` are those that portfolio margin strikes again."""
    values = resized(no_options(), series, rules)
    options = np.flatnonzero(series.kind == OPTION)
    if len(options):
        update_values(values, series, rules, options)
        values = rescanned(values, series, rules, restrikes)
    return values


def update_values(values: OptionValues, series: Series, rules: Rules, options: Int64Array) -> None:
    """Values some option series again, in place."""
    rows = values.slot[options]
    has_model = ~np.isnan(series.implied_volatility[options])
    has_beta = ~np.isnan(series.beta[options])
    values.scan_bound[rows] = ~has_model
    values.stress_bound[rows] = ~(has_model & has_beta)
    points, moves = (
        point_multiples(series, options, rules),
        stress_multiples(series, options, rules),
    )
    values.scan[rows] = _bounded_pnl(series, options, points)
    values.stress[rows] = _bounded_pnl(series, options, moves)
    values.delta[rows] = _delivered_as_felt(series, options)
    some, at = options[has_model], rows[has_model]
    if not len(some):
        return
    # One pass a series: its exercise boundary serves every spot.
    here = np.tile([1.0 - _BUMP, 1.0 + _BUMP, 1.0], (len(some), 1))
    multiples = np.concatenate([here, points[has_model], moves[has_model]], axis=1)
    value, width = _values(series, some, multiples, rules), points.shape[1] + here.shape[1]
    price = series.price[some]
    values.scan[at] = value[:, here.shape[1] : width] - price[:, None]
    known = has_beta[has_model]
    # From the value at today's price, so that unmoved it gains nothing, and no price falls below 0.
    stress = np.maximum(value[:, width:] - value[:, 2:3], -price[:, None])
    values.stress[at[known]] = stress[known]
    rise = 2 * _BUMP * series.underlying_price[some]
    values.delta[at] = (value[:, 2] - value[:, 0]) / rise


def rescanned(
    values: OptionValues, series: Series, rules: Rules, options: Int64Array
) -> OptionValues:
    """Values with the P&L at the points struck again from each stressed price."""
    scenarios, points = len(rules.stress_moves), rules.points.shape[1]
    rescan = np.zeros((len(values.delta), scenarios, points), dtype=np.int64)
    usable = options[~values.stress_bound[values.slot[options]]]
    if len(usable):
        rows, at_points = values.slot[usable], point_multiples(series, usable, rules)
        both = stress_multiples(series, usable, rules)[:, :, None] * at_points[:, None]
        value = _values(series, usable, both.reshape(len(usable), -1), rules).reshape(both.shape)
        moved = series.price[usable, None] + values.stress[rows]
        rescan[rows] = value - moved[:, :, None]
    return values._replace(rescan=rescan)


def point_multiples(series: Series, options: Int64Array, rules: Rules) -> npt.NDArray[np.float64]:
    """Multiples of the underlying's price at the points: a fund's moves by its leverage."""
    moves = rules.points[series.range_class[options]] / PPM
    leverage = series.leverage[options, None] / PPM
    return np.maximum(1.0 + moves * leverage, _LEAST_MULTIPLE)


def stress_multiples(series: Series, options: Int64Array, rules: Rules) -> npt.NDArray[np.float64]:
    """Multiples of the underlying's price in the scenarios; without a beta, of a fall."""
    return _stress_multiples(series.beta[options], rules)


@njit(**OWNS)
def _stress_multiples(betas: npt.NDArray[np.float64], rules: Rules) -> npt.NDArray[np.float64]:
    found = np.empty((len(betas), len(rules.stress_moves)))
    for n in range(len(betas)):
        for j in range(len(rules.stress_moves)):
            found[n, j] = stress_multiple(betas[n], rules.stress_moves[j], rules)
    return found


@inner(**BORROWS)
def stress_multiple(beta: float, move: float, rules: Rules) -> float:
    """Multiple of an underlying's price when SPY moves; without a beta, of a fall."""
    own = beta * move if beta == beta else -abs(move) * rules.missing_beta
    return max(1.0 + own, _LEAST_MULTIPLE)


def _values(
    series: Series, options: Int64Array, multiples: npt.NDArray[np.float64], rules: Rules
) -> Int64Array:
    spot, contracts = contracts_of(series, options, rules)
    value = series_values(spot, contracts, series.implied_volatility[options], multiples)
    value *= delivered_share(series, options)[:, None]
    # The named place where an option's model value becomes money: micro-dollars, ties up.
    return np.floor(value * MICRO + 0.5).astype(np.int64)


def _bounded_pnl(
    series: Series, options: Int64Array, multiples: npt.NDArray[np.float64]
) -> Int64Array:
    """Move of the underlying at each multiple, signed as a call's owner feels it, micro-dollars."""
    spot = np.where(
        series.underlying_state[options] <= USABLE,
        series.underlying_price[options],
        unknown_spot(series)[options],
    )
    share = _delivered_as_felt(series, options)
    return np.rint(share[:, None] * spot[:, None] * (multiples - 1.0)).astype(np.int64)


def _delivered_as_felt(series: Series, options: Int64Array) -> FloatArray:
    """Units delivered, signed as an owner feels a rise of the underlying."""
    share: FloatArray = delivered_share(series, options)
    return np.where(series.is_call[options], share, -share)


def unknown_spot(series: Series) -> Int64Array:
    """Price of an underlying that has none, as its options bound it: dear for the writer.

    A call is worth at least spot less strike, so the spot is at most strike plus price; a put's
    writer is charged most at the strike.
    """
    price = series.price
    if (series.delivered != series.multiplier).any():
        price = np.ceil(price * (series.multiplier / series.delivered)).astype(np.int64)
    spot: Int64Array = series.strike + np.where(series.is_call, price, 0)
    return spot


@inner(**BORROWS, forceinline=True)
def bounded_line(move: int, price: int, quantity: int) -> int:
    """P&L a unit when only the underlying's move is known: a loss or nothing.

    `move` is signed as a call's owner feels it. A long option loses its price at most.
    """
    if quantity > 0:
        return max(move, -price) if move < 0 else 0
    return move if move > 0 else 0


@inner(**BORROWS)
def option_stress_pnl(series: Series, values: OptionValues, position: Marked, scenario: int) -> int:
    """P&L of some units of an option in a stress scenario, cents."""
    s, quantity, price = position
    slot = values.slot[s]
    pnl = values.stress[slot, scenario]
    if values.stress_bound[slot]:
        beta = series.beta[s]
        if beta != beta:
            # Without a beta the move is always against the position.
            pnl = -abs(pnl) if quantity > 0 else abs(pnl)
        pnl = bounded_line(pnl, price, quantity)
    return signed_value(quantity, pnl)
