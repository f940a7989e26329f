"""Venues, counterparties, models and the 210 netting sets of the demo."""

from typing import NamedTuple

import numpy as np
import polars as pl

_REGIONS = {
    "US": (21, "USD"),
    "EU": (17, "EUR"),
    "UK": (17, "GBP"),
    "JP": (7, "JPY"),
}
_CLEARING = (
    (("IR",), 15, ("RATES_SLOW", "RATES_STRESSED", "RATES_UNFILTERED")),
    (("FX", "IR"), 6, ("FUTURES_SLOW", "FUTURES_FLOOR")),
    (("EQ", "VOL"), 16, ("FUTURES_SLOW", "FUTURES_FLOOR", "FUTURES_FAST", "SPAN_EQUITY")),
    (("CR",), 5, ("CREDIT",)),
    (("CM", "VOL"), 13, ("SPAN_SLOW", "SPAN_FAST", "SPAN_SLOW")),
)
"""Classes, clearing houses, and the models that they take in turn: 55 in all."""
_BILATERAL = (
    (("IR", "FX", "VOL"), 30),
    (("EQ", "VOL"), 22),
    (("CR", "IR"), 12),
    (("CM",), 11),
)
"""Classes and dealers: 75 in all."""
_BROKERS = 5
_MODELS: tuple[tuple[str, str, float, int, float, str, str, float | None], ...] = (
    ("RATES_SLOW", "FHS_ES", 0.997, 5, 0.99, "buffer25", "daily", None),
    ("RATES_STRESSED", "FHS_ES", 0.997, 5, 0.97, "stress25", "daily", None),
    ("RATES_UNFILTERED", "FHS_ES", 0.997, 5, 1.0, "none", "daily", None),
    ("FUTURES_SLOW", "FHS_ES", 0.99, 2, 0.99, "none", "daily", None),
    ("FUTURES_FLOOR", "FHS_ES", 0.99, 2, 0.97, "floor10y", "daily", None),
    ("FUTURES_FAST", "FHS_ES", 0.99, 2, 0.97, "none", "daily", None),
    ("SPAN_EQUITY", "SPAN", 0.99, 2, 0.99, "buffer25", "on_trigger", None),
    ("CREDIT", "FHS_ES", 0.997, 5, 0.99, "stress25", "daily", None),
    ("SPAN_SLOW", "SPAN", 0.99, 2, 0.99, "none", "on_trigger", 0.2),
    ("SPAN_FAST", "SPAN", 0.99, 2, 0.97, "buffer25", "on_trigger", 0.2),
    ("SIMM", "SIMM", 0.99, 10, 1.0, "none", "static", None),
    ("SCHEDULE", "SCHEDULE", 0.99, 10, 1.0, "none", "static", 0.06),
    ("HOUSE_4210", "R4210", 0.99, 1, 1.0, "none", "static", None),
    ("SWAP_FLAT", "FLAT", 0.99, 1, 1.0, "none", "static", 0.10),
)


class Place(NamedTuple):
    """One netting set as it is made."""

    ns_id: str
    venue_id: str
    kind: str
    classes: tuple[str, ...]
    model: str
    ccy: str
    counterparty: str | None


def places() -> tuple[Place, ...]:
    """The 210 sets: 115 cleared, 85 with dealers, 10 with prime brokers."""
    return (*_cleared(), *_with_dealers(), *_with_brokers())


