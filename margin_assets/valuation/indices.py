"""Indices by the names the market has for them, with their usual conventions."""

import re
from typing import NamedTuple


class IndexConventions(NamedTuple):
    """What is usual for an index and the swaps on it."""

    kind: str
    day_count: str
    calendar: str
    fixing_days: int
    """Days from fixing to the first day of a term rate; of an overnight index, days to spot."""
    tenor: str | None = None
    convention: str = "modified_following"
    end_of_month: bool = True
    fixing_calendar: str | None = None
    """Days on which a term rate is fixed; none: the calendar."""
    payment_lag: int = 0
    """Of swaps on an overnight index."""


_OVERNIGHT = {
    "USD-SOFR": IndexConventions("overnight", "act/360", "us sofr", 2, payment_lag=2),
    "USD-FED-FUNDS": IndexConventions(
        "overnight", "act/360", "us federal reserve", 2, payment_lag=2
    ),
    "EUR-ESTR": IndexConventions("overnight", "act/360", "target", 2, payment_lag=1),
    "EUR-EONIA": IndexConventions("overnight", "act/360", "target", 2, payment_lag=1),
    "GBP-SONIA": IndexConventions("overnight", "act/365f", "uk exchange", 0),
    "JPY-TONA": IndexConventions("overnight", "act/365f", "japan", 2, payment_lag=2),
    "CHF-SARON": IndexConventions("overnight", "act/360", "switzerland", 2, payment_lag=2),
}
_TERM = {
    "USD-LIBOR": IndexConventions(
        "term", "act/360", "uk exchange+us libor", 2, fixing_calendar="uk exchange"
    ),
    "USD-TERM-SOFR": IndexConventions("term", "act/360", "us government bond", 2),
    "EUR-EURIBOR": IndexConventions("term", "act/360", "target", 2),
    "GBP-LIBOR": IndexConventions("term", "act/365f", "uk exchange", 0),
    "JPY-TIBOR": IndexConventions("term", "act/365f", "japan", 2, end_of_month=False),
}
_OF_TENOR = re.compile(r"(.+)-(\d{1,2}[DWMY])", re.ASCII)


def known_index(name: str) -> IndexConventions | None:
    """Usual conventions of the index of that name, such as `EUR-EURIBOR-6M`; none if unknown."""
    if name in _OVERNIGHT:
        return _OVERNIGHT[name]
    found = _OF_TENOR.fullmatch(name)
    if found is None or found[1] not in _TERM:
        return None
    return _TERM[found[1]]._replace(tenor=found[2])


def known_names() -> list[str]:
    """Names of the indices, `-xM` standing for a tenor."""
    return [*_OVERNIGHT, *(f"{family}-xM" for family in _TERM)]
