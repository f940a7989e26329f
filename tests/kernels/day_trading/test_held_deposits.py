"""Deposits of pattern day traders that stay for two business days, by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from margin_assets.calendar import sessions
from margin_assets.kernels.day_trading.held_deposits import HeldDeposit, held_deposits

DAYS = sessions().days
FRIDAY, MONDAY, TUESDAY, WEDNESDAY = (date(2024, 6, n) for n in (21, 24, 25, 26))


def paid(*rows: tuple[str, datetime, int]) -> pl.DataFrame:
    """Movements: deposits, or withdrawals where the amount is negative."""
    kinds = ["deposit" if usd > 0 else "withdrawal" for *_, usd in rows]
    return pl.DataFrame(
        {
            "movement_id": [name for name, *_ in rows],
            "event_time": [when for _, when, _ in rows],
            "amount": pl.Series([Decimal(usd) for *_, usd in rows], dtype=pl.Decimal(38, 2)),
            "kind": kinds,
        }
    )


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("on", "held"),
    [
        pytest.param(date(2024, 6, 20), False, id="the day before"),
        pytest.param(FRIDAY, True, id="its own day"),
        pytest.param(date(2024, 6, 23), True, id="the weekend"),
        pytest.param(TUESDAY, True, id="the second business day after"),
        pytest.param(WEDNESDAY, False, id="the third"),
    ],
)
def test_a_deposit_is_on_hold_to_the_second_business_day_after_its_own(on: date, held: bool):
    found = held_deposits(paid(("m", noon(FRIDAY), 5000)), DAYS, on)

    assert found == ([HeldDeposit("m", FRIDAY, 500_000, TUESDAY, 0)] if held else [])


def test_what_left_since_is_told_up_to_its_amount():
    rows = [("a", noon(FRIDAY), 5000), ("out", noon(MONDAY), -3000), ("b", noon(TUESDAY), 800)]
    late = ("later", noon(WEDNESDAY), -9000)

    found = held_deposits(paid(*rows, late), DAYS, TUESDAY)

    assert [(one.movement_id, one.withdrawn) for one in found] == [("a", 300_000), ("b", 0)]
    (after,) = held_deposits(paid(*rows, late), DAYS, WEDNESDAY)
    assert (after.movement_id, after.withdrawn) == ("b", 80_000)


def test_an_evening_in_new_york_is_of_its_own_day():
    # 1:00 on Saturday in Greenwich is Friday in New York.
    saturday = datetime(2024, 6, 22, 1, tzinfo=UTC)

    (found,) = held_deposits(paid(("m", saturday, 1)), DAYS, MONDAY)

    assert (found.deposited_on, found.held_until) == (FRIDAY, TUESDAY)
