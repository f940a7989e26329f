from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from margin_assets.kernels.book.fills import FillRow, history_effects, standing, tree_effects

NOON = datetime(2020, 3, 9, 16, tzinfo=UTC)
MINUTE = 60_000_000
START = round(NOON.timestamp() * 1e6)
Row = tuple[str, int, str, str, str | None]
"""Fill id, minute, quantity, price, the fill it corrects."""


def fills(*rows: Row, account: str = "A", symbol: str = "X") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "fill_id": [row[0] for row in rows],
            "account_id": [account] * len(rows),
            "symbol": [symbol] * len(rows),
            "quantity": [Decimal(row[2]) for row in rows],
            "price": [Decimal(row[3]) for row in rows],
            "event_time": [NOON + timedelta(minutes=row[1]) for row in rows],
            "corrects_fill_id": [row[4] for row in rows],
        },
        schema_overrides={
            "fill_id": pl.String,
            "account_id": pl.String,
            "symbol": pl.String,
            "quantity": pl.Decimal(38, 6),
            "price": pl.Decimal(38, 6),
            "event_time": pl.Datetime("us", "UTC"),
            "corrects_fill_id": pl.String,
        },
    )


def effects(landed: pl.DataFrame) -> list[tuple[int, float, float]]:
    """Minute, units and dollars of each effect."""
    return [
        ((point - START) // MINUTE, quantity / 1e6, cash / 100)
        for point, quantity, cash in history_effects(landed)
        .select("point", "quantity", "cash")
        .iter_rows()
    ]


BUY = ("F", 0, "100", "10", None)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([BUY], [(0, 100, -1000)], id="a purchase costs"),
        pytest.param([("F", 0, "-100", "10", None)], [(0, -100, 1000)], id="a sale pays"),
        pytest.param(
            [("F", 0, "1", "0.005", None)], [(0, 1, -0.01)], id="half a cent costs a cent"
        ),
        pytest.param([("F", 0, "-1", "0.005", None)], [(0, -1, 0.01)], id="and pays a cent"),
        pytest.param(
            [("F", 0, "1", "0.005", None), ("G", 0, "1", "0.005", None)],
            [(0, 1, -0.01), (0, 1, -0.01)],
            id="rounded per fill",
        ),
        pytest.param(
            [BUY, ("C", 5, "80", "11", "F")],
            [(0, 100, -1000), (5, -20, 120)],
            id="a correction replaces quantity and price, from its own time on",
        ),
        pytest.param(
            [BUY, ("C", 5, "0", "10", "F")],
            [(0, 100, -1000), (5, -100, 1000)],
            id="a bust undoes the fill",
        ),
        pytest.param(
            [BUY, ("C", 5, "80", "10", "F"), ("D", 9, "70", "10", "C")],
            [(0, 100, -1000), (5, -20, 200), (9, -10, 100)],
            id="a correction is corrected",
        ),
        pytest.param(
            [BUY, ("C", 5, "80", "10", "F"), ("D", 9, "70", "10", "F")],
            [(0, 100, -1000), (5, -20, 200), (9, -10, 100)],
            id="of two corrections of one fill the later stands",
        ),
        pytest.param(
            [BUY, ("D", 5, "70", "10", "F"), ("C", 5, "80", "10", "F")],
            [(0, 100, -1000), (5, -30, 300)],
            id="at one time the greater fill id stands",
        ),
        pytest.param(
            [BUY, ("C", 5, "80", "10", "F"), ("D", 9, "70", "10", "F"), ("E", 12, "60", "10", "C")],
            [(0, 100, -1000), (5, -20, 200), (9, -10, 100)],
            id="a correction of one that no longer stands has no effect",
        ),
        pytest.param(
            [("F", 7, "100", "10", None), ("C", 5, "80", "10", "F")],
            [(7, 80, -800)],
            id="a correction dated before its original acts with it",
        ),
        pytest.param([("C", 5, "80", "10", "F")], [], id="a correction without its original waits"),
        pytest.param(
            [BUY, ("C", 5, "0", "10", "F"), ("D", 9, "50", "10", "C")],
            [(0, 100, -1000), (5, -100, 1000), (9, 50, -500)],
            id="a bust is corrected",
        ),
    ],
)
def test_effects(rows: list[Row], expected: list[tuple[int, float, float]]):
    assert effects(fills(*rows)) == expected
    assert effects(fills(*reversed(rows))) == expected


@pytest.mark.parametrize("other", [{"account": "B"}, {"symbol": "Y"}])
def test_correction_of_another_account_or_symbol_has_no_effect(other: dict[str, str]):
    landed = pl.concat([fills(BUY), fills(("C", 5, "80", "10", "F"), **other)])

    assert effects(landed) == [(0, 100, -1000)]


def test_effects_come_in_order_of_time():
    rows = [BUY, ("C", 5, "80", "10", "F"), ("G", 3, "1", "10", None), ("H", 9, "1", "10", None)]

    assert [minute for minute, _, _ in effects(fills(*rows))] == [0, 3, 5, 9]


def row(fill_id: str, quantity: int, event_time: int, point: int, corrects: str | None) -> FillRow:
    return FillRow(fill_id, "A", "X", quantity, 10_000_000, event_time, point, corrects)


def test_live_points_decide_when_and_event_times_which():
    # D happened first and landed last: from its point on C, the later in event time, stays.
    root = row("F", 100, 1, 1, None)
    late = row("D", 70, 5, 20, "F")
    children = {"F": [row("C", 80, 9, 10, "F"), late]}

    assert [getattr(standing(root, children, at), "fill_id", None) for at in (0, 1, 10, 20)] == [
        None,
        "F",
        "C",
        "C",
    ]
    assert [effect.point for effect in tree_effects(root, children, -1)] == [1, 10]


def test_effects_after_a_point_start_from_what_stood_there():
    root = row("F", 100, 1, 1, None)
    children = {"F": [row("C", 80, 10, 10, "F")]}

    (effect,) = tree_effects(root, children, 1)

    assert (effect.point, effect.quantity) == (10, -20)
    assert effect.cash == 0 or np.sign(effect.cash) == 1


def test_no_fills_have_no_effects():
    assert history_effects(fills()).height == 0
