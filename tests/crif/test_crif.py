"""CRIF files: spelling, who is refused and why, sides and regulations, order, streaming."""

import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from margin_assets.crif import CrifError, Question, initial_margin, reading, simm_versions
from tests.support.crif_rows import HEADER, written, written_rows

SWAP = "RatesFX,Risk_IRCurve,USD,1,5y,OIS,100000,USD,100000"
TRADE = {
    "PortfolioID": "A",
    "TradeID": "T1",
    "IMModel": "Schedule",
    "ProductClass": "FX",
    "RiskType": "Notional",
    "AmountUSD": 100.0,
    "AmountCurrency": "USD",
}


def asked(path: Path, **question: Any) -> list[dict[str, Any]]:
    given = {"version": "2.5", **question}
    return [
        document for _, part in initial_margin(path, Question(**given)).parts for document in part
    ]


def one(path: Path, **question: Any) -> dict[str, Any]:
    (found,) = asked(path, **question)
    return found


def test_amounts_in_other_currencies_count_by_the_rates_that_are_given(tmp_path: Path):
    swap = "RatesFX,Risk_IRCurve,USD,1,5y,OIS"
    rows = [f"A,{swap},50000,EUR,", f"B,{swap},50000,EUR,100000", f"C,{swap},50000,GBP,"]
    file = written(tmp_path / "a.csv", *rows)

    of_rate, of_dollars, refused = asked(file, rates={"EUR": 2.0})

    assert of_rate["total"] == of_dollars["total"] == 52e5
    assert "Amount is in GBP: give it in USD, or a rate" in refused["error"]
    assert initial_margin(file, Question(rates={"EUR": 2.0})).head["rates"] == {"EUR": 2.0}
    for wrong in ({"EUR": 0.0}, {"EUR": float("inf")}, {"XXX": 1.0}, {"USD": 2.0}):
        with pytest.raises(CrifError, match="rate of"):
            initial_margin(file, Question(rates=wrong))


def test_answers_in_another_currency_are_every_amount_by_its_rate(tmp_path: Path):
    file = written(tmp_path / "a.csv", f"A,{SWAP}")

    (rates,) = one(file, rates={"EUR": 2.0}, amounts_in="EUR")["product_classes"][0]["risk_classes"]

    assert [rates["total"], rates["delta"], rates["vega"]] == [26e5, 26e5, 0.0]
    assert one(file, rates={"EUR": 2.0}, amounts_in="EUR")["total"] == 26e5
    head = initial_margin(file, Question(rates={"EUR": 2.0}, amounts_in="EUR")).head
    assert head["amounts_in"] == "EUR"
    for currency, fault in (("EUR", "need its rate"), ("XXX", "is no currency")):
        with pytest.raises(CrifError, match=fault):
            initial_margin(file, Question(amounts_in=currency))


def test_a_ratio_is_the_same_in_any_currency(tmp_path: Path):
    file = written_rows(tmp_path / "a.csv", [TRADE, TRADE | {"RiskType": "PV", "AmountUSD": 1.0}])

    here = one(file, model="schedule", as_of=date(2026, 1, 2))
    there = one(
        file, model="schedule", as_of=date(2026, 1, 2), rates={"EUR": 2.0}, amounts_in="EUR"
    )

    assert there["total"] == here["total"] / 2.0
    (one_class,), (other,) = here["product_classes"], there["product_classes"]
    assert other["gross"] == one_class["gross"] / 2.0
    assert other["net_to_gross_ratio"] == one_class["net_to_gross_ratio"]


def test_answer(tmp_path: Path):
    file = written(tmp_path / "a.csv", f"A,{SWAP}")

    rates = {
        "risk_class": "InterestRate",
        "total": 52e5,
        "delta": 52e5,
        "vega": 0.0,
        "curvature": 0.0,
        "base_correlation": 0.0,
    }
    assert one(file) == {
        "portfolio_id": "A",
        "total": 52e5,
        "add_on": 0.0,
        "product_classes": [{"product_class": "RatesFX", "total": 52e5, "risk_classes": [rates]}],
        "regulations": [],
    }


