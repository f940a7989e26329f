"""What happens beside trades, and the special memorandum account: by hand, live and by date."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from margin_assets.assets.partitions import closes
from margin_assets.calendar import calendar
from margin_assets.kernels.history.sma_history import memoranda_at
from tests.support.live_driver import (
    Firm,
    Row,
    account,
    assert_a_process_takes_over,
    cash,
    everything_landed,
    fill,
    instrument,
    price,
    text,
)
from tests.support.option_books import option
from tests.support.settlements import report

THURSDAY = datetime(2024, 6, 6, 14, tzinfo=UTC)
LANDED = datetime(2025, 1, 1, tzinfo=UTC)
CALL, PUT, WRITTEN = "Y 240816C30", "Y 240816P50", "Y 240816C45"
SMA = "special_memorandum_accounts"


def after(days: int = 0, hours: float = 0) -> datetime:
    return THURSDAY + timedelta(days=days, hours=hours)


FRIDAY, MONDAY, TUESDAY = after(1, 1), after(4, 1), after(5, 1)
DEPOSITS = {"SOLD": "10000", "SHORT": "5000", "SHORT'": "5000", "LONG": "40000", "PUT": "40000"}
DEPOSITS |= {"SPREAD": "60000"}


def deal(who: str, quantity: str, usd: str, symbol: str, when: datetime = THURSDAY) -> Row:
    name = f"{who} {symbol} {quantity}"
    return fill(name, quantity, usd, when, account_id=who, symbol=symbol)


def action(symbol: str, kind: str, **terms: object) -> Row:
    told = {"action_id": kind, "symbol": symbol, "kind": kind, "effective_on": "2024-06-10"}
    return told | terms | {"event_time": text(THURSDAY)}


def told() -> dict[str, list[Row]]:
    marks = {"X": "100", "Y": "40", "Z": "50", CALL: "12", PUT: "11", WRITTEN: "2"}
    return {
        "accounts": [account(who, when=THURSDAY) for who in ("OPENED", *DEPOSITS)],
        "cash_movements": [cash(who, who, usd, THURSDAY) for who, usd in DEPOSITS.items()],
        "instruments": [
            *(instrument(name, THURSDAY) for name in "XYZ"),
            *(option(name, THURSDAY) for name in (CALL, PUT, WRITTEN)),
        ],
        "corporate_actions": [
            action("X", "split", new_units=Decimal(2), per_units=Decimal(1)),
            action("Z", "cash_dividend", cash_amount=Decimal(1)),
        ],
        "opening_balances": [
            {"account_id": "OPENED", "symbol": "Y", "quantity": Decimal(100), "cost": Decimal(40)}
            | {"cash": Decimal(1000), "as_of": text(after(hours=-1))}
        ],
        "prices": [
            *(price(name, usd, THURSDAY) for name, usd in marks.items()),
            price("Y", "20", FRIDAY + timedelta(hours=2)),
            price("X", "40", MONDAY + timedelta(hours=2)),
            price("Z", "40", MONDAY + timedelta(hours=2)),
            price("Z", "40", TUESDAY),
        ],
        "fills": [
            deal("OPENED", "-50", "40", "Y", FRIDAY),
            deal("SOLD", "100", "100", "X"),
            deal("SOLD", "-150", "50", "X", MONDAY),
            deal("SHORT", "-100", "50", "Z"),
            deal("SHORT'", "-100", "50", "Z"),
            deal("SHORT", "10", "100", "X"),
            deal("SHORT'", "10", "99", "X"),
            deal("LONG", "10", "12", CALL),
            deal("PUT", "-2", "11", PUT),
            deal("SPREAD", "10", "12", CALL),
            deal("SPREAD", "-10", "2", WRITTEN),
        ],
        "exercises": [
            report("e", "10", "exercise", FRIDAY, symbol=CALL, account_id="LONG"),
            report("s", "10", "exercise", FRIDAY, symbol=CALL, account_id="SPREAD"),
            report("a", "2", "assignment", FRIDAY, symbol=PUT, account_id="PUT"),
        ],
    }


@pytest.fixture(scope="module")
def monday(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    """Up to Tuesday's morning, in two cycles."""
    firm, rows = Firm(tmp_path_factory.mktemp("told")), told()
    firm.cycle(LANDED, **rows)
    firm.restart()
    return firm


def sma(firm: Firm) -> dict[str, Decimal]:
    return dict(firm.rows(SMA, "account_id", "sma"))


def test_what_is_sold_and_bought_beside_trades_enters_by_hand(monday: Firm):
    found = sma(monday)
    # 1,000 + 4,000 less 2,000 at the first close, and half of 2,000 sold; later closes are lower.
    assert found["OPENED"] == 4_000
    # 10,000 less half of 10,000, and half of 7,500: all 150 were held, after two for one.
    assert found["SOLD"] == 8_750
    # 40,000 less 12,000 paid for calls, and half of the 30,000 that they buy at their strike.
    assert found["LONG"] == 13_000
    # 60,000 less 10,000 of the spread, and half of the 30,000: what is written is covered by them.
    assert found["SPREAD"] == 35_000
    # Equity 5,700 of Monday, of which 100 of dividend are owed, less half of 4,000 and 800.
    assert found["SHORT"] == 3_300


def test_the_daily_twin_agrees(monday: Firm):
    daily = memoranda_at(*everything_landed(monday), closes(["2024-06-10"]), calendar())

    live = monday.table(SMA).drop("cycle", "as_of", "moved_at", strict=False)
    found = daily.select(live.columns)
    assert_frame_equal(found, live, check_dtypes=False, check_exact=True)


def test_a_corrected_fill_leaves_the_dividend_owed(monday: Firm, tmp_path: Path):
    firm = monday.copied(tmp_path)
    place = {"account_id": "SHORT", "symbol": "X"}
    row = fill("c", "10", "99", TUESDAY + timedelta(hours=1), corrects="SHORT X 10", **place)
    firm.cycle(LANDED, fills=[row])

    assert sma(firm)["SHORT"] == sma(firm)["SHORT'"] == 3_310


def test_an_exercise_taken_back_gives_back_what_it_took(monday: Firm, tmp_path: Path):
    firm, later = monday.copied(tmp_path), TUESDAY + timedelta(hours=1)
    about = {"symbol": CALL, "account_id": "LONG"}
    firm.cycle(LANDED, exercises=[report("f", "0", "exercise", later, corrects="e", **about)])

    assert firm.position(CALL, "LONG")[0] == 10
    assert sma(firm)["LONG"] == 28_000
    assert_a_process_takes_over(firm)
