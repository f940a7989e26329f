"""The order of key rates for a person."""

from collections.abc import Iterable


def by_term(tenors: Iterable[str]) -> list[str]:
    """Tenors from short to long."""
    return sorted(tenors, key=_months)


def _months(tenor: str) -> float:
    return int(tenor[:-1]) * {"D": 1 / 30, "W": 7 / 30, "M": 1, "Y": 12}[tenor[-1]]
