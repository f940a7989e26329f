"""Free riding of cash accounts by hand: 12 CFR 220.8(c), and when trades settle."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.calendar import sessions
from margin_assets.kernels.calls.free_riding import Entry, FreeRide, entries_of, standing
from margin_assets.kernels.rules.settling import payment_due, settles_on
from schemas.landed import CashMovements, Instruments

DAYS = sessions().days
SHARES = 1_000_000
MICROS, HUNDRED = pl.Decimal(38, 6), Decimal(100)
MONDAY = date(2026, 3, 2)
LATER = date(2026, 12, 31)


def on(days: int) -> date:
    return MONDAY + timedelta(days=days)


def paid(day: date, usd: int) -> Entry:
    return Entry(day, "", "", 0, usd * 100)


def dealt(day: date, symbol: str, shares: int, usd: int) -> Entry:
    return Entry(day, f"{symbol}{day:%d}{shares:+d}", symbol, shares * SHARES, -shares * usd * 100)


def rides(*entries: Entry, until: date = LATER) -> list[FreeRide]:
    return standing(entries, DAYS, until).rides


@pytest.mark.parametrize(
    ("traded", "settled"),
    [
        (date(1995, 6, 7), date(1995, 6, 12)),  # T+3
        (date(2017, 9, 1), date(2017, 9, 7)),  # the last day of T+3, over Labor Day
        (date(2017, 9, 5), date(2017, 9, 7)),  # T+2
        (date(2024, 5, 24), date(2024, 5, 29)),  # the last day of T+2, over Memorial Day
        (date(2024, 5, 28), date(2024, 5, 29)),  # T+1
        (date(2026, 2, 28), date(2026, 3, 2)),  # a Saturday: the next business day is its first
    ],
)
def test_trades_settle_by_the_rule_of_their_day(traded: date, settled: date) -> None:
    assert settles_on(DAYS, traded) == settled


def test_the_payment_period_is_two_business_days_longer() -> None:
    assert payment_due(DAYS, MONDAY) == on(3)


def test_sold_before_it_was_paid_for_freezes_for_ninety_days() -> None:
    (ride,) = rides(dealt(MONDAY, "X", 100, 50), dealt(on(1), "X", -100, 55))

    assert (ride.bought_on, ride.sold_on, ride.unpaid) == (MONDAY, on(1), 500_000)
    assert (ride.due_on, ride.paid_on, ride.frozen_until) == (on(3), None, on(91))
    assert [ride.freezes(on(n)) for n in (0, 1, 91, 92)] == [False, True, True, False]


def test_paid_in_full_within_the_period_lifts_it() -> None:
    deal = dealt(MONDAY, "X", 100, 50), dealt(on(1), "X", -100, 55)

    (ride,) = rides(*deal, paid(on(3), 5_000))
    assert ride.paid_on == on(3)
    assert [ride.freezes(on(n)) for n in (1, 2, 3)] == [True, True, False]
    # A dollar less, or a day late, pays for nothing.
    assert [r.paid_on for r in rides(*deal, paid(on(3), 4_999))] == [None]
    assert [r.paid_on for r in rides(*deal, paid(on(4), 5_000))] == [None]


def test_its_own_proceeds_pay_for_nothing_in_the_period() -> None:
    (ride,) = rides(
        dealt(MONDAY, "X", 100, 50), dealt(MONDAY, "X", -100, 60), dealt(on(2), "Y", 10, 100)
    )
    assert ride.paid_on is None


def test_proceeds_that_were_withdrawn_before_the_payment_leave_it_frozen() -> None:
    """12 CFR 220.8(c)(2)(i); 220.117 tells of a payment that came before the withdrawal."""
    deal = dealt(MONDAY, "X", 100, 50), dealt(on(1), "X", -100, 55)
    drawn = Entry(on(2), "", "", 0, -550_000, is_withdrawal=True)

    assert [r.paid_on for r in rides(*deal, drawn, paid(on(3), 12_000))] == [None]
    fee = drawn._replace(is_withdrawal=False)
    assert [r.paid_on for r in rides(*deal, fee, paid(on(3), 12_000))] == [on(3)]
    after = drawn._replace(on=on(3))
    assert [r.paid_on for r in rides(*deal, paid(on(3), 5_000), after)] == [on(3)]


def test_only_what_is_settled_pays_in_advance() -> None:
    """What is sold on a day pays for a purchase from its settlement on, the day after here."""
    entries = (paid(MONDAY, 7_000), dealt(MONDAY, "X", 100, 50), dealt(on(1), "X", -40, 60))

    funds = [standing(entries, DAYS, on(n)).settled_funds for n in (0, 1, 2)]
    assert funds == [200_000, 200_000, 440_000]


def test_settled_proceeds_of_another_security_pay() -> None:
    """Bought on Monday against a sale of Monday, which settles on Tuesday: paid by then."""
    owned = paid(on(-5), 5_000), dealt(on(-5), "W", 100, 50)
    swap = dealt(MONDAY, "W", -100, 50), dealt(MONDAY, "X", 100, 50)

    assert rides(*owned, *swap, dealt(on(1), "X", -100, 51)) == []
    # Sold on the day it was bought, it is unpaid; the other's proceeds pay the day after.
    (ride,) = rides(*owned, *swap, dealt(MONDAY, "X", -100, 51))
    assert (ride.unpaid, ride.paid_on) == (500_000, on(1))


def test_only_what_is_unpaid_counts_and_what_was_bought_first_is_sold_first() -> None:
    entries = (paid(MONDAY, 6_000), dealt(MONDAY, "X", 100, 50), dealt(MONDAY, "X", 100, 50))

    assert rides(*entries, dealt(on(1), "X", -100, 50)) == []
    (ride,) = rides(*entries, dealt(on(1), "X", -150, 50))
    # 1,000 of the second 5,000 is paid; half of it is sold.
    assert ride.unpaid == 200_000


def test_what_was_paid_in_advance_is_free_to_be_sold() -> None:
    deal = dealt(MONDAY, "X", 100, 50), dealt(MONDAY, "X", -100, 40)
    assert rides(paid(MONDAY, 5_000), *deal) == []


def test_a_trade_is_as_its_corrections_leave_it() -> None:
    """A sale that was busted never was; one of an option is of its contracts' worth."""
    noon = datetime(2026, 3, 2, 17, tzinfo=UTC)
    names = ("F1", "F2", "F3")
    fills = pl.DataFrame(
        {
            "fill_id": names,
            "account_id": ["A"] * 3,
            "symbol": ["C", "C", "C"],
            "quantity": [Decimal(2), Decimal(-2), Decimal(0)],
            "price": [Decimal("1.50")] * 3,
            "event_time": [noon, noon + timedelta(hours=1), noon + timedelta(days=1)],
            "corrects_fill_id": [None, None, "F2"],
        },
        schema_overrides={"quantity": MICROS, "price": MICROS},
    )
    instruments = Instruments.create_empty().drop("cycle").clear()
    option = {"symbol": "C", "asset_class": "option", "multiplier": HUNDRED, "event_time": noon}
    row = pl.DataFrame([option], schema_overrides={"multiplier": MICROS})
    instruments = pl.concat([instruments, row], how="diagonal_relaxed")
    movements = CashMovements.create_empty()

    found = entries_of(fills, movements, instruments)
    assert found == {"A": [Entry(MONDAY, "F1", "C", 2 * SHARES, -30_000)]}
    both = entries_of(fills.head(2), movements, instruments)["A"]
    assert [ride.unpaid for ride in rides(*both)] == [30_000]


@settings(max_examples=30, deadline=None)
@given(
    trades=st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from("XY"), st.integers(-3, 3).filter(bool)),
        max_size=8,
    )
)
def test_who_pays_beforehand_never_rides(trades: list[tuple[int, str, int]]) -> None:
    entries = [dealt(on(day), symbol, n * 10, 50) for day, symbol, n in sorted(trades)]
    bought = sum(max(-entry.cash, 0) for entry in entries) // 100

    assert rides(paid(MONDAY, bought), *entries) == []
