"""What a valuation document is refused for, how its instruments stand, and its examples."""

import copy
import json
import re
from typing import Any

import pytest

from margin_assets.valuation import DocumentError, value, value_lines
from margin_assets.valuation.examples import INSTRUMENTS, document
from margin_assets.valuation.schema import schema
from tests.support import ROOT

Json = dict[str, Any]
PAGE = (ROOT / "docs" / "rates.md").read_text("utf-8")
BLOCKS = [json.loads(block) for block in re.findall(r"```json\n(\{.*?\n\})\n```", PAGE, re.DOTALL)]
SWAP = document("swap")
BOND = document("fixed_bond")


def changed(asked: Json, *path: Any, to: Any) -> Json:
    """The document with one place set, or taken out for `...`."""
    made = copy.deepcopy(asked)
    place = made
    for key in path[:-1]:
        place = place[key]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return made


FIRST = ("instruments", 0)
LEG = (*FIRST, "legs", 0)
REFUSED = [
    (changed(BOND, "nope", to=1), "nope: unknown key"),
    (
        changed(BOND, *FIRST, "cupon", to=1),
        r"\[0\].cupon: unknown key: did you mean 'coupon",
    ),
    (changed(SWAP, *FIRST, "legs", 1, "spred", to=1), r"legs\[1\].spred: .* did you mean 'spread'"),
    (changed(SWAP, "curves", "SOFR", "tenor", to=[]), "curves.SOFR.tenor: .* mean 'tenors'"),
    (changed(BOND, "valuation_date", to="28.1.2026"), "valuation_date: must be a day written"),
    (
        changed(BOND, *FIRST, "kind", to="stock"),
        r"instruments\[0\]: kind must be one of fixed_bond",
    ),
    (changed(BOND, *FIRST, "coupon", to=3.75), r"instruments\[0\].coupon: must be from -1 to 1"),
    (changed(BOND, *FIRST, "coupon", to="4%"), r"instruments\[0\].coupon: must be a number"),
    (changed(BOND, *FIRST, "notional", to=0), r"instruments\[0\].notional: must not be 0"),
    (changed(BOND, *FIRST, "day_count", to="act"), r"day_count: must be one of act/360"),
    (changed(BOND, *FIRST, "frequency", to="often"), r"frequency: must be a tenor"),
    (changed(BOND, *FIRST, "issue_date", to="2030-01-01"), "issue_date 2030-01-01 is not before"),
    (
        changed(BOND, *FIRST, "yield", to=0.04),
        "takes at most one of clean_price, dirty_price, yield",
    ),
    (changed(BOND, *FIRST, "calendar", to="mars"), r"instruments\[0\].calendar: unknown calendar"),
    (changed(BOND, "discounting", "USD", to="EUR"), "there is no curve 'EUR' to discount by"),
    (
        changed(BOND, "curves", "SOFR", "zero_rates", to=[0.04]),
        "curves.SOFR: 6 nodes, but 1 values",
    ),
    (
        changed(BOND, "curves", "SOFR", "tenors", to=["1Y", "3M", "2Y", "5Y", "10Y", "30Y"]),
        "curves.SOFR: nodes must ascend",
    ),
    (
        changed(BOND, "curves", "SOFR", to={"flat_rate": 0.03, "quotes": []}),
        "curves.SOFR: needs one of flat_rate, nodes",
    ),
    (
        changed(SWAP, "fixings", to={"USD-SOFR": {"2026-01-29": 0.036}}),
        "fixings.USD-SOFR.2026-01-29: after the valuation date",
    ),
    (changed(SWAP, "indices", "USD-SOFR", "curve", to="X"), "indices.USD-SOFR.curve: there is no"),
    (changed(SWAP, *FIRST, "legs", 1, "index", to="USD-NONE"), "indices.USD-NONE: unknown index"),
    (changed(SWAP, *FIRST, "notional", to=-5), "notional of a swap must be above 0"),
    (changed(SWAP, *FIRST, "end_date", to="2026-01-30"), "end_date is not after start_date"),
    (changed(SWAP, *LEG, "rates", to=[0.01]), "needs one of rate and rates"),
    (changed(SWAP, *LEG, "day_count", to=...), "a fixed leg needs day_count and frequency"),
    (changed(SWAP, *LEG, "first_date", to="2040-01-01"), r"instruments\[0\]: no schedule"),
    (changed(SWAP, "key_rates", to=["1Y", "12M"]), "key_rates: a tenor stands twice"),
    (
        changed(SWAP, "instruments", to=[SWAP["instruments"][0]] * 2),
        r"instruments\[1\].id: is that of another instrument",
    ),
    (
        changed(SWAP, "scenarios", to=[{"name": "s", "shifts_bp": {"1Y": 1}, "curves": ["X"]}]),
        r"scenarios\[0\].curves: there is no curve 'X'",
    ),
]


