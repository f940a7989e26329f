"""How often a loss was above what was required before it, and whether such days come in runs.

Source: Kupiec, Techniques for verifying the accuracy of risk measurement models (1995), for how
many; Christoffersen, Evaluating interval forecasts (1998), for whether one follows another. Both
suppose that days are independent under the hypothesis. Accounts of one day are not: pooled over
accounts the tests reject too readily, and their p-values rank rather than prove.
"""

import math
from typing import NamedTuple

from margin_assets.kernels.numeric.proportions import chi_squared_tail, kupiec_ratio, log_likelihood


class Transitions(NamedTuple):
    """Days by whether the day before was a breach and whether they are."""

    calm_calm: int
    calm_breach: int
    breach_calm: int
    breach_breach: int


class CoverageTests(NamedTuple):
    """Breaches against the share expected: likelihood ratios, and how likely larger ones are."""

    days: int
    breaches: int
    expected: float
    kupiec: float
    kupiec_p: float
    independence: float | None
    """None where no day follows another."""
    independence_p: float | None
    conditional: float | None
    conditional_p: float | None


def coverage_tests(
    days: int, breaches: int, share: float, followed: Transitions | None
) -> CoverageTests:
    """Both tests of so many breaches in so many days of which a share was expected.

    Args:
        days: Counted, whether or not another went before.
        breaches: Of them.
        share: Expected, such as 0.01.
        followed: The days that had another before them; None where they overlap or stand apart.
    """
    kupiec = kupiec_ratio(days, breaches, share)
    before = (days, breaches, share * days, kupiec, chi_squared_tail(kupiec))
    if followed is None or not sum(followed):
        return CoverageTests(*before, None, None, None, None)
    independence = independence_ratio(followed)
    both = kupiec + independence
    # Chi squared with two degrees of freedom has the tail of an exponential.
    tails = (independence, chi_squared_tail(independence), both, math.exp(-0.5 * both))
    return CoverageTests(*before, *tails)


def independence_ratio(followed: Transitions) -> float:
    """Twice the gain in likelihood of breaches that depend on the day before; 0 where none can.

    Chi squared with one degree of freedom, were they independent.
    """
    after_calm = followed.calm_calm + followed.calm_breach
    after_breach = followed.breach_calm + followed.breach_breach
    days, breaches = after_calm + after_breach, followed.calm_breach + followed.breach_breach
    apart = _best(after_calm, followed.calm_breach) + _best(after_breach, followed.breach_breach)
    return 2.0 * max(apart - _best(days, breaches), 0.0)


def _best(days: int, breaches: int) -> float:
    return log_likelihood(days, breaches, breaches / days) if days else 0.0
