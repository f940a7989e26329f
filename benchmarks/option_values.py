"""Values of American options, ours beside QuantLib's, a second of processor time, in one run.

Ours values a series at all its spots from one exercise boundary; QuantLib has an engine for the
same method, which works out the boundary for every value, and binomial trees.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import QuantLib

from benchmarks.output import median_seconds, show
from margin_assets.kernels.numeric.threads import allowed
from margin_assets.kernels.options.implied import implied_volatilities
from margin_assets.kernels.options.option_terms import Contracts
from margin_assets.kernels.options.options import series_values

SERIES, SPOTS, PEER_SERIES, TREE_STEPS = 50_000, 18, 500, 500
_TODAY = QuantLib.Date(1, 1, 2024)

Columns = dict[str, npt.NDArray[Any]]


def make_series(count: int = SERIES) -> Columns:
    """Seeded listed options on stocks: a day to two years, within 30% of the strike."""
    rng = np.random.default_rng(4210)
    return {
        "spot": rng.uniform(70.0, 130.0, count),
        "strike": np.full(count, 100.0),
        "days": rng.integers(1, 730, count),
        "volatility": rng.uniform(0.1, 0.9, count),
        "rate": np.full(count, 0.05),
        "dividend_yield": rng.choice([0.0, 0.01, 0.03], count),
        "is_call": rng.random(count) < 0.5,
    }


def _contracts(series: Columns) -> Contracts:
    american = np.ones(len(series["spot"]), dtype=np.bool_)
    years = series["days"] / 365.0
    rest = (series[name] for name in ("rate", "dividend_yield", "is_call"))
    return Contracts(series["strike"], years, *rest, american)


def _values(series: Columns, spots: int) -> npt.NDArray[np.float64]:
    """Values of every series at a number of spots about its own, its own first."""
    spot = series["spot"]
    multiples = np.concatenate([[1.0], np.linspace(0.8, 1.2, spots - 1)])
    multiples = np.tile(multiples, (len(spot), 1))
    return series_values(spot, _contracts(series), series["volatility"], multiples)


def _processor_seconds(run: Callable[[], object], times: int = 5) -> float:
    """Least processor time of a call, all threads together: what else runs counts for little."""
    run()
    seconds = []
    for _ in range(times):
        started = time.process_time()
        run()
        seconds.append(time.process_time() - started)
    return min(seconds)


def _market() -> tuple[list[QuantLib.SimpleQuote], QuantLib.BlackScholesMertonProcess]:
    """Quotes of spot, yield, rate and volatility, and the process that they drive."""
    QuantLib.Settings.instance().evaluationDate = _TODAY
    quotes = [QuantLib.SimpleQuote(start) for start in (100.0, 0.0, 0.0, 0.2)]
    spot, dividend_yield, rate, volatility = map(QuantLib.QuoteHandle, quotes)
    days = QuantLib.Actual365Fixed()
    flat = QuantLib.BlackConstantVol(_TODAY, QuantLib.NullCalendar(), volatility, days)
    curves = [
        QuantLib.YieldTermStructureHandle(QuantLib.FlatForward(_TODAY, quote, days))
        for quote in (dividend_yield, rate)
    ]
    surface = QuantLib.BlackVolTermStructureHandle(flat)
    return quotes, QuantLib.BlackScholesMertonProcess(spot, *curves, surface)


def _peer_seconds(
    series: Columns, engine: str, times: int
) -> tuple[float, npt.NDArray[np.float64]]:
    """Seconds a value in QuantLib, setting up each option apart, and the values at the spot."""
    quotes, process = _market()
    engines = {
        "same_method": lambda: QuantLib.QdFpAmericanEngine(
            process, QuantLib.QdFpAmericanEngine.accurateScheme()
        ),
        "same_method_fast": lambda: QuantLib.QdFpAmericanEngine(
            process, QuantLib.QdFpAmericanEngine.fastScheme()
        ),
        "binomial": lambda: QuantLib.BinomialVanillaEngine(process, "crr", TREE_STEPS),
    }
    priced = engines[engine]()
    names = ("spot", "dividend_yield", "rate", "volatility")
    values, spent = np.empty(times), 0.0
    for n in range(times):
        for quote, name in zip(quotes, names, strict=True):
            quote.setValue(float(series[name][n]))
        right = QuantLib.Option.Call if series["is_call"][n] else QuantLib.Option.Put
        exercise = QuantLib.AmericanExercise(_TODAY, _TODAY + int(series["days"][n]))
        payoff = QuantLib.PlainVanillaPayoff(right, float(series["strike"][n]))
        option = QuantLib.VanillaOption(payoff, exercise)
        option.setPricingEngine(priced)
        started = time.process_time()
        values[n] = option.NPV()
        spent += time.process_time() - started
    return spent / times, values


def main() -> dict[str, Any]:
    """Times ours and QuantLib; values a second of processor time, ratios, and differences."""
    series = make_series()
    price = _values(series, 1)[:, 0].copy()

    def implied() -> object:
        return implied_volatilities(price, series["spot"], _contracts(series))

    ours = SERIES * SPOTS / _processor_seconds(lambda: _values(series, SPOTS))
    alone = SERIES / _processor_seconds(lambda: _values(series, 1))
    result: dict[str, Any] = {
        "series": SERIES,
        "spots_a_series": SPOTS,
        "processors": allowed(),
        "wall_seconds_values": median_seconds(lambda: _values(series, SPOTS)),
        "wall_seconds_implied_volatilities": median_seconds(implied),
        "implied_volatilities_a_processor_second": SERIES / _processor_seconds(implied),
        "values_a_processor_second": ours,
        "values_a_processor_second_at_one_spot": alone,
    }
    for engine in ("same_method", "same_method_fast", "binomial"):
        seconds, theirs = _peer_seconds(series, engine, PEER_SERIES)
        differences = np.abs(theirs - price[:PEER_SERIES]) / series["spot"][:PEER_SERIES]
        result[f"quantlib_{engine}"] = {
            "values_a_processor_second": 1.0 / seconds,
            "ours_over_theirs": ours * seconds,
            "ours_over_theirs_at_one_spot": alone * seconds,
            "largest_difference_in_spots": float(differences.max()),
        }
    return result


if __name__ == "__main__":
    show({"option_values": main()})
