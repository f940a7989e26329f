"""Bonds of many conventions beside QuantLib: prices, accrued, yields, durations, spreads."""

from datetime import date
from typing import Any

import pytest
import QuantLib as ql  # noqa: N813 (its usual name)

from margin_assets.valuation import value
from tests.support.rates_peer import (
    OIS_RATES,
    TERM_RATES,
    VALUATION,
    curve,
    document,
    evaluated_on,
    ql_day,
)

Terms = dict[str, Any]
BASE: Terms = {
    "id": "B",
    "kind": "fixed_bond",
    "notional": 100.0,
    "coupon": 0.0425,
    "frequency": "6M",
    "issue_date": "2024-05-15",
    "maturity": "2033-11-15",
    "settlement_days": 1,
}
CALENDARS = {
    "none": ql.NullCalendar(),
    "target": ql.TARGET(),
    "us government bond": ql.UnitedStates(ql.UnitedStates.GovernmentBond),
    "uk exchange": ql.UnitedKingdom(ql.UnitedKingdom.Exchange),
    "japan": ql.Japan(),
    "brazil settlement": ql.Brazil(ql.Brazil.Settlement),
}
DAY_COUNTS = {
    "act/act isma": ql.ActualActual(ql.ActualActual.ISMA),
    "act/act isda": ql.ActualActual(ql.ActualActual.ISDA),
    "30/360 us": ql.Thirty360(ql.Thirty360.USA),
    "30e/360": ql.Thirty360(ql.Thirty360.European),
    "act/365f": ql.Actual365Fixed(),
    "act/360": ql.Actual360(),
    "business/252": ql.Business252(ql.Brazil()),
}
COMPOUNDINGS = {
    "compounded": ql.Compounded,
    "continuous": ql.Continuous,
    "simple_then_compounded": ql.SimpleThenCompounded,
}
EX = {"ex_coupon_calendar": "none"}
GILT = {"calendar": "uk exchange", "ex_coupon_days": 6}
CASES = [
    pytest.param({}, id="Treasury"),
    pytest.param({"calendar": "us government bond", "settlement_days": 3}, id="holidays"),
    pytest.param({"day_count": "30/360 us", "yield_compounding": "continuous"}, id="corporate"),
    pytest.param({"day_count": "30e/360", "frequency": "1Y", "calendar": "target"}, id="Bund"),
    pytest.param({"day_count": "act/365f", "calendar": "japan"}, id="JGB"),
    pytest.param({"day_count": "act/360", "frequency": "3M", "settlement_days": 2}, id="quarterly"),
    pytest.param({"day_count": "act/act isda", "convention": "following"}, id="adjusted"),
    pytest.param({"issue_date": "2025-12-01", "day_count": "30/360 us"}, id="short first"),
    pytest.param({"issue_date": "2025-08-20", "first_date": "2026-05-15"}, id="long first"),
    pytest.param({"next_to_last_date": "2033-05-15", "maturity": "2033-08-02"}, id="short last"),
    pytest.param({"maturity": "2033-02-28", "end_of_month": True}, id="month ends"),
    pytest.param(
        {"maturity": "2031-02-05", "ex_coupon_days": 7, "ex_coupon_calendar": "none"},
        id="ex coupon",
    ),
    pytest.param(
        {"maturity": "2031-02-02", "calendar": "uk exchange", "ex_coupon_days": 6}, id="gilt"
    ),
    pytest.param(
        {
            "day_count": "business/252",
            "yield_frequency": 1,
            "calendar": "brazil settlement",
            "maturity": "2031-01-01",
        },
        id="Brazil",
    ),
    pytest.param({"coupon": 0.0, "yield_compounding": "simple_then_compounded"}, id="no coupon"),
    pytest.param({"coupon": -0.001, "coupons": None}, id="below 0"),
    pytest.param({"coupon": None, "coupons": [0.01, 0.02, 0.03, 0.05]}, id="stepped"),
]


def said(terms: Terms) -> Terms:
    return {key: held for key, held in (BASE | terms).items() if held is not None}


