"""Further swaps of the dual-curve source on the same curves, their figures retyped from it.

Source: OpenGamma/Strata, SwapEnd2EndTest (Apache-2.0); others are in the acceptance file. Left out:
swaps whose term rates compound, and the averaged one, which it values by an approximation.
"""

from typing import Any

Json = dict[str, Any]

_AMORTISING = [100e6 - 3e6 * quarter for quarter in range(28)]
_BETWEEN = {"initial_stub": {"indices": ["USD-LIBOR-3M", "USD-LIBOR-6M"]}}


def _leg(kind: str, side: str, frequency: str, **more: Any) -> Json:
    return {"kind": kind, "side": side, "frequency": frequency, "calendar": "usny"} | more


def _fixed(side: str, frequency: str, rate: float, **more: Any) -> Json:
    return _leg("fixed", side, frequency, rate=rate, **({"day_count": "30u/360"} | more))


def _libor(side: str, tenor: str, **more: Any) -> Json:
    return _leg("floating", side, tenor, index=f"USD-LIBOR-{tenor}", **more)


def _with_stub(tenor: str, **more: Any) -> tuple[Json, Json]:
    return _fixed("receive", "6M", 0.01), _libor("pay", tenor, **more)


def _overnight() -> tuple[Json, Json]:
    fixed = _fixed("pay", "once", 0.00123, day_count="act/360", payment_lag=2)
    return fixed, _leg("floating", "receive", "once", index="USD-FED-FUNDS", payment_lag=2)


SWAPS = {
    "Stub3mFixed6mVsLibor3m": ("2014-09-12", "2016-06-12", _with_stub("3M"), 502890.9443281095),
    "Stub1mFixed6mVsLibor3m": ("2014-09-12", "2016-07-12", _with_stub("3M"), 463962.5517136799),
    "InterpolatedStub3m": (
        *("2014-09-12", "2016-06-12"),
        _with_stub("6M", **_BETWEEN),
        364832.4284058402,
    ),
    "InterpolatedStub4m": (
        *("2014-09-12", "2016-07-12"),
        _with_stub("6M", **_BETWEEN),
        314215.2347116342,
    ),
    "AmortizingFixedVsLibor3m": (
        *("2014-09-12", "2021-09-12"),
        (
            _fixed("receive", "3M", 0.016, notionals=_AMORTISING),
            _libor("pay", "3M", notionals=_AMORTISING),
        ),
        -1850080.2895532502,
    ),
    "CompoundingOis": ("2014-02-05", "2014-04-07", _overnight(), -9723.264518929138),
    "CompoundingOisWithFixing": ("2014-01-17", "2014-03-17", _overnight(), -7352.973875972721),
}
"""First and last day, legs, and the published present value, by name."""


def swaps(notional: float) -> list[Json]:
    """All of them as instruments of a document."""
    return [
        {"id": name, "kind": "swap", "notional": notional, "legs": list(legs)}
        | {"start_date": start, "end_date": end}
        for name, (start, end, legs, _) in SWAPS.items()
    ]
