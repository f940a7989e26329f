"""Verbs over the rates book of a sealed lake."""

from datetime import timedelta
from pathlib import Path

import fastexcel
import polars as pl
import pytest

from margin_assets.valuation import value
from tests.support.live_driver import Firm
from tests.support.margin_command import Margin, place
from tests.support.rates_rows import NOW, bond, landed_rows, position, quotes


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rates")
    rows = {
        "bonds": [bond(), bond("=SUM(A1)", coupon=0.05)],
        "rates_positions": [position("T", 1e6), position("=SUM(A1)", -4e5)],
        "curve_quotes": quotes(),
    }
    firm = Firm(folder)
    firm.cycle(NOW, **{feed: landed_rows(held) for feed, held in rows.items()})
    return folder


def test_show_tells_the_books(margin: Margin, lake: Path) -> None:
    [row] = margin("rates", "show", "--json", *place(lake)).document

    assert (row["desk"], row["positions"], row["unpriced"]) == ("rates", 2, 0)
    assert "npv_reporting" in margin("rates", "show", *place(lake)).out


@pytest.mark.parametrize("form", ["csv", "parquet", "xlsx"])
def test_an_export_has_three_sheets_that_agree(
    margin: Margin, lake: Path, tmp_path: Path, form: str
) -> None:
    target = tmp_path / ("book.xlsx" if form == "xlsx" else "book")
    said = margin("rates", "export", "--format", form, "--output", target, *place(lake))

    assert said.code == 0
    names = ("summary", "instruments", "sensitivities")
    if form == "xlsx":
        book = fastexcel.read_excel(target)
        assert book.sheet_names == list(names)
        sheets = [book.load_sheet(name).to_polars() for name in names]
    else:
        read = pl.read_csv if form == "csv" else pl.read_parquet
        sheets = [read(target / f"{name}.{form}") for name in names]
    summary, instruments, sensitivities = sheets
    assert summary["dv01"].sum() == pytest.approx(instruments["dv01"].sum(), abs=1e-4)
    keys = sensitivities.select(pl.sum_horizontal(pl.selectors.float())).to_series()
    assert keys.to_list() == pytest.approx(instruments["dv01"].to_list(), abs=1e-4)


def test_without_two_days_of_curves_no_day_moves(margin: Margin, lake: Path) -> None:
    assert margin("rates", "var", "--json", *place(lake)).document == []


def test_losses_say_how_many_positions_are_in_none_of_them(margin: Margin, tmp_path: Path) -> None:
    rows = {
        "bonds": [bond(), bond("EUR", currency="EUR")],
        "rates_positions": [position("T", 1e6), position("EUR", 1e6, desk="europe")],
        "curve_quotes": quotes() + quotes("EUR-ESTR"),
    }
    firm, later = Firm(tmp_path), NOW + timedelta(days=1)
    firm.cycle(NOW, **{feed: landed_rows(held) for feed, held in rows.items()})
    moved = quotes(when=later, up=0.001) + quotes("EUR-ESTR", when=later, up=0.001)
    firm.cycle(later, curve_quotes=landed_rows(moved))

    whole, europe, dollars = margin("rates", "var", "--json", *place(tmp_path)).document

    assert [row["left_out"] for row in (whole, europe, dollars)] == [1, 1, 0]
    assert europe["value_at_risk"] == 0.0
    assert whole["value_at_risk"] == dollars["value_at_risk"] > 0.0


def test_without_a_cycle_it_says_so(margin: Margin, tmp_path: Path) -> None:
    margin("init", *place(tmp_path))
    said = margin("rates", "show", *place(tmp_path))

    assert (said.code, said.err) == (1, "margin: no cycle is sealed yet\n")


def test_dv01_by_quote_is_that_of_the_document(margin: Margin, lake: Path) -> None:
    rows = margin("rates", "par", "--json", *place(lake)).document
    known = [{"kind": row["kind"], "tenor": row["tenor"], "rate": row["quote"]} for row in quotes()]
    curve = {"index": "USD-SOFR", "interpolation": "log_linear_discount", "quotes": known}
    terms = {"kind": "fixed_bond", "maturity": "2028-11-15", "frequency": "semiannual"}
    answer = value(
        {
            "valuation_date": "2026-01-28",
            "curves": {"USD-SOFR": curve},
            "discounting": {"USD": "USD-SOFR"},
            "instruments": [
                terms | {"id": "T", "notional": 1e6, "coupon": 0.0375},
                terms | {"id": "S", "notional": -4e5, "coupon": 0.05},
            ],
        }
    )
    expected = dict.fromkeys((quote["tenor"] for quote in known), 0.0)
    for one in answer["instruments"]:
        for quote in one["par_dv01_by_quote"]["USD-SOFR"]:
            expected[quote["tenor"]] += quote["dv01"]

    ours = {row["tenor"]: row["dv01"] for row in rows}
    assert {row["curve"] for row in rows} == {"USD-SOFR"}
    assert ours == pytest.approx({t: v for t, v in expected.items() if round(v, 6)}, abs=1e-4)
    assert sum(ours.values()) > 100
