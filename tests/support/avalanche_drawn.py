"""Small books of the avalanche as Hypothesis draws them, for laws that hold of any book.

Three days, two to six sets of two entities in two currencies, two to four factors: with margin,
add-ons, disputes, holidays, securities, lines and flows as they come.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from margin_assets.avalanche.book.settings import BookSettings
from margin_assets.kernels.avalanche import platform as arrays
from margin_assets.kernels.avalanche.platform import BILATERAL, Platform
from margin_assets.kernels.avalanche.results import Results, Trace
from margin_assets.kernels.avalanche.scenario import Scenario, Settings
from margin_assets.kernels.avalanche.simulation import simulate, trace
from tests.support import avalanche_platforms as ap
from tests.support.avalanche_terms import (
    ACCOUNTS,
    ASSET,
    CURRENCIES,
    DAYS,
    ENTITIES,
    EXTRA,
    HOURS,
    LINE,
    SETTINGS,
    TERMS,
    VENUES,
    money,
    one_of,
)

PATHS = np.arange(16)
Draw = Callable[[st.SearchStrategy[Any]], Any]


class Book(NamedTuple):
    """What one law is asked of."""

    platform: Platform
    scenario: Scenario
    settings: Settings

    def run(self, **changed: Any) -> Results:
        """Its paths; settings that are named are others."""
        settings = self.settings._replace(**changed)
        return simulate(self.platform, self.scenario, settings, PATHS)

    def told(self, **changed: Any) -> Trace:
        """The same, told by hour."""
        return trace(self.platform, self.scenario, self.settings._replace(**changed), PATHS)

    def terms(self, **changed: Any) -> "Book":
        """The book with other terms of its sets, one for all or one each."""
        sets = self.platform.sets
        whole = {name: np.full_like(getattr(sets, name), value) for name, value in changed.items()}
        return self._replace(platform=self.platform._replace(sets=sets._replace(**whole)))

    def rich(self) -> "Book":
        """The book with cash for whatever may come."""
        accounts = self.platform.accounts
        ample = accounts._replace(cash=np.full_like(accounts.cash, 1e11))
        return self._replace(platform=self.platform._replace(accounts=ample))


def _columns(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def _marks(rows: list[set[int]], width: int) -> np.ndarray:
    """[row, place]: whether the row's set holds the place."""
    return np.array([[place in row for place in range(width)] for row in rows], dtype=np.bool_)


def _sets(rows: list[dict[str, Any]]) -> arrays.Sets:
    terms = _columns([{name: row[name] for name in TERMS} for row in rows])
    is_bilateral = np.array(terms["kind"]) == BILATERAL
    # A clearing house knows no threshold; no book has a minimum transfer above its threshold.
    terms["threshold"] = threshold = np.where(is_bilateral, terms["threshold"], 0.0)
    terms["mta"] = np.where(threshold > 0.0, np.minimum(terms["mta"], threshold), terms["mta"])
    terms["vm_posted"] = np.maximum(0.0, -np.array(terms["value"]) - threshold) * is_bilateral
    intraday = _marks([row["intraday"] for row in rows], 24)
    closed = _marks([row["closed"] for row in rows], 10)
    return ap.sets(len(rows), **terms, intraday=intraday, closed=closed)


def _units_of(row: dict[str, Any], factors: int) -> list[tuple[int, float, float]]:
    """Unit, delta and gamma of what a set holds: a unit is a factor of an entity."""
    first = row["account"] // CURRENCIES * factors
    return [(first + f, 1e6 * delta, 1e6 * gamma) for f, (delta, gamma) in row["held"].items()]


def _forms(row: dict[str, Any], factors: int) -> list[list[tuple[int, float, float]]]:
    """The set's model: a share of the gross, and a move of all factors either way."""
    rate, square, held = row["rate"], row["square"], _units_of(row, factors)
    gross = [(u, 0.5 * rate * abs(d), square * abs(d)) for u, d, _ in held]
    return [gross, *([(u, side * rate * d, 0.0) for u, d, _ in held] for side in (1.0, -1.0))]


def _margin(rows: list[dict[str, Any]], factors: int) -> dict[str, Any]:
    """Groups and cuts: a model a set, and an anchor where it has one."""
    start = np.cumsum([0, *(2 if row["anchor"] else 1 for row in rows)])
    forms, estimators = [], []
    for row in rows:
        forms.append(_forms(row, factors))
        estimators += [row["estimator"]] * (2 if row["anchor"] else 1)
        if row["anchor"]:
            forms.append([[(u, 0.05 * abs(d), 0.0) for u, d, _ in _units_of(row, factors)]])
    groups = arrays.Groups(start, start[:-1] + 1, np.array(estimators), np.ones((start[-1], 10)))
    return {"groups": groups, "cuts": ap.cuts(forms)}


def _addons(rows: list[dict[str, Any]], factors: int) -> arrays.Addons:
    """An add-on for each set's first unit, which may be nothing; on no exposure there is none."""
    first = [_units_of(row, factors)[0] for row in rows]
    unit = np.array([u for u, _, _ in first])
    size = np.array([row["addon"] * (d != 0) for row, (_, d, _) in zip(rows, first, strict=True)])
    estimator = np.array([row["estimator"] for row in rows])
    above = np.full(len(rows), 0.5)
    return arrays.Addons(np.arange(len(rows) + 1), unit, estimator, size, above, 0.1 * size)


