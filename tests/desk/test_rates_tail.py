"""Losses of the present rates book by past moves of its curves."""

from datetime import timedelta

import polars as pl
import pytest

from margin_assets.desk.rates import moves_of
from margin_assets.valuation.rates_book import RatesBook
from tests.support.rates_rows import NOW, bond, micros, position, quotes, results, taken, value


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
