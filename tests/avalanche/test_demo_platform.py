"""The synthetic platform: as many of everything as it says, the same from the same seed."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from margin_assets.avalanche.book.building import Built, built
from margin_assets.avalanche.book.reading import Tables, read_folder
from margin_assets.avalanche.book.scenarios import net_exposure, scenario_names, scenarios_of
from margin_assets.avalanche.demo.platform import demo_book, write_book
from margin_assets.avalanche.margining import margining
from margin_assets.avalanche.running import snapshot_of


@pytest.fixture(scope="module")
def tables() -> Tables:
    return demo_book(1)


@pytest.fixture(scope="module")
def demo(tables: Tables) -> Built:
    return built(tables)


def test_it_has_as_many_of_everything_as_it_says(tables: Tables):
    kinds = tables["venue"].group_by("kind").len().sort("kind").rows()
    assert kinds == [("BILATERAL", 75), ("CCP", 55), ("PB", 5)]
    counts = {name: tables[name].height for name in ("netting_set", "manager", "counterparty")}
    assert counts == {"netting_set": 210, "manager": 30, "counterparty": 80}
    assert tables["risk_factor"].height == 50
    assert tables["legal_entity"]["nav"].to_list() == [1.5e10]
    assert tables["netting_set"]["call_ccy"].n_unique() == 4
    assert set(tables["exposure"]["manager_id"]) == set(tables["manager"]["manager_id"])
    assert set(tables["exposure"]["ns_id"]) == set(tables["netting_set"]["ns_id"])


def test_the_seed_decides_it_and_a_folder_keeps_it_to_the_last_bit(tables: Tables, tmp_path: Path):
    write_book(tables, tmp_path)

    assert snapshot_of(read_folder(tmp_path)) == snapshot_of(tables)
    assert snapshot_of(demo_book(2)) != snapshot_of(tables)


def test_it_is_about_as_large_and_as_hedged_as_a_platform(demo: Built):
    margin = sum(report.margin for report in demo.report)
    risk = net_exposure(demo) * demo.market.sigma
    deviation = float(np.sqrt(risk @ demo.market.correlation @ risk))

    assert demo.warnings == ()
    assert 2.5e9 < margin < 3.5e9
    # A hedged platform of this size moves by half a percent of its capital a day, or less.
    assert 4e7 < deviation < 8e7


def test_managers_parts_add_up_to_the_platform(demo: Built):
    held, exposures = demo.holdings.exposures, demo.platform.exposures
    cuts, parts = demo.platform.cuts, demo.holdings.cuts

    by_unit = np.bincount(held.unit, held.delta)
    assert by_unit == pytest.approx(demo.platform.units.exposure, rel=1e-12)
    assert held.theta.sum() == pytest.approx(exposures.theta.sum(), rel=1e-9)
    of_cut = np.bincount(parts.cut, parts.w, minlength=len(cuts.entries) - 1)
    whole = np.add.reduceat(cuts.w, cuts.entries[:-1])
    assert of_cut == pytest.approx(whole, rel=1e-9, abs=1e-3)


def test_doubled_volatility_doubles_a_filtered_model_and_leaves_a_static_one(demo: Built):
    rows = pl.DataFrame(margining(demo)["sets"], infer_schema_length=None)
    does_scale = (pl.col("family") == "FHS_ES") & (pl.col("im_model_id") != "RATES_UNFILTERED")

    scaled, still = rows.filter(does_scale), rows.filter(~does_scale & (pl.col("family") != "SPAN"))
    for multiple in (2, 5, 10):
        at = f"at_{multiple}x"
        expected = [multiple * once for once in scaled["at_1x"]]
        assert scaled[at].to_list() == pytest.approx(expected, rel=1e-9)
        assert still[at].to_list() == pytest.approx(still["at_1x"].to_list(), rel=1e-9)


def losing(demo: Built) -> Iterator[str]:
    for name in scenario_names(demo):
        if name not in ("none", "vol_2x", "vol_5x", "vol_10x"):
            yield name


def test_every_scenario_moves_against_the_book_or_says_what_it_moves(demo: Built):
    names = list(losing(demo))
    made = scenarios_of(demo, names)
    moves = made.shock.sum(axis=1)

    assert (np.abs(moves).max(axis=1) > 0.0).all()
    direction = dict(zip(names, moves @ net_exposure(demo), strict=True))
    for name in ("moderate", "severe", "extreme", "fast_shock", "prolonged_stress"):
        assert direction[name] < 0.0
    assert direction["extreme"] == pytest.approx(4.0 * direction["moderate"])
    assert direction["fast_shock"] == pytest.approx(direction["severe"])
    assert made.volatility[:, 0].max() == 10.0


def test_the_worst_direction_is_the_severity_long_and_no_other_of_its_length_is_worse(demo: Built):
    moved = scenarios_of(demo, ["severe"]).shock[0].sum(axis=0) / demo.market.sigma
    exposed = net_exposure(demo) * demo.market.sigma
    inverse = np.linalg.inv(demo.market.correlation)

    assert np.sqrt(moved @ inverse @ moved) == pytest.approx(4.5, rel=1e-9)
    root = np.linalg.cholesky(demo.market.correlation)
    others = np.random.default_rng(3).normal(size=(200, len(moved)))
    others = 4.5 * (others / np.linalg.norm(others, axis=1)[:, None]) @ root.T
    assert (others @ exposed > moved @ exposed).all()
