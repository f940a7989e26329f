"""A session of a backtest is that session live: figures, ladder and its instants."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from margin_assets.backtest.engine.walk import Walk
from margin_assets.backtest.history.building import History
from margin_assets.kernels.enforcement.rungs import STATES, UNSET
from tests.support.backtests import Seat, days, history, noon, plan, walk
from tests.support.live_driver import Firm, account, cash, fill, instrument, price

CLOSES = {
    "SPY": [300.0, 300.0, 296.0, 290.0, 291.0, 280.0, 285.0, 287.0, 288.0, 289.0],
    # A fall, a call, a recovery, another call; never so deep that somebody is sold out.
    "Y": [100.0, 80.0, 63.0, 62.5, 90.0, 66.0, 64.0, 66.0, 68.0, 70.0],
    # Silent after the second session: it grows stale at an opening, and unusable at a later one.
    "Z": [40.0, 41.0, None, None, None, None, None, None, None, None],
}
BARS = [
    # A warning and its end within a session; a call that is cured at a bar before the close.
    ("Y", noon(days(2)[1], 11), 68.0),
    ("Y", noon(days(2)[1], 13), 82.0),
    ("Y", noon(days(5)[4], 11), 60.0),
    ("SPY", noon(days(5)[4], 14), 288.5),
    ("Y", noon(days(5)[4], 15), 91.0),
]
SEATS = (
    Seat(10_000, {"Y": 200}),
    Seat(10_000, {"Y": -90}),
    Seat(5_000, {"Z": 200}),
    Seat(9_000, {"Z": -200}),
    Seat(150_000, {"SPY": 300, "Y": 1_000}, kind="portfolio_margin"),
    Seat(8_000, {"Y": 30, "Z": 50}, kind="cash"),
)
NAMES = [f"A{n}" for n in range(len(SEATS))]
SESSIONS = len(CLOSES["Y"])


def instant(micros: int) -> datetime:
    return datetime.fromtimestamp(micros // 1_000_000, UTC)


@pytest.fixture(scope="module")
def found() -> History:
    return history(CLOSES, BARS, benchmark="SPY")


def landed(firm: Firm, found: History, place: int) -> None:
    """What lands of a session, at its close."""
    at = instant(int(found.closes[place]))
    feeds: dict[str, list[dict[str, Any]]] = {
        "prices": [
            price(symbol, str(column[place]), at)
            for symbol, column in CLOSES.items()
            if column[place] is not None
        ]
        + [
            price(symbol, str(told), when.astimezone(UTC))
            for symbol, when, told in BARS
            if when.date() == found.days[place]
        ]
    }
    if place == 0:
        start = instant(int(found.opens[0]))
        feeds["accounts"] = [account(n, s.kind, start) for n, s in zip(NAMES, SEATS, strict=True)]
        feeds["instruments"] = [instrument(symbol, start) for symbol in CLOSES]
        feeds["cash_movements"] = [
            cash(f"M{n}", n, str(seat.deposit), at) for n, seat in zip(NAMES, SEATS, strict=True)
        ]
        feeds["fills"] = [
            fill(f"{n}{s}", str(q), str(CLOSES[s][0]), at, account_id=n, symbol=s)
            for n, seat in zip(NAMES, SEATS, strict=True)
            for s, q in seat.held.items()
        ]
    firm.run(**feeds)


def told_live(firm: Firm) -> list[tuple[Any, ...]]:
    summary = firm.rows(
        "margin_summary", "account_id", "equity", "reg_t_requirement", "governing_requirement"
    )
    ladder = firm.rows(
        "enforcement_state",
        *("account_id", "margin_status", "restriction", "liquidation", "minimum_equity"),
        *("call_opened_at", "is_stress_restricted", "is_overdue_restricted", "stress_clear_since"),
    )
    return [one + two[1:] for one, two in zip(sorted(summary), sorted(ladder), strict=True)]


def told_walk(moved: Walk) -> list[tuple[Any, ...]]:
    figures, ladder = moved._figures, moved.state.ladder

    def at(micros: int) -> datetime | None:
        return None if micros == UNSET else instant(micros)

    def usd(cents: np.int64) -> Decimal:
        return Decimal(int(cents)) / 100

    return [
        (
            name,
            usd(figures.equity[a]),
            usd(figures.maintenance[a]),
            usd(figures.governing[a]),
            STATES[0][ladder.margin_status[a]],
            STATES[1][int(ladder.is_stressed[a] or ladder.is_overdue[a])],
            STATES[2][int(ladder.is_liquidating[a])],
            STATES[3][int(ladder.minimum_call[a])],
            at(int(ladder.call_opened[a])),
            bool(ladder.is_stressed[a]),
            bool(ladder.is_overdue[a]),
            at(int(ladder.stress_clear[a])),
        )
        for a, name in enumerate(NAMES)
    ]


def test_every_close_is_as_the_live_monitor_has_it(found: History, tmp_path: Path):
    firm, moved = Firm(tmp_path), walk(found, plan(found, *SEATS))
    seen = set()
    for place in range(SESSIONS):
        landed(firm, found, place)
        moved.part(range(place, place + 1))
        live = told_live(firm)
        assert told_walk(moved) == live, place
        seen |= {row[4] for row in live} | {row[5] for row in live}

    assert seen == {"ok", "warning", "call", "none", "close_only"}
    # At its last price the account is good, so that the bound alone does not sell it out.
    assert moved._figures.equity[2] < 0
    assert not moved.state.ladder.is_liquidating.any()
