"""Corporate actions as they happened, at the prices of then, and what floors make of a split."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.live_driver import Firm, Row, account, cash, fill, instrument, price, text


def action(kind: str, symbol: str, day: str, when: datetime, **terms: object) -> Row:
    row: Row = {"action_id": "S", "symbol": symbol, "kind": kind, "effective_on": day}
    return row | terms | {"event_time": text(when)}


def split(symbol: str, day: str, when: datetime, units: int, per: int) -> Row:
    terms = {"new_units": units, "per_units": per, "fractions": "up"}
    return action("split", symbol, day, when, **terms)


def carried(
    folder: Path, at: tuple[datetime, datetime], traded: tuple[str, str, str], act: Row
) -> Firm:
    """A firm with one trade (symbol, quantity, price) at its price, over the opening of a day."""
    closed, opens = at
    symbol, quantity, usd = traded
    firm = Firm(folder)
    firm.run(
        accounts=[account("A", when=closed)],
        instruments=[instrument(symbol, closed)],
        cash_movements=[cash("M", "A", "100000", closed)],
        prices=[price(symbol, usd, closed)],
        fills=[fill("F", quantity, usd, closed, symbol=symbol)],
        corporate_actions=[act],
    )
    firm.restart()
    firm.run(prices=[price("OTHER", "1", opens + timedelta(seconds=1))])
    return firm


def figures(firm: Firm) -> tuple[Decimal, Decimal]:
    ((equity, requirement),) = firm.rows("margin_summary", "equity", "regulatory_requirement")
    return equity, requirement


AIG_CLOSED = datetime(2009, 6, 30, 20, tzinfo=UTC)
AIG_OPENS = datetime(2009, 7, 1, 13, 30, tzinfo=UTC)
AIG = split("AIG", "2009-07-01", AIG_CLOSED, 1, 20)


@pytest.mark.parametrize(
    ("quantity", "held", "requirement"),
    [
        pytest.param("2000", 100, "565.00", id="long, a quarter of its value"),
        # 30% of 1,130; before it the floor of 2.50 a share was 2,500.
        pytest.param("-1000", -50, "339.00", id="short, above the floors now"),
    ],
)
def test_one_for_twenty_of_2009(quantity: str, held: int, requirement: str, tmp_path: Path):
    firm = carried(tmp_path, (AIG_CLOSED, AIG_OPENS), ("AIG", quantity, "1.13"), AIG)

    assert firm.position("AIG")[0] == held
    assert firm.rows("positions", "price") == [(Decimal("22.6"),)]
    assert figures(firm) == (100_000, Decimal(requirement))
    assert firm.table("enforcement_decisions").is_empty()

    firm.run(prices=[price("AIG", "19.70", AIG_OPENS + timedelta(seconds=5))])
    assert firm.rows("positions", "price") == [(Decimal("19.7"),)]


def test_a_floor_counts_shares(tmp_path: Path):
    closed, opens = AIG_CLOSED, AIG_OPENS
    three = split("X", "2009-07-01", closed, 3, 1)

    firm = carried(tmp_path, (closed, opens), ("X", "-1000", "1.50"), three)

    # 1,000 at 1.50 required 2,500: 2.50 a share, FINRA 4210(c)(2).
    assert firm.position()[0] == -3000
    assert figures(firm) == (100_000, 7_500)


FFIE_SPLIT = split("FFIE", "2026-08-19", datetime(2026, 8, 18, 21, tzinfo=UTC), 1, 40)


def ffie(folder: Path, deposit: str, *fills: Row) -> Firm:
    """1,100 at 2.69, and what else is bought, on the day before one for forty."""
    day = datetime(2026, 8, 18, 13, 31, tzinfo=UTC)
    firm = Firm(folder)
    firm.cycle(
        day + timedelta(days=3),
        accounts=[account("A", when=day)],
        instruments=[instrument("FFIE", day), instrument("ABC", day)],
        cash_movements=[cash("M", "A", deposit, day)],
        prices=[price("FFIE", "2.69", day), price("ABC", "100", day)],
        fills=[fill("F", "1100", "2.69", day + timedelta(minutes=4), symbol="FFIE"), *fills],
        corporate_actions=[FFIE_SPLIT | {"fractions": "keep"}],
    )
    firm.restart()
    return firm


def test_a_split_is_no_transaction_of_a_day_on_which_something_falls(tmp_path: Path):
    """The fall alone leaves 5,000 too little: no deficit of intraday margin, 4210(a)(18)."""
    bought = datetime(2026, 8, 18, 13, 36, tzinfo=UTC)
    firm = ffie(tmp_path, "22239.75", fill("G", "400", "100", bought, symbol="ABC"))
    fallen = bought + timedelta(days=1, minutes=9)
    later = [price("ABC", "45", fallen), price("FFIE", "107.56", fallen + timedelta(minutes=40))]
    firm.cycle(fallen + timedelta(days=2), prices=later)

    assert firm.position("FFIE") == (Decimal("27.5"), Decimal("-20719.25"))
    # 20,957.90 less 20,719.25, and a quarter of it: the fall is called for, the split is nothing.
    assert figures(firm) == (Decimal("238.65"), Decimal("5239.48"))
    assert firm.table("intraday_deficits").is_empty()
    # 22,239.75 less half of what was bought.
    assert firm.rows("special_memorandum_accounts", "sma") == [(Decimal("760.25"),)]


def test_a_price_that_comes_after_the_shares_changed_calls_nobody(tmp_path: Path):
    firm = ffie(tmp_path, "1600")
    opens = datetime(2026, 8, 19, 13, 30, tzinfo=UTC)
    firm.cycle(opens + timedelta(days=2), prices=[price("ABC", "99", opens)])

    assert firm.rows("positions", "quantity", "price") == [(Decimal("27.5"), Decimal("107.6"))]
    assert figures(firm) == (1_600, Decimal("739.75"))
    # Below 2,000 since the purchase, and nothing else.
    assert set(firm.table("enforcement_decisions")["dimension"]) == {"minimum_equity"}
    assert firm.table("intraday_deficits").is_empty()


WM_CLOSED = datetime(2008, 9, 26, 20, tzinfo=UTC)
WM_OPENS = datetime(2008, 9, 29, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize(("quantity", "money"), [("1000", "99840"), ("-1000", "100160")])
def test_a_bank_that_is_cancelled_for_nothing(quantity: str, money: str, tmp_path: Path):
    gone = action("delisting", "WM", "2008-09-29", WM_CLOSED, cash_amount=0)

    firm = carried(tmp_path, (WM_CLOSED, WM_OPENS), ("WM", quantity, "0.16"), gone)

    assert firm.table("positions").is_empty()
    assert figures(firm) == (Decimal(money), 0)
