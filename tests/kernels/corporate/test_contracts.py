"""What contracts deliver after actions, by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from margin_assets.kernels.corporate.actions import NONE, SAME, Action, Ratio
from margin_assets.kernels.corporate.contracts import derived_adjustments

EX = datetime(2014, 6, 9, 13, 30, tzinfo=UTC)
MICRO = 1_000_000


def acting(own: Ratio = SAME, given: Ratio = NONE, usd: str = "0", days: int = 0) -> Action:
    at = round((EX + timedelta(days=days)).timestamp() * MICRO)
    paid = int(Decimal(usd) * MICRO)
    other = "Y" if given.units else None
    return Action("S", "split", "X", at, own, other, given, paid, 0, "keep", 0, 0, -1)


def contracts(since: datetime = EX - timedelta(days=100)) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "symbol": ["X", "X 645 C"],
            "underlying": [None, "X"],
            "strike": [None, Decimal("645")],
            "multiplier": [None, Decimal("100")],
            "event_time": [since, since],
        },
        schema_overrides={"strike": pl.Decimal(38, 6), "multiplier": pl.Decimal(38, 6)},
    )


@pytest.mark.parametrize(
    ("actions", "delivers"),
    [
        pytest.param([acting(Ratio(7, 1))], "700 X", id="seven for one"),
        pytest.param([acting(Ratio(1, 20))], "5 X", id="one for twenty"),
        pytest.param([acting(Ratio(1, 8))], "12.5 X", id="half a share is told"),
        pytest.param([acting(Ratio(2, 1)), acting(Ratio(3, 2), days=30)], "300 X", id="two splits"),
        pytest.param([acting(SAME, Ratio(1, 4))], "100 X + 25 Y", id="a spin-off"),
        pytest.param([acting(NONE, Ratio(1, 2), "25.5")], "50 Y + 2550 cash", id="a merger"),
        pytest.param([acting(NONE, usd="31.25")], "3125 cash", id="for cash"),
        pytest.param([acting(NONE)], "0 cash", id="for nothing"),
    ],
)
def test_a_contract_delivers_what_its_units_became(actions: list[Action], delivers: str):
    (row,) = derived_adjustments(actions, contracts()).rows()

    last = EX + timedelta(days=30) if len(actions) == 2 else EX
    assert row == ("X 645 C", delivers, Decimal(100), last)


def test_a_contract_listed_after_the_action_is_as_it_says():
    assert derived_adjustments([acting(Ratio(7, 1))], contracts(EX)).is_empty()


def test_a_dividend_changes_no_contract():
    assert derived_adjustments([acting()], contracts()).is_empty()
