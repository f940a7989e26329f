"""Tests of a share: how likely so many days of a kind are, were the share as expected.

Source: Kupiec, Techniques for verifying risk models (1995).
"""

import math


def kupiec_ratio(days: int, breaches: int, expected: float) -> float:
    """Twice the gain in likelihood of the share seen over the share expected; 0 without days.

    Chi squared with one degree of freedom, were the expected share true.
    Kupiec calls it the proportion of failures.
    """
    share = breaches / days if days else 0.0
    gain = log_likelihood(days, breaches, share) - log_likelihood(days, breaches, expected)
    return 2.0 * max(gain, 0.0)


def chi_squared_tail(ratio: float) -> float:
    """Probability that chi squared with one degree of freedom is larger."""
    return math.erfc(math.sqrt(0.5 * ratio))


def log_likelihood(days: int, breaches: int, share: float) -> float:
    """Logarithm of the likelihood of so many breaches on so many days, each of that share."""
    inside = (days - breaches) * math.log1p(-share) if days > breaches else 0.0
    return inside + (breaches * math.log(share) if breaches else 0.0)