@pytest.mark.parametrize(
    ("header", "row"),
    [
        pytest.param(HEADER, f"A,{SWAP}", id="as the format spells it"),
        pytest.param(
            "portfolio_id,product_class,risk_type,qualifier,bucket,label1,label2,amount_usd",
            "A,RatesFX,Risk_IRCurve,USD,1,5y,OIS,100000",
            id="in snake case",
        ),
        pytest.param(
            "Portfolio ID;Product Class;Risk Type;QUALIFIER;Bucket;Label 1;Label 2;Amount USD",
            "A;ratesfx;RISK_IRCURVE;usd;1.0;5Y;ois;1e5",
            id="semicolons, spaces, other case, a bucket as a number",
        ),
        pytest.param(HEADER.replace(",", "\t"), f"A,{SWAP}".replace(",", "\t"), id="tabs"),
        pytest.param(f"\ufeff{HEADER}", f" A , {SWAP}", id="a byte order mark and blanks"),
        pytest.param(HEADER, "A,RatesFX,Risk_IRCurve,USD,1,5y,OIS,100000,USD,", id="amount in USD"),
        pytest.param(f"{HEADER},Trader", f'A,{SWAP},"x,y"', id="a column that is not known"),
    ],
)
def test_spelling(tmp_path: Path, header: str, row: str):
    assert one(written(tmp_path / "a.csv", row, header=header))["total"] == 52e5


REFUSED = [
    (f"A,{SWAP.replace('Risk_IRCurve', 'Risk_Foo')}", "RiskType 'Risk_Foo' is none of the format"),
    ("A,RatesFX,,USD,1,5y,OIS,1,USD,1", "RiskType is empty"),
    ("A,RatesFX,PV,USD,1,5y,OIS,1,USD,1", "no row of model simm: its 1 are of schedule"),
    (f"A,{SWAP.replace('RatesFX', 'Rates')}", "ProductClass 'Rates' is none of RatesFX, Credit"),
    (f"A,{SWAP.replace('USD,1', 'ZZZ,1')}", "Qualifier 'ZZZ' is no currency"),
    (f"A,{SWAP.replace('USD,1', 'XAU,1')}", "Qualifier 'XAU' is no currency"),
    (f"A,{SWAP.replace('USD,1', ',1')}", "Qualifier is empty"),
    (f"A,{SWAP.replace('5y', '7y')}", "Label1 '7y' is no tenor"),
    (f"A,{SWAP.replace('OIS', 'Libor2m')}", "Label2 'Libor2m' is no sub-curve"),
    (f"A,{SWAP.replace('USD,1,5y,OIS', 'EUR,1,5y,Prime')}", "Label2 'Prime' is a sub-curve of USD"),
    (f"A,{SWAP.replace('USD,1,5y', 'USD,4,5y')}", "Bucket '4' is no bucket of rates: 1, 2 or 3"),
    ("A,Equity,Risk_Equity,X,13,,,1,USD,1", "Bucket '13' is no bucket of Risk_Equity: 1 to 12 or"),
    ("A,Equity,Risk_Equity,X,,,,1,USD,1", "Bucket is empty"),
    ("A,Commodity,Risk_Commodity,X,Residual,,,1,USD,1", "Bucket 'Residual' is no bucket of"),
    ("A,Credit,Risk_CreditQ,X,1,6m,,1,USD,1", "Label1 '6m' is no tenor of credit: 1y, 2y, 3y, 5y"),
    ("A,RatesFX,Risk_FXVol,USDUSD,,1y,,1,USD,1", "Qualifier 'USDUSD' is no pair of currencies"),
    ("A,RatesFX,Risk_FXVol,USD,,1y,,1,USD,1", "Qualifier 'USD' is no pair of currencies"),
    ("A,RatesFX,Risk_FX,EUR,,,,nan,USD,NaN", "AmountUSD 'NaN' is no number"),
    ("A,RatesFX,Risk_FX,EUR,,,,inf,USD,", "Amount 'inf' is no number"),
    ("A,RatesFX,Risk_FX,EUR,,,,,USD,", "AmountUSD is empty"),
    ("A,RatesFX,Risk_FX,EUR,,,,1,EUR,", "AmountUSD is empty and Amount is in EUR: give it in USD"),
    ("A,RatesFX,Risk_FX,EUR,,,,1,,", "AmountUSD is empty and Amount is in no currency"),
    ("A,RatesFX,Risk_FX,EUR,,,,1,XYZ,1", "AmountCurrency 'XYZ' is no currency"),
    ("A,RatesFX,Risk_FX,EUR,,,,1,USD,1e300", "the amount is beyond"),
    ("A,,Param_ProductClassMultiplier,Bonds,,,,1.5,,", "Qualifier 'Bonds' is none of RatesFX"),
    ("A,,Param_ProductClassMultiplier,Credit,,,,0.5,,", "Amount '0.5' is no multiplier"),
    ("A,,Param_ProductClassMultiplier,Credit,,,,,,", "Amount is empty"),
    ("A,,Param_AddOnNotionalFactor,X,,,,-1,,", "Amount '-1' is no factor in percent"),
    ("A,,Param_AddOnFixedAmount,,,,,-1,USD,-1", "a fixed add-on is below 0"),
    (f"A,{SWAP},ESA", "11 fields where the header has 10: quote a field"),
    ("A,RatesFX", "2 fields where the header has 10"),
]


