"""What orders cost: half the spread, the impact and the commission, in exact cents an order.

half spread = max(fraction x value, least x units); impact = coefficient x daily volatility x value
x root(units / average daily volume); commission = max(rate x lots, least). An option's impact is
that of the shares its delta stands for. The sum is rounded up to the cent, once an order, so that
no plan costs less than its bound. Source: the rulebook `liquidation`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from margin_assets.kernels.book.series import OPTION, Series
from margin_assets.kernels.liquidation.policy import LiquidationPolicy
from margin_assets.kernels.liquidation.tradable import Tradable
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray, Int64Array
from margin_assets.kernels.numeric.compiled import OWNS
from margin_assets.kernels.numeric.money import CENTS, MICRO
from margin_assets.kernels.optimize.covering import Costs, cost_at

_TIE = 1e-6  # of a cent: so much above a whole cent is the rounding of the doubles


class OrderCosts(NamedTuple):
    """Costs of each tradable position by lots, cents, and what was not known of it."""

    curves: Costs
    half_spread: FloatArray
    """Cents a lot."""
    has_no_volume: BoolArray
    has_no_volatility: BoolArray


class Parts(NamedTuple):
    """One order's cost, cents; the parts add up."""

    half_spread: int
    impact: int
    """With what the order's rounding up adds."""
    commission: int
    total: int


def order_costs(era: Margined, tradable: Tradable, policy: LiquidationPolicy) -> OrderCosts:
    """Costs of each tradable position of one account."""
    series = era.series
    s = era.held.series[tradable.place]
    units = tradable.lot / MICRO
    of_kind = [policy.kinds[k] for k in tradable.kind]
    price = series.price[s] / MICRO * CENTS
    spread = _column([k.half_spread for k in of_kind]) * price * units
    half = np.maximum(spread, _column([k.least_half_spread for k in of_kind]) * units)
    shares, moved = _moved(era, tradable, s)
    daily, is_unknown = _daily_volatility(era, tradable, policy)
    has_no_volume = tradable.volume <= 0
    volume = np.where(has_no_volume, 1, tradable.volume) / MICRO
    full = policy.impact * daily * moved
    curve = np.where(has_no_volume, 0.0, full * np.sqrt(shares / volume))
    flat = np.where(has_no_volume, full * np.sqrt(policy.unknown_participation), 0.0)
    curves = Costs(
        least=_column([k.least_commission for k in of_kind]),
        charge=_column([k.commission for k in of_kind]),
        slope=half + flat,
        curve=curve,
    )
    return OrderCosts(curves, half, has_no_volume, is_unknown)


def _column(numbers: list[float]) -> FloatArray:
    return np.array(numbers, dtype=np.float64)


def _moved(
    era: Margined, tradable: Tradable, s: npt.NDArray[np.int32]
) -> tuple[FloatArray, FloatArray]:
    """Shares that a lot moves and their value, cents; without a model an option's are all."""
    series, units = era.series, tradable.lot / MICRO
    is_option = tradable.kind == OPTION
    if not is_option.any():
        return units, units * series.price[s] / MICRO * CENTS
    slot = np.where(is_option, era.scanned.slot[s], 0)
    delta = np.where(era.scanned.scan_bound[slot], 1.0, np.abs(era.scanned.delta[slot]))
    shares = np.where(is_option, units * delta, units)
    price = np.where(is_option, _spot(series, s), series.price[s])
    return shares, shares * price / MICRO * CENTS


def _spot(series: Series, s: npt.NDArray[np.int32]) -> Int64Array:
    """Price of what an option is written on; its strike where none is known."""
    spot = series.underlying_price[s]
    return np.where(spot > 0, spot, series.strike[s])


def _daily_volatility(
    era: Margined, tradable: Tradable, policy: LiquidationPolicy
) -> tuple[FloatArray, BoolArray]:
    known = era.positions["volatility_annual"].fill_nan(None)
    annual = known.fill_null(policy.unknown_volatility).to_numpy()[tradable.place]
    is_unknown = known.is_null().to_numpy()[tradable.place]
    return annual / np.sqrt(policy.trading_days), is_unknown


@njit(**OWNS)
def cents_of(curves: Costs, lots: Int64Array) -> Int64Array:
    """Cost of each position's order of so many lots, cents, rounded up."""
    found = np.zeros(len(lots), dtype=np.int64)
    for i in range(len(lots)):
        found[i] = np.int64(np.ceil(cost_at(curves, i, float(lots[i])) - _TIE))
    return found


def total_cents(curves: Costs, lots: Int64Array) -> int:
    """Cost of the orders together, cents."""
    return int(cents_of(curves, lots).sum())


def parts_of(costs: OrderCosts, lots: Int64Array, i: int) -> Parts:
    """The cost of position i's order, part by part."""
    count, curves = int(lots[i]), costs.curves
    total = int(cents_of(curves, lots)[i])
    half_spread = int(costs.half_spread[i] * count + _TIE)
    commission = int(max(curves.least[i], curves.charge[i] * count) + _TIE)
    return Parts(half_spread, total - half_spread - commission, commission, total)
