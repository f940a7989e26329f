"""Managers of the demo and their trades: mostly a long and a short that hedge each other.

The two legs of a trade often lie at different venues. That is why a platform that hardly loses is
called all the same: what one leg loses is due before what the other gains arrives.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.avalanche.demo.market import RISK, SIGMA
from margin_assets.avalanche.demo.sets import Place

_STRATEGIES = (
    ("macro", 6, ("IR", "FX")),
    ("rates_relative_value", 6, ("IR",)),
    ("equity_market_neutral", 8, ("EQ",)),
    ("credit", 4, ("CR",)),
    ("commodities", 4, ("CM",)),
    ("volatility", 2, ("VOL", "EQ")),
)
_TRADES = 60
_SEATS = {"CCP": 4, "BILATERAL": 2, "PB": 2}
_OUTRIGHT, _LONG_RISK = 0.4, 0.75
"""Share of trades without a hedge, and of those that gain when risk is liked."""
_RISK = 3.3e5
"""Daily standard deviation of one leg, USD, on average."""
_CONVEX = ("SPAN", "SIMM")
_PAIRS = {
    "IR": [
        (f"{ccy}_{a}", f"{ccy}_{b}")
        for ccy in ("USD", "EUR", "GBP", "JPY")
        for a, b in (("2Y", "10Y"), ("10Y", "30Y"))
    ]
    + [("USD_10Y", "EUR_10Y"), ("USD_30Y", "GBP_30Y")],
    "FX": [("EURUSD", "GBPUSD"), ("AUDUSD", "USDMXN"), ("USDJPY", "USDCHF")],
    "EQ": [
        ("EQ_US", "EQ_EU"),
        ("EQ_TECH", "EQ_SEMI"),
        ("EQ_US", "EQ_TECH"),
        ("EQ_ENERGY", "EQ_BANKS"),
        ("EQ_HEALTH", "EQ_US"),
        ("EQ_MOMENTUM", "EQ_VALUE"),
        ("EQ_SIZE", "EQ_VALUE"),
        ("EQ_JP", "EQ_EM"),
    ],
    "CR": [
        ("CR_IG_US", "CR_IG_EU"),
        ("CR_HY_US", "CR_HY_EU"),
        ("CR_IG_US", "CR_HY_US"),
        ("CR_EM", "CR_FIN"),
    ],
    "CM": [
        ("CM_WTI", "CM_BRENT"),
        ("CM_GAS_EU", "CM_POWER_DE"),
        ("CM_POWER_DE", "CM_POWER_NORDIC"),
        ("CM_GAS_US", "CM_GAS_EU"),
        ("CM_COPPER", "CM_GOLD"),
    ],
    "VOL": [
        ("VOL_EQ_US", "VOL_EQ_EU"),
        ("VOL_RATES", "VOL_FX"),
        ("VOL_OIL", "VOL_GAS"),
    ],
}


class Leg(NamedTuple):
    """One leg of a trade: signed risk in USD of a daily standard deviation."""

    manager: str
    factor: str
    ns_id: str
    risk: float


def managers(risk: dict[str, float]) -> pl.DataFrame:
    """The table `manager`; the expected return is a Sharpe ratio of one on the legs' risk."""
    rows = [
        {
            "manager_id": name,
            "entity_id": "FUND",
            "strategy": strategy,
            "risk_limit": 2.33 * 3.0e7,
            "expected_return": round(16.0 * risk.get(name, 0.0), 2),
        }
        for name, strategy, _ in _staff()
    ]
    return pl.DataFrame(rows)


def _staff() -> list[tuple[str, str, tuple[str, ...]]]:
    named = [(s, words) for s, count, words in _STRATEGIES for _ in range(count)]
    return [(f"PM{number + 1:02d}", s, words) for number, (s, words) in enumerate(named)]


def legs(made: tuple[Place, ...], random: np.random.Generator) -> list[Leg]:
    """Every leg of every trade."""
    # Two trades in three are cleared.
    homes = {
        word: [p.ns_id for p in made if word in p.classes for _ in range(_SEATS[p.kind])]
        for word in _PAIRS
    }
    found: list[Leg] = []
    for name, _, words in _staff():
        lean = random.normal(0.0, 0.25)
        for trade in range(_TRADES):
            word = words[trade % len(words)]
            found += _trade(name, word, lean, homes, random)
    return found


def _trade(
    manager: str, word: str, lean: float, homes: dict[str, list[str]], random: np.random.Generator
) -> list[Leg]:
    pairs = _PAIRS[word]
    one, other = pairs[int(random.integers(len(pairs)))]
    size = _RISK * float(random.uniform(0.4, 1.6))
    first, second = (homes[word][int(random.integers(len(homes[word])))] for _ in range(2))
    chance, hedge = random.uniform(size=2)
    if random.uniform() < _OUTRIGHT:
        likes = 1.0 if RISK[one] >= 0.0 else -1.0
        return [Leg(manager, one, first, size * likes * (1.0 if chance < _LONG_RISK else -1.0))]
    sign = 1.0 if chance < 0.5 + 0.5 * lean else -1.0
    return [
        Leg(manager, one, first, sign * size),
        Leg(manager, other, second, -sign * (0.9 + 0.1 * float(hedge)) * size),
    ]


def exposures(
    held: list[Leg], made: tuple[Place, ...], random: np.random.Generator
) -> pl.DataFrame:
    """The table `exposure`: legs added up by set, manager and factor, some of them convex."""
    model = {place.ns_id: place.model for place in made}
    table = (
        pl.DataFrame(held, schema=["manager_id", "factor_id", "ns_id", "risk"], orient="row")
        .group_by("ns_id", "manager_id", "factor_id", maintain_order=True)
        .agg(pl.col("risk").sum())
        .sort("ns_id", "manager_id", "factor_id")
    )
    sigma = np.array([SIGMA[name] for name in table["factor_id"]])
    convex = np.array([model[name].startswith(_CONVEX) for name in table["ns_id"]])
    bend = np.where(convex, random.normal(-0.02, 0.10, table.height), 0.0)
    risk = table["risk"].to_numpy()
    gamma = bend * np.abs(risk) / sigma**2
    return table.select(
        "ns_id",
        "manager_id",
        "factor_id",
        delta=pl.Series(np.round(risk / sigma, 2)),
        gamma=pl.Series(np.round(gamma, 2)),
        # What convexity is expected to earn, time takes.
        theta=pl.Series(np.round(-0.5 * gamma * sigma**2 / 24.0, 6)),
    )


def positions(table: pl.DataFrame, made: tuple[Place, ...]) -> pl.DataFrame:
    """The table `position`: of sets by schedule, and the funded books of the prime brokers."""
    kinds = {place.ns_id: place.model for place in made}
    wanted = [name for name, model in kinds.items() if model in ("SCHEDULE", "HOUSE_4210")]
    rows = table.filter(pl.col("ns_id").is_in(wanted))
    funded = pl.col("ns_id").is_in([n for n in wanted if kinds[n] == "HOUSE_4210"])
    return rows.select(
        "ns_id",
        "manager_id",
        instrument_id=pl.col("factor_id"),
        quantity=pl.col("delta").sign(),
        market_value=pl.when(funded).then(pl.col("delta")).otherwise(pl.col("delta") * 0.02),
        notional=pl.col("delta").abs(),
        funded=funded,
        settle_lag_h=pl.when(funded).then(24).otherwise(0),
    )
