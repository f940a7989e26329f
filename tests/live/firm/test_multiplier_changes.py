"""A contract is resized: what was traded before keeps the cash that it moved."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from margin_assets.lake.store.store import Lake
from margin_assets.live.past.replay import replay_into
from tests.support.empty_lake import created
from tests.support.live_driver import Firm, Row, account, at, cash, fill, instrument, price
from tests.support.option_books import at_close, option

DEPOSIT = 10_000


class Size(NamedTuple):
    """The contract's multiplier from now on."""

    multiplier: int

    def row(self, symbol: str, when: datetime) -> tuple[str, Row]:
        return "instruments", option(symbol, when, multiplier=self.multiplier)


class Trade(NamedTuple):
    """A fill, or with `corrects` a correction or bust of one."""

    name: str
    quantity: str
    usd: str
    corrects: str = ""

    def row(self, symbol: str, when: datetime) -> tuple[str, Row]:
        corrects = f"{self.corrects} {symbol}" if self.corrects else None
        place = {"account_id": symbol, "symbol": symbol, "corrects": corrects}
        return "fills", fill(f"{self.name} {symbol}", self.quantity, self.usd, when, **place)


Step = tuple[Size | Trade, ...]
BUY, BUST = Trade("f", "2", "3"), Trade("b", "0", "3", "f")
# What happens ten seconds apart, and the dollars that are moved in the end.
STORIES: dict[str, tuple[list[Step], int]] = {
    "a bust moves nothing on balance": ([(Size(100),), (BUY,), (Size(150),), (BUST,)], 0),
    "a correction is of the trade's size": (
        [(Size(100),), (BUY,), (Size(150),), (Trade("c", "2", "2.5", "f"),)],
        -500,
    ),
    "the same again moves nothing": (
        [(Size(100),), (BUY,), (Size(150),), (Trade("c", "2", "3", "f"),)],
        -600,
    ),
    "a correction is busted": (
        [
            (Size(100),),
            (BUY,),
            (Size(150),),
            (Trade("c", "3", "2.5", "f"),),
            (Trade("b", "0", "3", "c"),),
        ],
        0,
    ),
    "resized twice": (
        [(Size(100),), (BUY,), (Size(150),), (Size(10),), (Trade("c", "3", "2.5", "f"),)],
        -750,
    ),
    "what is traded after it has the new size": (
        [
            (Size(100),),
            (BUY,),
            (Size(150),),
            (Trade("g", "1", "2"),),
            (Trade("c", "2", "2", "g"),),
        ],
        -600 - 600,
    ),
    "all at once": ([(Size(100),), (BUY, Size(150), BUST)], 0),
    "unknown, known, resized, busted": ([(BUY,), (Size(100),), (Size(150),), (BUST,)], 0),
    "corrected at the size that it first had": (
        [(BUY,), (Size(100),), (Size(150),), (Trade("c", "1", "3", "f"),)],
        -300,
    ),
    "busted while it waits": ([(BUY,), (BUST,), (Size(100),), (Size(150),)], 0),
    "corrected while it waits": (
        [(BUY,), (Trade("c", "1", "3", "f"),), (Size(100),), (Size(150),)],
        -300,
    ),
    "busted and never known": ([(BUY,), (BUST,)], 0),
    "busted when it becomes known": ([(BUY,), (Size(100), BUST), (Size(150),)], 0),
}
SYMBOLS = {name: f"X 200417C{100 + n}" for n, name in enumerate(STORIES)}


def start(folder: Path) -> Firm:
    firm, names = Firm(folder), SYMBOLS.values()
    firm.run(
        accounts=[account(name) for name in names],
        cash_movements=[cash(f"m {name}", name, str(DEPOSIT)) for name in names],
        instruments=[instrument("X")],
        prices=[price("X", "100"), *(price(name, "3") for name in names)],
    )
    return firm


def told(firm: Firm, number: int) -> None:
    """Everything that the stories have at one time, as one cycle."""
    feeds: dict[str, list[Row]] = {}
    for name, (steps, _) in STORIES.items():
        for happens in steps[number] if number < len(steps) else ():
            feed, row = happens.row(SYMBOLS[name], at(10 * (number + 1)))
            feeds.setdefault(feed, []).append(row)
    firm.run(**feeds)


def moved(firm: Firm) -> dict[str, Decimal]:
    usd = dict(firm.rows("account_state", "account_id", "cash"))
    return {name: usd[symbol] - DEPOSIT for name, symbol in SYMBOLS.items()}


def moved_in_history(firm: Firm) -> dict[str, Decimal]:
    daily = at_close(firm, firm.session.ledger.last_sealed().as_of)["account_state"]
    usd = dict(daily.select("account_id", "cash").rows())
    return {name: usd[symbol] - DEPOSIT for name, symbol in SYMBOLS.items()}


def assert_replayed(firm: Firm, folder: Path) -> None:
    scratch = created(Lake(str(folder / "scratch")))
    assert replay_into(firm.lake, scratch).difference is None


@pytest.mark.parametrize("restart", [False, True])
def test_a_correction_is_of_the_size_that_was_traded(tmp_path: Path, restart: bool):
    firm, expected = start(tmp_path), {name: usd for name, (_, usd) in STORIES.items()}
    # Every restart comes between a fact and the correction that needs it.
    for number in range(max(len(steps) for steps, _ in STORIES.values())):
        told(firm, number)
        if restart:
            firm.restart()

    assert moved(firm) == expected
    assert moved_in_history(firm) == expected
    assert_replayed(firm, tmp_path)


@pytest.mark.parametrize("restart", [False, True])
def test_late_rows_count_from_the_next_point(tmp_path: Path, restart: bool):
    firm, symbol = start(tmp_path), SYMBOLS["resized twice"]
    story: list[tuple[Size | Trade, datetime]] = [
        (Size(100), at(10)),
        # Older than what is in force: it never counts.
        (Size(7), at(9)),
        (Trade("f", "2", "3"), at(20)),
        # Of before the fill, landed after it: it acts on what follows.
        (Size(150), at(15)),
        (Trade("late", "1", "3"), at(16)),
        (Trade("b", "0", "3", "f"), at(30)),
        (Trade("c", "0", "3", "late"), at(31)),
    ]
    seen = []
    for happens, when in story:
        feed, row = happens.row(symbol, when)
        firm.run(**{feed: [row]})
        seen.append(moved(firm)["resized twice"])
        if restart:
            firm.restart()

    assert seen == [0, 0, -600, -600, -600 - 450, -450, 0]
    assert_replayed(firm, tmp_path)
