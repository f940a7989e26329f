"""Laws of the model's section 11 on calls and margin, whatever the book."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.avalanche.answers.attribution import Attributor
from margin_assets.kernels.avalanche.holdings import (
    NOBODY,
    Holdings,
    ManagerCuts,
    ManagerExposures,
    Names,
)
from margin_assets.kernels.avalanche.platform import (
    APC_BUFFER,
    APC_FLOOR,
    APC_STRESS,
    BILATERAL,
    CLEARED,
    GAINS_KEPT,
    GAINS_PAID,
    Platform,
)
from margin_assets.kernels.avalanche.results import CALL, RETURN, Trace
from margin_assets.kernels.avalanche.scenario import IMPACT, NO_SALES, NOISELESS
from tests.support import avalanche_platforms as ap
from tests.support.avalanche_drawn import PATHS, Book, books
from tests.support.avalanche_terms import HOURS

law = settings(deadline=None)


def model(platform: Platform, span: range, ratio: np.ndarray) -> float:
    """Sum over groups of their largest form, where nothing was sold; `ratio` by unit."""
    cuts, total = platform.cuts, 0.0
    for group in span:
        values = []
        for cut in range(cuts.start[group], cuts.start[group + 1]):
            of = slice(cuts.entries[cut], cuts.entries[cut + 1])
            v = ratio[platform.groups.estimator[group], cuts.unit[of]]
            values.append(float((cuts.w[of] * v + cuts.w2[of] * v * v).sum()))
        total += max(values)
    return total


def charges(platform: Platform, s: int, v: np.ndarray, depth: np.ndarray) -> tuple[float, float]:
    """Least and most that a set is charged in a state: the same but for a buffer.

    Args:
        platform: Its arrays.
        s: The set.
        v: (M, U) Volatility ratio by estimator and unit.
        depth: (U) Multiplier of volume.
    """
    groups, sets, addons = platform.groups, platform.sets, platform.addons
    raw = model(platform, range(groups.start[s], groups.anchor[s]), v)
    anchor = model(platform, range(groups.anchor[s], groups.start[s + 1]), np.ones_like(v))
    kind, part = sets.apc[s], sets.apc_value[s]
    damped = {APC_STRESS: (1.0 - part) * raw + part * anchor, APC_FLOOR: max(raw, anchor)}
    low = damped.get(kind, raw)
    high = (1.0 + part) * raw if kind == APC_BUFFER else low
    of = slice(addons.start[s], addons.start[s + 1])
    unit = addons.unit[of]
    extra = (addons.concentration[of] * v[addons.estimator[of], unit]).sum()
    extra += (addons.spread[of] / depth[unit]).sum()
    found = []
    for charge in (low + extra, high + extra):
        capital = sets.capital[s]
        beyond = (charge - capital) * min(charge / capital, 2.0) if charge > capital else 0.0
        found.append(float(sets.multiplier[s] * (charge + beyond)))
    return found[0], found[1]


def owed(told: Trace, platform: Platform, s: int, row: int, hour: int) -> float:
    """Variation margin that a set has to have paid since the start."""
    exposures, sets = platform.exposures, platform.sets
    of = slice(exposures.start[s], exposures.start[s + 1])
    unit = exposures.unit[of]
    gain = (exposures.delta[of] * told.moved[row, hour, unit]).sum()
    gain += 0.5 * (exposures.gamma[of] * told.curved[row, hour, unit]).sum()
    if sets.kind[s] != BILATERAL:
        return float(-gain)
    value = sets.value[s] + gain
    required = max(0.0, -value - sets.threshold[s]) - max(0.0, value - sets.their_threshold[s])
    return float(required - sets.vm_posted[s])


@law
@given(books())
def test_margin_posted_is_what_the_terms_require(book: Book):
    """Laws 3 and 4: to the minimum transfer below, to the rounding above, a buffer in its band."""
    told, platform = book.told(arm=NO_SALES, unlimited=1), book.platform
    sets, factor = platform.sets, platform.units.factor
    estimators, units = len(platform.estimators.memory), len(factor)
    signed = np.isin(told.events["kind"], (CALL, RETURN)) * (told.events["vm"] + told.events["im"])
    for s in range(len(sets.account)):
        start = charges(platform, s, np.ones((estimators, units)), np.ones(units))[1]
        is_of = told.events["subject"] == s
        for hour in range(sets.eod_hour[s], HOURS, 24):
            if sets.closed[s, hour // 24]:
                continue
            depth = book.scenario.depth[0, hour, factor]
            for row, path in enumerate(PATHS[:4]):
                is_paid = is_of & (told.events["path"] == path) & (told.events["hour"] <= hour)
                posted = start + signed[is_paid].sum()
                low, high = charges(platform, s, told.ratio[row, hour][:, factor], depth)
                vm = owed(told, platform, s, row, hour)
                assert posted >= vm + low - sets.mta[s] - 1e-3
                if sets.kind[s] == BILATERAL or sets.gains[s] != GAINS_KEPT:
                    most = max(sets.mta[s], sets.rounding[s])
                    assert posted <= vm + high + most + 1e-3


RAYS = st.lists(st.integers(0, 4), min_size=4, max_size=4)


@law
@given(
    books(gamma=(-50, 0), mta=0.0, rounding=0.0, intraday_trigger=0.0, dispute_probability=0.0),
    RAYS,
    st.integers(1, HOURS),
)
def test_need_grows_along_a_ray_on_which_every_set_loses(book: Book, ray: list[int], hours: int):
    """Law 8; where one set gains what another loses, a threshold may let need fall."""
    platform = book.platform
    exposures, cuts = platform.exposures, platform.cuts
    factors = len(platform.factors.sigma)
    long = platform._replace(
        exposures=exposures._replace(delta=np.abs(exposures.delta)),
        cuts=cuts._replace(w=np.abs(cuts.w)),
        estimators=platform.estimators._replace(trigger=np.zeros(2)),
    )
    needs = []
    for size in (0.0, 0.5, 1.0, 2.0, 4.0):
        shocked = ap.calm(factors, HOURS)
        shocked.shock[0, :hours] = -0.01 * size * np.array(ray[:factors]) / hours
        along = Book(long, shocked, book.settings)
        needs.append(along.run(arm=NO_SALES, generator=NOISELESS, unlimited=1, tail=1).peak_need[0])

    assert needs[0] == 0.0
    assert (np.diff(needs) >= -1e-6).all()


def held_by_two(platform: Platform, share: float) -> Holdings:
    """Two managers, the first with that share of every exposure and of every cut."""
    exposures, cuts = platform.exposures, platform.cuts
    parts = np.array([share, 1.0 - share])
    owner = np.repeat(np.arange(len(exposures.start) - 1), np.diff(exposures.start))
    form = np.repeat(np.arange(len(cuts.constant)), np.diff(cuts.entries))
    managers = np.arange(2)

    def split(column: np.ndarray) -> np.ndarray:
        return np.outer(column, parts).ravel()

    factors = [str(f) for f in range(len(platform.factors.sigma))]
    return Holdings(
        names=Names(
            factors=factors,
            classes=factors,
            sets=(),
            venues=(),
            counterparties=(),
            accounts=(),
            entities=(),
            units=(),
            assets=(),
            facilities=(),
            managers=("one", "other"),
            strategies=("", ""),
        ),
        counterparty=np.full(len(platform.sets.account), NOBODY),
        expected_return=np.full(2, np.nan),
        exposures=ManagerExposures(
            np.repeat(owner, 2),
            np.repeat(exposures.unit, 2),
            np.tile(managers, len(exposures.unit)),
            *(split(column) for column in (exposures.delta, exposures.gamma, exposures.theta)),
        ),
        cuts=ManagerCuts(
            np.repeat(form, 2),
            np.repeat(cuts.unit, 2),
            np.tile(managers, len(cuts.unit)),
            split(cuts.w),
            split(cuts.w2),
        ),
        hidden=np.zeros(2),
    )


SETTLED = {
    "kind": CLEARED,
    "gains": GAINS_PAID,
    "mta": 0.0,
    "rounding": 0.0,
    "dispute_probability": 0.0,
    "eod_lag": 2,
    "intraday_lag": 2,
    "intraday_trigger": 0.0,
}
"""Terms that hold nothing back: the need is what was lost and what margin rose by."""


@settings(deadline=None, derandomize=True)
@given(books(**SETTLED), st.integers(0, 100))
def test_parts_of_the_need_sum_to_it_and_go_by_what_each_manager_holds(book: Book, percent: int):
    share = percent / 100
    attributor = Attributor(book.platform, held_by_two(book.platform, share))
    attributor.add(book.told(arm=IMPACT, unlimited=1))
    found = attributor.result()

    size = max(1.0, float(np.abs(found.by_set).sum()))
    assert found.residual == pytest.approx(0.0, abs=1e-6 * size)
    assert found.by_set.sum() == pytest.approx(found.need, abs=1e-6 * size)
    assert found.by_manager.sum() == pytest.approx(found.need, abs=1e-6 * size)
    assert found.by_manager[0] == pytest.approx(share * found.need, abs=1e-6 * size)
