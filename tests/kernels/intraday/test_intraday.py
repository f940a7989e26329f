from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from margin_assets.kernels.book.book import CASH, PORTFOLIO, REG_T
from margin_assets.kernels.intraday.deficit_tables import Saved
from margin_assets.kernels.intraday.intraday import (
    governing_rules,
    intraday_rules,
    opens,
    trades_reduce,
    worst_order,
)
from margin_assets.kernels.intraday.intraday_book import intraday_deficits
from margin_assets.kernels.rules.instants import NEVER
from schemas.intraday import IntradayDeficits, IntradayState
from tests.support.desk import (
    DAYS,
    NAMES,
    ON,
    RULES,
    Desk,
    Entry,
    after,
    at,
    choosing,
    entries,
    history,
    places,
)

MONDAY = "2026-06-08"
REDUCING = True


def short(moment: str, dollars: float, **more: int) -> Entry:
    """An IML-reducing transaction after which the level is so many dollars short."""
    return Entry(at(moment), round(-dollars * 100), REDUCING, **more)


def shows(moment: str, dollars: float, **more: int) -> Entry:
    """A revaluation, or a transaction that does not reduce: the level is so many dollars."""
    return Entry(at(moment), round(dollars * 100), **more)


# Case E-IMD-01: 10,000 of cash, 60,000 bought at a maintenance rate of 25%, sold the same day.
BOUGHT = short(f"{MONDAY} 10:00", 5_000, equity=1_000_000)
SOLD = shows(f"{MONDAY} 15:00", 10_000, equity=1_000_000)


def test_deficit_survives_the_same_days_liquidation():
    desk = Desk()

    assert desk.step(BOUGHT, SOLD) == ["opened"]

    row = desk.row()
    assert (row["amount"], row["is_de_minimis"], row["status"]) == (5_000, False, "open")
    assert (row["first_measured_at"], row["rule"]) == (
        datetime(2026, 6, 8, 14, tzinfo=UTC),
        "4210_d_2",
    )


def test_business_days_of_the_deficit_skip_juneteenth():
    desk = Desk()
    desk.step(BOUGHT)

    row = desk.row()
    assert row["deficit_date"] == date(2026, 6, 8)
    assert (row["fifth_business_day"], row["due_on"]) == (date(2026, 6, 15), date(2026, 6, 15))
    assert row["fifteenth_business_day"] == date(2026, 6, 30)


@pytest.mark.parametrize(
    ("steps", "amount", "at_transactions"),
    [
        pytest.param([short("2026-06-08 10:00", 10)], 10, 10, id="short after a purchase"),
        pytest.param([short("2026-06-08 10:00", 0)], None, None, id="a level of nothing is none"),
        pytest.param([shows("2026-06-08 10:00", -10)], None, None, id="a price fall alone is none"),
        pytest.param(
            [shows("2026-06-08 10:00", -10), short("2026-06-08 11:00", -5)],
            None,
            None,
            id="nor one before the first transaction",
        ),
        pytest.param(
            [short("2026-06-08 10:00", 10), short("2026-06-08 11:00", 30)],
            30,
            30,
            id="the largest of the day",
        ),
        pytest.param(
            [short("2026-06-08 10:00", 30), short("2026-06-08 11:00", 10)],
            30,
            30,
            id="a smaller one later changes nothing",
        ),
        pytest.param(
            [short("2026-06-08 10:00", 10), shows("2026-06-08 11:00", -40)],
            40,
            10,
            id="a later price fall counts, and is told apart",
        ),
        pytest.param(
            [short("2026-06-08 10:00", -5), shows("2026-06-08 11:00", -40)],
            40,
            0,
            id="also when the transaction left no shortfall",
        ),
    ],
)
def test_deficit_of_a_day(steps: list[Entry], amount: int | None, at_transactions: int | None):
    desk = Desk()
    desk.step(*steps)

    found = [(row["amount"], row["amount_at_transactions"]) for row in desk.rows()]
    assert found == ([] if amount is None else [(amount, at_transactions)])


