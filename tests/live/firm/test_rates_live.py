"""The rates book in the live day: landed, refused, valued, limited; and the same in a replay."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from margin_assets.kernels.rates import conventions, quote_helpers
from margin_assets.lake.landing.reading.rules import row_rules
from margin_assets.live.past.replay import replay
from margin_assets.live.session.session import CycleResult
from schemas import TABLES
from schemas.rates.check_digits import cusip_digit_fits, isin_digit_fits
from schemas.rates.feeds import (
    CALENDARS,
    CONVENTIONS,
    DAY_COUNTS,
    QUOTE_KINDS,
)
from tests.support.live_driver import Firm, Row, assert_a_process_takes_over, beta, price, text
from tests.support.rates_rows import NOW, bond, frame, landed_rows, position, quotes, swap

LATER = NOW + timedelta(minutes=1)
OF_RATES = {name for name, table in TABLES.items() if table.group == "rates"}


def landed(*rows: Row) -> list[Row]:
    return landed_rows(rows)


def run(firm: Firm, **feeds: list[Row]) -> CycleResult:
    result = firm.cycle(NOW + timedelta(days=1), **feeds)
    assert result is not None
    return result


def limit(limit_id: str, metric: str, scope: str, amount: str, **more: Any) -> Row:
    row: Row = {"limit_id": limit_id, "metric": metric, "scope": scope, "owner": "risk"}
    return row | {"amount": Decimal(amount), "event_time": text(NOW)} | more


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    """A book, a tick, a tick that makes no curve and a restart, a cure; margin rows between."""
    firm = Firm(tmp_path_factory.mktemp("rates"))
    run(
        firm,
        bonds=landed(
            bond(clean_price=99.0, bond_class="us_treasury"),
            bond("BAD", isin="US0378331006"),
            bond("HIGH", coupon=1.01),
        ),
        swaps=landed(swap()),
        rates_positions=landed(position("T", 1_000_000), position("S", 1_000_000)),
        curve_quotes=landed(*quotes()),
        limits=[
            limit("DV01", "rates_dv01", "desk", "100"),
            limit("NAME", "rates_dv01_share", "issuer", "0.9"),
        ],
    )
    run(firm, curve_quotes=landed(*quotes(when=LATER, up=0.001)))
    run(firm, prices=[price("X", "100", LATER)], betas=[beta("X", "1", "2026-01-28")])
    run(firm, curve_quotes=landed(*quotes(when=LATER, tenors=["2Y"], up=0.75)))
    firm.restart()
    run(firm, rates_positions=landed(position("S", 0, LATER + timedelta(seconds=1))))
    run(firm, rates_positions=landed(position("T", 300_000, LATER + timedelta(seconds=2))))
    return firm


def test_a_tick_moves_what_hangs_on_it(day: Firm):
    risk = day.table("desk_risk").sort("cycle")

    assert risk["cycle"].to_list() == [1, 2, 4, 5, 6]
    assert risk["positions"].to_list() == [2, 2, 2, 1, 1]
    # Ten basis points of quotes are a little less of zero rates.
    first, second = risk.select("npv", "dv01").rows()[:2]
    assert float(second[0] - first[0]) == pytest.approx(-10 * first[1], rel=0.03)
    assert risk["dv01"][3] == pytest.approx(risk["dv01"][4] / 0.3, rel=1e-6)
    assert day.table("rates_values")["cycle"].unique().to_list() == [6]


def test_quotes_that_make_no_curve_are_told_and_change_nothing(day: Firm):
    curves = day.table("curves").sort("cycle", "node")

    assert curves.select("cycle", "problem").unique().sort("cycle").rows() == [
        (1, None),
        (2, None),
        (4, "not_built"),
    ]
    last_two = curves.filter(pl.col("cycle") > 1).select("node", "cycle", "zero_rate")
    assert last_two["zero_rate"][:11].to_list() == last_two["zero_rate"][11:].to_list()


def test_rows_that_cannot_be_are_refused_one_by_one(day: Firm):
    assert sorted(day.table("quarantine")["reasons"]) == ["coupon_out_of_range", "isin_check_digit"]


def test_limits_of_the_book_are_breached_and_cured(day: Firm):
    told = day.table("limit_breaches").sort("cycle", "limit_id")

    assert told.select("limit_id", "subject", "state", "cycle").rows() == [
        ("DV01", "rates", "open", 1),
        ("NAME", "UST", "open", 5),
        ("DV01", "rates", "cured", 6),
    ]
    assert told["value"][1] == 1


def test_it_replays_and_another_process_goes_on(day: Firm):
    report = replay(day.lake)

    assert (report.cycles, report.difference) == (6, None)
    assert_a_process_takes_over(day)


def test_a_lake_without_rates_writes_no_table_of_them(tmp_path: Path):
    firm = Firm(tmp_path)
    result = run(
        firm, prices=[price("X", "100", NOW)], limits=[limit("L", "rates_npv", "firm", "1")]
    )

    assert not OF_RATES & result.frames.keys()
    assert firm.session._runner.rates._book is None


@pytest.mark.parametrize(
    ("feed", "row", "reason"),
    [
        ("bonds", bond(issue_date=bond()["maturity"]), "maturity_before_issue"),
        ("bonds", bond(calendar="the moon"), "calendar_unknown"),
        ("bonds", bond(cusip="037833101"), "cusip_check_digit"),
        ("bonds", bond(frequency=None), "coupon_missing"),
        ("bonds", bond(clean_price=99.0, z_spread=0.01), "clean_price_against_kind_or_spread"),
        ("swaps", swap(end_date=swap()["start_date"]), "end_date_before_start"),
        ("curve_quotes", quotes()[0] | {"quote": 1.5}, "quote_out_of_range"),
        ("curve_quotes", quotes()[0] | {"kind": "future"}, "tenor_missing"),
        (
            "fixings",
            {"index_name": "I", "fixing_date": NOW.date() + timedelta(1), "rate": 0.01}
            | {"event_time": NOW},
            "fixing_date_to_come",
        ),
    ],
)
def test_a_row_rule_has_its_reason(feed: str, row: Row, reason: str):
    rows = frame(feed, [row]).with_columns(landed_at=pl.lit(NOW))
    found = [
        f"{rule.column}_{rule.word}"
        for rule in row_rules(feed)
        if rows.select(rule.keeps.all()).item() is False
    ]

    assert reason in found


@pytest.mark.parametrize("isin", ["US0378331005", "US912810TV08", "GB0002634946", "AU0000XVGZA3"])
def test_check_digits_of_published_securities(isin: str):
    digits = [isin[:-1] + digit for digit in "0123456789"]
    fits = pl.Series(digits).to_frame("isin").select(isin_digit_fits(pl.col("isin")))
    assert fits.to_series().arg_true().to_list() == [int(isin[-1])]

    cusips = pl.DataFrame({"cusip": ["037833100", "17275R102", "38259P508", "17275R103"]})
    found = cusips.select(cusip_digit_fits(pl.col("cusip"))).to_series().to_list()
    assert found == [True, True, True, False]


def test_words_of_the_feeds_are_those_of_the_kernels():
    assert set(DAY_COUNTS) <= conventions.DAY_COUNTS.keys()
    assert set(CALENDARS) <= conventions.CALENDARS.keys()
    assert set(CONVENTIONS) == set(conventions.CONVENTIONS)
    assert QUOTE_KINDS == quote_helpers.QUOTE_KINDS
