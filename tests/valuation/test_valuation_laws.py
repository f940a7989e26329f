"""What must hold of any book: mirrors, parts and wholes, par, bumps, and time going by."""

import copy
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.valuation import value
from margin_assets.valuation.examples import INSTRUMENTS, document
from tests.support.rates_peer import VALUATION, sofr_fixings
from tests.support.rates_peer import document as two_curves

Json = dict[str, Any]
EXACT = {"rel": 1e-12, "abs": 1e-6}
QUOTES = [
    *({"kind": "deposit", "tenor": t, "rate": r} for t, r in (("1M", 0.0368), ("6M", 0.0361))),
    *(
        {"kind": "ois", "tenor": t, "rate": r}
        for t, r in (("1Y", 0.0353), ("2Y", 0.0346), ("5Y", 0.0357), ("10Y", 0.039), ("30Y", 0.041))
    ),
]
TERM_QUOTES = [
    {"kind": "deposit", "tenor": "3M", "rate": 0.0381},
    *(
        {"kind": "swap", "tenor": f"{n}Y", "rate": r}
        for n, r in ((1, 0.0366), (5, 0.037), (30, 0.0421))
    ),
]


def first(asked: Json) -> Json:
    return value(asked)["instruments"][0]


def swap(start: date = date(2026, 2, 2), years: int = 5, **leg: Any) -> Json:
    made = copy.deepcopy(dict(INSTRUMENTS["swap"]))
    made |= {"start_date": str(start), "end_date": str(start.replace(year=start.year + years))}
    made["legs"][0] |= leg
    return made


def mixed(notional: float = 1e7, rate: float = 0.037) -> Json:
    """A swap on the term index, discounted on the other curve."""
    return {
        "id": "mixed",
        "kind": "swap",
        "notional": notional,
        "start_date": "2026-03-02",
        "end_date": "2034-03-02",
        "legs": [
            {
                "kind": "fixed",
                "side": "receive",
                "rate": rate,
                "frequency": 2,
                "day_count": "30/360 us",
                "calendar": "us government bond",
            },
            {"kind": "floating", "side": "pay", "index": "USD-TERM-SOFR-3M"},
        ],
    }


def quoted(*instruments: Json) -> Json:
    """Both curves from quotes, the swaps of one discounted by the other."""
    asked = two_curves(*instruments)
    asked["curves"] = {
        "OIS": {
            "index": "USD-SOFR",
            "interpolation": "monotone_log_cubic_discount",
            "quotes": QUOTES,
        },
        "TERM": {
            "index": "USD-TERM-SOFR-3M",
            "discount_curve": "OIS",
            "interpolation": "log_linear_discount",
            "conventions": {"swap": {"day_count": "30/360 us", "frequency": 2}},
            "quotes": TERM_QUOTES,
        },
    }
    return asked


def test_pay_and_receive_mirror():
    there, back = mixed(), mixed()
    for leg in back["legs"]:
        leg["side"] = "pay" if leg["side"] == "receive" else "receive"
    one, other = first(two_curves(there)), first(two_curves(back))

    assert one["npv"] == -other["npv"]
    assert one["key_rates"] == {tenor: -dv01 for tenor, dv01 in other["key_rates"].items()}
    assert one["par_rate"] == pytest.approx(other["par_rate"], rel=1e-14)


@settings(derandomize=True, max_examples=8, deadline=None)
@given(st.integers(5, 95), st.integers(-200, 900))
def test_parts_of_a_notional_add_up(percent: int, points: int):
    share, rate = percent / 100, points / 10_000
    whole, part, rest = (
        first(two_curves(mixed(amount, rate))) for amount in (1e7, share * 1e7, (1 - share) * 1e7)
    )

    for figure in ("npv", "dv01", "gamma", "cs01"):
        assert part[figure] + rest[figure] == pytest.approx(whole[figure], **EXACT)


@pytest.mark.parametrize("made", [swap(), mixed()], ids=["overnight", "term index"])
def test_a_swap_at_its_par_rate_is_worth_nothing(made: Json):
    par = first(two_curves(made))["par_rate"]
    next(leg for leg in made["legs"] if leg["kind"] == "fixed")["rate"] = par

    assert first(two_curves(made))["npv"] == pytest.approx(0.0, abs=1e-8 * made["notional"] / 1e3)


def test_a_seasoned_swap_past_its_last_fixing_is_its_remaining_fixed_cash():
    """The last period is fixed: both legs are known cash on one day."""
    made = mixed() | {"start_date": "2024-02-15", "end_date": "2026-02-15"}
    asked = two_curves(made, fixings={"USD-TERM-SOFR-3M": {"2025-11-13": 0.04}})
    days, half_years, quarters = 19, 0.5 + 0 / 360, (date(2026, 2, 17) - date(2025, 11, 17)).days
    del half_years
    rates = asked["curves"]["OIS"]["zero_rates"]
    found = first(asked)

    discount = 1.0 / 2.718281828459045 ** (rates[0] * (days + 1) / 365)
    fixed = 1e7 * 0.037 * (180 + 2 - 0) / 360
    assert found["legs"][1]["npv"] == pytest.approx(-1e7 * 0.04 * quarters / 360 * discount)
    assert found["legs"][0]["npv"] == pytest.approx(fixed * discount)