def test_price_falls_do_not_count_where_the_firm_chose_so():
    desk = Desk()
    with choosing(price_falls_count=False):
        desk.step(short("2026-06-08 10:00", 10), shows("2026-06-08 11:00", -40))
        row = desk.row()

    assert (row["amount"], row["counts_price_falls"]) == (10, False)


def test_price_falls_of_the_next_day_are_not_yesterdays_deficit():
    desk = Desk()
    desk.step(short("2026-06-08 10:00", 10), shows("2026-06-09 11:00", -40))

    assert desk.row()["amount"] == 10


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        pytest.param("2026-06-08 20:00", date(2026, 6, 8), id="extended hours belong to the day"),
        pytest.param("2026-06-08 20:01", date(2026, 6, 9), id="the night to the next"),
        pytest.param("2026-06-20 12:00", date(2026, 6, 22), id="the weekend to Monday"),
        pytest.param("2026-11-27 17:00", date(2026, 11, 27), id="an early close ends early"),
        pytest.param("2026-11-27 17:01", date(2026, 11, 30), id="and what follows is Monday's"),
    ],
)
def test_business_day_of_a_deficit(moment: str, day: date):
    desk = Desk()
    desk.step(short(moment, 10))

    assert desk.row()["deficit_date"] == day


@pytest.mark.parametrize(
    ("later", "status", "credited"),
    [
        pytest.param([], "open", 0, id="nothing happens"),
        pytest.param(
            [shows("2026-06-09 10:00", 15_000, net_deposit=500_000)],
            "satisfied",
            5_000,
            id="a deposit of the amount",
        ),
        pytest.param(
            [shows("2026-06-09 10:00", 14_999.99, net_deposit=499_999)],
            "open",
            4_999.99,
            id="a cent less is not",
        ),
        pytest.param(
            [shows("2026-06-09 10:00", 15_000)], "satisfied", 5_000, id="a rise of the level"
        ),
        pytest.param(
            [shows("2026-06-09 10:00", 8_000, net_deposit=500_000)],
            "satisfied",
            5_000,
            id="a deposit, whatever prices do",
        ),
        pytest.param(
            [
                shows("2026-06-09 10:00", 13_000, net_deposit=300_000),
                shows("2026-06-09 11:00", 14_000),
            ],
            "open",
            4_000,
            id="a deposit is part of the rise: nothing counts twice",
        ),
        pytest.param(
            [
                shows("2026-06-09 10:00", 15_000, net_deposit=500_000),
                shows("2026-06-09 15:00", 14_999, net_deposit=-100),
            ],
            "open",
            4_999,
            id="a deposit withdrawn in part by the day's end",
        ),
        pytest.param(
            [shows("2026-06-08 16:00", 15_000, net_deposit=500_000)],
            "open",
            0,
            id="a deposit of the day itself does not count",
        ),
        pytest.param(
            [shows("2026-06-09 10:00", 15_000, is_known=False)],
            "open",
            0,
            id="a level of missing inputs satisfies nothing",
        ),
        pytest.param(
            [shows("2026-06-09 10:00", -1, net_deposit=500_000, is_known=False)],
            "satisfied",
            5_000,
            id="a deposit is known whatever is missing",
        ),
    ],
)
def test_satisfaction_at_a_later_days_end(later: list[Entry], status: str, credited: float):
    desk = Desk()
    desk.step(BOUGHT, SOLD, *later)
    assert desk.row()["status"] == "open"
    desk.close("2026-06-09 20:00")

    row = desk.row()
    assert (row["status"], float(row["credited"])) == (status, credited)
    ended = datetime(2026, 6, 10, tzinfo=UTC) if status == "satisfied" else None
    assert row["satisfied_at"] == ended


def test_entry_at_the_days_end_belongs_to_the_day():
    desk = Desk()
    desk.step(BOUGHT)
    desk.step(shows("2026-06-08 20:00", 4_000))
    desk.close("2026-06-08 20:00")

    assert desk.row()["level_at_day_end"] == 4_000