@pytest.mark.parametrize(("row", "told"), REFUSED)
def test_a_row_that_is_not_understood_refuses_its_portfolio_alone(
    tmp_path: Path, row: str, told: str
):
    file = written(tmp_path / "a.csv", f"B,{SWAP}", row, f"C,{SWAP}")

    first, refused, last = asked(file)

    assert (first["total"], last["total"]) == (52e5, 52e5)
    assert refused.keys() == {"portfolio_id", "error"}
    assert refused["portfolio_id"] == "A"
    assert told in refused["error"]
    if not told.startswith("no row"):
        assert refused["error"].startswith("line 3: ")


def test_a_row_without_a_portfolio_is_refused_by_its_line(tmp_path: Path):
    found = asked(written(tmp_path / "a.csv", f"A,{SWAP}", "", f",{SWAP}"))

    assert found[1] == {"portfolio_id": "", "error": "line 4: PortfolioID is empty"}


def test_two_multipliers_refuse_a_portfolio(tmp_path: Path):
    rows = [f"A,,Param_ProductClassMultiplier,Rates FX,,,,{m},," for m in ("1.5", "1.6")]

    assert "is 1.5 and 1.6: keep one" in one(written(tmp_path / "a.csv", *rows))["error"]


@pytest.mark.parametrize(
    ("header", "told"),
    [
        pytest.param("ProductClass,RiskType,Amount", "no column PortfolioID", id="one is missing"),
        pytest.param("PortfolioID,RiskType,Qualifier", "no column AmountUSD", id="no amounts"),
        pytest.param(f"{HEADER},portfolio_id", "two columns for PortfolioID", id="one twice"),
        pytest.param("", "no column PortfolioID", id="nothing"),
    ],
)
def test_a_file_that_is_no_crif_is_refused(tmp_path: Path, header: str, told: str):
    with pytest.raises(CrifError, match=told):
        asked(written(tmp_path / "a.csv", f"A,{SWAP}", header=header))


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ({"version": "9"}, "no SIMM version '9': 2.5, 2.6, 2.7"),
        ({"horizon": "5d"}, "no horizon '5d'"),
        ({"currency": "ZZZ"}, "'ZZZ' is no currency"),
    ],
)
def test_a_question_that_has_no_answer(tmp_path: Path, question: dict[str, str], told: str):
    with pytest.raises(CrifError, match=told):
        asked(written(tmp_path / "a.csv", f"A,{SWAP}"), **question)


def test_the_newest_version_is_the_default(tmp_path: Path):
    file = written(tmp_path / "a.csv", f"A,{SWAP}")

    assert (
        initial_margin(file, Question()).head["version"] == list(simm_versions())[-1] == "2.8+2512"
    )


def test_a_calculation_currency_frees_its_own_currency_and_no_other(tmp_path: Path):
    rows = [f"{name},RatesFX,Risk_FX,{name},,,,1000000,USD,1000000" for name in ("USD", "EUR")]
    file = written(tmp_path / "a.csv", *rows)

    assert [found["total"] for found in asked(file)] == [0.0, 7.4e6]
    assert [found["total"] for found in asked(file, currency="EUR")] == [7.4e6, 0.0]


