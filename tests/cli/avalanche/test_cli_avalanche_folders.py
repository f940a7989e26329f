"""Folders written by hand, run by the verbs as a user would, against answers in closed form."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.margin_command import Margin

ONE_SET = ROOT / "docs" / "examples" / "avalanche-one-set"
QUIET = "key,value\ngenerator,none\nreaction,0\nreversion,0\ngap_share,0\nimpact_memory,0\n"
"""Nothing moves but by the scenario."""
HAND = {
    "legal_entity": "entity_id,home_ccy,nav\nFUND,USD,1000000000\n",
    "venue": "venue_id,kind,eod_hour\nPLACE,CCP,21\n",
    "netting_set": "ns_id,entity_id,venue_id,im_model_id,call_ccy\nNS1,FUND,PLACE,NO_IM,USD\n",
    "im_model": "im_model_id,family,rate\nNO_IM,FLAT,0\n",
    "risk_factor": "factor_id,class,sigma0\nINDEX,EQ,0.01\n",
    "exposure": "ns_id,manager_id,factor_id,delta\nNS1,M1,INDEX,1000000000\n",
    "cash_balance": "entity_id,ccy,balance\nFUND,USD,1000000000\n",
    "scenario": "scenario_id,factor_id,hour,return_shock\nfall,INDEX,3,-0.01\n",
    "settings": QUIET,
}
"""A billion in an index that falls once, by 1%: a loss of ten million."""


def by_hand(folder: Path, **changed: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (HAND | changed).items():
        (folder / f"{name}.csv").write_text(text, "utf-8")
    return folder


def median(told: dict[str, dict[str, list[dict[str, float]]]], name: str) -> float:
    return next(one["value"] for one in told[name]["quantiles"] if one["level"] == 0.5)


def test_daily_normal_calls_peak_as_spitzer_says(margin: Margin):
    words = ["--scenario", "none", "--paths", 4000, "--arm", "A", "--seed", 1, "--json"]
    need = margin("avalanche", "run", ONE_SET, *words).document["peak_need"]

    expected = 1e7 / math.sqrt(2 * math.pi) * sum(k**-0.5 for k in range(1, 11))
    assert need["mean"] == pytest.approx(expected, abs=4 * need["mean_error"])


def test_a_threshold_is_kept_and_a_small_call_is_not_made(margin: Margin, tmp_path: Path):
    head = "ns_id,entity_id,venue_id,im_model_id,call_ccy,threshold,mta,rounding\n"
    called = {}
    for name, terms in {"due": "4e6,1e6,1e6", "small": "9.5e6,1e6,0"}.items():
        book = by_hand(
            tmp_path / name,
            venue="venue_id,kind,eod_hour\nPLACE,BILATERAL,21\n",
            netting_set=f"{head}NS1,FUND,PLACE,NO_IM,USD,{terms}\n",
        )
        words = ["--scenario", "fall", "--paths", 1, "--arm", "A", "--json"]
        called[name] = median(margin("avalanche", "run", book, *words).document, "peak_need")

    assert called == {"due": pytest.approx(6e6), "small": 0.0}


def test_linear_impact_multiplies_the_first_call_by_the_spirals_ratio(
    margin: Margin, tmp_path: Path
):
    rho = 0.5
    hours = ";".join(map(str, range(24)))
    terms = "intraday_trigger,intraday_lag_h,eod_lag_h"
    book = by_hand(
        tmp_path,
        venue=f"venue_id,kind,eod_hour,intraday_hours\nPLACE,CCP,21,{hours}\n",
        netting_set=f"ns_id,entity_id,venue_id,im_model_id,call_ccy,{terms}\n"
        "NS1,FUND,PLACE,NO_IM,USD,0,1,1\n",
        risk_factor="factor_id,class,sigma0,adv,depth,kappa_crowd\n"
        f"INDEX,EQ,0.01,1e15,{1e9 / rho},1\n",
        exposure="ns_id,manager_id,factor_id,delta,funded_share\nNS1,M1,INDEX,1e9,1\n",
        cash_balance="entity_id,ccy,balance\nFUND,USD,0\n",
        scenario="scenario_id,factor_id,hour,return_shock\nfall,INDEX,3,-0.001\n",
        settings=f"{QUIET}impact,linear\nparticipation,1\nvolume_by_volatility,false\n",
    )
    calls = {}
    for arm in "BC":
        words = ["--scenario", "fall", "--paths", 1, "--arm", arm, "--json"]
        calls[arm] = median(margin("avalanche", "run", book, *words).document, "gross_calls")

    # A sale leaves a bit less to lose on: half a percent at the most.
    assert calls["C"] / calls["B"] == pytest.approx(1 / (1 - rho), rel=0.012)
    assert calls["B"] == pytest.approx(1e6)


@pytest.mark.parametrize(
    ("notice", "verdict", "exhausted"), [(6, "sized", 0.0), (12, "no_line_suffices", 1.0)]
)
def test_a_line_must_come_before_its_call_falls_due(
    margin: Margin, tmp_path: Path, notice: int, verdict: str, exhausted: float
):
    book = by_hand(
        tmp_path,
        netting_set="ns_id,entity_id,venue_id,im_model_id,call_ccy,eod_lag_h\n"
        "NS1,FUND,PLACE,NO_IM,USD,10\n",
        cash_balance="entity_id,ccy,balance\nFUND,USD,2000000\n",
        facility="facility_id,entity_id,ccy,commitment,committed,notice_h\n"
        f"RCF,FUND,USD,10000000,true,{notice}\n",
    )
    words = ["--scenario", "fall", "--paths", 1, "--json"]
    run = margin("avalanche", "run", book, *words, "--arm", "A").document
    line = margin("avalanche", "facility", book, *words).document

    assert run["exhaustion"]["probability"] == exhausted
    assert line["verdict"] == verdict
    if verdict == "sized":
        assert line["commitment"] == 8e6


def test_what_breaks_one_position_is_the_fall_that_costs_all_liquidity(
    margin: Margin, tmp_path: Path
):
    book = by_hand(
        tmp_path,
        cash_balance="entity_id,ccy,balance\nFUND,USD,60000000\n",
        settings="key,value\ngenerator,gaussian\nreaction,0\nreversion,0\ngap_share,0\n",
    )
    words = ["--generations", 40, "--paths", 16]
    told = margin("avalanche", "reverse", book, *words, "--json").document
    said = margin("avalanche", "reverse", book, *words).out

    # 60 million are lost at 6%: of a ten-day deviation of 1% x sqrt(10) that is 1.897.
    best = told["answers"][0]
    assert best["distance"] == pytest.approx(6 / math.sqrt(10), rel=5e-3)
    (move,) = best["moves"]
    assert (move["factor"], move["return"]) == ("INDEX", pytest.approx(-0.06, rel=0.05))
    assert "with volatility EQ x" in said
    assert f"depth {best['depth']:.0%} of today's" in said


@pytest.mark.parametrize(
    ("deadline", "default"), [("", 31 + 9), ("10", 31 + 9), ("20", 21 + 20 + 9)]
)
def test_an_unpaid_call_is_a_default_once_its_deadline_and_grace_have_passed(
    margin: Margin, tmp_path: Path, deadline: str, default: int
):
    book = by_hand(
        tmp_path,
        venue=f"venue_id,kind,eod_hour,payment_deadline_hours\nPLACE,CCP,21,{deadline}\n",
        netting_set="ns_id,entity_id,venue_id,im_model_id,call_ccy,eod_lag_h\n"
        "NS1,FUND,PLACE,NO_IM,USD,10\n",
        cash_balance="entity_id,ccy,balance\nFUND,USD,2000000\n",
    )
    words = ["--path", 0, "--paths", 1, "--scenario", "fall", "--arm", "A", "--json"]
    told = margin("avalanche", "explain", book, *words).document

    assert told["default_hour"] == default


def test_a_venue_calls_on_the_business_day_after_its_holidays(margin: Margin, tmp_path: Path):
    # Day 0 is Thursday, 24 December 2026. Christmas is New York's, New Year's Eve ours.
    days = {"": 0, "XNYS": 0, "OURS": 1}
    found = {}
    for calendar in days:
        book = by_hand(
            tmp_path / (calendar or "none"),
            venue=f"venue_id,kind,eod_hour,holiday_calendar\nPLACE,CCP,21,{calendar}\n",
            holiday="calendar_id,date\nOURS,2026-12-24\nOURS,2026-12-31\n",
            settings=f"{QUIET}as_of,2026-12-24\n",
            scenario="scenario_id,factor_id,hour,return_shock\nfall,INDEX,3,-0.01\n"
            "fall,INDEX,27,-0.01\n",
        )
        words = ["--path", 0, "--paths", 1, "--scenario", "fall", "--arm", "A", "--json"]
        told = margin("avalanche", "explain", book, *words).document
        found[calendar] = [
            (hour["hour"], event["amount"])
            for hour in told["hours"]
            for event in hour["events"]
            if event["kind"] == "called"
        ]

    assert found[""] == [(21, 1e7), (45, 1e7)]
    assert found["XNYS"] == [(21, 1e7), (69, 1e7)]
    assert found["OURS"] == [(45, 2e7)]


@pytest.mark.parametrize(("venues", "exhausted"), [("", 1.0), ("PLACE", 0.0), ("*", 0.0)])
def test_securities_that_a_venue_takes_meet_its_initial_margin_at_night(
    margin: Margin, tmp_path: Path, venues: str, exhausted: float
):
    # Twenty millions of margin, half of it posted: ten are called at 21 and due at 31; repo opens
    # at 9 on the next day and takes two hours.
    book = by_hand(
        tmp_path,
        netting_set="ns_id,entity_id,venue_id,im_model_id,call_ccy,eod_lag_h,im_posted\n"
        "NS1,FUND,PLACE,FLAT2,USD,10,10000000\n",
        im_model="im_model_id,family,rate\nFLAT2,FLAT,0.02\n",
        cash_balance="entity_id,ccy,balance\nFUND,USD,2000000\n",
        collateral_holding="entity_id,asset_id,ccy,market_value,haircut_regular,repo_lag_h,"
        "repo_opens,repo_closes,eligible_venues\n"
        f"FUND,BOND,USD,10000000,0.2,2,9,15,{venues}\n",
    )
    words = ["--scenario", "none", "--paths", 1, "--arm", "A", "--json"]
    told = margin("avalanche", "run", book, *words).document

    assert told["exhaustion"]["probability"] == exhausted
    assert median(told, "peak_need") == pytest.approx(1e7)


def test_the_other_side_posts_where_margin_goes_both_ways(margin: Margin, tmp_path: Path):
    received = {}
    for direction in ("two_way", "one_way"):
        book = by_hand(
            tmp_path / direction,
            venue="venue_id,kind,eod_hour\nPLACE,BILATERAL,21\n",
            netting_set="ns_id,entity_id,venue_id,im_model_id,call_ccy,im_direction\n"
            f"NS1,FUND,PLACE,SHORT_OPTIONS,USD,{direction}\n",
            im_model="im_model_id,family,rate\nSHORT_OPTIONS,R4210,0.1\n",
            exposure="ns_id,manager_id,factor_id,delta,gamma\nNS1,M1,INDEX,1e9,-2e9\n",
        )
        (one,) = margin("avalanche", "models", book, "--json").document["sets"]
        received[direction] = one["received"]
        # Long and short of options, at a fall of 10%: 100 million and gamma / 2 of a hundredth.
        assert one["today"] == pytest.approx(1.1e8)

    # The other side is short a billion and long the options: it loses on a rise, less by gamma.
    assert received == {"two_way": pytest.approx(0.9e8), "one_way": None}


def documented() -> Iterator[tuple[str, str, str]]:
    """Table, column and default of every column of the guide that has one."""
    table = ""
    for line in (ROOT / "docs" / "avalanche-book-columns.md").read_text("utf-8").splitlines():
        if found := re.match(r"## `(\w+)`", line):
            table = found[1]
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 5 and cells[1].startswith("`") and cells[4]:
            yield table, cells[1].strip("`"), "" if cells[4] == "empty" else cells[4]


def test_every_default_of_the_guide_is_the_one_that_holds(margin: Margin, tmp_path: Path):
    texts = dict(HAND)
    for table, column, default in documented():
        head, row = texts[table].splitlines() if table in HAND else ("", "")
        if table != "settings" and head and column not in head.split(","):
            texts[table] = f"{head},{column}\n{row},{default}\n"
    words = ["--scenario", "fall", "--paths", 1, "--arm", "A", "--json"]

    spelt = margin("avalanche", "run", by_hand(tmp_path / "spelt", **texts), *words)
    left_out = margin("avalanche", "run", by_hand(tmp_path / "left"), *words)

    assert spelt.code == 0, spelt.err
    assert len(texts["netting_set"].splitlines()[0].split(",")) > 20
    # The same rows, and so the same book and the same run.
    assert spelt.out == left_out.out
