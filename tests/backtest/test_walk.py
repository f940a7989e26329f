"""Sessions of small books by hand: calls, sales at the next close, losses, what owners do."""

import numpy as np
import polars as pl
import pytest

from margin_assets.backtest.engine.record import CALL_COLUMNS, DAY_COLUMNS, Year
from margin_assets.backtest.engine.state import FIRM, MARKET, OWNER, TALLIES
from margin_assets.backtest.engine.walk import Walk
from margin_assets.backtest.history.bars import Bars
from margin_assets.backtest.history.building import History, built
from margin_assets.backtest.history.reading import BARS
from margin_assets.backtest.policy import Policy
from tests.support.backtests import Seat, days, document, history, noon, plan, rows, walk

FLAT = [100.0] * 12


def no_bars_of(found: History) -> Bars:
    return Bars(*(column[:0] for column in found.bars))


def falling(*closes: float) -> History:
    """X stands, Y goes as told."""
    return history({"X": FLAT[: len(closes)], "Y": list(closes)})


def tallies(moved: Walk) -> dict[str, int]:
    (seat,) = moved.state.tally.T
    return dict(zip(TALLIES, seat.tolist(), strict=True))


def days_of(year: Year, name: str) -> list[int]:
    return year.days[:, DAY_COLUMNS.index(name)].tolist()


def test_a_call_an_hour_old_and_large_is_sold_out_at_the_next_close():
    # 200 at 100 with 10,000: at 62 equity is 2,400 against 3,100, a call. At 56 it is 1,200
    # against 2,800, more than half lacking: liquidated an hour after. Sold at 45: owes 1,000.
    found = falling(100, 62, 56, 45, 80)
    moved = walk(found, plan(found, Seat(10_000, {"Y": 200})))
    year = moved.part(range(5))

    assert days_of(year, "calls_made") == [0, 1, 0, 0, 0]
    assert days_of(year, "liquidations_made") == [0, 0, 1, 0, 0]
    assert days_of(year, "sold_out") == [0, 0, 0, 1, 0]
    assert days_of(year, "lost") == [0, 0, 0, 100_000, 0]
    assert year.calls[0, 2:4].tolist() == [3, FIRM]
    assert tallies(moved)["lost"] == 100_000
    # Left alone it would have been down 1,000 at worst: the sale avoided nothing.
    assert tallies(moved)["avoided"] == 0
    assert tallies(moved)["false_calls"] == 0
    (worst,) = [row for row in year.worst if row["kind"] == "lost"]
    assert (worst["amount"], worst["held"]) == (
        100_000,
        [["Y", 200_000_000, 56_000_000, 45_000_000]],
    )


def test_the_hour_after_a_call_passes_before_prices_are_back():
    # At 52 equity is 400 against 2,600: an hour later liquidated, and sold at the next close of 80.
    found = falling(100, 52, 80)
    moved = walk(found, plan(found, Seat(10_000, {"Y": 200})))
    year = moved.part(range(3))

    assert days_of(year, "liquidations_made") == [0, 0, 1]
    assert days_of(year, "sold_out") == [0, 0, 1]
    assert (year.calls[0, 3], moved.state.cash[0]) == (FIRM, 600_000)
    assert tallies(moved)["false_calls"] == 1


def test_prices_alone_may_meet_a_call_and_it_was_false():
    found = falling(100, 64, 80, 80)
    moved = walk(found, plan(found, Seat(10_000, {"Y": 200})))
    year = moved.part(range(4))

    assert dict(zip(CALL_COLUMNS, year.calls[0].tolist(), strict=True)) == {
        "life": 0,
        "made": 1,
        "ended": 2,
        "met_by": MARKET,
        "is_false": 1,
    }
    assert (tallies(moved)["false_calls"], tallies(moved)["cured"]) == (1, 1)


