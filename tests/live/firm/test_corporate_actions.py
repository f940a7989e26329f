"""Corporate actions in the live day: what acts when, on whom, and what it leaves as it was."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.live_driver import (
    Firm,
    Row,
    account,
    assert_a_process_takes_over,
    cash,
    fill,
    instrument,
    price,
    text,
)

FRIDAY = datetime(2014, 6, 6, 19, 0, tzinfo=UTC)
OPENING = datetime(2014, 6, 9, 13, 30, tzinfo=UTC)
MONDAY = datetime(2014, 6, 9, 14, 0, tzinfo=UTC)


def action(action_id: str, kind: str, day: str, *, when: datetime = FRIDAY, **terms: object) -> Row:
    row: Row = {"action_id": action_id, "symbol": "X", "kind": kind, "effective_on": day}
    told = {n: Decimal(t) if isinstance(t, str) and t[0].isdigit() else t for n, t in terms.items()}
    return row | told | {"event_time": text(when)}


def split(units: str, per: str = "1", **more: object) -> Row:
    return action("S", "split", "2014-06-09", **({"new_units": units, "per_units": per} | more))


def begun(folder: Path, *fills: Row, usd: str = "645.57") -> Firm:
    """A firm on the Friday: account A with a million, and its fills."""
    firm = Firm(folder)
    firm.run(
        accounts=[account("A", when=FRIDAY)],
        instruments=[instrument("X", FRIDAY)],
        cash_movements=[cash("M", "A", "1000000", FRIDAY)],
        prices=[price("X", usd, FRIDAY)],
        fills=list(fills),
    )
    return firm


def monday(firm: Firm, minutes: float = 0, **feeds: list[Row]) -> None:
    """Lets Monday come, by a word about another symbol, with other rows."""
    when = MONDAY + timedelta(minutes=minutes)
    firm.run(**({"prices": [price("OTHER", "1", when)]} | feeds))


BOUGHT = fill("F", "100", "600", FRIDAY)
SHORTED = fill("F", "-100", "600", FRIDAY)


@pytest.mark.parametrize(("bought", "sign"), [(BOUGHT, 1), (SHORTED, -1)])
def test_a_split_is_worth_what_it_was(tmp_path: Path, bought: Row, sign: int):
    firm = begun(tmp_path, bought)
    (before,) = firm.rows("margin_summary", "equity", "regulatory_requirement")

    monday(firm, corporate_actions=[split("7")])

    assert firm.position() == (700 * sign, Decimal(1_000_000 - 60_000 * sign))
    row = firm.rows("positions", "last_price", "last_fill_price")[0]
    assert row == (Decimal("92.224286"), Decimal("85.714286"))
    assert firm.rows("margin_summary", "equity", "regulatory_requirement") == [before]
    assert firm.table("enforcement_decisions").is_empty()
    assert_a_process_takes_over(firm)


def test_a_split_acts_at_the_opening_whether_or_not_anything_lands_then(tmp_path: Path):
    firm = begun(tmp_path, BOUGHT)
    firm.run(corporate_actions=[split("7")])
    assert firm.position()[0] == 100
    firm.restart()

    firm.run(prices=[price("X", "645", OPENING - timedelta(seconds=1))])
    assert firm.position()[0] == 100
    firm.restart()
    firm.run(prices=[price("X", "92.7", OPENING)])

    assert firm.position()[0] == 700
    assert firm.rows("positions", "last_price") == [(Decimal("92.7"),)]
    assert_a_process_takes_over(firm)


LATER = fill("L", "50", "93", MONDAY + timedelta(minutes=5))
BEFORE = fill("E", "-30", "640", FRIDAY + timedelta(minutes=5))


def in_time(folder: Path) -> Firm:
    firm = begun(folder, BOUGHT)
    firm.run(fills=[BEFORE], corporate_actions=[split("7")])
    monday(firm, 10, fills=[LATER])
    return firm


def action_late(folder: Path) -> Firm:
    firm = begun(folder, BOUGHT)
    firm.run(fills=[BEFORE])
    monday(firm, 10, fills=[LATER])
    firm.run(corporate_actions=[split("7")])
    return firm


def fill_late(folder: Path) -> Firm:
    firm = begun(folder, BOUGHT)
    firm.run(corporate_actions=[split("7")])
    monday(firm, 10, fills=[LATER])
    firm.run(fills=[BEFORE])
    return firm


@pytest.mark.parametrize("told", [action_late, fill_late])
def test_what_lands_late_ends_as_in_time(told: Callable[[Path], Firm], tmp_path: Path):
    firm, other = in_time(tmp_path / "in"), told(tmp_path / "late")

    assert firm.position() == (540, Decimal("954550"))
    assert other.position() == firm.position()
    columns = ("symbol", "quantity", "last_price", "last_fill_price")
    assert other.rows("positions", *columns) == firm.rows("positions", *columns)
    assert_a_process_takes_over(other)
