"""Options that end around a split: whatever is told when, units are those of today."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.live_driver import Firm, Row, account, cash, fill, instrument, price, text
from tests.support.option_books import assert_history_agrees, option
from tests.support.settlements import (
    BEFORE,
    C105,
    EXPIRY,
    LANDED,
    MONDAY,
    P105,
    report,
    ticked,
)

EVENING, NOON = EXPIRY + timedelta(hours=21.5), MONDAY + timedelta(hours=16)
WEDNESDAY = NOON + timedelta(days=2)


def split(day: str) -> Row:
    told = {"action_id": day, "symbol": "X", "kind": "split", "effective_on": day}
    ratio = {"new_units": Decimal(2), "per_units": Decimal(1)}
    return told | ratio | {"event_time": text(BEFORE)}


@pytest.fixture(scope="module")
def friday(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    """Short ten puts 105 on their last day, the stock at 100; two for one on Monday and Tuesday."""
    firm = Firm(tmp_path_factory.mktemp("friday"))
    brought = {"account_id": "B", "as_of": text(BEFORE)}
    firm.cycle(
        LANDED,
        accounts=[account(who, when=BEFORE) for who in "AB"],
        cash_movements=[cash("m", "A", "94000", BEFORE)],
        instruments=[instrument("X", BEFORE), option(P105, BEFORE)],
        corporate_actions=[split("2024-06-24"), split("2024-06-25")],
        prices=[
            price("X", "100", BEFORE),
            price(P105, "6", BEFORE),
            price("X", "100", EXPIRY + timedelta(hours=19.99)),
        ],
        opening_balances=[
            brought | {"symbol": P105, "quantity": Decimal(-10), "cost": Decimal(6)},
            brought | {"cash": Decimal(100_000)},
        ],
        fills=[fill("p", "-10", "6", BEFORE, symbol=P105)],
    )
    return firm


def assigned(who: str, quantity: str, number: int, corrects: str | None = None) -> Row:
    when = EVENING if corrects is None else NOON
    about = {"symbol": P105, "account_id": who, "corrects": corrects}
    return report(f"{who}{number}", quantity, "assignment", when, **about)


def in_time(firm: Firm) -> None:
    firm.cycle(LANDED, exercises=[assigned(who, "10", 1) for who in "AB"])
    ticked(firm, NOON, "50")


def late(firm: Firm) -> None:
    ticked(firm, MONDAY + timedelta(hours=14), "50")
    firm.cycle(LANDED, exercises=[assigned(who, "10", 1) for who in "AB"])


def corrected(firm: Firm) -> None:
    firm.cycle(LANDED, exercises=[assigned(who, "7", 1) for who in "AB"])
    ticked(firm, MONDAY + timedelta(hours=14), "50")
    firm.cycle(LANDED, exercises=[assigned(who, "10", 2, f"{who}1") for who in "AB"])


@pytest.mark.parametrize("tell", [in_time, late, corrected])
def test_a_report_comes_to_the_units_after_a_split(
    friday: Firm, tmp_path: Path, tell: Callable[[Firm], None]
):
    firm = friday.copied(tmp_path)
    tell(firm)
    assert firm.reasons() == []
    # 1,000 at 105 are 2,000 now; 94,000 + 6,000 and 100,000 less 105,000.
    for who in "AB":
        assert firm.position("X", who) == (2_000, -5_000)
    assert_history_agrees(firm)

    ticked(firm, WEDNESDAY, "25")
    assert firm.position("X", "A") == (4_000, -5_000)
    assert_history_agrees(firm)


def test_what_the_rule_settled_is_judged_again_in_the_units_of_today(friday: Firm, tmp_path: Path):
    firm = friday.copied(tmp_path)
    ticked(firm, NOON, "50")
    assert firm.position("X", "A") == (2_000, -5_000)
    ticked(firm, WEDNESDAY, "25")
    bought = fill("late", "3", "6", BEFORE + timedelta(minutes=1), symbol=P105)
    firm.cycle(LANDED, fills=[bought])

    # Seven puts at 105 for 700 shares, twice two for one; three cost 1,800.
    assert firm.position("X", "A") == (2_800, 100_000 - 1_800 - 73_500)
    assert firm.position("X", "B") == (4_000, -5_000)
    assert_history_agrees(firm)


def test_a_late_row_sees_what_its_own_cycle_settled(tmp_path: Path):
    """A short seller's calls are assigned on Monday; later that day his first sale is corrected."""
    told = {
        "accounts": [account("A", when=BEFORE)],
        "cash_movements": [cash("m", "A", "500000", BEFORE)],
        "instruments": [instrument("X", BEFORE), option(C105, BEFORE)],
        "corporate_actions": [split("2024-06-24")],
        "prices": [
            price("X", "100", BEFORE),
            price(C105, "1", BEFORE),
            price("X", "106", EXPIRY + timedelta(hours=19.99)),
        ],
        "fills": [fill("s", "-200", "100", BEFORE), fill("c", "-10", "1", BEFORE, symbol=C105)],
    }
    corrected = fill("t", "-200", "101", NOON + timedelta(hours=1), corrects="s")
    noon = [price("X", "53", NOON)]
    apart, together = Firm(tmp_path / "apart"), Firm(tmp_path / "together")
    for firm in (apart, together):
        firm.cycle(LANDED, **told)
    apart.cycle(LANDED, prices=noon)
    apart.cycle(LANDED, fills=[corrected])
    together.cycle(LANDED, prices=noon, fills=[corrected])

    columns = ("symbol", "quantity", "sale_quantity", "sale_proceeds", "last_fill_price")
    # 400 that 200 became, sold for 20,200, and 2,000 at 52.50 that ten calls delivered.
    [row] = together.rows("positions", *columns)
    assert row[:4] == ("X", -2_400, 2_400, 20_200 + 105_000)
    assert apart.rows("positions", *columns) == [row]
    assert_history_agrees(together)
