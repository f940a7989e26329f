"""The SOFR curve of a day from its quotes, and what moving each does to the swaps it is made of."""

from typing import Any

import pytest

from margin_assets.valuation import value

Json = dict[str, Any]
# OpenSourceRisk/Engine Examples/MarketRisk/ParSensi, modified BSD: USD SOFR, 10 February 2026.
OIS = {
    "2Y": 0.024382, "3Y": 0.024562, "4Y": 0.025122, "5Y": 0.025782, "6Y": 0.026512,
    "7Y": 0.027162, "8Y": 0.027782, "9Y": 0.028362, "10Y": 0.028972, "12Y": 0.030022,
    "15Y": 0.031312, "20Y": 0.032442, "25Y": 0.032632, "30Y": 0.032452, "40Y": 0.031402,
    "50Y": 0.030342,
}  # fmt: skip
FUTURES = {
    "2026-02-18": 97.0828, "2026-03-18": 97.1603, "2026-06-17": 97.2578,
    "2026-09-16": 97.4778, "2026-12-16": 97.6728,
}  # fmt: skip
"""3-month SOFR futures by the third Wednesday on which their quarter begins."""
OVERNIGHT = 0.028022


def document(*instruments: Json, futures: bool = False) -> Json:
    quotes = [{"kind": "deposit", "tenor": "1D", "rate": OVERNIGHT, "settlement_days": 0}]
    if futures:
        quotes += [{"kind": "future", "price": p, "start_date": d} for d, p in FUTURES.items()]
    quotes += [{"kind": "ois", "tenor": tenor, "rate": rate} for tenor, rate in OIS.items()]
    curve = {"index": "USD-SOFR", "interpolation": "log_linear_discount", "quotes": quotes}
    return {
        "valuation_date": "2026-02-10",
        "curves": {"SOFR": curve},
        "discounting": {"USD": "SOFR"},
        "indices": {"USD-SOFR": {"curve": "SOFR"}},
        "instruments": list(instruments),
    }


def swap(years: int, rate: float) -> Json:
    shared = {"frequency": "annual", "calendar": "us sofr", "payment_lag": 2}
    return {
        "id": f"{years}Y",
        "kind": "swap",
        "notional": 1e8,
        "start_date": "2026-02-12",
        "end_date": f"{2026 + years}-02-12",
        "legs": [
            shared | {"kind": "fixed", "side": "receive", "rate": rate, "day_count": "act/360"},
            shared | {"kind": "floating", "side": "pay", "index": "USD-SOFR"},
        ],
    }


@pytest.mark.parametrize("futures", [False, True], ids=["swaps", "futures and swaps"])
def test_a_quoted_swap_moves_with_its_own_quote_alone(futures: bool):
    """At par it is worth nothing, and a basis point of its rate is a basis point of its annuity."""
    swaps = [swap(years, OIS[f"{years}Y"]) for years in (2, 5, 10, 30)]
    found = value(document(*swaps, futures=futures))

    assert found["curves"]["SOFR"]["repricing_error"] < 1e-9
    for row in found["instruments"]:
        by_tenor = {
            (q["kind"], q.get("tenor")): q["dv01"] for q in row["par_dv01_by_quote"]["SOFR"]
        }
        own = by_tenor.pop(("ois", row["id"]))
        assert row["npv"] == pytest.approx(0.0, abs=1e-2)
        assert own == pytest.approx(row["annuity"] * 1e-4, rel=1e-6)
        assert all(abs(other) < 1e-3 * own for other in by_tenor.values())
        assert row["par_rate"] == pytest.approx(OIS[row["id"]], abs=1e-10)


def test_a_bond_on_quotes_moves_as_they_do():
    """All eleven tenors of deposits and swaps: their parts are the whole, whatever the spline."""
    tenors = ["1M", "3M", "6M", "1Y", "2Y", "3Y", "5Y", "7Y", "10Y", "20Y", "30Y"]
    rates = [0.0366, 0.0365, 0.0362, 0.0354, 0.0349, 0.0351, 0.0362, 0.0375, 0.0392, 0.0421, 0.0418]
    kinds = ["deposit"] * 4 + ["ois"] * 7
    quotes = [
        {"kind": kind, "tenor": tenor, "rate": rate}
        for kind, tenor, rate in zip(kinds, tenors, rates, strict=True)
    ]
    asked = document(
        {
            "id": "B",
            "kind": "fixed_bond",
            "notional": 1e6,
            "coupon": 0.0375,
            "frequency": 2,
            "maturity": "2028-11-15",
            "settlement_days": 2,
        }
    )
    asked["curves"]["SOFR"] |= {"quotes": quotes, "interpolation": "monotone_log_cubic_discount"}
    row = value(asked)["instruments"][0]
    moved = []
    for move in (1e-4, -1e-4):
        asked["curves"]["SOFR"]["quotes"] = [q | {"rate": q["rate"] + move} for q in quotes]
        moved.append(value(asked)["instruments"][0]["npv"])

    assert row["par_dv01"] == pytest.approx((moved[1] - moved[0]) / 2, abs=2e-4)
    assert sum(q["dv01"] for q in row["par_dv01_by_quote"]["SOFR"]) == row["par_dv01"]
    assert sum(row["key_rates"].values()) == pytest.approx(row["dv01"], rel=1e-12)
