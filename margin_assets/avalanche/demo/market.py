"""The market of the demo: 50 factors with a history of ten years, drawn from a seed."""

from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.numeric.arrays import FloatArray

AS_OF = date(2026, 11, 20)
DAYS = 2520
CURRENCIES = ("USD", "EUR", "GBP", "JPY")
_DEGREES = 5.0
_REACTION, _MEMORY = 0.07, 0.91
_CRISES = ((700, 45, 3.0), (1650, 30, 4.0), (2080, 60, 2.2))
"""First day, length and multiple of volatility of the worst times of the history."""


class Kind(NamedTuple):
    """A factor as it is made."""

    name: str
    word: str
    ccy: str
    sigma: float
    turnover: float
    """Risk that the market trades a day: one daily standard deviation of it, USD."""
    risk: float
    """Loading on the appetite for risk."""
    rates: float
    """Loading on the level of interest rates."""
    theme: tuple[str, float]
    """What it shares with its neighbours, and how much of it."""
    underlying: str = ""


def _rates() -> list[Kind]:
    sizes = {
        "USD": (4.0e9, 0.065),
        "EUR": (2.5e9, 0.055),
        "GBP": (1.2e9, 0.065),
        "JPY": (8e8, 0.03),
    }
    loads = {"2Y": 0.80, "10Y": 0.90, "30Y": 0.84}
    return [
        Kind(f"{ccy}_{tenor}", "IR", ccy, sigma, size * part, 0.18, load, (f"curve {ccy}", 0.36))
        for ccy, (size, sigma) in sizes.items()
        for (tenor, load), part in zip(loads.items(), (1.0, 1.0, 0.4), strict=True)
    ]


def _currencies() -> list[Kind]:
    names = ("EURUSD", "GBPUSD", "USDJPY", "AUDUSD", "USDCHF", "USDMXN")
    signs = (0.25, 0.35, 0.20, 0.60, 0.05, -0.55)
    return [
        Kind(name, "FX", "USD", 0.0055, 6e9 * 0.6**n, load, 0.1, ("dollar", 0.55))
        for n, (name, load) in enumerate(zip(names, signs, strict=True))
    ]


def _equities() -> list[Kind]:
    rows = (
        ("EQ_US", 0.0105, 6e9, 0.90),
        ("EQ_EU", 0.0110, 2.5e9, 0.86),
        ("EQ_JP", 0.0120, 1.2e9, 0.66),
        ("EQ_EM", 0.0115, 8e8, 0.78),
        ("EQ_TECH", 0.0150, 2.0e8, 0.86),
        ("EQ_SEMI", 0.0175, 1.2e8, 0.84),
        ("EQ_ENERGY", 0.0150, 1.0e8, 0.62),
        ("EQ_BANKS", 0.0145, 1.0e8, 0.78),
        ("EQ_HEALTH", 0.0095, 1.0e8, 0.68),
        ("EQ_MOMENTUM", 0.0060, 5.0e7, 0.10),
        ("EQ_VALUE", 0.0050, 5.0e7, 0.15),
        ("EQ_SIZE", 0.0050, 3.0e7, 0.25),
    )
    return [
        Kind(name, "EQ", "USD", sigma, size, load, 0.0, ("equity", 0.25))
        for name, sigma, size, load in rows
    ]


def _credit() -> list[Kind]:
    rows = (
        ("CR_IG_US", 0.022, 8.0e7, 0.80),
        ("CR_IG_EU", 0.022, 6.0e7, 0.78),
        ("CR_HY_US", 0.020, 5.0e7, 0.84),
        ("CR_HY_EU", 0.020, 3.0e7, 0.80),
        ("CR_EM", 0.018, 2.0e7, 0.72),
        ("CR_FIN", 0.024, 2.0e7, 0.78),
    )
    return [
        Kind(name, "CR", "USD", sigma, size, -load, 0.0, ("credit", 0.40))
        for name, sigma, size, load in rows
    ]


def _commodities() -> list[Kind]:
    rows = (
        ("CM_WTI", 0.022, 8e8, 0.40, "oil", 0.85),
        ("CM_BRENT", 0.021, 8e8, 0.40, "oil", 0.88),
        ("CM_GAS_US", 0.035, 6.0e7, 0.05, "gas", 0.35),
        ("CM_GAS_EU", 0.038, 3.0e7, 0.05, "gas", 0.85),
        ("CM_POWER_DE", 0.036, 1.2e7, 0.05, "gas", 0.80),
        ("CM_POWER_NORDIC", 0.036, 5.0e6, 0.02, "gas", 0.65),
        ("CM_COPPER", 0.015, 6.0e7, 0.50, "metal", 0.55),
        ("CM_GOLD", 0.010, 6e8, 0.00, "metal", 0.45),
    )
    return [
        Kind(name, "CM", "USD", sigma, size, load, 0.0, (theme, share))
        for name, sigma, size, load, theme, share in rows
    ]


