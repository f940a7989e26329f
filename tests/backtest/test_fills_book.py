"""A book as fills tell it: sessions, corrections, accounts, and what cannot be."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from margin_assets.backtest.book.fills import plan_of, told_by
from margin_assets.backtest.faults import BacktestError
from margin_assets.backtest.history.building import History, built
from margin_assets.kernels.book.fills import EFFECT_COLUMNS
from margin_assets.lake.store.store import Lake
from tests.support.backtests import days, document, rows, walk
from tests.support.empty_lake import created
from tests.support.live_driver import Firm, account, cash, fill, instrument

MICRO = 1_000_000


def history() -> History:
    told = rows(
        {"X": [100.0] * 6, "Y": [90.0, 90.0, 30.0, 30.0, 30.0, 30.0]},
        [("Y", days(6)[2], "split", 3.0)],
    )
    return built(told, document())


def noon(place: int) -> datetime:
    day = days(6)[place]
    return datetime(day.year, day.month, day.day, 17, tzinfo=UTC)


def effects(*told: tuple[int, str, str, int, int]) -> pl.DataFrame:
    """Place of the session, account, symbol, shares and dollars."""
    frame = pl.DataFrame(
        [
            {
                "event_time": int(noon(place).timestamp() * 1e6),
                "account_id": name,
                "symbol": symbol,
                "quantity": shares * MICRO,
                "cash": usd * 100,
            }
            for place, name, symbol, shares, usd in told
        ]
    )
    missing = [
        pl.lit(None, t).alias(n) for n, t in EFFECT_COLUMNS.items() if n not in frame.columns
    ]
    return frame.with_columns(missing)


def movements(*told: tuple[int, str, int]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "account_id": [name for _, name, _ in told],
            "amount": pl.Series([Decimal(usd) for *_, usd in told], dtype=pl.Decimal(38, 2)),
            "event_time": pl.Series([noon(p) for p, *_ in told], dtype=pl.Datetime("us", "UTC")),
        }
    )


def accounts(**kinds: str) -> pl.DataFrame:
    rows_ = {"account_id": [*kinds], "account_type": [*kinds.values()]}
    return pl.DataFrame(rows_).with_columns(event_time=pl.lit(noon(0)))


def test_trades_count_at_the_close_of_their_session_and_earlier_ones_at_the_first():
    found = history()
    plan = plan_of(
        effects((0, "B", "X", 5, -500), (4, "A", "Y", 7, -210)),
        movements((1, "A", 300), (2, "B", 1_000)),
        accounts(A="cash", B="reg_t"),
        (found, range(2, 6)),
    )

    assert plan.trades.place.tolist() == [2, 4]
    assert plan.movements.place.tolist() == [2, 2]
    moved = walk(found, plan)
    moved.part(range(2, 6))
    assert moved.state.cash.tolist() == [9_000, 50_000]
    assert moved.state.quantity.tolist() == [[0, 7 * MICRO], [5 * MICRO, 0]]
    assert plan.lives.account_id == ("A", "B")


@pytest.mark.parametrize(
    ("trade", "kinds", "told"),
    [
        ((0, "A", "Q", 1, -1), {"A": "cash"}, "has no Q"),
        ((0, "A", "X", 1, -1), {"B": "cash"}, "accounts without a type: A"),
        ((0, "A", "Y", 1, -1), {"A": "cash"}, "Y was split between its fills and the first"),
    ],
)
def test_what_cannot_be_is_refused(
    trade: tuple[int, str, str, int, int], kinds: dict[str, str], told: str
):
    with pytest.raises(BacktestError, match=told):
        plan_of(effects(trade), movements((0, "A", 9)), accounts(**kinds), (history(), range(3, 6)))


def test_a_lake_tells_its_fills_and_corrections(tmp_path: Path):
    firm = Firm(tmp_path)
    firm.run(
        accounts=[account("A", when=noon(0))],
        instruments=[instrument("X", noon(0))],
        cash_movements=[cash("M", "A", "5000", noon(0))],
        fills=[
            fill("F1", "10", "100", noon(1)),
            fill("F2", "4", "100", noon(2), corrects="F1"),
        ],
    )
    found = history()
    plan = told_by(firm.lake, found, range(6))

    moved = walk(found, plan)
    moved.part(range(6))
    assert moved.state.quantity[0, 0] == 4 * MICRO
    assert moved.state.cash[0] == 460_000


def test_a_lake_without_a_cycle_has_no_book(tmp_path: Path):
    with pytest.raises(BacktestError, match="no cycle is sealed"):
        told_by(created(Lake(str(tmp_path / "lake"))), history(), range(6))
