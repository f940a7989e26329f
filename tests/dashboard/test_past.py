from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from margin_assets.dashboard.due import Due
from margin_assets.dashboard.figures import Figures, empty
from margin_assets.dashboard.pages.one_account import fall_to_call
from margin_assets.dashboard.past import Past
from tests.support.live_driver import Firm, at, cash, fill, opening, price


def figures(minute: int, excess: dict[str, int], level: int = 0) -> Figures:
    accounts = pl.DataFrame(
        {"account_id": list(excess), "excess": list(excess.values())},
        schema={"account_id": pl.String, "excess": pl.Int64},
    ).with_columns(level=pl.lit(level, pl.Int8))
    levels = {"ok": len(excess), "call": minute}
    totals = {"levels": levels, "indeterminate": 0}
    return Figures(minute, at(60 * minute), None, "live", accounts, totals=totals)


def test_a_change_is_over_an_hour_of_event_time():
    past = Past()
    for minute in (0, 30, 59, 61, 90):
        past.take(figures(minute, {"A": 100 * minute}))

    assert past.change(figures(91, {"A": 10_000})).to_list() == [10_000 - 3_000]


def test_a_change_over_less_is_shown_where_less_was_seen():
    past = Past()
    past.take(figures(0, {"A": 5}))

    assert past.change(figures(0, {"A": 5})).to_list() == [None]
    assert past.change(figures(10, {"A": 9, "B": 1})).to_list() == [4, None]


def test_accounts_in_another_order_are_not_mistaken_for_each_other():
    past = Past()
    past.take(figures(0, {"B": 5, "A": 7}))
    now = figures(70, {"A": 7, "B": 6})
    past.take(now)

    assert past.change(now).to_list() == [None, None]
    assert past.of_account("B") == [(at(60 * 70), 6)]


def test_counts_are_compared_with_a_quarter_of_an_hour_ago():
    past = Past()
    for minute in (0, 5, 14, 20):
        past.take(figures(minute, {"A": 1}))

    assert past.levels_before(at(60 * 20))["call"] == 5
    assert past.levels_before(at(60 * 3)) is None


def test_accounts_that_moved_are_counted_by_state():
    past = Past()
    past.take(figures(0, {"A": 1, "B": 1}))
    now = figures(5, {"A": 1, "B": 1, "C": 1}, level=2)

    since, counts = past.moved(now)

    assert (since, counts) == (at(0), [(0, 2, 2)])
    assert past.moved(figures(0, {"A": 1})) is None
    assert at(0) + timedelta(minutes=5) == now.as_of


@pytest.mark.parametrize(
    ("excess", "losses", "expected"),
    [
        pytest.param(100, {-0.02: -50, -0.04: -100, -0.06: -150}, -0.04, id="at a scenario"),
        pytest.param(75, {-0.02: -50, -0.04: -100}, -0.03, id="between two"),
        pytest.param(10, {-0.02: -40}, -0.005, id="before the first"),
        pytest.param(100, {-0.02: -40}, None, id="nowhere in the scenarios"),
        pytest.param(-5, {-0.02: -40}, None, id="it is there already"),
        pytest.param(10, {0.02: -40}, None, id="a rise is no fall"),
    ],
)
def test_the_fall_that_brings_a_call(excess: int, losses: dict[float, int], expected: float | None):
    stress = [{"move": move, "excess": excess + pnl} for move, pnl in losses.items()]

    assert fall_to_call(excess, stress) == (None if expected is None else pytest.approx(expected))


def test_a_call_is_due_until_it_is_met(tmp_path: Path):
    firm = Firm(tmp_path)
    due = Due(firm.lake)
    funded = {"cash_movements": [cash("M", "A", "6000")], "fills": [fill("F", "100", "100")]}

    due.take(firm.run(**opening("A"), **funded).sealed)
    assert due.by_account.is_empty()

    due.take(firm.run(prices=[price("X", "50", at(60))]).sealed)
    calls = firm.table("margin_calls").filter("is_open")
    dates = [*calls["house_due_at"].drop_nulls(), *calls["legal_due_at"].drop_nulls()]
    (found,) = due.by_account.rows()
    assert found == ("A", round(min(dates).timestamp() * 1e6))

    due.take(firm.run(prices=[price("X", "100", at(120))]).sealed)
    assert due.by_account.is_empty()


def test_nothing_is_known_before_the_first_seal():
    assert empty().accounts.is_empty()
    assert empty().totals["accounts"] == 0
