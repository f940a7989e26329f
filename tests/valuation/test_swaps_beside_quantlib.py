"""Swaps of documents beside QuantLib's own legs and engines: values, and DV01 by a bump."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import QuantLib as ql  # noqa: N813 (its usual name)

from margin_assets.valuation import DocumentError, value
from tests.support.rates_peer import (
    OIS_RATES,
    TERM_RATES,
    VALUATION,
    central,
    curve,
    document,
    evaluated_on,
    legs_value,
    relative,
    schedule,
    sofr,
    sofr_fixings,
    term,
)

NOTIONAL = 1e7
SOFR_DAYS = ql.UnitedStates(ql.UnitedStates.SOFR)
BOND_DAYS = ql.UnitedStates(ql.UnitedStates.GovernmentBond)
OVERNIGHT = sofr_fixings(date(2025, 6, 1))
TERM_FIXINGS = {"2025-12-11": 0.0388, "2026-01-28": 0.0383}
FALLING = [NOTIONAL, 0.75 * NOTIONAL, 0.5 * NOTIONAL, 0.25 * NOTIONAL]

Terms = dict[str, Any]
SEASONED: Terms = {"start": date(2025, 9, 15), "end": date(2030, 9, 15)}
OIS = [
    pytest.param(SEASONED, id="seasoned"),
    pytest.param({"start": date(2027, 3, 1), "end": date(2037, 3, 1), "spread": 1e-3}, id="ahead"),
    pytest.param(SEASONED | {"end": date(2027, 9, 15), "averaged": True}, id="averaged"),
    pytest.param({"start": date(2025, 8, 20), "end": date(2029, 6, 30), "tenor": "6M"}, id="stub"),
    pytest.param(SEASONED | {"end": date(2029, 9, 15), "notionals": FALLING}, id="amortising"),
    pytest.param(SEASONED | {"rate": -0.002, "notionals": FALLING[::-1]}, id="growing, below 0"),
    pytest.param(
        {"start": date(2025, 1, 27), "end": date(2026, 1, 27)}, id="only paid after today"
    ),
]
TERM = [
    pytest.param({"start": date(2024, 12, 15), "end": date(2031, 12, 15)}, id="seasoned"),
    pytest.param({"start": date(2026, 6, 30), "end": date(2046, 6, 30)}, id="ahead, month ends"),
    pytest.param({"start": date(2026, 1, 30), "end": date(2033, 5, 17)}, id="stub, fixed today"),
]


def ois_document(terms: Terms) -> Terms:
    shared = {"frequency": terms.get("tenor", "1Y"), "payment_lag": 2}
    shared |= {"notionals": terms["notionals"]} if "notionals" in terms else {}
    fixed = {"kind": "fixed", "side": "pay", "rate": terms.get("rate", 0.035)}
    floating = {"kind": "floating", "side": "receive", "index": "USD-SOFR"}
    return {
        "id": "S",
        "kind": "swap",
        "notional": NOTIONAL,
        "start_date": str(terms["start"]),
        "end_date": str(terms["end"]),
        "legs": [
            fixed | shared | {"day_count": "act/360", "calendar": "us sofr"},
            floating
            | shared
            | {
                "spread": terms.get("spread", 0.0),
                "averaging": "averaged" if terms.get("averaged") else "compounded",
            },
        ],
    }


def ois_peer(terms: Terms, shift: float) -> float:
    dates = schedule(terms["start"], terms["end"], terms.get("tenor", "1Y"), SOFR_DAYS)
    held = terms.get("notionals", [NOTIONAL])
    paid = ql.FixedRateLeg(
        schedule=dates,
        dayCount=ql.Actual360(),
        nominals=held,
        couponRates=[terms.get("rate", 0.035)],
        paymentCalendar=SOFR_DAYS,
        paymentLag=2,
    )
    how = ql.RateAveraging.Simple if terms.get("averaged") else ql.RateAveraging.Compound
    fixings = sofr_fixings(date(2025, 1, 2)) if terms["start"] < date(2025, 6, 1) else OVERNIGHT
    received = ql.OvernightLeg(
        nominals=held,
        schedule=dates,
        index=sofr(fixings, shift),
        paymentDayCounter=ql.Actual360(),
        spreads=[terms.get("spread", 0.0)],
        averagingMethod=how,
        paymentCalendar=SOFR_DAYS,
        paymentLag=2,
    )
    return legs_value(received, paid, shift)


def term_document(terms: Terms) -> Terms:
    fixed = {"kind": "fixed", "side": "pay", "rate": 0.0375, "frequency": 2}
    floating = {"kind": "floating", "side": "receive", "index": "USD-TERM-SOFR-3M"}
    return {
        "id": "S",
        "kind": "swap",
        "notional": NOTIONAL,
        "start_date": str(terms["start"]),
        "end_date": str(terms["end"]),
        "legs": [
            fixed | {"day_count": "30u/360", "calendar": "us government bond"},
            floating | {"spread": 0.0005},
        ],
    }


def term_peer(terms: Terms, shift: float) -> float:
    def dates(tenor: str) -> Any:
        return schedule(terms["start"], terms["end"], tenor, BOND_DAYS)

    paid = ql.FixedRateLeg(
        schedule=dates("6M"),
        dayCount=ql.Thirty360(ql.Thirty360.USA),
        nominals=[NOTIONAL],
        couponRates=[0.0375],
        paymentAdjustment=ql.ModifiedFollowing,
    )
    received = ql.IborLeg(
        nominals=[NOTIONAL],
        schedule=dates("3M"),
        index=term(TERM_FIXINGS, shift),
        paymentDayCounter=ql.Actual360(),
        paymentConvention=ql.ModifiedFollowing,
        fixingDays=[2],
        spreads=[0.0005],
        withIndexedCoupons=True,
    )
    return legs_value(received, paid, shift)


def held_to(row: Terms, peer: Callable[[float], float]) -> None:
    with evaluated_on(VALUATION):
        wanted, bumped = peer(0.0), central(peer(1e-4), peer(-1e-4))
        bent = (peer(1e-3) - 2.0 * wanted + peer(-1e-3)) / 100.0
    assert row["status"] == "valued"
    assert relative(row["npv"], wanted, NOTIONAL) < 1e-11
    assert row["dv01"] == pytest.approx(bumped, rel=1e-5, abs=1e-5)
    assert row["gamma"] == pytest.approx(bent, rel=1e-3, abs=1e-5)
    assert sum(row["key_rates"].values()) == pytest.approx(row["dv01"], abs=1e-9)


@pytest.mark.parametrize("terms", OIS)
def test_overnight_swaps(terms: Terms):
    fixings = sofr_fixings(date(2025, 1, 2)) if terms["start"] < date(2025, 6, 1) else OVERNIGHT
    asked = document(ois_document(terms), fixings={"USD-SOFR": fixings})

    held_to(value(asked)["instruments"][0], lambda shift: ois_peer(terms, shift))


@pytest.mark.parametrize("terms", TERM)
def test_term_index_swaps_on_two_curves(terms: Terms):
    asked = document(term_document(terms), fixings={"USD-TERM-SOFR-3M": TERM_FIXINGS})

    held_to(value(asked)["instruments"][0], lambda shift: term_peer(terms, shift))


def test_flat_swap_of_quantlib_with_either_kind_of_coupon():
    """QuantLib test-suite/swap.cpp, testCachedValue: 17 June 2002, 10 years, EUR 100 on 5%."""
    leg = {"calendar": "target", "rule": "backward"}
    fixed = {"kind": "fixed", "side": "pay", "rate": 0.06, "frequency": 1}
    floating = {"kind": "floating", "side": "receive", "index": "EUR-EURIBOR-6M", "spread": 0.001}
    made = {
        "kind": "swap",
        "notional": 100,
        "currency": "EUR",
        "start_date": "2002-06-19",
        "end_date": "2012-06-19",
    }
    swaps = [
        made
        | {
            "id": over,
            "legs": [
                fixed
                | leg
                | {
                    "day_count": "30/360",
                    "convention": "unadjusted",
                    "payment_convention": "following",
                },
                floating | leg | {"forward_over": over},
            ],
        }
        for over in ("accrual_period", "index_period")
    ]
    asked = {
        "valuation_date": "2002-06-17",
        "currency": "EUR",
        "curves": {"F": {"flat_rate": 0.05, "reference_date": "2002-06-19"}},
        "discounting": {"EUR": "F"},
        "indices": {"EUR-EURIBOR-6M": {"curve": "F"}},
        "instruments": swaps,
    }
    par, indexed = (row["npv"] for row in value(asked)["instruments"])

    assert par == pytest.approx(-5.872863313209, abs=1e-11)
    assert indexed == pytest.approx(-5.872342992212, abs=1e-11)


def stubbed(stub: Terms) -> float:
    """A swap whose first period is two months, on a leg of three."""
    made = term_document({"start": date(2026, 3, 16), "end": date(2028, 5, 16)})
    made["legs"][1] |= {"initial_stub": stub}
    asked = document(made)
    for tenor in ("1M", "2M"):
        asked["indices"][f"USD-TERM-SOFR-{tenor}"] = {"curve": "TERM"}
    npv: float = value(asked)["instruments"][0]["legs"][1]["npv"]
    return npv


def test_a_stub_pays_its_own_index():
    """Two months of the two-month index are one ratio; one index stands for itself between two."""
    own, by_rate, other = (
        stubbed({"index": "USD-TERM-SOFR-2M"}),
        stubbed({"rate": 0.0}),
        stubbed({"index": "USD-TERM-SOFR-1M"}),
    )
    between = stubbed({"indices": ["USD-TERM-SOFR-1M", "USD-TERM-SOFR-3M"]})
    as_it_is = stubbed({"index": "USD-TERM-SOFR-3M"})
    with evaluated_on(VALUATION):
        growth = curve(TERM_RATES).discount(ql.Date(16, 3, 2026)) / curve(TERM_RATES).discount(
            ql.Date(18, 5, 2026)
        )
        paid = curve(OIS_RATES).discount(ql.Date(18, 5, 2026))

    # The agreed rate comes without the leg's spread; the index's deposit ends as the period does.
    spread = 0.0005 * 63 / 360
    assert own - by_rate == pytest.approx(NOTIONAL * (growth - 1 + spread) * paid, rel=1e-9)
    assert min(other, as_it_is) < between < max(other, as_it_is)


def test_a_stub_between_indices_of_wrong_order_is_refused():
    with pytest.raises(DocumentError, match="the first index of a stub is the shorter one"):
        stubbed({"indices": ["USD-TERM-SOFR-3M", "USD-TERM-SOFR-1M"]})
