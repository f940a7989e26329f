"""What a run is given beside the platform: scenarios, and how the loop is set."""

from typing import NamedTuple

from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array

NO_SALES, NO_IMPACT, IMPACT = range(3)
"""Arms A, B and C: no forced sales, sales that move no price, sales that do."""
NOISELESS, GAUSSIAN, STUDENT, HISTORY = range(4)
"""Generators: no noise, normal, t-copula (one chi a day), blocks of filtered history."""
SQUARE_ROOT, LINEAR = range(2)
"""Kinds of impact: linear permanent plus square-root transient, or flow over depth."""
CHEAPEST, PRO_RATA, BY_ORDER = range(3)
"""Policies of forced sales: least impact cost, a vertical slice, by the units' priority."""


class Scenario(NamedTuple):
    """B scenarios over H hours; a path runs in one of them. H is the run's hours."""

    shock: FloatArray
    """(B, H, F) Return added to the factor in that hour, in its unit."""
    volatility: FloatArray
    """(B, H, F) Multiplier m of the random return; one: as the factor's own volatility has it."""
    depth: FloatArray
    """(B, H, F) Multiplier of the market's volume; 0.2 is a loss of 80%."""
    haircut: FloatArray
    """(B, H) Added to every haircut, share."""
    lines: FloatArray
    """(B, H) One where uncommitted lines can be drawn, else zero."""
    mac: FloatArray
    """(B, H) One where lenders invoke a material adverse change, else zero."""
    mixing: FloatArray
    """(X, F, F) Lower triangular: applied to independent shocks the Cholesky factor L_s of a
    correlation, applied to those of HISTORY its change L_s L_0^-1."""
    mixing_at: Int64Array
    """(B, H) Which of them holds in that hour; -1: none, shocks stay as drawn."""


class Settings(NamedTuple):
    """How the loop runs; one number each, so that a run is told in full by them."""

    seed: int = 1
    arm: int = IMPACT
    hours: int = 240
    """Hours of market: business days times 24."""
    generator: int = STUDENT
    degrees: float = 5.0
    """Degrees of freedom of STUDENT, above two."""
    block_days: float = 3.0
    """Mean length of a block of HISTORY, days."""
    reversion: float = 0.05
    """Kappa, a day: pull of daily variance to its long-run level."""
    reaction: float = 0.08
    """Alpha: weight of a squared return in daily variance."""
    impact_memory: float = 0.5
    """Psi: part of an impact's return that feeds the true volatility."""
    sigma_floor: float = 0.2
    sigma_cap: float = 15.0
    """Bounds of volatility, times the long-run level."""
    start_weekday: int = 0
    """Weekday of the first hour, Monday is 0; weekends are skipped."""
    gap_share: float = 0.3
    """Share of a day's variance that a weekend adds to the first hour after it."""
    look_ahead: int = 24
    """Hours of known dues that liquidity must cover, below 96."""
    reserve: float = 0.0
    """Cash kept at hand by asking collateral and lines early, share of net asset value: a line with
    notice never helps against calls that are due before it."""
    unlimited: int = 0
    """One: every due is paid whatever there is, and nothing defaults (for sizing a facility)."""
    fx_cost: float = 0.002
    """Cost of cash in another currency, share."""
    fx_cut_off: int = 24
    """First hour at which no currency is changed until the next day; 24: never."""
    until_exhausted: int = 0
    """One: a path stops at its exhaustion, which is all that the sizing of a line asks for."""
    policy: int = CHEAPEST
    participation: float = 0.2
    """Most of an hour's volume that is sold, share."""
    impact: int = SQUARE_ROOT
    permanent: float = 0.314
    transient: float = 0.8
    """Coefficients gamma_p and Y of the square-root impact (7)."""
    decay: float = 48.0
    """Hours in which the accumulated order fades by e."""
    volume_by_volatility: int = 1
    """One: the volume cap shrinks by the ratio of volatility (7)."""
    ops_failure: float = 0.0
    """Probability that a request for liquidity fails; 0.01 in the model."""
    ops_delay: float = 0.0
    """Hours of extra delay of a request at 95%, median none; 2 in the model."""
    tail: int = 1
    """One: calls struck in the run but due after it are still paid, with the market at rest."""