@pytest.mark.parametrize(
    ("pays", "pocket", "paid", "left"),
    [
        # At 64: equity 2,800, required 3,200: 400 lacking, a fifth more, to the hundred: 500.
        pytest.param(True, 1_000, 50_000, 200, id="pays"),
        # 0.15 of 200 shares.
        pytest.param(False, 1_000, 0, 170, id="sells"),
        pytest.param(True, 400, 0, 170, id="has no money left, and sells"),
    ],
)
def test_owners_answer_on_their_morning(pays: bool, pocket: int, paid: int, left: int):
    found = falling(100, 64, 64, 64)
    seat = Seat(10_000, {"Y": 200}, patience=1, pays=pays, pocket=pocket)
    moved = walk(found, plan(found, seat))
    year = moved.part(range(4))

    assert tallies(moved)["paid_in"] == paid
    assert moved.state.quantity[0].tolist() == [0, left * 1_000_000]
    assert year.calls[0, 1:4].tolist() == [1, 2, OWNER]


def test_who_owes_more_than_he_owns_without_a_call_was_missed():
    # From good order to nothing in one session.
    found = falling(100, 100, 40)
    moved = walk(found, plan(found, Seat(10_000, {"Y": 200})))
    year = moved.part(range(3))

    assert tallies(moved)["missed_sessions"] == 1
    # Lost 12,000 against the 5,000 required, of a session before.
    assert tallies(moved)["uncovered_sessions"] == 1
    assert days_of(year, "loss") == [0, 1_200_000, 0]
    assert year.counts[0, :, 2, 0, :, 1].sum() == 1


def test_splits_and_dividends_change_nothing_but_the_shares():
    told = rows(
        {"X": FLAT[:3], "Y": [90.0, 30.0, 29.0]},
        [("Y", days(3)[1], "split", 3.0), ("Y", days(3)[2], "dividend", 1.0)],
    )
    found = built(told, document())
    moved = walk(found, plan(found, Seat(9_000, {"Y": 100}), Seat(9_000, {"Y": -10})))
    year = moved.part(range(3))

    assert moved.state.quantity[:, 1].tolist() == [300_000_000, -30_000_000]
    assert moved.state.cash.tolist() == [30_000, 9_000_00 + 90_000 - 3_000]
    assert days_of(year, "equity") == [1_800_000] * 3
    assert days_of(year, "loss") == [0, 0, 0]


def test_parts_of_a_share_are_paid():
    told = rows({"X": FLAT[:3], "Y": [10.0, 100.0, 100.0]}, [("Y", days(3)[1], "split", 0.1)])
    found = built(told, document())
    moved = walk(found, plan(found, Seat(1_000, {"Y": 25})))
    moved.part(range(3))

    # 2.5 shares: two, and half of 100 in cash beside the 750 that were left.
    assert moved.state.quantity[0, 1] == 2_000_000
    assert moved.state.cash[0] == 80_000


@pytest.mark.parametrize(("worth", "cash"), [(None, 60_000), (0.0, 50_000)])
def test_a_company_that_dies_takes_its_holders_money(worth: float | None, cash: int):
    known = days(30)
    cut = {"symbol": "Y", "last": known[2], "reason": "seized", "source": "s", "worth": worth}
    closes = {"X": [100.0] * 30, "Y": [5.0, 3.2, 1.0]}
    found = built(rows(closes), document(cut=[cut]))
    moved = walk(found, plan(found, Seat(1_000, {"Y": 100}, kind="cash")))
    year = moved.part(range(30))

    # The last price stands while it is usable, five sessions, then the account is settled.
    assert days_of(year, "accounts")[:9] == [1] * 8 + [0]
    assert moved.state.cash[0] == cash


def test_a_life_ends_and_another_takes_the_seat():
    found = falling(100, 100, 100, 100)
    first = Seat(1_000, {"Y": 5}, kind="cash", closes=2)
    book = plan(found, first)
    moved = walk(found, book)
    year = moved.part(range(4))

    assert year.lives[0, :3].tolist() == [0, 2, 2]
    assert moved.state.life.tolist() == [-1]
    assert moved.state.cash.tolist() == [0]
    assert days_of(year, "accounts") == [1, 1, 0, 0]