@pytest.mark.parametrize(("asked", "reason"), REFUSED, ids=[reason[:60] for _, reason in REFUSED])
def test_refused_by_place_and_in_one_line(asked: Json, reason: str):
    with pytest.raises(DocumentError, match=reason) as refused:
        value(asked)

    assert "\n" not in str(refused.value)


def quoted(*quotes: Json, **terms: Any) -> Json:
    return changed(SWAP, "curves", "SOFR", to={"index": "USD-SOFR", "quotes": [*quotes], **terms})


def ois(tenor: str, rate: float) -> Json:
    return {"kind": "ois", "tenor": tenor, "rate": rate}


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (quoted({"kind": "ois", "tenor": "1Y"}), "ois needs rate and tenor"),
        (quoted({"kind": "ois", "rate": 0.03}), "ois needs rate and tenor"),
        (quoted({"kind": "future", "rate": 0.03, "tenor": "3M"}), "future needs price and start"),
        (quoted(ois("1Y", 0.03), ois("12M", 0.03)), "curves.SOFR: cannot be built: more than one"),
        (quoted(ois("1Y", 0.03), discount_curve="X"), "curves.SOFR.discount_curve: 'X' is not"),
        (quoted(ois("1Y", 0.03), index="X"), "indices.X: unknown index needs"),
        (quoted(ois("1Y", 0.03) | {"calendar": "mars"}), r"quotes\[0\].calendar: unknown calendar"),
    ],
)
def test_quotes_that_make_no_curve(asked: Json, reason: str):
    with pytest.raises(DocumentError, match=reason):
        value(asked)


def test_a_missing_fixing_is_named_and_the_rest_is_priced():
    seasoned = changed(SWAP, *FIRST, "start_date", to="2025-10-30")["instruments"][0]
    seasoned["id"] = "old"
    found = value(changed(SWAP, "instruments", to=[seasoned, *SWAP["instruments"]]))
    old, new = found["instruments"]

    assert old["status"] == "unpriced"
    assert old["reason"] == "fixing of USD-SOFR on 2025-10-30 is missing"
    assert "npv" not in old
    assert new["status"] == "valued"
    assert found["totals"]["npv"] == new["npv"]
    assert found["totals"]["not_included"] == [{"id": "old", "reason": old["reason"]}]
    assert not found["totals"]["is_complete"]


@pytest.mark.parametrize(
    ("asked", "status", "reason"),
    [
        (changed(SWAP, "indices", to={}), "unpriced", "index USD-SOFR has no curve"),
        (changed(SWAP, "discounting", to={}), "unpriced", "no discount curve"),
        (changed(BOND, "discounting", to={}), "priced_without_curve", "no discount curve"),
        (changed(BOND, "valuation_date", to="2028-11-16"), "matured", None),
        (changed(document("bill"), "valuation_date", to="2026-05-01"), "matured", None),
    ],
)
def test_states(asked: Json, status: str, reason: str | None):
    found = value(asked)["instruments"][0]

    assert found["status"] == status
    assert (reason is None and "reason" not in found) or reason in found["reason"]