def test_unknown_level_at_the_days_end_is_no_base():
    desk = Desk()
    desk.step(BOUGHT, shows("2026-06-08 15:00", -4_000, is_known=False))
    desk.close("2026-06-08 20:00")
    assert desk.row()["level_at_day_end"] is None

    desk.step(shows("2026-06-09 10:00", 10_000))
    desk.close("2026-06-09 20:00")
    assert (desk.row()["status"], desk.row()["level_at_day_end"]) == ("open", 10_000)

    desk.step(shows("2026-06-10 10:00", 15_000))
    assert desk.close("2026-06-10 20:00") == ["satisfied"]


def test_deposit_satisfies_at_once_where_the_firm_chose_so():
    desk = Desk()
    with choosing(only_at_day_end=False):
        desk.step(BOUGHT, SOLD)
        deposit = shows("2026-06-09 10:00", 15_000, net_deposit=500_000)
        assert desk.step(deposit) == ["satisfied"]

    assert desk.row()["satisfied_at"] == datetime(2026, 6, 9, 14, tzinfo=UTC)


def test_one_deposit_satisfies_several_deficits():
    desk = Desk()
    desk.step(
        short("2026-06-08 10:00", 3_000),
        short("2026-06-09 10:00", 5_000),
        shows("2026-06-10 10:00", -5_000, net_deposit=500_000),
    )

    assert desk.close("2026-06-10 20:00") == ["satisfied", "satisfied"]


def test_deficit_expires_just_after_the_fifteenth_business_day():
    desk = Desk()
    desk.step(BOUGHT, SOLD)
    desk.close("2026-06-30 20:00")
    assert desk.row()["status"] == "open"
    assert desk.book.next_deadline == at("2026-06-30 20:00") + 1

    assert desk.close("2026-06-30 20:01") == ["expired"]
    row = desk.row()
    assert row["expired_at"] == datetime(2026, 7, 1, tzinfo=UTC)
    assert (row["satisfied_at"], desk.book.next_deadline) == (None, NEVER)


def test_deficit_may_still_be_satisfied_at_the_fifteenth_days_end():
    desk = Desk()
    desk.step(BOUGHT, SOLD)
    desk.step(shows("2026-06-30 19:00", 15_000, net_deposit=500_000))

    # It has failed to be prompt by then; alone it makes no practice.
    assert desk.close("2026-07-01 20:00") == ["satisfied"]


def test_satisfied_deficit_never_reopens():
    desk = Desk()
    desk.step(BOUGHT, SOLD)
    desk.step(shows("2026-06-09 10:00", 15_000, net_deposit=500_000))
    desk.close("2026-06-09 20:00")
    before = desk.row()
    desk.step(short("2026-06-10 10:00", 90_000, net_deposit=-10_500_000))
    desk.close("2026-07-10 20:00")

    assert desk.rows()[0] == before


@pytest.mark.parametrize(
    ("deficits", "frozen"),
    [
        pytest.param([("2026-06-08", 5_000)], False, id="one failure is no practice"),
        pytest.param([("2026-06-08", 5_000), ("2026-07-07", 5_000)], True, id="the second is"),
        pytest.param(
            [("2026-06-08", 1_000), ("2026-07-07", 5_000)], False, id="de minimis does not count"
        ),
        pytest.param(
            [("2026-06-08", 1_000.01), ("2026-07-07", 1_000.01)], True, id="a cent above it does"
        ),
        pytest.param(
            [("2026-06-08", 5_000), ("2026-06-10", 5_000), ("2026-07-07", 1)],
            True,
            id="a practice freezes for a small one too",
        ),
        pytest.param(
            [("2026-06-08", 5_000), ("2027-06-07", 5_000)], True, id="364 days later it counts"
        ),
        pytest.param(
            [("2026-06-08", 5_000), ("2027-06-08", 5_000)], False, id="a year later no more"
        ),
    ],
)
def test_freeze_needs_a_practice(deficits: list[tuple[str, float]], frozen: bool):
    desk = Desk()
    for day, dollars in deficits:
        desk.step(short(f"{day} 10:00", dollars))
    fifth = DAYS.ends[np.searchsorted(DAYS.days, _epoch(deficits[-1][0])) + 5]
    desk.book.close_of_day(int(fifth) - 1)
    assert not desk.rows()[-1]["is_frozen"]
    desk.book.close_of_day(int(fifth))

    assert desk.rows()[-1]["is_frozen"] == frozen
    assert desk.frozen() == (["A"] if frozen else [])


