"""Episodes in which a sector moved its own market, or owed more than it had: three small books.

Amounts of gilts are pounds written as dollars: only ratios are told of them.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from margin_assets.avalanche.book.building import Built, built
from margin_assets.avalanche.book.scenarios import scenario_of
from margin_assets.avalanche.demo.one_set import Change, one_set
from margin_assets.kernels.avalanche.results import LIQUIDITY, NEVER, Trace
from margin_assets.kernels.avalanche.scenario import IMPACT, NO_IMPACT, NO_SALES
from margin_assets.kernels.avalanche.simulation import trace

BRIEF = 200
"""Paths where every one is told by hour."""
_DAY = 24
_SET = {"venue_id": "CCP", "call_ccy": "USD"}


class Figure(NamedTuple):
    """One target with the figure reached."""

    target: str
    figure: float
    low: float
    high: float

    @property
    def is_met(self) -> bool:
        """Whether the figure lies within the band."""
        return self.low <= self.figure <= self.high


def book_of(settings: dict[str, Any], **changes: Change) -> Built:
    """The book of one set, with changes."""
    return built(one_set(settings, **changes))


def middle(values: np.ndarray) -> float:
    """The median."""
    return float(np.median(values))


def told_by_hour(made: Built, scenario: str, arm: int, paths: int = BRIEF) -> Trace:
    """Paths of a book, every one told by hour."""
    settings = made.loop(seed=1, arm=arm)
    return trace(made.platform, scenario_of(made, scenario), settings, np.arange(paths))


_VOLUME, _SECTOR_SALE = 12e9, 50e9
"""Long gilts traded a day, and what the sector was about to sell in a short time: Bank of England,
letter to the Treasury Committee, 5 October 2022."""
_CROWD = 121.0
"""So that the sector's sale over a day's volume is that of the letter; the fund is 1% of the 300
billion that Pinter, Siriwardane and Walker (2024) count, which by itself says 100."""


def gilts() -> Iterator[Figure]:
    """One fund of a sector sells gilts to pay calls on the episode's news: 10%, without noise."""
    made = book_of(
        {"generator": "none"},
        venue={"kind": "BILATERAL", "eod_hour": 17, "intraday_hours": "9;11;13;15"},
        netting_set={"im_model_id": "REPO"},
        im_model=[{"im_model_id": "REPO", "family": "FLAT", "rate": 0.0}],
        # Eight deviations of the episode are the half of the fall that was no sale: 10%.
        risk_factor={"class": "IR", "sigma0": 0.0125, "adv": _VOLUME, "kappa_crowd": _CROWD},
        exposure={"delta": 3e9, "funded_share": 1.0},
        cash_balance={"balance": 3e7},
    )
    told = {arm: told_by_hour(made, "gilts_2022", arm, 1) for arm in (NO_SALES, NO_IMPACT, IMPACT)}
    fall = {arm: -float(one.level.min()) for arm, one in told.items()}
    sold = _CROWD * float(told[IMPACT].results.sold[0]) / _VOLUME
    aim = _SECTOR_SALE / _VOLUME
    yield Figure("Gilts 2022: sector's sale over a day's volume", sold, 0.95 * aim, 1.05 * aim)
    share = 1.0 - fall[NO_SALES] / fall[IMPACT]
    yield Figure("Gilts 2022: share of the fall that is impact", share, 0.35, 0.65)
    without = 1.0 - fall[NO_SALES] / fall[NO_IMPACT]
    yield Figure("Gilts 2022: the same where sales move nothing", without, 0.0, 0.0)


_STATIC, _DYNAMIC = 0.059, 0.152
"""Margin over exposure: of swaps at one dealer, and of the shortfall over five days at 97%."""
_POSTED, _SPARE, _FALL, _FALLS = 1.18e9, 4e8, 0.1, 4


