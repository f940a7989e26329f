"""A platform with everything that the loop knows, in small: for laws that hold of any platform."""

import numpy as np

from margin_assets.kernels.avalanche import platform as arrays
from margin_assets.kernels.avalanche.platform import BILATERAL, CLEARED, Platform
from margin_assets.kernels.avalanche.scenario import Scenario
from tests.support import avalanche_platforms as ap

FACTORS, SETS = 5, 8


def mixed(seed: int = 0) -> Platform:
    """Eight sets of two entities in two currencies."""
    rng = np.random.default_rng(seed)
    held = np.array([rng.permutation(FACTORS)[:3] for _ in range(SETS)])
    held = np.where((np.arange(SETS) % 2)[:, None] == 1, held + FACTORS, held)
    delta = rng.normal(2e7, 6e7, held.shape)
    gamma = np.where(np.arange(SETS)[:, None] < 4, 0.0, delta)
    net = np.bincount(held.ravel(), delta.ravel(), 2 * FACTORS)
    cleared = np.arange(SETS) < 5
    factors = ap.factors(FACTORS, adv=2e8, crowd=4.0, half_spread=1e-4)
    start = 2 * np.arange(SETS + 1)
    forms = [
        [[(u, lean * abs(x) * 0.02, 0.0) for u, x in zip(held[s], delta[s], strict=True)]]
        for s in range(SETS)
        for lean in (1.0, 1.2)
    ]
    return Platform(
        factors=factors,
        units=ap.units(
            2 * FACTORS,
            factor=np.tile(np.arange(FACTORS), 2),
            entity=np.repeat([0, 1], FACTORS),
            exposure=net,
            funded=np.tile([0.4, 0.0], FACTORS),
            lag=np.tile([24, 0], FACTORS),
            volume_part=0.5,
        ),
        exposures=ap.exposures(
            [list(zip(held[s], delta[s], gamma[s], strict=True)) for s in range(SETS)]
        ),
        sets=ap.sets(
            SETS,
            # An entity's currencies: accounts 0 and 1, 2 and 3.
            account=2 * (np.arange(SETS) % 2) + np.arange(SETS) // 2 % 2,
            kind=np.where(cleared, CLEARED, BILATERAL),
            gains=np.arange(SETS) % 2,
            threshold=np.where(cleared, 0.0, 2e5),
            mta=np.where(cleared, 0.0, 5e4),
            rounding=np.where(cleared, 0.0, 1e4),
            multiplier=1.1,
            eod_hour=17 + np.arange(SETS) % 4,
            eod_lag=6,
            intraday=np.tile(np.isin(np.arange(24), (9, 13)), (SETS, 1)),
            intraday_lag=1,
            intraday_trigger=0.05,
            restrikes=np.arange(SETS) == 3,
            dispute_probability=np.where(cleared, 0.0, 0.3),
            dispute_share=0.4,
            dispute_delay=24,
            apc=np.arange(SETS) % 4,
            apc_value=0.25,
        ),
        groups=arrays.Groups(start, start[:-1] + 1, np.tile([1, 0], SETS), np.ones((2 * SETS, 10))),
        cuts=ap.cuts(forms),
        addons=ap.no_addons(SETS),
        estimators=ap.estimators(2, factors.sigma, memory=[1.0, 0.94], hour=17),
        accounts=ap.accounts(
            4,
            entity=np.repeat([0, 1], 2),
            currency=np.tile([0, 1], 2),
            cash=4e6,
            minimum=5e5,
            cut_off=[24, 18, 24, 18],
        ),
        entities=arrays.Entities(np.array([2e8, 2e8]), np.array([8, 8])),
        collateral=ap.collateral(
            2, account=[0, 2], value=3e6, haircut=0.05, factor=0, lag=2, opens=7, closes=15
        ),
        facilities=ap.facilities(
            2,
            account=[1, 3],
            commitment=3e6,
            notice=4,
            cut_off=16,
            day_limit=1e6,
            nav_floor=0.8,
            minimum=1e4,
        ),
        ladder=np.zeros((240, 4)),
        residuals=rng.normal(0.0, 1.0, (30, 24, FACTORS)),
        correlation=np.eye(FACTORS),
    )


def stressed(multiplier: float = 3.0) -> Scenario:
    """Correlated shocks, three times the volatility, half the depth, ten points of haircut."""
    mixing = np.linalg.cholesky(np.full((FACTORS, FACTORS), 0.4) + 0.6 * np.eye(FACTORS))
    calm = ap.calm(FACTORS)
    return calm._replace(
        volatility=multiplier * calm.volatility,
        depth=0.5 * calm.depth,
        haircut=calm.haircut + 0.1,
        mixing=mixing[None],
        mixing_at=np.zeros_like(calm.mixing_at),
    )
