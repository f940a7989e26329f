"""A session of a backtest is that session live: figures, ladder and its instants."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from margin_assets.backtest.book.plan import Plan
from margin_assets.backtest.engine.walk import Walk
from margin_assets.backtest.history.building import History, built
from margin_assets.kernels.enforcement.rungs import STATES
from margin_assets.kernels.rules.instants import UNSET
from tests.support.backtests import (
    Seat,
    carried,
    days,
    document,
    history,
    noon,
    plan,
    quotes,
    rows,
    walk,
)
from tests.support.live_driver import Firm, account, cash, fill, instrument, price, text
from tests.support.option_books import option as listed
from tests.support.option_books import rate

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
        *("margin_summary", "account_id", "equity", "reg_t_requirement"),
        *("portfolio_margin_requirement", "governing_requirement"),
    )
    ladder = firm.rows(
        "enforcement_state",
        *("account_id", "margin_status", "restriction", "liquidation", "minimum_equity"),
        *("call_opened_at", "is_stress_restricted", "is_overdue_restricted", "stress_clear_since"),
    )
    return [one + two[1:] for one, two in zip(sorted(summary), sorted(ladder), strict=True)]


def told_walk(moved: Walk, count: int) -> list[tuple[Any, ...]]:
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
            usd(figures.portfolio_margin[a]),
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
        for a, name in enumerate(f"A{n}" for n in range(count))
    ]


def test_every_close_is_as_the_live_monitor_has_it(found: History, tmp_path: Path):
    firm, moved = Firm(tmp_path), walk(found, plan(found, *SEATS))
    seen = set()
    for place in range(SESSIONS):
        landed(firm, found, place)
        moved.part(range(place, place + 1))
        live = told_live(firm)
        assert told_walk(moved, len(SEATS)) == live, place
        seen |= {row[5] for row in live} | {row[6] for row in live}

    assert seen == {"ok", "warning", "call", "none", "close_only"}
    # At its last price the account is good, so that the bound alone does not sell it out.
    assert moved._figures.equity[2] < 0
    assert not moved.state.ladder.is_liquidating.any()


# X pays half a dollar on the third session and splits two for one on the sixth. The fourth is the
# last of two of its contracts, the fifth that of three. The call at 110 is silent once, and that
# at half its strike after.
STOCK = [100.0, 103.0, 99.0, 104.0, 106.0, 54.0, 52.0, 30.0, 31.0, 45.0]
EXPIRED, ENDS, LATER = "200107", "200108", "200320"
CONTRACTS = {
    f"X {EXPIRED}C102": [3.0, 3.6, 1.1, 2.05],
    f"X {EXPIRED}P106": [7.0, 5.0, 7.4, 2.1],
    f"X {ENDS}C100": [4.0, 5.0, 2.5, 4.6, 6.1],
    f"X {ENDS}P104": [5.5, 3.2, 6.0, 1.4, 0.01],
    f"X {ENDS}P120": [20.5, 17.3, 21.2, 16.0, 14.0],
    f"X {LATER}C110": [2.0, 2.6, None, 2.9, 3.3],
    f"X {LATER}C120": [0.7, 0.9, 0.6, 1.0, 1.2],
    f"X {LATER}P90": [1.5, 1.1, 1.7, 1.0, 0.8],
    f"X {LATER}P80": [0.6, 0.5, 0.7, 0.4, 0.35],
    f"X {LATER}C55": [None] * 5 + [1.5, 1.0, 0.1, 0.1, 0.4],
    f"X {LATER}C60": [None] * 5 + [0.6, 0.4, None, 0.05, 0.1],
    f"X {LATER}P45": [None] * 5 + [0.5, 0.8, 15.2, 14.3, 4.0],
}
HALVED = {"C110": "C55", "C120": "C60", "P90": "P45"}
WRITERS = (
    Seat(8_000, {"X": 100, f"X {LATER}C110": -1}),
    Seat(6_000, {"X": 100, f"X {ENDS}C100": -1}),
    Seat(5_300, {f"X {LATER}P90": -5, f"X {LATER}P80": 5}),
    Seat(11_500, {f"X {LATER}P90": -2, f"X {EXPIRED}P106": -1, f"X {LATER}C120": -1}),
    Seat(150_000, {"X": 1_000, f"X {LATER}C110": -12, f"X {ENDS}P120": 3}, kind="portfolio_margin"),
    Seat(120_000, {f"X {ENDS}P104": -20, f"X {EXPIRED}C102": -6}, kind="portfolio_margin"),
    Seat(14_000, {"X": 100, f"X {EXPIRED}C102": -1, f"X {LATER}P80": 1}, kind="cash"),
)
SPLIT = {"action_id": "S", "symbol": "X", "kind": "split", "new_units": 2, "per_units": 1}
PAYS = {"action_id": "D", "symbol": "X", "kind": "cash_dividend", "cash_amount": 0.5}


@pytest.fixture(scope="module")
def written() -> tuple[History, Plan]:
    closes = {"SPY": [300.0] * SESSIONS, "X": STOCK}
    acted = [("X", days(6)[5], "split", 2.0), ("X", days(6)[2], "dividend", 0.5)]
    told = rows(closes, acted)
    rates = pl.DataFrame({"day": [days(1)[0].replace(year=2019)], "rate": [0.02]})
    whole = built(told._replace(quotes=quotes(CONTRACTS), yields=rates), document(benchmark="SPY"))
    return carried(whole, *WRITERS)


def contract_quotes(place: int) -> dict[str, float]:
    """Quotes of the contracts that were listed first: after the split two of the new ones."""
    found = {}
    for symbol in {symbol for seat in WRITERS for symbol in seat.held if " " in symbol}:
        name, ratio, right = symbol, 1.0, symbol.split()[1][6:]
        if place >= 5:
            name, ratio = f"X {LATER}{HALVED.get(right, right)}", 2.0
        column = CONTRACTS.get(name, [])
        close = column[place] if place < len(column) else None
        if close is not None and (place < 5 or right in HALVED):
            found[symbol] = ratio * close
    return found


def landed_options(firm: Firm, found: History, place: int) -> None:
    at = instant(int(found.closes[place]))
    usd = {"SPY": 300.0, "X": STOCK[place]} | contract_quotes(place)
    feeds: dict[str, list[dict[str, Any]]] = {}
    if place == 0:
        start = instant(int(found.opens[0]))
        held = {symbol for seat in WRITERS for symbol in seat.held if " " in symbol}
        names = [f"A{n}" for n in range(len(WRITERS))]
        feeds["accounts"] = [account(n, s.kind, start) for n, s in zip(names, WRITERS, strict=True)]
        feeds["instruments"] = [instrument(symbol, start) for symbol in ("SPY", "X")]
        feeds["instruments"] += [listed(symbol, start) for symbol in sorted(held)]
        feeds["rates"] = [rate("0.02", start)]
        feeds["cash_movements"] = [
            cash(f"M{n}", n, str(seat.deposit), at) for n, seat in zip(names, WRITERS, strict=True)
        ]
        feeds["fills"] = [
            fill(f"{n}{s}", str(q), str(usd[s]), at, account_id=n, symbol=s)
            for n, seat in zip(names, WRITERS, strict=True)
            for s, q in seat.held.items()
        ]
        feeds["corporate_actions"] = [
            told | {"effective_on": str(days(6)[on]), "event_time": text(start)}
            for told, on in ((SPLIT, 5), (PAYS, 2))
        ]
    if place == 2:
        paid = instant(int(found.opens[place]))
        feeds["cash_movements"] = [
            cash(f"D{n}", f"A{n}", str(seat.held["X"] / 2), paid, "dividend")
            for n, seat in enumerate(WRITERS)
            if "X" in seat.held
        ]
    feeds["prices"] = [price(symbol, str(close), at) for symbol, close in sorted(usd.items())]
    firm.run(**feeds)


def test_every_close_with_options_is_as_the_live_monitor_has_it(
    written: tuple[History, Plan], tmp_path: Path
):
    (found, book), firm = written, Firm(tmp_path)
    moved, states = walk(found, book), set()
    for place in range(SESSIONS):
        landed_options(firm, found, place)
        moved.part(range(place, place + 1))
        live = told_live(firm)
        assert told_walk(moved, len(WRITERS)) == live, place
        states |= {row[5] for row in live}

    assert states > {"ok", "call"}
    settled = firm.table("settlements")
    assert {*settled["outcome"]} == {"exercised", "assigned", "expired"}
    assert firm.position("X", "A1")[0] == 0  # called away
