"""Histories: what a row does, and what is wrong with it, by hand."""

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from margin_assets.backtest.faults import BacktestError
from margin_assets.backtest.history.building import History, built, history_of, returns_of
from margin_assets.backtest.history.document import described
from margin_assets.backtest.history.reading import read_rows
from tests.support.backtests import days, document, history, noon, rows

DAYS = days(60)


def faults_of(found: History) -> list[tuple[str, date | None, str]]:
    return [(f.symbol, f.day, f.fault) for f in found.faults if f.fault != "no_factors"]


def test_a_price_stands_and_grows_old_where_there_is_no_row():
    found = history({"X": [10.0, 11.0, 12.0, 13.0], "Y": [None, 5.0, None, 6.0]})

    y = found.symbols.index("Y")
    assert found.price[:, y].tolist() == [0, 5_000_000, 5_000_000, 6_000_000]
    assert found.age[:, y].tolist() == [-1, 0, 1, 0]
    # No return is told of a day without a row on either side of it.
    assert np.isnan(returns_of(found.total, found.age)[:, y]).all()
    assert found.total[3, y] == pytest.approx(1.2)


def test_a_price_of_0_is_named_and_is_no_price():
    found = history({"X": [10.0, 0.0, 12.0]})

    assert faults_of(found) == [("X", DAYS[1], "price_not_above_0")]
    assert found.price[:, 0].tolist() == [10_000_000, 10_000_000, 12_000_000]


@pytest.mark.parametrize(
    ("again", "fault", "age"), [(11.0, "day_twice", 0), (11.5, "day_twice_and_different", 1)]
)
def test_a_day_twice_is_named(again: float, fault: str, age: int):
    told = rows({"X": [10.0, 11.0, 12.0]})
    twice = told.closes[1:2].with_columns(close=pl.lit(again), file_row=pl.lit(9, pl.Int64))
    found = built(told._replace(closes=pl.concat([told.closes, twice])), document())

    assert faults_of(found) == [("X", DAYS[1], fault)]
    assert found.age[1, 0] == age


def test_a_row_of_a_day_without_a_session_does_not_count():
    told = rows({"X": [10.0, 11.0, 12.0]})
    sunday = told.closes[:1].with_columns(day=pl.lit(date(2020, 1, 5)))
    found = built(told._replace(closes=pl.concat([told.closes, sunday])), document())

    assert faults_of(found) == [("X", date(2020, 1, 5), "no_session")]


def test_splits_and_dividends_are_in_returns_and_not_in_prices():
    told = rows(
        {"X": [100.0, 50.0, 54.0]}, [("X", DAYS[1], "split", 2.0), ("X", DAYS[2], "dividend", 1.0)]
    )
    found = built(told, document())

    assert found.price[:, 0].tolist() == [100_000_000, 50_000_000, 54_000_000]
    assert found.total[:, 0].tolist() == pytest.approx([1.0, 1.0, 1.1])
    assert faults_of(found) == []
    assert found.splits.on(1)[1].tolist() == [2_000_000]


def test_a_jump_like_a_split_without_a_factor_joins_nothing():
    found = history({"X": [100.0, 100.0, 100.0], "Y": [100.0, 49.9, 50.0]})

    before = f"Y@{DAYS[0]}"
    assert found.symbols == ("X", "Y", before)
    assert faults_of(found) == [
        ("Y", DAYS[1], "split_without_factor"),
        (before, DAYS[0], "ends_unexplained"),
    ]
    # Who held it gets the last close, and nobody half of it.
    assert (found.last[2], found.worth[2]) == (0, 100_000_000)


def test_a_fall_that_is_no_ratio_is_a_fall():
    found = history({"X": [100.0] * 3, "Y": [12.14, 4.76, 3.75]})  # AIG in September 2008

    assert faults_of(found) == []
    assert found.total[1, 1] == pytest.approx(4.76 / 12.14)


def test_a_long_gap_ends_a_security():
    found = history({"X": [1.0] * 60, "Y": [5.0] * 10 + [None] * 30 + [7.0] * 20})

    assert faults_of(found)[0] == ("Y", DAYS[40], "gap")
    assert found.symbols == ("X", "Y", f"Y@{DAYS[9]}")


def test_bars_that_contradict_or_have_no_close_do_not_count():
    told = [
        ("X", noon(DAYS[1], 11), 0.0),
        ("X", noon(DAYS[1], 12), 10.5),
        ("X", noon(DAYS[1], 12), 10.6),
        ("X", noon(DAYS[1], 13), 10.7),
        ("X", noon(DAYS[1], 13), 10.7),
        ("X", noon(DAYS[1], 16), 99.0),  # the close
        ("X", noon(DAYS[1], 20), 99.0),  # after it
        ("X", noon(DAYS[0], 12), 99.0),  # before the first close
        ("Z", noon(DAYS[1], 12), 1.0),
    ]
    found = history({"X": [10.0, 11.0]}, told)

    assert faults_of(found) == [
        ("X", DAYS[1], "bar_not_above_0"),
        ("X", DAYS[1], "bar_twice_and_different"),
        ("Z", None, "bars_without_closes"),
    ]
    assert found.bars.price.tolist() == [[10_700_000]]


