"""QuantLib, to compare our option values with."""

import numpy as np
import QuantLib

from tests.support.option_samples import STRIKE, Case, Floats

TODAY = QuantLib.Date(1, 1, 2024)


class Peer:
    """QuantLib's values; one process whose quotes are set anew for every option."""

    def __init__(self) -> None:
        QuantLib.Settings.instance().evaluationDate = TODAY
        self.quotes = [QuantLib.SimpleQuote(start) for start in (100.0, 0.0, 0.0, 0.2)]
        spot, dividend_yield, rate, vol = map(QuantLib.QuoteHandle, self.quotes)
        days = QuantLib.Actual365Fixed()
        flat = QuantLib.BlackConstantVol(TODAY, QuantLib.NullCalendar(), vol, days)
        curves = [
            QuantLib.YieldTermStructureHandle(QuantLib.FlatForward(TODAY, quote, days))
            for quote in (dividend_yield, rate)
        ]
        self.process = QuantLib.BlackScholesMertonProcess(
            spot, *curves, QuantLib.BlackVolTermStructureHandle(flat)
        )

    def values(self, engine: QuantLib.PricingEngine, cases: list[Case]) -> Floats:
        return np.array([self.value(engine, case) for case in cases])

    def value(self, engine: QuantLib.PricingEngine, case: Case) -> float:
        spot, days, vol, rate, dividend_yield, is_call = case
        for quote, to in zip(self.quotes, (spot, dividend_yield, rate, vol), strict=True):
            quote.setValue(to)
        right = QuantLib.Option.Call if is_call else QuantLib.Option.Put
        option = QuantLib.VanillaOption(
            QuantLib.PlainVanillaPayoff(right, STRIKE),
            QuantLib.AmericanExercise(TODAY, TODAY + days),
        )
        option.setPricingEngine(engine)
        return option.NPV()

    def tree(self, steps: int, cases: list[Case]) -> Floats:
        """Cox, Ross and Rubinstein, odd and even trees together."""
        engines = [
            QuantLib.BinomialVanillaEngine(self.process, "crr", count)
            for count in (steps, steps + 1)
        ]
        return (self.values(engines[0], cases) + self.values(engines[1], cases)) / 2
