"""A book whose tables are shaped part after part leaves what one shaped at once does."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.lake.store import faults
from margin_assets.lake.store.kept_threads import KeptThreads
from margin_assets.lake.store.shards import Shards
from margin_assets.lake.store.store import Lake
from margin_assets.live.past.replay import replay
from margin_assets.live.session import large_state
from margin_assets.live.session.computed import Computed
from margin_assets.live.session.large_state import Frames, LargeState
from margin_assets.live.session.writing import vouching, write
from margin_assets.rulebooks import CHOSEN, Choice, deciding
from schemas import TABLES
from tests.support.live_driver import Firm, Row, account, cash, fill, instrument, price

NAMES = [f"A{number}" for number in range(1_100)]


def book() -> dict[str, list[Row]]:
    return {
        "accounts": [account(name) for name in NAMES],
        "instruments": [instrument(symbol) for symbol in ("X", "Y")],
        "cash_movements": [cash(f"M{name}", name, "60") for name in NAMES[::3]],
        "fills": [
            fill(f"{symbol}{name}", "1", "100", account_id=name, symbol=symbol)
            for name in NAMES[:1_000]
            for symbol in "XY"
        ],
        "prices": [price("X", "100"), price("Y", "90")],
    }


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    firm = Firm(tmp_path_factory.mktemp("at_once"))
    firm.run(**book())
    return firm


@pytest.fixture
def by_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Firm:
    monkeypatch.setattr(large_state, "MOST_AT_ONCE", 300)
    return Firm(tmp_path)


def test_by_parts_is_as_at_once(at_once: Firm, by_parts: Firm):
    told: list[str] = []
    by_parts.session.tell = told.append
    done = by_parts.run(**book())

    assert told[-1] == "cycle 1: state of 1,100 of 1,100 accounts is written"
    assert len(told) == 4
    assert "positions" not in done.frames
    assert done.frames["margin_summary"].height == len(NAMES)
    assert by_parts.hashes() == at_once.hashes()
    assert by_parts.state() == at_once.state()
    by_parts.restart()
    by_parts.run(fills=[fill("later", "-1", "100", account_id="A5")])
    assert by_parts.position(account_id="A5")[0] == 0
    assert replay(by_parts.lake).difference is None


def test_a_session_that_dies_between_the_parts_loses_and_doubles_nothing(
    at_once: Firm, by_parts: Firm
):
    def die(point: str) -> None:
        if point == "before_write:positions":
            raise OSError("killed")

    faults.arm(die)
    with pytest.raises(OSError, match="killed"):
        by_parts.run(**book())
    faults.arm(None)
    by_parts.restart()
    by_parts.session.recover()

    assert by_parts.hashes() == at_once.hashes()
    assert by_parts.state() == at_once.state()


class Drained:
    """A lake that takes parts and keeps nothing."""

    def write_all(self, *_: object) -> dict[str, int]:
        return {}

    def write_parts(
        self, parts: Iterator[Frames], _cycle: int, _shards: Shards, wanted: Callable[[], list[str]]
    ) -> dict[str, int]:
        for _ in parts:
            pass
        return dict.fromkeys(wanted(), 1)


def test_both_orders_are_shaped_under_the_rulebooks_of_the_plan():
    seen: list[Choice] = []

    def shaped(_places: Int64Array) -> Frames:
        seen.append(CHOSEN.get())
        return {"margin_summary": TABLES["margin_summary"].schema.create_empty()}

    everyone = [np.arange(3, dtype=np.int64)]
    state = LargeState(shaped, everyone, everyone, frozenset())
    lake, its = cast("Lake", Drained()), CHOSEN.get()._replace(changes='{"house": {}}')

    with deciding(its), vouching(KeptThreads(1, "beside")) as vouched:
        computed = Computed({}, None, Shards(1), None, state)
        written = write(lake, {}, computed, 1, vouched)

    assert written.table_versions == {"margin_summary": 1}
    assert seen == [its, its]