def _epoch(day: str) -> int:
    return (date.fromisoformat(day) - date(1970, 1, 1)).days


def frozen_desk() -> Desk:
    """Frozen from the end of 15 June, by the deficit of the 8th; another failed before it."""
    desk = Desk()
    desk.step(short("2026-06-05 10:00", 7_000), short("2026-06-08 10:00", 5_000))
    assert desk.close("2026-06-15 20:00") == ["failed", "failed", "frozen"]
    return desk


def test_freeze_lasts_ninety_calendar_days_past_the_expiry():
    desk = frozen_desk()
    assert desk.close("2026-09-13 23:59") == ["expired", "expired"]
    assert desk.frozen() == ["A"]
    assert desk.book.next_deadline == min(at("2026-09-14 00:00"), at("2026-09-14 20:00"))

    assert desk.close("2026-09-14 00:00") == ["released"]
    assert desk.frozen() == []
    assert desk.rows()[1]["freeze_until"] == datetime(2026, 9, 14, 4, tzinfo=UTC)


def test_freeze_ends_when_its_deficit_is_satisfied_expired_or_not():
    desk = frozen_desk()
    desk.close("2026-07-10 20:00")
    desk.step(shows("2026-07-13 10:00", 0, net_deposit=500_000))

    assert desk.close("2026-07-13 20:00") == ["satisfied", "released"]
    row = desk.rows()[1]
    assert (row["status"], row["is_frozen"]) == ("expired", False)
    assert row["satisfied_at"] == row["freeze_until"] == datetime(2026, 7, 14, tzinfo=UTC)
    state = desk.book.accounts(NAMES).row(0, named=True)
    assert (state["is_frozen"], state["frozen_until"]) == (False, None)
    assert desk.book.next_deadline == NEVER


def test_freeze_that_is_over_is_not_satisfied_later_the_same_business_day():
    desk = frozen_desk()
    desk.close("2026-07-10 20:00")
    weekend = shows("2026-09-12 10:00", -5_000)
    monday = shows("2026-09-14 10:00", -5_000, net_deposit=500_000)
    with choosing(only_at_day_end=False):
        assert desk.step(weekend, monday) == ["released"]


def test_loaded_book_no_longer_watches_what_is_over():
    desk, loaded = Desk(), Desk()
    desk.step(BOUGHT, shows("2026-06-09 10:00", 15_000, net_deposit=500_000))
    desk.close("2026-06-09 20:00")
    saved = Saved(desk.book.deficits(NAMES), desk.book.accounts(NAMES))
    loaded.book.load(saved, places, at("2026-06-09 20:00"))

    assert not loaded.book.watched(at("2026-06-10 10:00")).any()
    assert loaded.step(short("2026-06-10 10:00", 1)) == ["opened"]


@pytest.mark.parametrize(
    ("amount", "equity", "small"),
    [
        pytest.param(100_000, 2_000_000, True, id="both limits met exactly"),
        pytest.param(100_001, 90_000_000, False, id="a cent above 1,000 dollars"),
        pytest.param(99_999, 1_999_980, True, id="exactly 5% of equity"),
        pytest.param(99_999, 1_999_979, False, id="equity a cent lower"),
        pytest.param(1, 20, True, id="a cent of twenty"),
        pytest.param(1, 19, False, id="a cent of nineteen"),
        pytest.param(1, 0, False, id="no equity"),
        pytest.param(1, -5, False, id="negative equity"),
        pytest.param(100_000, 4 * 10**18, True, id="equity of any size"),
    ],
)
def test_de_minimis_at_the_cent(amount: int, equity: int, small: bool):
    desk = Desk()
    desk.step(Entry(at("2026-06-08 10:00"), -amount, REDUCING, equity=equity))

    assert desk.row()["is_de_minimis"] == small