def _volatilities() -> list[Kind]:
    rows = (
        ("VOL_EQ_US", 0.065, 6.0e7, -0.78, "EQ_US"),
        ("VOL_EQ_EU", 0.060, 3.0e7, -0.74, "EQ_EU"),
        ("VOL_RATES", 0.040, 4.0e7, -0.30, "USD_10Y"),
        ("VOL_FX", 0.045, 4.0e7, -0.40, "EURUSD"),
        ("VOL_OIL", 0.045, 1.6e7, -0.40, "CM_WTI"),
        ("VOL_GAS", 0.050, 8.0e6, -0.10, "CM_GAS_EU"),
    )
    return [
        Kind(name, "VOL", "USD", sigma, size, load, 0.0, ("volatility", 0.45), underlying)
        for name, sigma, size, load, underlying in rows
    ]


KINDS: tuple[Kind, ...] = (
    *_rates(),
    *_currencies(),
    *_equities(),
    *_credit(),
    *_commodities(),
    *_volatilities(),
)
SIGMA = {kind.name: kind.sigma for kind in KINDS}
RISK = {kind.name: kind.risk for kind in KINDS}


def factors() -> pl.DataFrame:
    """The table `risk_factor`."""
    working = np.array([1.0] * 7 + [3.0] * 10 + [4.0] * 4 + [1.5] * 3)
    profile = ";".join(f"{share:.8f}" for share in _to_one(working))
    return pl.DataFrame(
        {
            "factor_id": [kind.name for kind in KINDS],
            "class": [kind.word for kind in KINDS],
            "unit": ["bp/100" if kind.word == "IR" else "log return" for kind in KINDS],
            "ccy": [kind.ccy for kind in KINDS],
            "sigma0": [kind.sigma for kind in KINDS],
            "sigma_bar": [1.1 * kind.sigma for kind in KINDS],
            "adv": [kind.turnover / kind.sigma for kind in KINDS],
            "spread": [0.02 * kind.sigma for kind in KINDS],
            "kappa_crowd": [4.0] * len(KINDS),
            "hour_profile": [profile] * len(KINDS),
            "volume_profile": [profile] * len(KINDS),
            "underlying_id": [kind.underlying or None for kind in KINDS],
        }
    )


def _to_one(weights: FloatArray) -> FloatArray:
    """Shares of eight decimals that sum to one, the last taking what is left."""
    shares: FloatArray = np.round(weights / weights.sum(), 8)
    shares[-1] = 1.0 - shares[:-1].sum()
    return shares


def history(random: np.random.Generator) -> pl.DataFrame:
    """The table `factor_history`: clustered volatility, fat tails, and three bad times."""
    returns = _shocks(random) * _volatility(random)[:, None] * np.array([k.sigma for k in KINDS])
    days = _business_days()
    return pl.DataFrame(
        {
            "factor_id": np.tile([kind.name for kind in KINDS], DAYS),
            "date": [day for day in days for _ in KINDS],
            "return": np.round(returns, 10).ravel(),
        }
    )


def _business_days() -> list[date]:
    last = np.datetime64(AS_OF)
    offsets = np.arange(-DAYS + 1, 1)
    return [date.fromisoformat(str(day)) for day in np.busday_offset(last, offsets)]


def _shocks(random: np.random.Generator) -> FloatArray:
    """[day, factor]: unit variance, correlated by risk, rates and themes, one chi a day."""
    themes = sorted({kind.theme[0] for kind in KINDS})
    risk, rates = random.standard_normal((2, DAYS))
    shared = random.standard_normal((DAYS, len(themes)))
    own = random.standard_normal((DAYS, len(KINDS)))
    found = np.empty((DAYS, len(KINDS)))
    for number, kind in enumerate(KINDS):
        theme, share = kind.theme
        common = kind.risk * risk + kind.rates * rates
        rest = max(1.0 - kind.risk**2 - kind.rates**2, 0.0)
        among = np.sqrt(share * rest) * shared[:, themes.index(theme)]
        found[:, number] = common + among + np.sqrt((1.0 - share) * rest) * own[:, number]
    chi = np.sqrt((_DEGREES - 2.0) / random.chisquare(_DEGREES, DAYS))
    drawn: FloatArray = found * chi[:, None]
    return drawn


def _volatility(random: np.random.Generator) -> FloatArray:
    """[day]: multiple of the long-run volatility, by a GARCH of the whole market."""
    variance, found = 1.0, np.empty(DAYS)
    for day, z in enumerate(random.standard_normal(DAYS)):
        found[day] = np.sqrt(variance)
        variance = 1.0 - _REACTION - _MEMORY + (_REACTION * z * z + _MEMORY) * variance
    for first, length, multiple in _CRISES:
        fade = np.exp(-np.arange(DAYS - first) / length)
        found[first:] *= 1.0 + (multiple - 1.0) * fade
    unit: FloatArray = found / np.sqrt((found**2).mean())
    return unit