def peer(terms: Terms) -> Any:
    asked = said(terms)
    where = CALENDARS[asked.get("calendar", "none")]
    roll = ql.Following if asked.get("convention") else ql.Unadjusted

    def day(key: str) -> ql.Date:
        return ql_day(date.fromisoformat(asked[key])) if key in asked else ql.Date()

    dates = ql.Schedule(
        day("issue_date"),
        day("maturity"),
        ql.Period(asked["frequency"]),
        where,
        roll,
        roll,
        ql.DateGeneration.Backward,
        asked.get("end_of_month", False),
        day("first_date"),
        day("next_to_last_date"),
    )
    return ql.FixedRateBond(
        settlementDays=asked["settlement_days"],
        faceAmount=100.0,
        schedule=dates,
        coupons=asked.get("coupons") or [asked["coupon"]],
        paymentDayCounter=DAY_COUNTS[asked.get("day_count", "act/act isma")],
        issueDate=day("issue_date"),
        exCouponPeriod=ql.Period(asked.get("ex_coupon_days", 0), ql.Days),
        exCouponCalendar=CALENDARS[asked.get("ex_coupon_calendar", asked.get("calendar", "none"))],
        exCouponConvention=ql.Preceding,
    )


@pytest.mark.parametrize("terms", CASES)
def test_bonds(terms: Terms):
    asked = said(terms)
    count = DAY_COUNTS[asked.get("day_count", "act/act isma")]
    how = COMPOUNDINGS[asked.get("yield_compounding", "compounded")]
    often = ql.Period(f"{12 // asked['yield_frequency']}M") if "yield_frequency" in asked else None
    frequency = (often or ql.Period(asked["frequency"])).frequency()
    dear = asked | {"id": "D", "clean_price": 96.5}
    off_curve, at_price = value(document(asked, dear))["instruments"]

    with evaluated_on(VALUATION):
        bond = peer(terms)
        bond.setPricingEngine(ql.DiscountingBondEngine(curve(OIS_RATES)))
        rate = bond.bondYield(ql.BondPrice(96.5, ql.BondPrice.Clean), count, how, frequency)
        convention = (rate, count, how, frequency)
        quote = ql.BondPrice(96.5, ql.BondPrice.Clean)
        spread = ql.BondFunctions.zSpread(
            bond,
            quote,
            curve(OIS_RATES).currentLink(),
            ql.Actual365Fixed(),
            ql.Continuous,
            ql.Annual,
            ql.Date(),
            1e-14,
            1000,
        )
        wanted = {
            "accrued": bond.accruedAmount(),
            "yield": rate,
            "modified_duration": ql.BondFunctions.duration(bond, *convention, ql.Duration.Modified),
            "yield_convexity": ql.BondFunctions.convexity(bond, *convention),
            "z_spread": spread,
        }
        # QuantLib's own NPV leaves out a coupon that the holder is still paid.
        rates = curve(OIS_RATES)
        to_come = [flow for flow in bond.cashflows() if flow.date() > ql_day(VALUATION)]
        held = sum(flow.amount() * rates.discount(flow.date()) for flow in to_come)
        assert off_curve["npv"] == pytest.approx(held, abs=1e-11)
        assert off_curve["clean_price"] == pytest.approx(bond.cleanPrice(), abs=1e-11)
    for figure, theirs in wanted.items():
        assert at_price[figure] == pytest.approx(theirs, rel=2e-7, abs=1e-9), figure