def test_a_company_that_dies_stays_dead_whoever_takes_its_ticker():
    cut = {"symbol": "Y", "last": DAYS[9], "reason": "seized", "source": "a list", "worth": 0.0}
    closes = {"X": [1.0] * 60, "Y": [5.0] * 9 + [0.16] + [None] * 30 + [28.0] * 20}
    found = built(rows(closes), document(cut=[cut]))

    dead = found.symbols.index(f"Y@{DAYS[9]}")
    assert (found.last[dead], found.worth[dead]) == (9, 0)
    assert faults_of(found) == [(f"Y@{DAYS[9]}", DAYS[9], "ends")]
    assert np.isnan(found.total[39, found.symbols.index("Y")])


def test_betas_know_nothing_of_their_own_month():
    moves = np.random.default_rng(1).normal(0, 0.01, 160)
    x = 100 * np.cumprod(1 + moves)
    y = 100 * np.cumprod(1 + 2 * moves)
    known = days(160)
    first = next(n for n, day in enumerate(known) if day.month == 6)
    y[first:] *= np.linspace(1, 3, 160 - first)  # from here on another beta
    found = history({"X": list(np.round(x, 6)), "Y": list(np.round(y, 6))})

    beta = found.beta[found.month, 1]
    assert np.isnan(beta[:60]).all()
    assert beta[first] == pytest.approx(2.0, abs=1e-3)
    assert (found.beta[:, 0] == 1.0).all()


def test_files_are_read_with_their_rows(tmp_path: Path):
    (tmp_path / "closes.csv").write_text(
        "symbol,date,close\nX,2014-06-06,645.57\nX,2014-06-09,93.70\n"
    )
    (tmp_path / "factors.csv").write_text(
        "symbol,valid_to_date,price_factor,split_factor,reference_close\n"
        "X,20140606,0.9,0.1428571,645.57\nX,20501231,0.9,1.0,0.0\n"
    )
    (tmp_path / "yields.csv").write_text("date,BC_3MONTH\n2014-06-05,0.04\n2014-06-06,0.0\n")
    (tmp_path / "history.toml").write_text(
        'name = "apple"\ntitle = "t"\nsource = "s"\nbenchmark = "X"\n'
        '[[file]]\npath = "closes.csv"\nkind = "closes"\n'
        '[[file]]\npath = "factors.csv"\nkind = "factors"\n'
        '[[file]]\npath = "yields.csv"\nkind = "yields"\ncolumn = "BC_3MONTH"\n'
    )
    found = history_of(described(str(tmp_path)))

    assert found.splits.value.tolist() == [7_000_000] or found.splits.value[0] == pytest.approx(
        7_000_000, abs=10
    )
    assert found.total[1, 0] == pytest.approx(7 * 93.70 / 645.57, rel=1e-5)
    assert found.rate.tolist() == [0.0004, 0.0004]
    assert found.rows.select("file", "file_row").rows() == [("closes.csv", 1), ("closes.csv", 2)]


def test_bars_are_read_on_the_clock_of_the_exchange_where_they_are_asked_for(tmp_path: Path):
    (tmp_path / "closes.csv").write_text("symbol,date,close\nX,2020-03-06,9\nX,2020-03-09,8\n")
    (tmp_path / "bars.csv").write_text(
        "symbol,ts,open,close\nX,2020-03-09 09:30:00,9,8.5\nX,2020-03-09 15:30:00,9,8\n"
    )
    (tmp_path / "history.toml").write_text(
        'name = "h"\ntitle = "t"\nsource = "s"\nbenchmark = "X"\n'
        '[[file]]\npath = "closes.csv"\nkind = "closes"\n'
        '[[file]]\npath = "bars.csv"\nkind = "bars"\nminutes = 30\n'
    )
    plain, found = (history_of(described(str(tmp_path)), with_bars=w) for w in (False, True))

    # Ten in New York, a day after its clocks went forward.
    assert found.bars.instant.tolist() == [
        int(datetime(2020, 3, 9, 14, tzinfo=UTC).timestamp() * 1e6)
    ]
    assert found.bars.price.tolist() == [[8_500_000]]
    assert not len(plain.bars.instant)
    assert plain.history_id != found.history_id


def test_wide_closes_are_one_column_a_symbol(tmp_path: Path):
    (tmp_path / "wide.csv").write_text("Date,X,Y\n2020-01-02,1.5,\n2020-01-03,1.6,2.5\n")
    (tmp_path / "history.toml").write_text(
        'name = "w"\ntitle = "t"\nsource = "s"\nbenchmark = "X"\n'
        '[[file]]\npath = "wide.csv"\nkind = "wide_closes"\n'
    )
    told = read_rows(described(str(tmp_path)))

    assert told.closes.select("symbol", "close", "file_row").rows() == [
        ("X", 1.5, 1),
        ("X", 1.6, 2),
        ("Y", 2.5, 2),
    ]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere", "no history 'nowhere': known are sp500, us_daily"),
        ("us_daily", "no file us_equity_daily_raw_1998_2021.parquet"),
    ],
)
def test_what_is_not_there_is_named(
    name: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BacktestError, match=told):
        history_of(described(name))


def test_a_benchmark_without_rows_is_named():
    with pytest.raises(BacktestError, match="benchmark Z has no rows"):
        history({"X": [1.0, 2.0]}, benchmark="Z")