def test_regulations_of_both_sides(tmp_path: Path):
    header = f"{HEADER},collect_regulations,post_regulations"
    vega = "RatesFX,Risk_IRVol,USD,,1y,,10000000,USD,10000000"
    file = written(
        tmp_path / "a.csv",
        f'A,{SWAP},"ESA, USPR",[SEC]',
        f"A,{vega},ESA,SEC",
        f"A,{SWAP},,",
        header=header,
    )

    found = one(file)

    of = {(row["regulation"], row["side"]): row["total"] for row in found["regulations"]}
    assert list(of) == [("ESA", "collect"), ("USPR", "collect"), ("SEC", "post")]
    assert of["USPR", "collect"] == 52e5
    # What is posted sees a vega that was sold: no curvature.
    assert of["ESA", "collect"] > of["SEC", "post"] == pytest.approx(52e5 + 1.8e6)
    assert found["total"] == of["ESA", "collect"]


def test_models_are_told_apart_by_row(tmp_path: Path):
    rows = [
        {**TRADE},
        {**TRADE, "RiskType": "PV", "AmountUSD": 1.0},
        {**TRADE, "IMModel": "SIMM-P", "RiskType": "Risk_FX", "ProductClass": "RatesFX"}
        | {"Qualifier": "EUR", "AmountUSD": 1e6},
    ]
    file = written_rows(tmp_path / "a.csv", rows)

    simm, schedule = one(file), one(file, model="schedule")

    assert (simm["total"], simm["rows_left_out"]) == (7.4e6, 2)
    assert (schedule["total"], schedule["rows_left_out"]) == (pytest.approx(6.0), 1)
    assert schedule["product_classes"][0]["gross"] == 6.0


SCHEDULE_FAULTS = [
    ({"TradeID": ""}, "TradeID is empty"),
    ({"ProductClass": "RatesFX"}, "ProductClass 'RatesFX' is none of Rates, FX"),
    ({"RiskType": "Risk_FX"}, "RiskType 'Risk_FX' is none of the schedule's"),
    ({"ProductClass": "Rates"}, "EndDate is empty"),
    ({"ProductClass": "Rates", "EndDate": "2027-01-01"}, "ValuationDate is empty"),
    ({"EndDate": "01/02/2027"}, "EndDate '01/02/2027' is no day as YYYY-MM-DD"),
    (
        {"EndDate": "2027-01-01", "ValuationDate": "2028-01-01"},
        "EndDate 2027-01-01 is before the ValuationDate 2028-01-01",
    ),
    ({"RiskType": "PV"}, "TradeID 'T1' has no Notional"),
]


@pytest.mark.parametrize(("change", "told"), SCHEDULE_FAULTS)
def test_a_trade_that_is_not_understood(tmp_path: Path, change: dict[str, str], told: str):
    assert (
        told in one(written_rows(tmp_path / "a.csv", [TRADE | change]), model="schedule")["error"]
    )


def test_a_trade_without_value_among_others_is_refused(tmp_path: Path):
    rows = [TRADE, TRADE | {"RiskType": "PV"}, TRADE | {"TradeID": "T2"}]

    found = one(written_rows(tmp_path / "a.csv", rows), model="schedule")

    assert found["error"] == "TradeID 'T2' has no PV"


def test_a_valuation_date_may_be_asked(tmp_path: Path):
    row = TRADE | {"ProductClass": "Rates", "EndDate": "2027-01-01"}
    file = written_rows(tmp_path / "a.csv", [row])

    assert one(file, model="schedule", as_of=date(2026, 1, 1))["total"] == 1.0