def test_interest_is_charged_by_the_month():
    known = days(30)
    change = next(n for n in range(1, 30) if known[n].month != known[0].month)
    found = history({"X": [100.0] * 30, "Y": [100.0] * 30})
    book = plan(found, Seat(10_000, {"Y": 150}))._replace(debit_spread=0.12)
    moved = walk(found, book)
    moved.part(range(change + 1))

    assert moved.state.cash[0] == -505_000  # 1% of 5,000


def test_a_house_that_asks_for_more_calls_earlier():
    changes = {"overlays": {"concentration": {"enabled": True, "rate": 0.2}}}
    found = falling(100, 80, 80)
    book = plan(found, Seat(10_000, {"Y": 200}))
    built_in, dearer = walk(found, book), walk(found, book, Policy("dearer", changes))
    plain, charged = built_in.part(range(3)), dearer.part(range(3))

    # At 80: 4,000 by rule; 20% of 16,000 more with the overlay, and equity is 6,000.
    assert days_of(plain, "house") == [500_000, 400_000, 400_000]
    assert days_of(charged, "house") == [900_000, 720_000, 720_000]
    assert days_of(plain, "calls_made") == [0, 0, 0]
    assert days_of(charged, "calls_made") == [0, 1, 0]
    assert np.array_equal(days_of(plain, "reg_t"), days_of(charged, "reg_t"))


def test_a_book_is_evaluated_and_sold_at_bars():
    # 200 at 100 with 10,000, as above. At 11 of the second session 52: equity 400 against 2,600,
    # called, and an hour later liquidated; sold at the bar after, of 58, long before the close.
    day = days(3)[1]
    bars = [("Y", noon(day, hour), price) for hour, price in ((11, 52.0), (12, 51.0), (14, 58.0))]
    found = history({"X": [100.0] * 3, "Y": [100.0, 40.0, 40.0]}, bars)
    book = plan(found, Seat(10_000, {"Y": 200}))
    moved = walk(found, book)
    year = moved.part(range(3))

    assert days_of(year, "calls_made") == [0, 1, 0]
    assert days_of(year, "sold_out") == [0, 1, 0]
    assert moved.state.cash[0] == 160_000  # 200 x 58 less the 10,000 owed
    assert days_of(year, "lost") == [0, 0, 0]
    # Left alone since 52 it would have come to 40 at the close: 2,000 owed, all of it avoided.
    assert tallies(moved)["avoided"] == 200_000

    closes_only = walk(found._replace(bars=no_bars_of(found)), book)
    assert days_of(closes_only.part(range(3)), "lost") == [0, 0, 200_000]


def test_at_a_bar_what_has_none_stands_at_its_close_before_and_shares_are_split():
    day = days(3)[1]
    told = rows({"X": [100.0] * 3, "Y": [90.0, 30.0, 30.0]}, [("Y", day, "split", 3.0)])
    bars = pl.DataFrame([("X", noon(day), 101.0)], schema=BARS, orient="row")
    found = built(told._replace(bars=bars), document())

    assert found.bars.price.tolist() == [[101_000_000, 30_000_000]]
    assert found.bars.is_there.tolist() == [[True, False]]
    moved = walk(found, plan(found, Seat(10_000, {"Y": 200})))
    year = moved.part(range(3))
    assert days_of(year, "calls_made") == [0, 0, 0]
    assert moved.state.quantity[0, 1] == 600_000_000


def test_shares_split_on_a_morning_that_ages_another_price_are_valued_after_the_split():
    # Short 60 at 90, then 180 at 30. At 90 each it would owe 16,200 and be called at the opening.
    told = rows(
        {"X": [100.0] * 5, "Y": [90.0, 90.0, 90.0, 30.0, 30.0], "Z": [10.0, 10.0]},
        [("Y", days(4)[3], "split", 3.0)],
    )
    found = built(told, document())
    moved = walk(found, plan(found, Seat(10_000, {"Y": -60, "Z": 1})))
    year = moved.part(range(5))

    assert days_of(year, "calls_made") == [0] * 5
    assert moved.state.quantity[0].tolist() == [0, -180_000_000, 1_000_000]