def test_equity_of_the_largest_shortfall_decides_and_of_equals_the_lower():
    desk = Desk()
    desk.step(
        short("2026-06-08 10:00", 900, equity=1),
        short("2026-06-08 11:00", 1_000, equity=2_000_000),
        short("2026-06-08 12:00", 1_000, equity=1_999_999),
    )

    assert (desk.row()["equity"], desk.row()["is_de_minimis"]) == (Decimal("19999.99"), False)


@pytest.mark.parametrize(
    ("dollars", "is_determinate"),
    [
        pytest.param(9, True, id="a smaller one does not matter"),
        pytest.param(10, False, id="one of the same size does"),
        pytest.param(11, False, id="so does a larger one"),
    ],
)
def test_deficit_measured_with_missing_inputs_says_so(dollars: float, is_determinate: bool):
    desk = Desk()
    desk.step(short("2026-06-08 10:00", 10))
    desk.step(short("2026-06-08 11:00", dollars, is_known=False))

    assert desk.row()["is_determinate"] == is_determinate


def test_rule_of_the_largest_shortfall_governs():
    desk = Desk()
    desk.step(short("2026-06-08 10:00", 10), short("2026-06-08 11:00", 20, rule=1))

    assert (desk.row()["rule"], desk.row()["due_on"]) == ("4210_g_1_K", date(2026, 6, 11))


def test_portfolio_margin_is_due_in_three_days_and_never_freezes():
    desk = Desk()
    for day in ("05", "08", "09"):
        desk.step(short(f"2026-06-{day} 10:00", 5_000, rule=1))

    assert desk.close("2026-06-20 20:00") == []
    row = desk.rows()[0]
    assert (row["rule"], row["due_on"]) == ("4210_g_1_K", date(2026, 6, 10))


@pytest.mark.parametrize(
    ("kind", "equity", "is_switched", "rule"),
    [
        pytest.param(REG_T, 1, True, 0, id="a margin account"),
        pytest.param(REG_T, 1, False, -1, id="not before its switch"),
        pytest.param(CASH, 1, True, -1, id="never a cash account"),
        pytest.param(PORTFOLIO, 499_999_999, True, 1, id="portfolio margin under 5 million"),
        pytest.param(PORTFOLIO, 500_000_000, True, -1, id="not at 5 million"),
    ],
)
def test_governing_rule(kind: int, equity: int, is_switched: bool, rule: int):
    found = governing_rules(
        np.array([kind], dtype=np.int8), np.array([equity]), np.array([is_switched]), RULES
    )

    assert found.tolist() == [rule]


def test_account_without_a_rule_is_not_measured():
    desk = Desk()
    desk.step(short("2026-06-08 10:00", 10, rule=-1), shows("2026-06-08 11:00", -10))

    assert desk.rows() == []


@pytest.mark.parametrize(
    ("before", "change", "is_opening"),
    [
        pytest.param(0, 5, True, id="a purchase"),
        pytest.param(0, -5, True, id="a short sale, an option written"),
        pytest.param(5, 1, True, id="more of the same"),
        pytest.param(5, -5, False, id="a sale of all"),
        pytest.param(5, -2, False, id="a sale of some"),
        pytest.param(-5, 5, False, id="a purchase to cover"),
        pytest.param(-5, 7, True, id="a purchase beyond the cover"),
        pytest.param(5, -7, True, id="a sale beyond what is held"),
        pytest.param(5, 0, False, id="a correction of the price alone"),
        pytest.param(0, 0, False, id="of what is no longer held"),
        pytest.param(2**62, -(2**61), False, id="a part of the largest position"),
        pytest.param(-(2**61), 2**62, True, id="round from the largest position"),
    ],
)
def test_transaction_opens(before: int, change: int, is_opening: bool):
    assert opens(np.array([before]), np.array([change])).tolist() == [is_opening]


