"""Laws of the model's section 11 that hold of the loop, whatever the book: cash and sales."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.avalanche.results import (
    DRAWN,
    NEVER,
    PAID,
    RETURN,
    SOLD,
    TURNED,
    Results,
)
from margin_assets.kernels.avalanche.scenario import (
    GAUSSIAN,
    IMPACT,
    NO_IMPACT,
    NO_SALES,
    NOISELESS,
    SQUARE_ROOT,
)
from tests.support import avalanche_platforms as ap
from tests.support.avalanche_drawn import PATHS, Book, books
from tests.support.avalanche_terms import HOURS

ARMS = st.sampled_from([NO_SALES, NO_IMPACT, IMPACT])
LAGS = st.fixed_dictionaries(
    {name: st.integers(0, 20) for name in ("eod_lag", "intraday_lag", "dispute_delay")}
)
law = settings(deadline=None)


def same(found: Results, other: Results) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(found, other, strict=True))


@law
@given(books(), st.booleans(), ARMS)
def test_where_nothing_moves_nothing_is_called(book: Book, is_flat: bool, arm: int):
    still = book.rich()._replace(scenario=ap.calm(len(book.platform.factors.sigma), HOURS))
    if is_flat:
        none = np.zeros_like(book.platform.factors.sigma)
        moves = still.platform.factors._replace(sigma=none, sigma_bar=none)
        still = still._replace(platform=still.platform._replace(factors=moves))
    found = still.run(arm=arm, generator=GAUSSIAN if is_flat else NOISELESS)

    assert found.peak_need.tolist() == [0.0] * len(PATHS)
    assert found.gross_calls.tolist() == [0.0] * len(PATHS)


@law
@given(books(), ARMS)
def test_money_is_conserved(book: Book, arm: int):
    assert np.abs(book.run(arm=arm).balance).max() < 1e-6


@law
@given(books(), ARMS)
def test_cash_left_is_what_the_events_brought_and_took(book: Book, arm: int):
    told = book.told(arm=arm, fx_cost=0.0)
    results, hours = told.results, told.results.need_by_hour.shape[1]
    came = {RETURN: "amount", TURNED: "amount", DRAWN: "amount", SOLD: "vm"}
    inflow = np.maximum(0.0, -book.platform.ladder).sum(axis=1)
    for row, path in enumerate(PATHS):
        end = results.default_hour[row] if results.default_hour[row] != NEVER else hours - 1
        mine = told.events[told.events["path"] == path]
        cash = book.platform.accounts.cash.sum() + inflow[: end + 1].sum()
        cash -= mine["amount"][mine["kind"] == PAID].sum()
        for kind, column in came.items():
            cash += mine[column][(mine["kind"] == kind) & (mine["due_hour"] <= end)].sum()
        assert results.cash_left[row] == pytest.approx(cash, abs=1e-5)


def at_hand(book: Book) -> Book:
    """The book with sources that come at once and on no condition, currencies at no cost.

    A line with notice, or a smallest draw, may have been asked for early by whoever had less, and
    be there for a call that finds the other one waiting.
    """
    platform = book.platform
    assets = ap.collateral(
        len(platform.collateral.value),
        account=platform.collateral.account,
        value=platform.collateral.value,
        haircut=platform.collateral.haircut,
        posted_at=platform.collateral.posted_at,
    )
    lines = ap.facilities(
        len(platform.facilities.account),
        account=platform.facilities.account,
        commitment=platform.facilities.commitment,
    )
    accounts = platform.accounts
    accounts = accounts._replace(
        cut_off=np.full_like(accounts.cut_off, 24), closed=np.zeros_like(accounts.closed)
    )
    plain = platform._replace(collateral=assets, facilities=lines, accounts=accounts)
    free = {"fx_cost": 0.0, "fx_cut_off": 24, "ops_failure": 0.0, "ops_delay": 0.0, "reserve": 0.0}
    return book._replace(platform=plain, settings=book.settings._replace(**free))


def with_more(book: Book, more: list[float]) -> Book:
    """The book with more cash, securities and lines, dollars of each."""
    accounts, assets, lines = (
        getattr(book.platform, name) for name in ("accounts", "collateral", "facilities")
    )
    richer = book.platform._replace(
        accounts=accounts._replace(cash=accounts.cash + more[0]),
        collateral=assets._replace(value=assets.value + more[1]),
        facilities=lines._replace(commitment=lines.commitment + more[2]),
    )
    return book._replace(platform=richer)


@law
@given(books(), st.lists(st.floats(0.0, 2e6), min_size=3, max_size=3))
def test_more_liquidity_never_exhausts_or_defaults_sooner_in_arm_a(book: Book, more: list[float]):
    less = at_hand(book)
    runs = [one.run(arm=NO_SALES) for one in (less, with_more(less, more))]

    for name in ("exhaustion_hour", "default_hour"):
        hours = [np.where(getattr(r, name) == NEVER, 999, getattr(r, name)) for r in runs]
        assert (hours[1] >= hours[0]).all()


@law
@given(books())
def test_without_impact_arm_c_is_arm_b(book: Book):
    flat = {"impact": SQUARE_ROOT, "permanent": 0.0, "transient": 0.0}

    assert same(book.run(arm=NO_IMPACT, **flat), book.run(arm=IMPACT, **flat))


@law
@given(books(), st.sampled_from([NO_IMPACT, IMPACT]))
def test_with_ample_cash_every_arm_is_arm_a(book: Book, arm: int):
    rich = book.rich()

    assert same(rich.run(arm=NO_SALES), rich.run(arm=arm))


@law
@given(books(), st.sampled_from([NO_IMPACT, IMPACT]))
def test_sales_stay_within_caps_and_never_grow_an_exposure(book: Book, arm: int):
    told, platform = book.told(arm=arm), book.platform

    assert told.left.min() >= 0.0
    assert told.left.max() <= 1.0
    assert (np.diff(told.left, axis=1) <= 0.0).all()
    sales = told.events[told.events["kind"] == SOLD]
    hour, unit, row = sales["hour"], sales["subject"], np.searchsorted(PATHS, sales["path"])
    factor = platform.units.factor[unit]
    depth = book.scenario.depth[0, np.minimum(hour, HOURS - 1), factor]
    volume = platform.factors.adv[factor] * depth * platform.factors.volume_share[factor, hour % 24]
    if book.settings.volume_by_volatility:
        volume *= platform.factors.sigma[factor] / told.sigma[row, hour, factor]
    cap = book.settings.participation * volume * platform.units.volume_part[unit]
    assert (sales["amount"] <= cap * (1 + 1e-9)).all()
    # What was sold of a unit is what is gone of it.
    sold = np.zeros_like(told.left[:, -1])
    np.add.at(sold, (row, unit), sales["amount"])
    gone = (1.0 - told.left) * np.abs(platform.units.exposure)
    last = np.where(told.results.default_hour == NEVER, -1, told.results.default_hour)
    np.testing.assert_allclose(gone[np.arange(len(PATHS)), last], sold, rtol=1e-6, atol=1e-2)


@law
@given(books(), LAGS)
def test_a_longer_lag_makes_no_cash(book: Book, lags: dict[str, Any]):
    rich = book.rich()
    left = [
        rich.terms(**terms).run(arm=NO_SALES, unlimited=1, tail=1).cash_left
        for terms in (dict.fromkeys(lags, 0), lags)
    ]

    np.testing.assert_allclose(left[1], left[0], rtol=0, atol=1e-3)


@law
@given(books(), ARMS, st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_currencies_at_a_rate_of_one_are_names(book: Book, arm: int, names: list[int]):
    """At no cost any names do; at a cost one name for all is as free."""
    accounts = book.platform.accounts
    named, one = (
        book._replace(platform=book.platform._replace(accounts=accounts._replace(currency=labels)))
        for labels in (np.array(names), np.zeros_like(accounts.currency))
    )
    free = book.run(arm=arm, fx_cost=0.0)

    assert same(named.run(arm=arm, fx_cost=0.0), free)
    assert same(one.run(arm=arm), free)