def test_a_bond_of_a_price_and_no_curve_has_its_yield():
    with_curve, without = (
        value(asked)["instruments"][0] for asked in (BOND, changed(BOND, "discounting", to={}))
    )

    assert without["yield"] == with_curve["yield"]
    assert "npv" not in without
    assert "dv01" not in without


def test_a_currency_without_a_rate_is_left_out_of_the_totals():
    euro = changed(BOND, *FIRST, "currency", to="EUR")
    euro = changed(euro, "discounting", to={"EUR": "SOFR"})
    found = value(euro)
    priced = value(changed(euro, "fx", to={"EURUSD": 1.25}))
    turned = value(changed(euro, "fx", to={"USDEUR": 0.8}))

    assert found["totals"]["not_included"][0]["reason"] == "fx.EURUSD is missing"
    assert found["instruments"][0]["npv_reporting"] is None
    npv = found["instruments"][0]["npv"]
    assert priced["totals"]["npv"] == pytest.approx(1.25 * npv)
    assert turned["totals"]["dv01"] == pytest.approx(1.25 * found["instruments"][0]["dv01"])


def test_collateral_decides_the_discount_curve():
    asked = changed(BOND, "curves", "XCCY", to={"flat_rate": 0.01})
    asked = changed(asked, "discounting", to={"USD": {"USD": "SOFR", "EUR": "XCCY"}})
    asked = changed(asked, *FIRST, "clean_price", to=...)
    usd = value(asked)["instruments"][0]
    euro = value(changed(asked, *FIRST, "csa_currency", to="EUR"))["instruments"][0]

    assert list(usd["curves"]) == ["SOFR"]
    assert list(euro["curves"]) == ["XCCY"]
    assert euro["npv"] > usd["npv"]


def test_scenarios_revalue_in_full():
    shifts = {"name": "up 100", "shifts_bp": {"1Y": 100}}
    bumped = changed(BOND, "scenarios", to=[shifts])
    bumped = changed(bumped, *FIRST, "clean_price", to=...)
    moved = [rate + 0.01 for rate in bumped["curves"]["SOFR"]["zero_rates"]]
    found = value(bumped)["instruments"][0]
    again = value(changed(bumped, "curves", "SOFR", "zero_rates", to=moved))["instruments"][0]

    assert found["scenarios"]["up 100"] == pytest.approx(again["npv"] - found["npv"], abs=1e-6)


def test_historical_results():
    asked = {
        "valuation_date": "2026-01-28",
        "historical": {"results": {"desk": [3.0, -5.0, 1.0, -2.0]}, "tails": [0.25]},
    }

    assert value(asked)["historical"] == {
        "desk": [{"tail": 0.25, "value_at_risk": 2.0, "expected_shortfall": 3.5}]
    }


@pytest.mark.parametrize("kind", INSTRUMENTS)
def test_examples(kind: str):
    found = value(document(kind))["instruments"][0]

    assert (found["kind"], found["status"]) == (kind, "valued")


def test_lines_are_answered_in_order_and_repeat_to_the_byte():
    lines = [json.dumps(document(kind)) for kind in INSTRUMENTS]
    answers = [*value_lines([lines[0], "", "nonsense", lines[1]])]

    assert [next(iter(json.loads(a))) for a in answers] == [
        "valuation_date",
        "error",
        "valuation_date",
    ]
    assert answers == [*value_lines([lines[0], "nonsense", lines[1]])]


def test_the_published_schema_is_the_documents():
    assert (ROOT / "docs" / "value.schema.json").read_text("utf-8") == schema()


def test_the_page_shows_an_instrument_of_each_kind():
    shown = [row for block in BLOCKS for row in block.get("instruments", ())]

    assert {row["kind"] for row in shown} == set(INSTRUMENTS)
    assert all(row in shown for row in INSTRUMENTS.values())


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: ", ".join(block)[:60])
def test_what_the_page_shows_is_answered(block: Json):
    found = value(block)

    assert [row["status"] for row in found["instruments"]] == ["valued"] * len(found["instruments"])
