"""Law 15: no line is drawn beyond a limit, or where a covenant fails or the lender withdrew."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.avalanche.platform import Entities
from margin_assets.kernels.avalanche.results import DRAWN, LIQUIDITY, Trace
from margin_assets.kernels.avalanche.simulation import trace
from tests.support import avalanche_platforms as ap

HOURS, NAV, EXPOSURE = 72, 2e7, 1e8
PATHS = np.arange(16)
OPEN = {"commitment": 5e6, "notice": 0}
_CENT = 0.01


def ran(terms: dict[str, Any], until: int) -> Trace:
    """A set called every six hours; lines are withdrawn, and the clause drawn, from an hour on."""
    scenario = ap.calm(hours=HOURS)
    scenario.lines[:, until:], scenario.mac[:, until:] = 0.0, 1.0
    often = np.tile(np.arange(24) % 6 == 0, (1, 1))
    platform = ap.platform(
        sets=ap.sets(intraday=often, eod_lag=3, intraday_lag=3, grace=80),
        entities=Entities(np.array([NAV]), np.array([80])),
        accounts=ap.accounts(cash=2e5),
        facilities=ap.facilities(1, **terms),
        ladder=np.zeros((HOURS, 1)),
    )
    return trace(platform, scenario, ap.CALM._replace(hours=HOURS), PATHS)


def is_lawful(told: Trace, terms: dict[str, Any], until: int) -> bool:
    """The law, from what was asked for and the net asset value of each hour."""
    line = {name: column[0] for name, column in ap.facilities(1, **terms)._asdict().items()}
    asked = told.events[told.events["kind"] == DRAWN]
    return all(
        _is_lawful(asked[asked["path"] == path], worth, line, until)
        for path, worth in zip(PATHS, told.liquidity[:, :, LIQUIDITY.index("nav")], strict=True)
    )


def _is_lawful(asked: np.ndarray, worth: np.ndarray, line: dict[str, Any], until: int) -> bool:
    hours, amounts = asked["hour"], asked["amount"]
    drawn, days = line["drawn"] + np.cumsum(amounts), hours // 24
    is_late = hours % 24 >= line["cut_off"]
    # A day's value is that before its first hour; no window: that of the beginning.
    opening = np.append(NAV, worth[23::24])
    window = line["nav_window"]
    reference = opening[np.maximum(0, days - window) if window else np.zeros_like(days)]
    kept = (
        (drawn <= line["commitment"] + _CENT)
        & (drawn <= line["base_rate"] * worth[hours] + _CENT)
        & (amounts >= line["minimum"])
        & (worth[hours] >= line["nav_floor"] * reference - _CENT)
        & (line["leverage_cap"] * worth[hours] + _CENT >= EXPOSURE)
        & (asked["due_hour"] >= hours + line["notice"] + np.where(is_late, 24 - hours % 24, 0))
        & (line["committed"] | (hours < until))
        & (~line["mac"] | (hours < until))
    )
    by_day = np.bincount(days, amounts, minlength=1)
    return bool(
        kept.all() and (by_day <= line["day_limit"] + _CENT).all() and len(asked) <= line["draws"]
    )


TERMS = st.fixed_dictionaries(
    {
        "commitment": st.floats(0.0, 4e6),
        "drawn": st.floats(0.0, 2e6),
        "committed": st.booleans(),
        "mac": st.booleans(),
        "notice": st.integers(0, 12),
        "cut_off": st.integers(1, 24),
        "day_limit": st.floats(1e5, 2e6),
        "draws": st.integers(0, 6),
        "minimum": st.floats(0.0, 5e5),
        "base_rate": st.floats(0.02, 0.2),
        "nav_floor": st.floats(0.9, 1.0),
        "nav_window": st.integers(0, 2),
        "leverage_cap": st.floats(4.9, 5.5),
    }
)


@settings(deadline=None)
@given(terms=TERMS, until=st.integers(0, HOURS))
def test_a_line_is_drawn_within_its_limits_while_its_covenants_hold(terms: dict, until: int):
    assert is_lawful(ran(terms, until), terms, until)


def test_the_law_is_broken_by_draws_that_other_terms_allowed():
    told = ran(OPEN, HOURS)
    drawn = told.events[told.events["kind"] == DRAWN]["amount"]
    assert len(drawn) > len(PATHS)

    assert is_lawful(told, OPEN, HOURS)
    tighter = [
        {"commitment": float(drawn.min())},
        {"base_rate": 0.01},
        {"minimum": float(drawn.max())},
        {"nav_floor": 1.0},
        {"leverage_cap": 5.0},
        {"notice": 1},
        {"cut_off": 1},
        {"day_limit": float(drawn.min())},
        {"draws": 1},
        {"committed": False},
        {"mac": True},
    ]
    for term in tighter:
        assert not is_lawful(told, OPEN | term, 20), term
