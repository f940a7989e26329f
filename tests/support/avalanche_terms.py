"""Terms of small books as Hypothesis draws them: of sets, of lines and securities, of the loop.

Amounts are whole hundred thousands and shares whole percents, so that a case that fails is short.
What the loop is set to is read as a book's settings are: no value is drawn that a book cannot have.
"""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from margin_assets.avalanche.book.settings import BookSettings

DAYS = 3
HOURS = 24 * DAYS
ENTITIES, CURRENCIES, VENUES = 2, 2, 2
ACCOUNTS = ENTITIES * CURRENCIES


def money(most: int) -> st.SearchStrategy[float]:
    """Up to so many hundred thousands."""
    return st.integers(0, most).map(lambda n: 1e5 * n)


def _share(most: int = 100) -> st.SearchStrategy[float]:
    """Up to so many percents."""
    return st.integers(0, most).map(lambda n: n / 100)


def one_of(*values: Any) -> st.SearchStrategy[Any]:
    """One of the values; one that stands twice is drawn twice as often."""
    return st.sampled_from(values)


TERMS: dict[str, st.SearchStrategy[Any]] = {
    "account": st.integers(0, ACCOUNTS - 1),
    "venue": st.integers(0, VENUES - 1),
    "kind": one_of(0, 1),
    "gains": one_of(0, 1, 2),
    "threshold": money(10),
    "their_threshold": one_of(np.inf, 0.0, 5e5),
    "mta": one_of(0.0, 0.0, 2e4, 1e5),
    "rounding": one_of(0.0, 0.0, 1e3, 1e4),
    "multiplier": one_of(1.0, 1.2),
    "capital": one_of(np.inf, np.inf, 1e6),
    "eod_hour": st.integers(0, 23),
    "eod_lag": st.integers(0, 12),
    "intraday_lag": st.integers(0, 3),
    "intraday_trigger": one_of(0.0, 0.25),
    "restrikes": st.booleans(),
    "dispute_probability": one_of(0.0, 0.0, 0.5),
    "dispute_share": _share(),
    "dispute_delay": st.integers(0, 30),
    "deadline": one_of(-1, 10),
    "grace": st.integers(0, 12),
    "apc": one_of(0, 1, 2, 3),
    "apc_value": one_of(0.25, 0.5),
    "value": one_of(0.0, 0.0, -3e5, 4e5),
}
"""Columns of the sets, by their names."""
EXTRA: dict[str, st.SearchStrategy[Any]] = {
    "intraday": st.sets(st.integers(0, 23), max_size=3),
    "closed": st.sets(st.integers(0, DAYS - 1), max_size=1),
    "estimator": one_of(0, 1),
    "rate": _share(6),
    "square": one_of(0.0, 0.01),
    "anchor": st.booleans(),
    "addon": one_of(0.0, 0.0, 1e5),
}
"""What else a set is drawn with: hours of runs, days without one, its model and add-on."""
SETTINGS = st.fixed_dictionaries(
    {
        "generator": one_of("none", "gaussian", "t", "history"),
        "degrees": st.integers(3, 8),
        "reaction": one_of(0.0, 0.08),
        "reversion": one_of(0.0, 0.05),
        "start_weekday": st.integers(0, 4),
        "look_ahead": st.integers(1, 40),
        "reserve": one_of(0.0, 0.0, 0.01),
        "fx_cut_off": st.integers(1, 24),
        "policy": one_of("cheapest", "pro_rata", "by_order"),
        "participation": _share(),
        "impact": one_of("sqrt", "sqrt", "linear"),
        "volume_by_volatility": st.booleans(),
        "ops_failure": one_of(0.0, 0.1),
        "ops_delay": one_of(0.0, 2.0),
        "tail": st.booleans(),
    }
).map(lambda chosen: BookSettings.model_validate({"days": DAYS, **chosen}))
LINE = st.fixed_dictionaries(
    {
        "account": st.integers(0, ACCOUNTS - 1),
        "commitment": money(40),
        "committed": st.booleans(),
        "mac": st.booleans(),
        "notice": st.integers(0, 12),
        "cut_off": st.integers(1, 24),
        "day_limit": one_of(np.inf, 1e6),
        "draws": st.integers(0, 6),
        "minimum": one_of(0.0, 2e5),
        "nav_floor": one_of(0.0, 0.95),
    }
)
ASSET = st.fixed_dictionaries(
    {
        "account": st.integers(0, ACCOUNTS - 1),
        "value": money(40),
        "haircut": _share(20),
        "stressed": _share(30),
        "factor": one_of(-1, 0),
        "lag": st.integers(0, 4),
        "opens": st.integers(0, 12),
        "closes": st.integers(13, 24),
    }
)
