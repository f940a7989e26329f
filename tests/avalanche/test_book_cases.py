"""Books of one set whose answer is known by hand, from the folder to the paths."""

import math
from pathlib import Path

import numpy as np
import pytest

from margin_assets.avalanche.book.building import Built, built
from margin_assets.avalanche.book.reading import read_folder
from margin_assets.avalanche.changing import changed_need
from margin_assets.avalanche.running import Asked, run
from margin_assets.kernels.avalanche.results import NEVER, Results
from tests.support import ROOT
from tests.support.avalanche_folders import QUIET, book, shock

EVERY_HOUR = ";".join(map(str, range(24)))


def fallen(made: Built, arm: str = "A") -> Results:
    return run(made, Asked("fall", arm, seed=1, paths=1)).results


def test_peak_need_of_daily_normal_calls_is_spitzers():
    paths, days, s = 4000, 10, 1e9 * 0.01
    made = built(read_folder(ROOT / "docs" / "examples" / "avalanche-one-set"))

    peak = run(made, Asked("none", "A", seed=3, paths=paths)).results.peak_need

    expected = s / math.sqrt(2.0 * math.pi) * sum(k**-0.5 for k in range(1, days + 1))
    assert peak.mean() == pytest.approx(expected, abs=3.5 * peak.std() / math.sqrt(paths))


@pytest.mark.parametrize(
    ("threshold", "mta", "rounding", "called"),
    [
        pytest.param(0.0, 0.0, 0.0, 10e6, id="all of it"),
        pytest.param(4e6, 1e6, 1e6, 6e6, id="beyond the threshold"),
        pytest.param(4e6, 0.0, 4e6, 8e6, id="rounded up"),
        pytest.param(9.5e6, 1e6, 0.0, 0.0, id="below the minimum transfer"),
    ],
)
def test_a_loss_is_called_by_the_terms_of_its_agreement(
    tmp_path: Path, threshold: float, mta: float, rounding: float, called: float
):
    terms = {"threshold": threshold, "mta": mta, "rounding": rounding}
    made = book(
        tmp_path,
        QUIET,
        venue={"kind": "BILATERAL"},
        netting_set=terms,
        scenario=shock(-0.01, hour=3),
    )

    results = fallen(made)

    assert results.peak_need[0] == pytest.approx(called)
    assert results.pnl[0] == pytest.approx(-10e6)


@pytest.mark.parametrize("rho", [0.25, 0.5, 0.8])
def test_forced_sales_with_linear_impact_multiply_the_first_call(tmp_path: Path, rho: float):
    made = book(
        tmp_path,
        QUIET | {"impact": "linear", "participation": 1, "volume_by_volatility": 0},
        venue={"intraday_hours": EVERY_HOUR},
        netting_set={"intraday_trigger": 0, "intraday_lag_h": 1, "eod_lag_h": 1},
        risk_factor={"adv": 1e15, "depth": 1e9 / rho, "kappa_crowd": 1},
        exposure={"funded_share": 1},
        cash_balance={"balance": 0},
        scenario=shock(-0.001, hour=3),
    )

    # A sale leaves a bit less to lose on: half a percent at the most.
    assert fallen(made, "B").gross_calls[0] == pytest.approx(1e6)
    assert fallen(made, "C").gross_calls[0] == pytest.approx(1e6 / (1.0 - rho), rel=0.012)


@pytest.mark.parametrize(("notice", "exhausted"), [(6, NEVER), (12, 21)])
def test_a_line_whose_notice_is_longer_than_the_lag_comes_too_late(
    tmp_path: Path, notice: int, exhausted: int
):
    line = {"facility_id": "RCF", "entity_id": "FUND", "ccy": "USD", "commitment": 1e7}
    made = book(
        tmp_path,
        QUIET,
        netting_set={"eod_lag_h": 10},
        cash_balance={"balance": 2e6},
        facility=[{**line, "notice_h": notice}],
        scenario=shock(-0.01, hour=3),
    )

    results = fallen(made)

    assert results.facility_drawn[0] == pytest.approx(8e6)
    assert results.exhaustion_hour[0] == exhausted


def test_a_path_is_the_same_in_every_longer_run_and_a_run_has_one_name():
    made = built(read_folder(ROOT / "docs" / "examples" / "avalanche-one-set"))

    long, short = (run(made, Asked("severe", "A", seed=5, paths=n)) for n in (1100, 70))
    again = run(made, Asked("severe", "A", seed=5, paths=70))

    assert np.array_equal(long.results.peak_need[:70], short.results.peak_need)
    assert again.run_id == short.run_id != long.run_id


def test_cuts_that_are_given_are_charged_as_they_are(tmp_path: Path):
    cut = {"ns_id": "NS1", "im_model_id": "STATED", "factor_id": "INDEX", "manager_id": "M1"}
    cuts = [
        {**cut, "cut_no": 0, "feature": "w", "coefficient": 5e6},
        {**cut, "cut_no": 1, "feature": "w", "coefficient": 3e6},
        {**cut, "cut_no": 1, "feature": "w2", "coefficient": 4e6},
    ]
    made = book(tmp_path, QUIET, netting_set={"im_model_id": "STATED"}, im_cut=cuts)

    assert made.report[0].margin == pytest.approx(7e6)
    assert made.platform.cuts.w.tolist() == [5e6, 3e6]
    assert made.platform.cuts.w2.tolist() == [0.0, 4e6]


def test_a_change_to_a_dearer_model_is_paid_on_its_day(tmp_path: Path):
    flat = [
        {"im_model_id": name, "family": "FLAT", "rate": rate}
        for name, rate in (("OLD", 0.01), ("NEW", 0.03))
    ]
    change = {"old_model_id": "OLD", "new_model_id": "NEW", "announced": "2026-11-02"}
    made = book(
        tmp_path,
        QUIET | {"as_of": "2026-11-20"},
        im_model=flat,
        netting_set={"im_model_id": "OLD"},
        im_model_change=[{**change, "effective": "2026-11-25"}],
    )

    found = changed_need(made, Asked("none", "A", seed=1, paths=1))

    # Twenty million more, from day 3 on; with either model from the start nothing is called.
    needs = [found[name]["need_q99"]["value"] for name in ("old", "phased", "new")]
    assert needs == pytest.approx([0.0, 2e7, 0.0])
    assert run(made, Asked("none", "A", seed=1, paths=1)).results.peak_hour[0] == 3 * 24 + 21