@pytest.mark.parametrize("made", [swap(years=9), mixed()], ids=["overnight", "term index"])
def test_par_dv01_is_what_moved_quotes_do(made: Json):
    asked = quoted(made)
    found = first(asked)

    total = 0.0
    for name, rows in found["par_dv01_by_quote"].items():
        for i, row in enumerate(rows):
            ends = []
            for move in (1e-4, -1e-4):
                bumped = copy.deepcopy(asked)
                bumped["curves"][name]["quotes"][i]["rate"] += move
                ends.append(first(bumped)["npv"])
            assert row["dv01"] == pytest.approx((ends[1] - ends[0]) / 2, rel=1e-4, abs=2e-2)
            total += row["dv01"]
    assert found["par_dv01"] == pytest.approx(total)


def test_curves_of_quotes_reprice_them():
    found = value(quoted(mixed()))["curves"]

    assert all(curve["repricing_error"] < 1e-9 for curve in found.values())
    for curve in found.values():
        factors = [node["discount_factor"] for node in curve["nodes"]]
        assert factors == sorted(factors, reverse=True)


def test_a_quoted_swap_is_worth_nothing():
    """The curve of the term index is built of 5-year swaps: one at that rate is at par."""
    made = mixed(rate=0.037) | {"start_date": "2026-01-30", "end_date": "2031-01-30"}

    assert first(quoted(made))["npv"] == pytest.approx(0.0, abs=1e-3)


def test_spread_of_a_price_gives_that_price_back():
    bond = document("fixed_bond")
    at_price = first(bond)
    spread = copy.deepcopy(bond)
    del spread["instruments"][0]["clean_price"]
    spread["instruments"][0]["z_spread"] = at_price["z_spread"]
    again = first(spread)

    assert again["clean_price"] == pytest.approx(100.25, abs=1e-10)
    assert again["npv"] == pytest.approx(at_price["npv"], rel=1e-12)
    rise, fall = (
        first(_with_spread(spread, at_price["z_spread"] + move))["npv"] for move in (1e-4, -1e-4)
    )
    assert at_price["cs01"] == pytest.approx((fall - rise) / 2, rel=1e-6)


def _with_spread(asked: Json, spread: float) -> Json:
    made = copy.deepcopy(asked)
    made["instruments"][0]["z_spread"] = spread
    return made


def test_time_going_by_leaves_every_instrument_priced():
    """A day at a time over holidays, payments and fixings; curves roll with the day."""
    book = [swap(date(2025, 11, 3)), copy.deepcopy(dict(INSTRUMENTS["fixed_bond"]))]
    book[1] |= {"maturity": "2027-02-15"}
    asked = two_curves(*book)
    fixings = sofr_fixings(date(2025, 10, 1))
    last = max(fixings)
    for ahead in range(0, 30, 3):
        day = VALUATION + timedelta(ahead)
        known = fixings | {
            str(date.fromisoformat(last) + timedelta(n)): 0.0365 for n in range(1, ahead + 1)
        }
        told = {"valuation_date": str(day), "fixings": {"USD-SOFR": known}}
        found = value(asked | told)["instruments"]
        assert [row["status"] for row in found] == ["valued", "valued"]


def test_accrued_interest_of_notes():
    """Rate times days: by a fixing, and by compounding three days of them."""
    term = {
        "id": "T",
        "kind": "floating_rate_note",
        "notional": 100.0,
        "index": "USD-TERM-SOFR-3M",
        "spread": 0.01,
        "issue_date": "2026-01-15",
        "maturity": "2028-01-15",
        "settlement_date": "2026-01-29",
    }
    overnight = term | {
        "id": "O",
        "index": "USD-SOFR",
        "frequency": "3M",
        "spread": 0.0,
        "issue_date": "2026-01-22",
        "maturity": "2028-01-22",
        "settlement_date": "2026-01-27",
    }
    known = {"2026-01-22": 0.036, "2026-01-23": 0.037, "2026-01-26": 0.038, "2026-01-27": 0.038}
    found = value(
        two_curves(
            term, overnight, fixings={"USD-TERM-SOFR-3M": {"2026-01-13": 0.04}, "USD-SOFR": known}
        )
    )["instruments"]

    assert found[0]["accrued"] == pytest.approx(100 * 0.05 * 14 / 360)
    grown = (1 + 0.036 / 360) * (1 + 0.037 * 3 / 360) * (1 + 0.038 / 360) - 1
    assert found[1]["accrued"] == pytest.approx(100 * grown, rel=1e-12)
