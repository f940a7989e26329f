"""What is wrong with a book is named with its file, line and column, and never run."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from margin_assets.avalanche.book.building import built
from margin_assets.avalanche.book.faults import BookError
from margin_assets.avalanche.book.reading import read_folder
from margin_assets.avalanche.book.scenarios import scenario_of
from tests.support.avalanche_folders import BASE, QUIET, book, shock, write

EUR_SET = {"call_ccy": "EUR"}
SECOND = {"factor_id": "BOND", "class": "IR", "sigma0": 0.01}
TWO = [*BASE["risk_factor"], SECOND]
EXPOSED = [*BASE["exposure"], {**BASE["exposure"][0], "factor_id": "BOND", "delta": 1e8}]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param(
            {"netting_set": {"im_model_id": "LOST"}},
            "netting_set line 2, column im_model_id: set 'NS1' has model 'LOST'",
            id="a set without a model",
        ),
        pytest.param(
            {"netting_set": {"call_ccy": ""}},
            "netting_set.csv line 2, column call_ccy: is missing",
            id="a set without a currency",
        ),
        pytest.param(
            {"netting_set": EUR_SET},
            "netting_set line 2, column call_ccy: EUR has no rate in fx_rate",
            id="a currency without a rate",
        ),
        pytest.param(
            {"netting_set": EUR_SET, "fx_rate": [{"ccy": "EUR", "usd_per_unit": 1.1}]},
            "netting_set line 2, column call_ccy: FUND has no cash_balance in EUR",
            id="a currency without cash",
        ),
        pytest.param(
            {"venue": {"holiday_calendar": "MARS"}, "settings": {"as_of": "2026-12-21"}},
            "venue line 2, column holiday_calendar: 'MARS' is neither in holiday nor",
            id="a calendar that nobody knows",
        ),
        pytest.param(
            {"holiday": [{"calendar_id": "OURS", "date": "2026-12-24"}]},
            "settings: holiday has dates, so `as_of` must say which day is day 0",
            id="holidays without a day 0",
        ),
        pytest.param(
            {
                "collateral_holding": [
                    {
                        "entity_id": "FUND",
                        "asset_id": "BOND",
                        "ccy": "USD",
                        "market_value": 1,
                        "eligible_venues": "CCP;LOST",
                    }
                ]
            },
            "collateral_holding line 2, column eligible_venues: 'LOST' is not in venue",
            id="securities for a venue that is not there",
        ),
        pytest.param(
            {"venue": {"payment_deadline_hours": 100}},
            "venue.csv line 2, column payment_deadline_hours: 100 is too large",
            id="a deadline beyond three days",
        ),
        pytest.param(
            {"exposure": {"factor_id": "NOWHERE"}},
            "exposure line 2, column factor_id: 'NOWHERE' is not in risk_factor",
            id="an exposure to no factor",
        ),
        pytest.param(
            {"exposure": {"delta": "NaN"}},
            "exposure.csv line 2, column delta: nan is not a number",
            id="not a number",
        ),
        pytest.param(
            {"exposure": {"delta": "many"}},
            "exposure.csv line 2, column delta: 'many' is no number",
            id="a word for a number",
        ),
        pytest.param(
            {"exposure": {"delta": "inf"}},
            "exposure.csv line 2, column delta: inf is not finite",
            id="infinite",
        ),
        pytest.param(
            {"exposure": [BASE["exposure"][0]] * 2},
            "exposure.csv line 3: NS1, M1, INDEX is there twice",
            id="a row twice",
        ),
        pytest.param(
            {
                "venue": {"kind": "BILATERAL"},
                "netting_set": {"threshold": 1e6, "mta": 2e6},
            },
            "netting_set line 2, column mta: set 'NS1' has an MTA of 2,000,000 above",
            id="an MTA above the threshold",
        ),
        pytest.param(
            {"netting_set": {"threshold": 1e6}},
            "netting_set line 2, column threshold: set 'NS1' has a threshold",
            id="a threshold at a clearing house",
        ),
        pytest.param(
            {
                "collateral_holding": [
                    {
                        "entity_id": "FUND",
                        "asset_id": "T",
                        "ccy": "USD",
                        "market_value": 1.0,
                        "haircut_regular": -0.1,
                    }
                ]
            },
            "collateral_holding.csv line 2, column haircut_regular: -0.1 is too small",
            id="a negative haircut",
        ),
        pytest.param(
            {"scenario": shock(-0.1, factor="NOTHING")},
            "scenario line 2, column factor_id: scenario 'fall' names 'NOTHING'",
            id="a scenario that names nothing",
        ),
        pytest.param(
            {"risk_factor": {"hour_profile": ";".join(["0.05"] * 24)}},
            "risk_factor line 2, column hour_profile: sums to 1.2",
            id="a profile that does not sum to one",
        ),
        pytest.param(
            {
                "factor_history": [
                    {"factor_id": "INDEX", "date": f"2026-01-{day:02d}", "return": 0.01, "stale": s}
                    for day, s in ((5, True), (6, False), (7, False))
                ]
            },
            "factor_history: 33.3% of the history of 'INDEX' is stale",
            id="a stale history",
        ),
        pytest.param(
            {"risk_factor": TWO, "exposure": EXPOSED, "settings": {"generator": "t"}},
            "correlation: 'INDEX' with 'BOND' is not stated",
            id="a pair whose correlation nobody states",
        ),
        pytest.param(
            {"settings": {"kappa": 0.1}}, "settings, key kappa: unknown", id="an unknown setting"
        ),
        pytest.param(
            {"settings": {"reaction": "fast"}}, "settings, key reaction:", id="a setting of words"
        ),
        pytest.param(
            {"venue": {"opening": 9}}, "venue.csv has an unknown column 'opening'", id="a column"
        ),
        pytest.param(
            {"im_model": {"rate": None}}, "model 'NO_IM' is FLAT and has no rate", id="no rate"
        ),
        pytest.param(
            {"im_model": {"family": "SCHEDULE"}},
            "set 'NS1': margin by schedule needs its positions",
            id="a schedule without positions",
        ),
        pytest.param(
            {
                "cash_ladder": [
                    {
                        "entity_id": "FUND",
                        "ccy": "USD",
                        "date": "2026-11-23",
                        "hour": 9,
                        "kind": "fee",
                        "amount": -1.0,
                    }
                ]
            },
            "settings: cash_ladder has dates, so `as_of` must say which day is day 0",
            id="dates without a day 0",
        ),
    ],
)
def test_a_fault_is_named(tmp_path: Path, changes: dict[str, Any], told: str):
    with pytest.raises(BookError) as refused:
        book(tmp_path, **changes)

    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["11;15", "11, 15", "[11, 15]", "[11 15]"])
def test_a_list_is_read_as_people_write_it(tmp_path: Path, text: str):
    made = book(tmp_path, QUIET, venue={"intraday_hours": text})
    assert np.flatnonzero(made.platform.sets.intraday[0]).tolist() == [11, 15]


def test_an_hour_that_is_none_is_named(tmp_path: Path):
    with pytest.raises(BookError, match="intraday_hours: 'CCP' has '25': not hours"):
        book(tmp_path, QUIET, venue={"intraday_hours": "25"})


def test_every_fault_of_a_book_is_told_at_once(tmp_path: Path):
    with pytest.raises(BookError) as refused:
        book(tmp_path, exposure={"factor_id": "X"}, netting_set={"im_model_id": "Y"})

    assert len(refused.value.faults) == 2


def test_a_table_that_is_missing_or_none_of_a_book_is_named(tmp_path: Path):
    folder = write(tmp_path / "one")
    (folder / "venue.csv").unlink()
    with pytest.raises(BookError, match=r"venue.csv \(or .parquet\) is missing"):
        read_folder(folder)

    folder = write(tmp_path / "two")
    (folder / "venues.csv").write_text("venue_id\n")
    with pytest.raises(BookError, match=r"venues.csv is none of the tables"):
        read_folder(folder)


def test_a_correlation_that_is_none_is_mended_and_said(tmp_path: Path):
    third = {"factor_id": "GOLD", "class": "CM", "sigma0": 0.01}
    pairs = (("INDEX", "BOND", 0.9), ("INDEX", "GOLD", 0.9), ("BOND", "GOLD", -0.9))
    stated = [{"factor_id": a, "other_id": b, "rho": rho} for a, b, rho in pairs]

    made = book(tmp_path, {"generator": "t"}, risk_factor=[*TWO, third], correlation=stated)

    assert made.warnings == ("correlation is not positive semidefinite: mended by its eigenvalues",)
    mended = made.platform.correlation
    assert mended.diagonal() == pytest.approx([1.0] * 3)
    # The nearest is where each pair is at half, and its eigenvalue at nothing.
    assert mended[0, 1] == pytest.approx(0.5, abs=0.01)


def test_a_scenario_that_nobody_knows_is_told_with_those_there_are(tmp_path: Path):
    made = book(tmp_path, QUIET, scenario=shock(-0.01))
    with pytest.raises(BookError, match=r"no scenario 'rise'; there are fall, none, moderate"):
        scenario_of(made, "rise")


def test_arms_that_sell_need_to_know_how_much_can_be_sold(tmp_path: Path):
    made = book(tmp_path, QUIET)
    with pytest.raises(BookError, match="column adv: of 'INDEX' is empty"):
        made.loop(seed=1, arm=2)
    assert made.loop(seed=1, arm=0).arm == 0


def test_the_newest_version_of_a_row_counts_and_parquet_reads_as_csv(tmp_path: Path):
    versions = [
        {**BASE["netting_set"][0], "mta": mta, "valid_from": day}
        for mta, day in ((1.0, "2026-01-05"), (2.0, "2026-03-02"), (3.0, "2026-02-02"))
    ]
    folder = write(tmp_path, QUIET, netting_set=versions)
    by_csv = built(read_folder(folder))
    table = pl.read_csv(folder / "netting_set.csv", try_parse_dates=True)
    table.write_parquet(folder / "netting_set.parquet")
    (folder / "netting_set.csv").unlink()
    by_parquet = built(read_folder(folder))

    assert by_csv.platform.sets.mta.tolist() == [2.0]
    assert by_parquet.platform.sets.mta.tolist() == [2.0]


def test_margin_that_differs_from_the_venues_statement_is_brought_to_it_and_said(tmp_path: Path):
    flat = {"rate": 0.1}
    made = book(tmp_path, QUIET, im_model=flat, netting_set={"stated_im": 1.25e8})

    assert made.platform.sets.multiplier.tolist() == [1.25]
    assert "calibrated by 1.250" in made.warnings[0]
    near = book(tmp_path / "near", QUIET, im_model=flat, netting_set={"stated_im": 1.04e8})
    assert near.platform.sets.multiplier.tolist() == [1.0]