def test_order_and_bits_are_the_file_s_whatever_is_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rows = [
        f"{name},RatesFX,Risk_IRCurve,{currency},1,{tenor},OIS,{amount},USD,{amount}"
        for name in ("Z", "B", "", "Q", "A")
        for currency in ("USD", "EUR", "JPY")
        for tenor, amount in (("2w", 100.1), ("5y", -200.7), ("30y", 1e9 / 3))
    ]
    sorted_file = written(tmp_path / "sorted.csv", *rows)
    whole = asked(sorted_file)
    mixed = random.Random(1).sample(rows, len(rows))
    mixed_file = written(tmp_path / "mixed.csv", *mixed)
    unsorted_whole = asked(mixed_file)
    monkeypatch.setattr(reading, "MOST_ROWS", 10)

    assert asked(sorted_file) == whole
    assert asked(mixed_file) == unsorted_whole
    assert [found["portfolio_id"] for found in whole] == ["Z", "B", "", "Q", "A"]
    first = list(dict.fromkeys(row.split(",")[0] for row in mixed))
    assert [found["portfolio_id"] for found in unsorted_whole] == first
    by_name = {found["portfolio_id"]: found.get("total") for found in unsorted_whole}
    assert all(
        by_name[found["portfolio_id"]] == pytest.approx(found.get("total")) for found in whole
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(f'{HEADER}\nA,"{SWAP}\nB,{SWAP}\n', "a quote is not closed", id="open"),
        pytest.param(f"{HEADER}\n{'A' * 70_000},{SWAP}\n", "more than 65,536 bytes", id="long"),
        pytest.param(f"{HEADER}\rA,{SWAP}\r", "line 1 ends by a carriage return", id="old Mac"),
        pytest.param(f"{HEADER}\nA\udcff,{SWAP}\n", "invalid UTF8", id="no UTF-8"),
    ],
)
def test_what_a_parser_would_swallow_refuses_the_file(tmp_path: Path, text: str, told: str):
    file = tmp_path / "a.csv"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(CrifError, match=told):
        asked(file)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n", "\n\n"])
def test_ends_of_lines(tmp_path: Path, end: str, last: str):
    file = tmp_path / "a.csv"
    file.write_bytes(f"{HEADER}\n\nA,{SWAP}\nB,{SWAP}{last}".replace("\n", end).encode())

    assert [found["total"] for found in asked(file)] == [52e5, 52e5]


def test_a_file_of_a_header_alone_has_no_portfolios(tmp_path: Path):
    assert asked(written(tmp_path / "a.csv")) == []


def mixed(path: Path, *, trade: dict[str, Any] | None = None, names: str = "ESA") -> Path:
    """Portfolio A of a swap by SIMM and a currency trade by schedule; B of the swap alone."""
    swap = {
        "PortfolioID": "A",
        "ProductClass": "RatesFX",
        "RiskType": "Risk_IRCurve",
        "Qualifier": "USD",
        "Bucket": "1",
        "Label1": "5y",
        "Label2": "OIS",
        "AmountUSD": 100_000.0,
        "collect_regulations": names,
    }
    regulated = {**TRADE, "collect_regulations": "ESA", "AmountUSD": 1e6, **(trade or {})}
    return written_rows(path, [swap, regulated, {**swap, "PortfolioID": "B"}])


def test_both_models_are_summed_by_regulation(tmp_path: Path):
    first, second = asked(mixed(tmp_path / "a.csv", names="ESA,USPR"), model="both")

    # 52 dollars a dollar of the swap; 6% of a million of the trade, which USPR does not see.
    assert first["total"] == 52e5 + 6e4
    assert [
        (row["regulation"], row["simm"], row.get("schedule")) for row in first["regulations"]
    ] == [
        ("ESA", 52e5, 6e4),
        ("USPR", 52e5, 0.0),
    ]
    assert first["models"]["schedule"]["product_classes"][0]["total"] == 6e4
    assert (second["total"], list(second["models"])) == (52e5, ["simm"])
    # The worst of each would be of no regulation.
    apart, _ = asked(mixed(tmp_path / "b.csv", names="USPR"), model="both")
    assert apart["total"] == 52e5


@pytest.mark.parametrize(
    ("trade", "told"),
    [
        ({"IMModel": ""}, "line 3: IMModel is empty, and the row may be of either model"),
        ({"collect_regulations": ""}, "its rows of model schedule name no regulation"),
        ({"ProductClass": "Cows"}, "line 3: ProductClass 'Cows'"),
    ],
)
def test_what_cannot_be_summed_refuses_its_portfolio(
    tmp_path: Path, trade: dict[str, str], told: str
):
    first, second = asked(mixed(tmp_path / "a.csv", trade=trade), model="both")

    assert told in first["error"]
    assert second["total"] == 52e5