@pytest.mark.parametrize("over", ["index_period", "accrual_period"])
@pytest.mark.parametrize("lag", [None, 1])
def test_notes_on_a_term_index(over: str, lag: int | None):
    """USD Libor: fixed on London's days, its deposits on those of both cities."""
    note = {
        "id": "F",
        "kind": "floating_rate_note",
        "notional": 100.0,
        "index": "USD-LIBOR-6M",
        "spread": 0.002,
        "day_count": "act/act isma",
        "convention": "unadjusted",
        "calendar": "us government bond",
        "payment_convention": "modified_following",
        "issue_date": "2026-02-27",
        "maturity": "2031-02-28",
        "forward_over": over,
    } | ({} if lag is None else {"fixing_days": lag})
    asked = document(note)
    asked["indices"]["USD-LIBOR-6M"] = {"curve": "TERM"}
    found = value(asked)["instruments"][0]

    with evaluated_on(VALUATION):
        where = CALENDARS["us government bond"]
        dates = ql.Schedule(
            ql.Date(27, 2, 2026), ql.Date(28, 2, 2031), ql.Period("6M"), where,
            ql.Unadjusted, ql.Unadjusted, ql.DateGeneration.Backward, False,
        )  # fmt: skip
        leg = ql.IborLeg(
            nominals=[100.0],
            schedule=dates,
            index=ql.USDLibor(ql.Period("6M"), curve(TERM_RATES)),
            paymentDayCounter=DAY_COUNTS["act/act isma"],
            paymentConvention=ql.ModifiedFollowing,
            fixingDays=[] if lag is None else [lag],
            spreads=[0.002],
            withIndexedCoupons=over == "index_period",
        )
        rates = curve(OIS_RATES)
        wanted = ql.CashFlows.npv(leg, rates.currentLink(), False)
        paid = where.adjust(ql.Date(28, 2, 2031), ql.ModifiedFollowing)
        wanted += 100.0 * rates.discount(paid)
    assert found["npv"] == pytest.approx(wanted, abs=1e-11)


@pytest.mark.parametrize(
    ("maturity", "clean"),
    [("2008-11-30", 88.551726), ("2007-11-30", 91.278949), ("2006-11-30", 94.098006)],
)
def test_zero_coupon_bonds_of_quantlib(maturity: str, clean: float):
    """QuantLib test-suite/bonds.cpp, testCachedZero: 3% continuous on act/360."""
    bond = {
        "id": "Z",
        "kind": "fixed_bond",
        "notional": 100,
        "coupon": 0,
        "frequency": "once",
        "issue_date": "2004-11-30",
        "maturity": maturity,
        "calendar": "us government bond",
        "payment_convention": "modified_following",
        "discount_curve": "F",
    }
    flat = {"F": {"flat_rate": 0.03, "day_count": "act/360"}}
    asked = {"valuation_date": "2004-11-22", "curves": flat, "instruments": [bond]}

    assert value(asked)["instruments"][0]["clean_price"] == pytest.approx(clean, abs=1e-6)


@pytest.mark.parametrize(
    ("issued", "maturity", "settled", "coupon", "rate", "clean", "first"),
    [
        pytest.param("1990-05-15", "2020-05-15", "1990-05-15", 8.75, 8.84, 99.057893, None, id="A"),
        pytest.param("1990-04-02", "1992-03-31", "1990-04-02", 8.5, 8.59, 99.838183, None, id="B"),
        pytest.param(
            "1990-03-01", "1995-05-15", "1990-03-01", 8.5, 8.53, 99.805118, "1990-11-15", id="C"
        ),
        pytest.param("1985-11-15", "1995-11-15", "1985-11-29", 9.5, 9.54, 99.730918, None, id="D"),
    ],
)
def test_examples_of_the_treasury(
    issued: str, maturity: str, settled: str, coupon: float, rate: float, clean: float,
    first: str | None,
):  # fmt: skip
    """31 CFR part 356, appendix B, II: whole, short first, long first period; reopened."""
    bond = {
        "id": "T",
        "kind": "fixed_bond",
        "notional": 100,
        "coupon": coupon / 100,
        "frequency": 2,
        "issue_date": issued,
        "maturity": maturity,
        "settlement_date": settled,
        "end_of_month": True,
        "yield": rate / 100,
        "yield_compounding": "us_treasury",
    } | ({} if first is None else {"first_date": first})

    found = value({"valuation_date": issued, "instruments": [bond]})["instruments"][0]

    assert found["clean_price"] == pytest.approx(clean, abs=5e-7)
