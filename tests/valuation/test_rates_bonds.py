"""Bonds of the rates book: their margin beside their value, and the price that they landed with."""

from datetime import date, timedelta

import pytest

from margin_assets.valuation.rates_book import RatesBook
from tests.support.rates_rows import NOW, bond, position, quotes, results, swap, taken, value

LATER = NOW + timedelta(hours=1)

IG, SHORT_IG = (
    "FINRA 4210(e)(2)(C)(i)",
    "the greater of FINRA 4210(e)(2)(C)(i) and FINRA 4210(c)(4)",
)
CHARGED: dict[str, tuple[str, int, dict[str, object], float, str]] = {
    # Name: class, face, terms; then the rate of value or of principal, and the paragraph.
    "2Y9M": ("us_treasury", 1_000_000, {}, 0.02, "FINRA 4210(e)(2)(A)"),
    "SHORT": ("us_treasury", -1_000_000, {}, 0.02, "FINRA 4210(e)(2)(A)"),
    "MUNI": ("municipal", 1_000_000, {}, 0.07, "FINRA 4210(e)(2)(B)"),
    "IG": ("corporate_investment_grade", 1_000_000, {}, 0.10, IG),
    "IG SHORT": ("corporate_investment_grade", -1_000_000, {}, 0.30, SHORT_IG),
    "UNTOLD": (None, 1_000_000, {}, 1.00, "no bond_class: as other, Regulation T 220.12(d)"),
}
LONG_ZERO = {"bond_class": "us_treasury", "coupon": 0.0, "maturity": date(2045, 11, 15)}


def test_a_bond_has_its_margin_beside_its_value_and_a_swap_has_none():
    terms = [bond(name, bond_class=c, **more) for name, (c, _, more, _, _) in CHARGED.items()]
    held = [position(name, face) for name, (_, face, _, _, _) in CHARGED.items()]
    found = results(
        taken(
            RatesBook(),
            bonds=[*terms, bond("ZERO", **LONG_ZERO), bond("OVER", maturity=date(2025, 12, 1))],
            swaps=[swap()],
            rates_positions=[*held, *(position(name, 1e6) for name in ("ZERO", "OVER", "S"))],
            curve_quotes=quotes(),
        )
    )
    rows = {row["instrument_id"]: row for row in found.frames["rates_values"].to_dicts()}

    for name, (_, _, _, rate, paragraph) in CHARGED.items():
        expected = abs(float(rows[name]["npv"])) * rate
        assert float(rows[name]["requirement"]) == pytest.approx(expected, abs=0.01)
        assert rows[name]["requirement_rule"] == paragraph
    # Worth 40% of its face: 6% of that is less than 3% of principal.
    assert rows["ZERO"]["requirement"] == 30_000
    assert [rows[name]["requirement"] for name in ("OVER", "S")] == [None, None]
    assert rows["S"]["requirement_rule"] is None
    [desk] = found.frames["desk_risk"].to_dicts()
    assert desk["requirement"] == sum(row["requirement"] or 0 for row in rows.values())


def test_a_bond_with_a_price_is_worth_it_and_keeps_the_spread():
    book = taken(
        RatesBook(),
        bonds=[
            bond("AT", clean_price=97.5),
            bond("OFF"),
            bond("ODD", clean_price=0.001, ex_coupon_days=200),
        ],
        rates_positions=[position(name, 1e6) for name in ("AT", "OFF", "ODD")],
        curve_quotes=quotes(),
    )
    at, off = value(book, "AT"), value(book, "OFF")

    assert float(at["npv"] - at["accrued"]) == pytest.approx(975_000, abs=0.01)
    assert at["cs01"] == pytest.approx(float(at["npv"]) * 2.6e-4, rel=0.05)
    # What it is cheaper by, is its spread by its slope.
    cheaper = float(off["npv"] - at["npv"])
    assert at["z_spread"] * 1e4 * off["cs01"] == pytest.approx(cheaper, rel=0.02)
    assert (off["z_spread"], value(book, "ODD")["reasons"]) == (0.0, "no_spread")

    moved = taken(book, curve_quotes=quotes(when=LATER, up=0.001))
    later = value(moved, "AT", LATER)
    assert later["z_spread"] == at["z_spread"]
    assert float(later["npv"] - at["npv"]) == pytest.approx(-9.7 * at["dv01"], rel=0.03)
    again = taken(moved, bonds=[bond("AT", LATER, clean_price=97.5)])
    assert float(value(again, "AT", LATER)["npv"] - at["npv"]) == pytest.approx(0.0, abs=0.01)