def archegos_book(rate: float | None, exposure: float) -> Built:
    """Swaps on one name, at a static rate or at margin that follows its volatility."""
    model = {"im_model_id": "SWAP", "family": "FLAT", "rate": rate}
    if rate is None:
        model = {"im_model_id": "SWAP", "family": "FHS_ES", "alpha": 0.97, "mpor_days": 5}
        model |= {"lambda": 0.94}
    return book_of(
        {"generator": "t"},
        venue={"kind": "PB"},
        netting_set={"im_model_id": "SWAP", "eod_lag_h": 12},
        im_model=[model],
        risk_factor={"sigma0": 0.03, "adv": 2e9, "kappa_crowd": 3},
        exposure={"delta": exposure},
        cash_balance={"balance": _SPARE},
        scenario=[
            {
                "scenario_id": "fall",
                "factor_id": "INDEX",
                "hour": _DAY * number + 15,
                "return_shock": -_FALL,
                "vol_multiplier": 2.0,
            }
            for number in range(_FALLS)
        ],
    )


def dealers() -> Iterator[Figure]:
    """What dealers lose beyond what the fund had, at dynamic margin over at static."""
    static = _loss(archegos_book(_STATIC, _POSTED / _STATIC), _POSTED)
    same_equity = _loss(archegos_book(None, _POSTED / _DYNAMIC), _POSTED)
    yield Figure(
        "Archegos: dealers' loss at 15% dynamic margin over at static, same equity",
        same_equity / static,
        0.0,
        0.4,
    )
    same_position = _loss(archegos_book(None, _POSTED / _STATIC), _POSTED / _STATIC * _DYNAMIC)
    yield Figure(
        "Archegos: the same, for the same position with the margin paid in",
        same_position / static,
        0.0,
        0.4,
    )


def _loss(made: Built, posted: float) -> float:
    """Mean loss beyond the fund's margin and cash; what is left at default falls to the end."""
    told = told_by_hour(made, "fall", IMPACT)
    results, places = told.results, np.arange(BRIEF)
    ended = np.where(results.default_hour == NEVER, told.left.shape[1] - 1, results.default_hour)
    held = told.left[places, ended, 0] * float(made.platform.exposures.delta.sum())
    to_come = np.maximum(0, _FALLS - 1 - (ended - 15) // _DAY)
    beyond = -results.pnl + held * _FALL * to_come - posted - _SPARE
    return float(np.maximum(beyond, 0.0).mean())


def stock_clearing() -> Iterator[Figure]:
    """Members of a stock clearing house: 94% of margin on the market, 6% on what everybody buys.

    Those who clear it have net capital of their margin before: what it grows by bears a premium.
    """
    charge = {"BROAD": (0.01, 24.5e9), "RETAIL": (0.08, 1.5e9)}
    # Normal shortfall at 99% over two days is 3.77 deviations of one.
    deltas = {name: margin / (3.7692 * sigma) for name, (sigma, margin) in charge.items()}
    terms = {"BROAD": {}, "RETAIL": {"net_capital": charge["RETAIL"][1]}}
    made = book_of(
        {"generator": "t", "unlimited": True},
        legal_entity=[{"entity_id": e, "home_ccy": "USD", "nav": 1e11} for e in charge],
        netting_set=[
            _SET | {"ns_id": e, "entity_id": e, "im_model_id": "ES"} | terms[e] for e in charge
        ],
        im_model=[
            {"im_model_id": "ES", "family": "FHS_ES", "alpha": 0.99, "mpor_days": 2, "lambda": 0.97}
        ],
        risk_factor=[
            {"factor_id": e, "class": "EQ", "sigma0": sigma} for e, (sigma, _) in charge.items()
        ],
        correlation=[{"factor_id": "BROAD", "other_id": "RETAIL", "rho": 0.0}],
        exposure=[
            {"ns_id": e, "manager_id": "M", "factor_id": e, "delta": deltas[e]} for e in charge
        ],
        cash_balance=[{"entity_id": e, "ccy": "USD", "balance": 1e11} for e in charge],
    )
    charged = told_by_hour(made, "meme_2021", NO_SALES).liquidity[:, :, LIQUIDITY.index("charged")]
    rise = middle(charged[:, 4 * _DAY - 1] / charged[:, 0])
    yield Figure("NSCC 2021: the industry's margin after four days over before", rise, 1.2, 1.4)
