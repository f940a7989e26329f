"""Losses of the present rates book by past moves of its curves."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from margin_assets.desk.rates import moves_of
from margin_assets.valuation.rates_book import RatesBook
from tests.support.rates_rows import (
    NOW,
    bond,
    micros,
    position,
    quotes,
    results,
    swap,
    taken,
    value,
)


def test_the_present_book_is_valued_under_each_past_days_move():
    book = taken(
        RatesBook(),
        bonds=[bond()],
        rates_positions=[position("T", 1e6), position("T", -4e5, desk="hedge")],
    )
    written = []
    for number, up in enumerate((0.0, 0.001, 0.0005)):
        day = NOW + timedelta(days=number)
        taken(book, curve_quotes=quotes(when=day, up=up))
        written.append(results(book, day).frames["curves"].with_columns(cycle=number))
    moves = moves_of(pl.concat(written))
    days, books, gains = book.gains(micros(day), moves | {NOW.date(): {}})

    # Ten basis points up, five down; the day without a move of the curve is left out.
    assert [(one - NOW.date()).days for one in days] == [1, 2]
    assert books["desk"].to_list() == ["hedge", "rates"]
    whole = taken(book, rates_positions=[position("T", 0, day, desk="hedge")])
    dv01 = value(whole, "T", day)["dv01"]
    assert gains[1].tolist() == pytest.approx([-10 * dv01, 5 * dv01], rel=0.05)
    assert gains[0].tolist() == pytest.approx((-0.4 * gains[1]).tolist())


def test_a_swap_without_a_fixing_gains_by_neither_leg():
    run = swap("RUN", start_date=date(2025, 9, 15), end_date=date(2027, 9, 15))
    book = taken(
        RatesBook(),
        swaps=[run],
        rates_positions=[position("RUN", 1e8)],
        curve_quotes=quotes(),
    )
    assert value(book, "RUN")["reasons"] == "no_fixing:USD-SOFR:2025-09-15"

    up = (np.array([1.0]), np.array([0.01]))
    _, books, gains = book.gains(micros(NOW), {date(2026, 1, 2): {"USD-SOFR": up}})

    assert gains.tolist() == [[0.0]]
    assert books["left_out"].to_list() == [1]


def test_a_day_without_a_new_quote_is_no_day_of_its_curve():
    book, written = RatesBook(), []
    for number, up in enumerate((0.0, None, None, 0.001)):
        day = NOW + timedelta(days=number)
        if up is not None:
            taken(book, curve_quotes=quotes(when=day, up=up))
        written.append(results(book, day).frames["curves"].with_columns(cycle=number))

    moves = moves_of(pl.concat(written))

    # The curve was laid anew on each day; what it moved by came on the last.
    assert [rows.height for rows in written] == [11] * 4
    assert list(moves) == [day.date()]
    assert moves[day.date()]["USD-SOFR"][1] == pytest.approx(0.001, rel=0.05)