def test_trade_reduces_by_kind_or_by_effect():
    found = trades_reduce(
        np.array([True, True, False, False]), np.array([0, 0, 5, 5]), np.array([-1, 9, 4, 5])
    )

    assert found.tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    ("simultaneous", "place", "step"),
    [
        pytest.param(False, [3, 0, 2, 1, 4], [0, 1, 2, 3, 0], id="one at a time"),
        pytest.param(True, [3, 0, 2, 1, 4], [0, 1, 1, 1, 0], id="equal times as one"),
    ],
)
def test_worst_order_by_account_time_and_reducing_first(
    simultaneous: bool, place: list[int], step: list[int]
):
    order = worst_order(
        account=np.array([1, 1, 1, 1, 2]),
        event_time=np.array([20, 20, 20, 10, 5]),
        is_reducing=np.array([True, False, True, False, True]),
        tie=np.array([0, 1, 2, 3, 4]),
        rules=RULES._replace(equal_times_are_simultaneous=simultaneous),
    )

    assert (order.place.tolist(), order.step.tolist()) == (place, step)


def test_entry_before_the_close_is_refused():
    desk = Desk()
    desk.close("2026-06-08 20:00")

    with pytest.raises(ValueError, match="after the book was closed"):
        desk.step(short("2026-06-08 20:00", 10))


def test_watched_are_those_whose_next_move_may_matter():
    desk = Desk()
    desk.step(short("2026-06-08 10:00", -10), short("2026-06-08 10:00", 10, account=1))

    assert desk.book.watched(at("2026-06-08 11:00")).tolist() == [True, True, False]
    assert desk.book.watched(at("2026-06-09 11:00")).tolist() == [False, True, False]


def test_missing_figure_is_refused():
    steps = history(entries([BOUGHT])).with_columns(level=pl.lit(None, pl.Decimal(38, 2)))

    with pytest.raises(ValueError, match="missing values in level"):
        intraday_deficits(steps, DAYS, 0)


@pytest.mark.parametrize("walk", [[], [BOUGHT, SOLD]], ids=["no entries", "one deficit"])
def test_frames_are_those_of_the_tables(walk: list[Entry]):
    stamps = {
        "as_of": pl.lit(datetime(2026, 8, 1, tzinfo=UTC), pl.Datetime("us", "UTC")),
        "cycle": pl.lit(1, pl.Int64),
    }
    saved = after(walk, [])

    for frame, schema in zip(saved, (IntradayDeficits, IntradayState), strict=True):
        schema.validate(frame.with_columns(**stamps), cast=True)
        stored = {n: c.dtype for n, c in schema.columns().items() if n in frame.columns}
        assert {name: frame.schema[name] for name in stored} == stored


def test_state_sums_an_account():
    desk = frozen_desk()
    desk.step(short("2026-06-16 10:00", 4_000), short("2026-06-16 10:00", -5, account=2))

    rows = desk.book.accounts(NAMES).rows()
    frozen = datetime(2026, 9, 14, 4, tzinfo=UTC)
    assert rows == [
        ("A", date(2026, 6, 16), 3, Decimal("16000.00"), True, frozen),
        ("C", date(2026, 6, 16), 0, Decimal("0.00"), False, None),
    ]
    chosen = desk.book.deficits(NAMES, np.array([2]))
    assert chosen.height == 0


def test_rules_of_a_day_before_are_the_first_ones():
    assert intraday_rules(date(2020, 3, 9)) == intraday_rules(ON)


def test_worked_example_of_the_page():
    desk = Desk()
    assert desk.step(BOUGHT, SOLD, shows("2026-06-09 10:00", 13_000, net_deposit=300_000)) == [
        "opened"
    ]
    assert desk.close("2026-06-15 20:00") == ["failed"]
    bought = short("2026-06-22 10:00", 6_000, equity=1_300_000)
    assert desk.step(bought, shows("2026-06-22 11:00", 13_000)) == ["opened"]
    assert desk.close("2026-06-29 20:00") == ["failed", "frozen"]
    assert desk.rows()[1]["freeze_until"] == datetime(2026, 9, 28, 4, tzinfo=UTC)
    desk.step(shows("2026-06-30 10:00", 15_000, net_deposit=200_000))
    assert desk.close("2026-06-30 20:00") == ["satisfied"]
    assert [row["credited"] for row in desk.rows()] == [5_000, 2_000]
    desk.step(shows("2026-07-10 10:00", 19_000, net_deposit=400_000))
    assert desk.close("2026-07-10 20:00") == ["satisfied", "released"]