def _units(draw: Draw, rows: list[dict[str, Any]], factors: int) -> arrays.Units:
    net = np.zeros(ENTITIES * factors)
    for row in rows:
        for unit, delta, _ in _units_of(row, factors):
            net[unit] += delta
    return ap.units(
        len(net),
        factor=np.tile(np.arange(factors), ENTITIES),
        entity=np.repeat(np.arange(ENTITIES), factors),
        exposure=net,
        funded=draw(one_of(0.0, 0.4)),
        lag=draw(one_of(0, 24)),
        volume_part=1.0 / ENTITIES,
        priority=np.arange(len(net))[::-1],
    )


def _ladder(draw: Draw) -> np.ndarray:
    ladder = np.zeros((HOURS, ACCOUNTS))
    places = st.integers(0, HOURS - 1), st.integers(0, ACCOUNTS - 1)
    flows = st.tuples(*places, st.integers(-10, 10))
    for hour, account, amount in draw(st.lists(flows, max_size=3)):
        ladder[hour, account] += 1e5 * amount
    return ladder


def _estimators(draw: Draw, sigma: np.ndarray) -> arrays.Estimators:
    """One that never moves, and one that forgets fast, for there are three days to fall in."""
    follows = [0.0, draw(one_of(0.0, 0.0, 0.1))]
    return ap.estimators(2, sigma, memory=[1.0, 0.7], hour=17, trigger=follows)


def _accounts(draw: Draw) -> arrays.Accounts:
    return ap.accounts(
        ACCOUNTS,
        entity=np.repeat(np.arange(ENTITIES), CURRENCIES),
        currency=np.tile(np.arange(CURRENCIES), ENTITIES),
        cash=draw(st.lists(money(30), min_size=ACCOUNTS, max_size=ACCOUNTS)),
        minimum=draw(one_of(0.0, 1e5)),
        cut_off=[24, draw(st.integers(1, 24)), 24, 18],
        closed=_marks([draw(st.sets(st.integers(0, DAYS - 1), max_size=1)), *3 * [set()]], 10),
    )


def _platform(draw: Draw, rows: list[dict[str, Any]], factors: int) -> Platform:
    sigma = np.array(draw(st.lists(one_of(0.005, 0.01, 0.02), min_size=4, max_size=4)))
    made = ap.factors(
        factors,
        sigma=sigma[:factors],
        sigma_bar=0.01,
        adv=draw(one_of(2e7, 2e8)),
        depth=1e10,
        half_spread=1e-4,
        crowd=4.0,
    )
    assets, lines = (_columns(draw(st.lists(kind, max_size=2))) for kind in (ASSET, LINE))
    count = len(assets.get("value", []))
    takes = np.tile(draw(st.lists(st.booleans(), min_size=VENUES, max_size=VENUES)), (count, 1))
    random = np.random.default_rng(draw(st.integers(0, 9)))
    return Platform(
        factors=made,
        units=_units(draw, rows, factors),
        exposures=ap.exposures([_units_of(row, factors) for row in rows]),
        sets=_sets(rows),
        **_margin(rows, factors),
        addons=_addons(rows, factors),
        estimators=_estimators(draw, made.sigma),
        accounts=_accounts(draw),
        entities=arrays.Entities(np.full(ENTITIES, 1e8), np.full(ENTITIES, 8)),
        collateral=ap.collateral(count, **assets, posted_at=takes.reshape(count, VENUES)),
        facilities=ap.facilities(len(lines.get("draws", [])), **lines),
        ladder=_ladder(draw),
        residuals=random.normal(0.0, 1.0, (5, 24, factors)),
        correlation=np.eye(factors),
    )


def _scenario(draw: Draw, factors: int) -> Scenario:
    calm = ap.calm(factors, HOURS)
    move = st.tuples(st.integers(0, HOURS - 1), st.integers(0, 1), st.integers(-8, 8))
    for hour, factor, size in draw(st.lists(move, max_size=3)):
        calm.shock[0, hour, factor] += 0.01 * size
    until = draw(st.integers(0, HOURS))
    calm.lines[:, until:], calm.mac[:, until:] = 0.0, 1.0
    together = 0.5 + 0.5 * np.eye(factors)
    return calm._replace(
        volatility=draw(one_of(1.0, 2.0, 5.0)) * calm.volatility,
        depth=draw(one_of(1.0, 0.3)) * calm.depth,
        haircut=calm.haircut + draw(one_of(0.0, 0.1)),
        mixing=np.linalg.cholesky(together)[None],
        mixing_at=np.full((1, HOURS), draw(one_of(-1, 0))),
    )


@st.composite
def books(draw: Draw, *, gamma: tuple[int, int] = (-50, 50), **terms: Any) -> Book:
    """A book; terms that are named are as given."""
    factors = draw(st.integers(2, 4))
    exposure = st.tuples(st.integers(-50, 50), st.integers(*gamma))
    held = st.dictionaries(st.integers(0, factors - 1), exposure, min_size=1, max_size=3)
    row = st.fixed_dictionaries({**TERMS, **EXTRA, "held": held})
    rows = draw(st.lists(row, min_size=2, max_size=6))
    chosen: BookSettings = draw(SETTINGS)
    settings = chosen.of_the_loop(seed=draw(st.integers(0, 99)), arm=0, has_history=True)
    made = Book(_platform(draw, rows, factors), _scenario(draw, factors), settings)
    return made.terms(**terms) if terms else made
