"""Answers of a small book against figures found by hand, or by another route."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from margin_assets.avalanche import running
from margin_assets.avalanche.answers import (
    advising,
    attributing,
    need,
    sizing,
    standing,
    telling,
    watching,
    whole,
)
from margin_assets.avalanche.answers.breaking import Search, Target, reverse_document, searched_book
from margin_assets.avalanche.answers.case import Case, case_of, run, run_unlimited
from margin_assets.avalanche.book.building import Built
from margin_assets.kernels.avalanche.answers.scaling import scaled
from margin_assets.kernels.avalanche.reverse.genetic import Effort
from tests.support.avalanche_books import CASH, DELTAS, LINE, RHO, SIGMA, book

PATHS = 400


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return book(tmp_path_factory.mktemp("book"))


@pytest.fixture(scope="module")
def case(held: Built) -> Case:
    return case_of(held, "none", PATHS, 3)


def _deviations() -> np.ndarray:
    """What a ten-day deviation of each factor costs."""
    by_factor = [sum(d for (_, _, f), d in DELTAS.items() if f == name) for name in ("EQ", "IR")]
    return -np.array(by_factor) * SIGMA * math.sqrt(10)


def test_needs_by_manager_and_factor_are_the_losses_of_their_exposures(case: Case):
    results = run(case, "A")
    found = attributing.attribution(case, "A", results)
    told = attributing.attribution_document(case, found)

    assert told["residual"] == pytest.approx(0.0, abs=1.0)
    assert sum(told["by_manager"]) == pytest.approx(told["need"])
    assert sum(row["need"] for row in told["by_venue"]) == pytest.approx(told["need"], rel=1e-6)
    matrix = {
        (manager, factor): told["matrix"][m][f]
        for m, manager in enumerate(told["managers"])
        for f, factor in enumerate(told["factors"])
    }
    # Of one factor the managers' parts are as their exposures.
    assert matrix["ANNA", "EQ"] == pytest.approx(2.0 * matrix["BORIS", "EQ"])
    assert matrix["BORIS", "IR"] == pytest.approx(-3.0 * matrix["ANNA", "IR"])


def test_scaled_books_need_as_much_more(case: Case):
    whole_need = run_unlimited(case).peak_need
    twice = scaled(case.platform, case.holdings, np.full(2, 2.0))
    without = scaled(case.platform, case.holdings, np.zeros(2))

    assert run_unlimited(case._replace(platform=twice)).peak_need == pytest.approx(2 * whole_need)
    assert (run_unlimited(case._replace(platform=without)).peak_need == 0.0).all()


def test_shares_by_re_runs_add_up(case: Case):
    results = run_unlimited(case)
    found = attributing.attribution(case, "A", run(case, "A"))
    effort = attributing.Effort(players=2, permutations=2, paths=8)
    told = attributing.shared_out(case, "A", results, found, effort)

    shares = {row["name"]: row["need"] for row in told["shapley"]}
    assert set(shares) == {"ANNA", "BORIS"}
    assert sum(shares.values()) == pytest.approx(told["total"] - told["none"])


def test_a_line_without_notice_covers_the_quantile_of_need_beyond_cash(case: Case):
    told = sizing.facility_document(case, 0.95, sizing.before(case))
    needs = np.sort(run_unlimited(case).peak_need)

    missing = needs[math.ceil(0.95 * PATHS) - 1] - CASH
    assert told["verdict"] == "sized"
    assert told["commitment"] == 1e6 * math.ceil(missing / 1e6)
    assert told["missing"] == max(0.0, told["commitment"] - LINE)
    assert told["low"] <= told["commitment"] <= told["high"]


def test_a_line_that_comes_too_late_is_told_with_its_size_if_it_did_not(tmp_path: Path):
    lines = [
        "facility_id,entity_id,ccy,commitment,committed,notice_h",
        "LINE,FUND,USD,0,true,72",
    ]
    slow = case_of(book(tmp_path, facility=lines), "none", PATHS, 3)
    told = sizing.facility_document(slow, 0.95, sizing.before(slow))

    assert told["verdict"] == "no_line_suffices"
    assert told["if_money_came_at_once"]["verdict"] == "sized"


def test_a_book_without_a_line_has_none_to_size(tmp_path: Path):
    bare = case_of(book(tmp_path, facility=["facility_id,entity_id,ccy,commitment"]), "none", 8, 1)

    with pytest.raises(ValueError, match="no committed facility"):
        sizing.facility_document(bare, 0.99, sizing.before(bare))


def test_what_would_break_a_linear_book_is_the_closed_form(held: Built):
    search = Search(effort=Effort(generations=60))
    breaker, found = searched_book(held, (16, 3), search)
    told = reverse_document(breaker, found)

    cost = _deviations()
    correlation = np.array([[1.0, RHO], [RHO, 1.0]])
    distance = (CASH + LINE) / math.sqrt(cost @ correlation @ cost)
    move = (CASH + LINE) * correlation @ cost / (cost @ correlation @ cost)
    best = told["answers"][0]
    # The last hours of the profile come after the last call.
    assert best["distance"] == pytest.approx(distance, rel=5e-3)
    assert {m["factor"]: m["deviations"] for m in best["moves"]} == {
        "EQ": pytest.approx(move[0], rel=0.05),
        "IR": pytest.approx(move[1], rel=0.05),
    }
    assert told["bound_from"].startswith("assumed")
    assert best["on_all_paths"]["exhaustion"]["probability"] > 0.3


def test_a_default_is_looked_for_only_where_it_is_known_what_can_be_sold(tmp_path: Path):
    shallow = book(tmp_path, risk_factor=["factor_id,class,sigma0", "EQ,EQ,0.01", "IR,IR,0.01"])

    with pytest.raises(ValueError, match="adv"):
        searched_book(shallow, (16, 3), Search(target=Target.DEFAULT))


def test_a_path_told_by_hour_pays_what_it_is_called(case: Case):
    told = telling.story(case, "A", 5)

    events = [event for hour in told["hours"] for event in hour["events"]]
    signed = {"called": 1.0, "returned": -1.0}
    called = sum(signed[e["kind"]] * e["amount"] for e in events if e["kind"] in signed)
    level = run(case, "A", np.array([5]))
    assert called == pytest.approx(float(level.need_by_hour[0, -1]), rel=1e-6)
    assert {e["venue"] for e in events if e["kind"] == "called"} <= {"CCP1", "CCP2"}
    with pytest.raises(ValueError, match="no path 400"):
        telling.story(case, "A", PATHS)


def test_what_cannot_be_told_counts_in_full(held: Built):
    told = watching.watched_book(held, 64, 3, fit=False)

    assert told["unknown"] == ["proximity", "leading"]
    assert told["components"]["proximity"] == told["components"]["leading"] == 1.0
    assert 0.0 <= told["components"]["use"] <= 1.0


def test_measures_close_the_gap_in_the_order_of_what_they_cost(held: Built):
    told = advising.advised_book(held, case_of(held, "none", PATHS, 3))

    picks = told["recommendations"]
    assert told["gap_99"] > 0.0
    assert [one["rank"] for one in picks] == list(range(1, len(picks) + 1))
    gaps = [told["gap_99"], *(one["gap_left"] for one in picks)]
    assert all(later < sooner for sooner, later in pairwise(gaps))
    portfolio = told["portfolio"]
    assert set(portfolio["scales"]) == {"ANNA", "BORIS"}
    assert portfolio["margin_promised"] <= portfolio["margin_before"]
    assert portfolio["expected_return"] >= 40e6 - 1.0
    assert {one["kind"] for one in told["considered"]} >= {"add_facility", "cut", "port"}


def test_all_answers_of_a_book_are_the_same_twice(held: Built):
    asked = whole.Asked("small", "moderate", 48, 3)
    first, second = (whole.everything(held, asked) for _ in range(2))

    assert repr(first) == repr(second)
    assert first["amplification"]["impact_on_default"] == pytest.approx(0.0, abs=1.0)
    assert len(first["funding"]) == 30
    assert len(first["fan"]["hours"][0]) == first["run"]["hours"]


def test_arms_run_together_are_those_run_alone(tmp_path: Path):
    head = "ns_id,manager_id,factor_id,delta,funded_share"
    paid_for = [head, "FUT,ANNA,EQ,6e9,0.5", "SWAP,BORIS,IR,2e9,0.5"]
    held = book(tmp_path, exposure=paid_for)
    asked = running.Asked("none", "C", 3, 80)
    together = running.run_arms(held, asked)

    alone = [running.run(held, asked._replace(arm=arm)) for arm in running.ARMS]
    assert [ran.run_id for ran in together] == [ran.run_id for ran in alone]
    for one, other in zip(together, alone, strict=True):
        same = [np.array_equal(a, b) for a, b in zip(one.results, other.results, strict=True)]
        assert all(same)
    assert 0 < np.count_nonzero(together[1].results.sold) < 80


def test_what_was_run_before_changes_no_answer(held: Built):
    asked = whole.Asked("small", "severe", 48, 3)
    fresh = whole.everything(held, asked)

    runs = running.run_arms(held, running.Asked("severe", "C", 3, 48))
    arms = {ran.asked.arm: ran.results for ran in runs}
    again = whole.everything(held, asked, known=whole.Known(arms, fresh["warning"]))

    assert repr(again) == repr(fresh)
    severe = case_of(held, "severe", 48, 3)
    line = sizing.facility_document(severe, 0.99, sizing.before(severe))
    assert repr(line) == repr(fresh["facility"])


def test_what_is_known_of_paths_changes_no_size(tmp_path: Path):
    lines = [
        "facility_id,entity_id,ccy,commitment,committed,notice_h,max_draw_per_day",
        "LINE,FUND,USD,40000000,true,4,30000000",
        "OTHER,FUND,USD,20000000,true,0,",
    ]
    bonds = [
        "entity_id,asset_id,ccy,market_value,haircut_regular,repo_lag_h,repo_opens,repo_closes",
        "FUND,BOND,USD,90000000,0.1,2,0,23",
    ]
    sets = [
        "ns_id,entity_id,venue_id,im_model_id,call_ccy,eod_lag_h",
        "FUT,FUND,CCP1,NONE,USD,10",
        "SWAP,FUND,CCP2,NONE,USD,10",
    ]
    held = book(tmp_path, facility=lines, collateral_holding=bonds, netting_set=sets)
    whole_case = case_of(held, "none", PATHS, 3)
    ran = sizing.before(whole_case)
    unlimited = run_unlimited(whole_case)
    for name in ("peak_need", "peak_hour", "need_by_hour", "need_by_account", "peak_by_set"):
        assert np.array_equal(getattr(ran.free, name), getattr(unlimited, name))

    known = {4e7: sizing.exhausted_in(ran.still)}
    exhausted = sizing.Exhausted(whole_case, 0, known, ran.still)
    counts = []
    for commitment in (0.0, 1e7, 2e8, 4e7):
        platform = sizing.with_commitment(whole_case.platform, 0, commitment)
        each = sizing.exhausted_in(run(whole_case._replace(platform=platform), "A"))
        assert np.array_equal(exhausted.paths(commitment), each)
        counts.append(len(each))
    # Some are exhausted without the line, fewer with it, and some never ask for any.
    assert PATHS > counts[0] > counts[1] > counts[2] >= 0
    assert (ran.still.facility_drawn == 0.0).any()


def test_funding_by_currency_is_held_against_its_own_cash(tmp_path: Path):
    held = book(
        tmp_path,
        cash_balance=[
            "entity_id,ccy,balance,minimum_operating",
            "FUND,USD,3e8,1e8",
            "FUND,EUR,4,1",
        ],
        fx_rate=["ccy,usd_per_unit", "EUR,2"],
        cash_ladder=[
            "entity_id,ccy,date,hour,kind,amount",
            "FUND,EUR,2026-11-24,9,fee,-20",
            "FUND,EUR,2026-12-14,9,coupon,5",
        ],
        settings=["key,value", "generator,none", "as_of,2026-11-23"],
    )
    told = standing.funded_accounts(held, run(case_of(held, "none", 4, 3), "A"), share=0.05)

    dollars, euros = (row["days"] for row in told)
    assert [(row["entity"], row["currency"]) for row in told] == [("FUND", "USD"), ("FUND", "EUR")]
    assert {day["contractual"] for day in dollars} == {0.0}
    # Forty dollars go out on day 2 and ten come in on day 16; six of them are there.
    assert [euros[n]["contractual"] for n in (0, 1, 14, 15)] == [0.0, 40.0, 40.0, 30.0]
    assert [euros[n]["shortfall"] for n in (0, 1, 15)] == pytest.approx([0.0, 40 * 1.05 - 6, 25.5])


def test_needs_by_day_and_account_are_those_of_the_paths(case: Case):
    results = run(case, "A")
    days, (account,) = need.by_day(results), need.by_account(case, results)

    assert [row["day"] for row in days] == list(range(1, 11))
    assert days[-1]["mean"] == pytest.approx(float(results.need_by_hour[:, 239].mean()), rel=1e-5)
    assert (account["entity"], account["currency"]) == ("FUND", "USD")