def _cleared() -> list[Place]:
    found: list[Place] = []
    regions = list(_REGIONS)
    houses = [(c, m[n % len(m)]) for c, count, m in _CLEARING for n in range(count)]
    for number, (classes, model) in enumerate(houses):
        region = regions[(number * 7 + number // 5) % len(regions)]
        # Every eleventh house is used through three brokers, the others through two.
        for broker in range(3 if number % 11 == 0 else 2):
            ns_id = f"CLR{number + 1:02d}_{broker + 1}"
            venue = f"CCP{number + 1:02d}_{region}"
            found.append(Place(ns_id, venue, "CCP", classes, model, _REGIONS[region][1], None))
    return found


def _with_dealers() -> list[Place]:
    found: list[Place] = []
    dealers = [classes for classes, count in _BILATERAL for _ in range(count)]
    for number, classes in enumerate(dealers):
        # Every seventh dealer keeps two agreements.
        for agreement in range(2 if number % 7 == 3 and number < 70 else 1):
            turn = number % 15
            model = {4: "SCHEDULE", 9: "SWAP_FLAT"}.get(turn, "SIMM")
            name = f"DEALER{number + 1:02d}"
            ns_id = f"OTC{number + 1:02d}_{agreement + 1}"
            ccy = ("USD", "USD", "EUR", "GBP", "USD", "JPY")[number % 6]
            found.append(Place(ns_id, name, "BILATERAL", classes, model, ccy, name))
    return found


def _with_brokers() -> list[Place]:
    return [
        Place(
            f"PB{number + 1}_{book + 1}",
            f"BROKER{number + 1}",
            "PB",
            ("EQ",),
            "HOUSE_4210",
            "USD",
            f"BROKER{number + 1}",
        )
        for number in range(_BROKERS)
        for book in range(2)
    ]


def venues(made: tuple[Place, ...]) -> pl.DataFrame:
    """The table `venue`."""
    unique = {place.venue_id: place for place in made}
    rows: list[dict[str, object]] = []
    for venue_id, place in unique.items():
        region = venue_id.rpartition("_")[2] if place.kind == "CCP" else "US"
        hour = _REGIONS[region][0] if place.kind == "CCP" else 20
        runs = f"{(hour - 8) % 24};{(hour - 4) % 24}" if place.kind == "CCP" else ""
        rows.append(
            {
                "venue_id": venue_id,
                "kind": place.kind,
                "region": region,
                "eod_hour": hour,
                "intraday_hours": runs,
                "intraday_im": place.classes == ("CM", "VOL"),
                "passes_intraday_gains": len(rows) % 5 == 0,
            }
        )
    return pl.DataFrame(rows)


def counterparties(made: tuple[Place, ...]) -> pl.DataFrame:
    """The table `counterparty`: 75 dealers and five prime brokers, in groups of three."""
    names = list(dict.fromkeys(place.counterparty for place in made if place.counterparty))
    return pl.DataFrame(
        {
            "counterparty_id": names,
            "group_id": [f"GROUP{number // 3 + 1:02d}" for number in range(len(names))],
            "rating": [("AA", "A", "A", "BBB")[number % 4] for number in range(len(names))],
            "wrong_way_factor_id": [
                "EQ_BANKS" if number % 9 == 0 else None for number in range(len(names))
            ],
        }
    )


def netting_sets(made: tuple[Place, ...], random: np.random.Generator) -> pl.DataFrame:
    """The table `netting_set`, with terms as they are common."""
    return pl.DataFrame([_terms(place, random) for place in made], infer_schema_length=None)


def _terms(place: Place, random: np.random.Generator) -> dict[str, object]:
    is_dealer = place.kind == "BILATERAL"
    threshold = float(random.choice([0.0, 0.0, 1e6, 5e6])) if is_dealer else 0.0
    return {
        "ns_id": place.ns_id,
        "entity_id": "FUND",
        "venue_id": place.venue_id,
        "counterparty_id": place.counterparty,
        "im_model_id": place.model,
        "call_ccy": place.ccy,
        "threshold": threshold,
        "their_threshold": threshold if is_dealer else None,
        "mta": 250_000.0 if is_dealer else 0.0,
        "rounding": 10_000.0 if is_dealer else 0.0,
        "broker_multiplier": 1.1 if place.kind == "CCP" and place.ns_id.endswith("_2") else 1.0,
        "eod_lag_h": 19 if is_dealer else 10,
        "intraday_lag_h": 1,
        "dispute_prob": 0.03 if is_dealer else 0.0,
        "dispute_share": 0.3 if is_dealer else 0.0,
        "dispute_delay_h": 48,
    }


def models() -> pl.DataFrame:
    """The table `im_model`."""
    rows = [
        {
            "im_model_id": name,
            "family": family,
            "alpha": alpha,
            "mpor_days": days,
            "lambda": decay,
            "apc": tool,
            "reprice": reprice,
            "rate": rate,
            "conc_addon_id": "SIZE" if family in ("FHS_ES", "SPAN") else None,
            "liq_addon_id": "SPREAD" if family == "FHS_ES" else None,
        }
        for name, family, alpha, days, decay, tool, reprice, rate in _MODELS
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def addons() -> pl.DataFrame:
    """The table `addon`."""
    return pl.DataFrame(
        {
            "addon_id": ["SIZE", "SPREAD"],
            "kind": ["concentration", "liquidity"],
            "kappa": [0.5, 1.0],
        }
    )
