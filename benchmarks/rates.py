"""A tick of all curves to value, DV01 and key rates of every instrument, beside QuantLib.

Ours moves discount factors on one grid of days and sums what was laid out once; QuantLib reprices
each instrument at every bumped curve. Building curves from quotes is timed apart.
"""

import resource
import time
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks._rates_book import (
    CURRENCIES,
    NODE_DAYS,
    TODAY,
    Deal,
    Market,
    Peer,
    deals,
    laid_out,
    market,
    past,
)
from benchmarks.output import median_seconds, show
from margin_assets.kernels.numeric.threads import allowed
from margin_assets.kernels.rates.conventions import calendar, days_of, year_fractions
from margin_assets.kernels.rates.curves import BASIS_POINT, Curve, key_rate_weights, weights
from margin_assets.kernels.rates.grid import Walk, walk
from margin_assets.kernels.rates.quote_helpers import Quote
from margin_assets.kernels.rates.quotes import Bootstrap, QuotedCurve
from margin_assets.kernels.rates.terms import still_to_come
from margin_assets.kernels.rates.values import Discounts, Valued, present_values

Floats = npt.NDArray[np.float64]

SIZES = (100, 1_000, 10_000)
_YEARS = NODE_DAYS / 365
_STEP = BASIS_POINT / 10  # a whole one would differ by 1e-9 of notional in the third derivative
_OIS = ("1M", "3M", "6M", "1Y", "2Y", "3Y", "5Y", "7Y", "10Y", "20Y", "30Y")


class Laid(NamedTuple):
    """A book on its grid, ready for ticks."""

    terms: Walk
    curve: npt.NDArray[np.int64]
    years: Floats
    keys: Floats
    nodes: list[Floats]
    """Weights of each curve's nodes in its rows of the grid."""
    spreads: Floats


def lay_out(book: list[Deal], curves: Market) -> Laid:
    """Cash flows by date, the shared grid, and the weights of the nodes on it."""
    flows = laid_out(book)
    discounts = np.array([CURRENCIES.index(deal.currency) for deal in book])
    numbers = range(2 * len(CURRENCIES))
    found = still_to_come(flows, days_of(TODAY), past())
    terms, grid = walk(found, discounts, {n: n for n in numbers})
    years = year_fractions("act/365f", days_of(TODAY), grid.day)
    shapes = (Curve(_YEARS, curves.zero_rates[n], "linear_zero", "flat_forward") for n in numbers)
    nodes = [weights(shape, years[grid.curve == n]) for n, shape in enumerate(shapes)]
    spreads = np.array([deal.spread for deal in book])
    return Laid(terms, grid.curve, years, key_rate_weights(_YEARS, years), nodes, spreads)


def tick(laid: Laid, zero_rates: Floats) -> Valued:
    """All curves moved: value, key rates and curvature of every instrument."""
    logs = np.empty(laid.years.size)
    for n, nodes in enumerate(laid.nodes):
        logs[laid.curve == n] = nodes @ zero_rates[n]
    discounts = Discounts(np.exp(-logs), laid.years, laid.keys)
    found: Valued = present_values(laid.terms, discounts, laid.spreads)
    return found


def _peer(book: list[Deal], curves: Market) -> tuple[dict[str, float], Floats, Floats]:
    """QuantLib's values and key rates with what they took: one pass a curve state."""
    started = time.perf_counter()
    peer = Peer(book, curves)
    built = time.perf_counter() - started
    peer.values()
    nothing = np.zeros(NODE_DAYS.size)
    started = time.perf_counter()
    peer.link(nothing)
    values = peer.values()
    one_pass = time.perf_counter() - started
    keys = np.empty((len(book), NODE_DAYS.size))
    for k in range(NODE_DAYS.size):
        ends = []
        for side in (_STEP, -_STEP):
            moved = nothing.copy()
            moved[k] = side
            peer.link(moved)
            ends.append(peer.values())
        keys[:, k] = (ends[1] - ends[0]) / 2.0 * (BASIS_POINT / _STEP)
    seconds = time.perf_counter() - started
    figures = {"seconds_to_build": built, "seconds_one_pass": one_pass, "seconds_a_tick": seconds}
    return figures, values, keys


def _of_size(count: int) -> dict[str, Any]:
    book, curves = deals(count), market()
    started = time.perf_counter()
    laid = lay_out(book, curves)
    seconds = time.perf_counter() - started
    found = tick(laid, curves.zero_rates)
    theirs, values, keys = _peer(book, curves)
    notional = np.array([deal.notional for deal in book])
    ours = median_seconds(lambda: tick(laid, curves.zero_rates), 15)
    slopes = found.slopes * BASIS_POINT
    return {
        "seconds_to_lay_out": seconds,
        "terms": int(laid.terms.cash_amount.size + laid.terms.ratio_amount.size),
        "grid_rows": int(laid.years.size),
        "milliseconds_a_tick": 1e3 * ours,
        "quantlib": theirs,
        "quantlib_over_ours": theirs["seconds_a_tick"] / ours,
        "largest_value_difference_of_notional": float(
            (np.abs(found.value - values) / notional).max()
        ),
        "largest_key_rate_difference_of_notional": float(
            (np.abs(slopes - keys) / notional[:, None]).max()
        ),
        "key_rates_less_dv01_of_notional": float(
            (np.abs(slopes.sum(axis=1) - keys.sum(axis=1)) / notional).max()
        ),
    }


def _curve_seconds() -> dict[str, float]:
    """A move of eleven quotes to a curve's nodes, by QuantLib's helpers."""
    rates = 0.035 + 0.0005 * np.arange(len(_OIS))
    quotes = tuple(
        Quote("ois", float(rate), tenor, "act/360", calendar("us sofr"), 2, payment_lag=2)
        for tenor, rate in zip(_OIS, rates, strict=True)
    )
    built = Bootstrap(
        TODAY, [QuotedCurve("SOFR", TODAY, "act/365f", "log_linear_discount", quotes)], {}
    )
    step = iter(range(1_000_000))

    def moved() -> None:
        built.move([(rates + 1e-6 * next(step)).tolist()])
        built.curves()

    return {"milliseconds_a_curve_of_11_quotes": 1e3 * median_seconds(moved, 15)}


def main() -> dict[str, Any]:
    """Times ticks of three sizes, and how they grow, with what both say of every instrument."""
    found: dict[str, Any] = {"processors": allowed(), "key_rates": NODE_DAYS.size}
    found |= _curve_seconds()
    for size in SIZES:
        found[f"instruments_{size}"] = _of_size(size)
    largest, smaller = (found[f"instruments_{n}"]["milliseconds_a_tick"] for n in SIZES[:0:-1])
    found["growth_of_a_tick_for_10_times_the_book"] = largest / smaller
    found["peak_memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found["valuation_date"] = date.isoformat(TODAY)
    return found


if __name__ == "__main__":
    show({"rates": main()})
