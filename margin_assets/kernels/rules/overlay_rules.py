"""The rulebook of house overlays as numbers: rates in ppm, prices in micro-dollars."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

from margin_assets.kernels.numeric.money import MICRO, PPM
from margin_assets.rulebooks import Rulebook, in_force, remembered
from schemas.house import OVERLAYS

SCHEDULES = ("step", "smooth")
READ = ("overlays", "house", "tims")
"""Families that an overlay has a number of."""


class Bands(NamedTuple):
    """Rates that rise with a measure; a missing measure takes the last one."""

    above: tuple[float, ...]
    """Exceeded, from below."""
    rates: tuple[int, ...]
    otherwise: int
    """Where no band is exceeded."""


class Scope(NamedTuple):
    """What no overlay charges."""

    exempt_account_types: tuple[str, ...]
    not_equity: tuple[str, ...]
    """Asset classes that count in the portfolio and are charged for concentration alone."""


class Concentration(NamedTuple):
    """An issuer's share of the gross portfolio."""

    above: int
    rate: int
    schedule: str
    full_at: int
    """Share at which the smooth schedule reaches the rate."""
    net_within_issuer: bool
    not_issuers: tuple[str, ...]


class BetaLeverage(NamedTuple):
    """Absolute beta-weighted exposure to equity."""

    above: int
    rate: int
    missing_beta: float
    """House stress: what a position without a beta counts as."""


class LowPrice(NamedTuple):
    """Stocks under a price."""

    below: int
    requirement: int
    asset_classes: tuple[str, ...]


class ExpectedRange(NamedTuple):
    """The firm's one-day range of a name against what the account survives."""

    missing: int
    minimum: int
    """TIMS range of an equity: the stress of a name that is not concentrated."""


class Scan(NamedTuple):
    """Wide moves in the riskiest issuers, small ones in the rest."""

    riskiest: int
    riskiest_move: int
    other_move: int


class Initial(NamedTuple):
    """Initial requirement as a multiple of maintenance."""

    is_enabled: bool
    us: int
    non_us: int


class OverlayRules(NamedTuple):
    """Every overlay in force, and which of them charge."""

    enabled: frozenset[str]
    scope: Scope
    concentration: Concentration
    volatility: Bands
    beta_leverage: BetaLeverage
    low_price: LowPrice
    expected_range: ExpectedRange
    hard_to_borrow: Bands
    concentration_scan: Scan
    initial: Initial


@remembered
def overlay_rules(on: date) -> OverlayRules:
    """Overlays in force on a day, switched as their rulebook says."""
    return overlay_rules_of({family: in_force(family, on) for family in READ})


def overlay_rules_of(books: Mapping[str, Rulebook]) -> OverlayRules:
    """Overlays by one rulebook of each family that they read.

    Raises:
        ValueError: The numbers contradict each other; they are named.
    """
    book = books["overlays"].numbers
    low = book["low_price"]
    beta, scan = book["beta_leverage"], book["concentration_scan"]
    initial = book["initial"]
    return OverlayRules(
        enabled=frozenset(name for name in OVERLAYS if _is_on(book, name)),
        scope=Scope(*(tuple(book["scope"][name]) for name in Scope._fields)),
        concentration=_concentration(book["concentration"]),
        volatility=_bands("volatility", book["volatility"], otherwise=0.0),
        beta_leverage=BetaLeverage(
            above=_ppm(beta["above"]),
            rate=_ppm(beta["rate"]),
            missing_beta=float(books["house"].numbers["stress"]["missing_beta"]),
        ),
        low_price=LowPrice(
            below=round(low["below_usd"] * MICRO),
            requirement=_ppm(low["requirement"]),
            asset_classes=tuple(low["asset_classes"]),
        ),
        expected_range=ExpectedRange(
            missing=_ppm(book["expected_range"]["missing"]),
            minimum=_ppm(books["tims"].numbers["range"]["equity"]["down"]),
        ),
        hard_to_borrow=_bands(
            "hard_to_borrow", book["hard_to_borrow"], book["hard_to_borrow"]["listed"]
        ),
        concentration_scan=Scan(
            int(scan["riskiest"]), _ppm(scan["riskiest_move"]), _ppm(scan["other_move"])
        ),
        initial=Initial(bool(initial["enabled"]), _ppm(initial["us"]), _ppm(initial["non_us"])),
    )


def with_enabled(rules: OverlayRules, names: Iterable[str]) -> OverlayRules:
    """The same rules with exactly these overlays switched on; `initial` is one of the names.

    Raises:
        ValueError: A name is no overlay's.
    """
    wanted = frozenset(names)
    unknown = sorted(wanted - {*OVERLAYS, "initial"})
    if unknown:
        msg = f"no such overlay: {', '.join(unknown)}"
        raise ValueError(msg)
    initial = rules.initial._replace(is_enabled="initial" in wanted)
    return rules._replace(enabled=wanted - {"initial"}, initial=initial)


def _is_on(book: Mapping[str, Any], name: str) -> bool:
    # A version from before an overlay has no section for it, and keeps its text.
    return name in book and bool(book[name]["enabled"])


def _ppm(fraction: float) -> int:
    return round(fraction * PPM)


def _concentration(numbers: dict[str, Any]) -> Concentration:
    if numbers["schedule"] not in SCHEDULES:
        msg = f"concentration.schedule is {numbers['schedule']}: not one of {SCHEDULES}"
        raise ValueError(msg)
    if numbers["full_at"] <= numbers["above"]:
        msg = "concentration.full_at is not above concentration.above"
        raise ValueError(msg)
    return Concentration(
        above=_ppm(numbers["above"]),
        rate=_ppm(numbers["rate"]),
        schedule=numbers["schedule"],
        full_at=_ppm(numbers["full_at"]),
        net_within_issuer=bool(numbers["net_within_issuer"]),
        not_issuers=tuple(numbers["not_issuers"]),
    )


def _bands(name: str, numbers: dict[str, Any], otherwise: float) -> Bands:
    above, rates = numbers["above"], numbers["rates"]
    if len(above) != len(rates):
        msg = f"{name}.above has {len(above)} numbers, {name}.rates {len(rates)}: one rate a band"
        raise ValueError(msg)
    # What has no measure takes the last rate: were another higher, knowing less would cost less.
    if above != sorted(set(above)) or [otherwise, *rates] != sorted([otherwise, *rates]):
        msg = f"{name}.above and {name}.rates do not rise"
        raise ValueError(msg)
    return Bands(
        tuple(float(above) for above in numbers["above"]),
        tuple(_ppm(rate) for rate in numbers["rates"]),
        _ppm(otherwise),
    )
