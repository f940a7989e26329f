"""What the loop gets of a book: amounts in dollars, weights by day, add-ons, history by hour."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from margin_assets.avalanche.book.building import built
from margin_assets.avalanche.book.faults import BookError
from margin_assets.avalanche.book.scenarios import scenario_of
from margin_assets.avalanche.demo.one_set import BASE, QUIET, Change, one_set
from tests.support.avalanche_folders import book

EUR = [{"ccy": "EUR", "usd_per_unit": 1.1}]
SET, EXPOSURE, FACTOR = BASE["netting_set"][0], BASE["exposure"][0], BASE["risk_factor"][0]
BOND = {"factor_id": "BOND", "class": "IR", "sigma0": 0.02}
IN_EURO = {"entity_id": "FUND", "ccy": "EUR"}


def made(settings: dict[str, object] | None = None, **changes: Change):
    return built(one_set(QUIET | (settings or {}), **changes))


def test_amounts_in_a_currency_are_turned_into_dollars():
    platform = made(
        {"as_of": "2026-11-20"},
        fx_rate=EUR,
        netting_set={"call_ccy": "EUR"},
        cash_balance=[{**IN_EURO, "balance": 100.0, "minimum_operating": 10.0, "cut_off_hour": 16}],
        collateral_holding=[
            {**IN_EURO, "asset_id": "BUND", "market_value": 50.0, "encumbered": 20.0}
        ],
        facility=[
            {**IN_EURO, "facility_id": "SLOW", "commitment": 30.0, "committed": False},
            {**IN_EURO, "facility_id": "FIRM", "commitment": 40.0, "max_draw_per_day": 5.0},
        ],
        cash_ladder=[
            # A Friday is day 0: Monday is day 1. What is only stressed, or margin, is left out.
            {**IN_EURO, "date": "2026-11-23", "hour": 9, "kind": "fee", "amount": -7.0},
            {**IN_EURO, "date": "2026-11-23", "hour": 9, "kind": "coupon", "amount": 2.0},
            {**IN_EURO, "date": "2026-11-24", "hour": 9, "kind": "margin", "amount": -99.0},
            {
                **IN_EURO,
                "date": "2026-11-24",
                "hour": 9,
                "kind": "fee",
                "amount": -99.0,
                "certainty": "stressed",
            },
        ],
    ).platform

    assert platform.accounts.cash == pytest.approx([110.0])
    assert platform.accounts.minimum == pytest.approx([11.0])
    assert platform.accounts.cut_off.tolist() == [17]
    assert platform.collateral.value == pytest.approx([33.0])
    assert platform.facilities.commitment == pytest.approx([44.0, 33.0])
    assert platform.facilities.committed.tolist() == [True, False]
    assert platform.facilities.day_limit == pytest.approx([5.5, np.inf])
    assert platform.ladder[33] == pytest.approx([5.5])
    assert np.abs(platform.ladder).sum() == pytest.approx(5.5)


def test_a_new_model_takes_over_by_its_weight_on_each_business_day():
    flat = [
        {"im_model_id": name, "family": "FLAT", "rate": r}
        for name, r in (("OLD", 0.1), ("NEW", 0.3))
    ]
    step = {"old_model_id": "OLD", "new_model_id": "NEW", "announced": "2026-11-02"}
    platform = made(
        {"as_of": "2026-11-20", "days": 5},
        im_model=flat,
        netting_set={"im_model_id": "OLD"},
        im_model_change=[
            {**step, "effective": "2026-11-24", "weight": 0.25},
            {**step, "effective": "2026-11-26", "weight": 1.0},
        ],
    ).platform

    # Friday is day 0, Tuesday day 2, Thursday day 4.
    assert platform.groups.weight.tolist() == [
        [1.0, 1.0, 0.75, 0.75, 0.0],
        [0.0, 0.0, 0.25, 0.25, 1.0],
    ]
    assert platform.cuts.w.tolist() == [1e8, 3e8]


def test_managers_share_a_set_and_units_are_factors_or_theirs():
    managers = [
        {"manager_id": m, "entity_id": "FUND", "expected_return": r}
        for m, r in (("A", 5.0), ("B", None))
    ]
    rows = [{**EXPOSURE, "manager_id": m, "delta": d} for m, d in (("A", 3e8), ("B", -1e8))]
    held = {"manager": managers, "exposure": rows, "im_model": {"rate": 0.1}}

    whole, apart = made(**held), made({"sale_units": "manager"}, **held)

    assert whole.platform.units.exposure.tolist() == [2e8]
    assert apart.platform.units.exposure.tolist() == [3e8, -1e8]
    assert apart.holdings.names.units == ("FUND/A/INDEX", "FUND/B/INDEX")
    # Margin of the net long, which the short lessens.
    assert whole.platform.cuts.w.tolist() == [2e7]
    assert whole.holdings.cuts.w.tolist() == [3e7, -1e7]
    assert whole.holdings.expected_return[0] == 5.0
    assert np.isnan(whole.holdings.expected_return[1])


def test_add_ons_are_of_the_set_and_the_fund_sees_what_splitting_hides():
    sized = {"im_model_id": "SIZED", "family": "FLAT", "rate": 0.0, "conc_addon_id": "C"}
    addon = [{"addon_id": "C", "kind": "concentration", "kappa": 1.0, "phi": 2.0, "theta": 0.25}]
    two = [{**SET, "ns_id": ns, "im_model_id": "SIZED"} for ns in ("NS1", "NS2")]
    rows = [{**EXPOSURE, "ns_id": ns, "delta": 200.0} for ns in ("NS1", "NS2")]
    factor = {**FACTOR, "adv": 1000.0}

    held = made(netting_set=two, exposure=rows, im_model=[sized], addon=addon, risk_factor=[factor])

    # Each holds 200, below a quarter of 1000; the fund's 400 is above it.
    assert held.platform.addons.concentration.tolist() == [0.0, 0.0]
    seen_whole = 2.33 * 400.0 * 0.01 * (400.0 / 250.0) ** 0.5
    assert held.holdings.hidden == pytest.approx([seen_whole, 0.0])
    with pytest.raises(BookError, match="add-on 'C' needs the adv of every factor"):
        made(netting_set=two, exposure=rows, im_model=[sized], addon=addon)


def test_a_set_that_gains_as_its_counterparty_falls_bears_more_margin():
    bilateral = {"venue": {"kind": "BILATERAL"}, "netting_set": {"counterparty_id": "BANK"}}
    bank = [{"counterparty_id": "BANK", "wrong_way_factor_id": "INDEX"}]

    short = made(**bilateral, counterparty=bank, exposure={"delta": -1e9})
    long = made(**bilateral, counterparty=bank)

    assert short.platform.sets.multiplier.tolist() == [1.1]
    assert long.platform.sets.multiplier.tolist() == [1.0]


def test_a_schedule_is_gross_notional_with_part_of_it_netted():
    position = {"ns_id": "NS1", "manager_id": "M1", "quantity": 1.0}
    rows = [
        {**position, "instrument_id": name, "market_value": value, "notional": 1000.0}
        for name, value in (("A", 30.0), ("B", -10.0))
    ]
    model = [{"im_model_id": "NO_IM", "family": "SCHEDULE", "rate": 0.15}]

    held = made(im_model=model, position=rows)

    # Net to gross replacement cost is 20 / 30.
    assert held.report[0].margin == pytest.approx(0.15 * 2000.0 * (0.4 + 0.6 * 2 / 3))


def history(returns: np.ndarray, hours: bool) -> list[dict[str, object]]:
    days = np.busday_offset("2026-01-01", np.arange(len(returns)), roll="forward").astype(str)
    if not hours:
        return [
            {"factor_id": "INDEX", "date": day, "return": float(r)}
            for day, r in zip(days, returns, strict=True)
        ]
    return [
        {"factor_id": "INDEX", "date": day, "hour": hour, "return": float(r)}
        for day, row in zip(days, returns, strict=True)
        for hour, r in enumerate(row)
    ]


def test_history_by_the_hour_and_by_the_day_is_drawn_from_as_it_stands():
    hourly = np.random.default_rng(2).normal(0.0, 0.002, (40, 24))
    by_hour = made({"generator": "history"}, factor_history=history(hourly, hours=True))
    by_day = made({"generator": "history"}, factor_history=history(hourly.sum(axis=1), hours=False))

    for held in (by_hour, by_day):
        assert held.platform.residuals.shape == (40, 24, 1)
    assert (by_hour.platform.residuals**2).mean() == pytest.approx(1.0)
    # A day's hours add up to the day, in units of its deviation.
    days = by_day.platform.residuals[:, :, 0].sum(axis=1) / 24**0.5
    moved = hourly.sum(axis=1)
    assert np.corrcoef(days, moved)[0, 1] > 0.97
    assert (days**2).mean() == pytest.approx(1.0)


def test_historical_margin_is_the_mean_of_the_worst_days_and_its_tools_stand_beside():
    returns = np.random.default_rng(4).normal(0.0, 0.01, 300)
    model = {"im_model_id": "H", "family": "FHS_ES", "alpha": 0.98, "lambda": 1.0}
    kept = {"factor_history": history(returns, hours=False), "netting_set": {"im_model_id": "H"}}

    plain = made(im_model=[model], **kept).report[0].margin
    floored = made(im_model=[{**model, "apc": "floor10y", "apc_param": 3.0}], **kept)
    stressed = made(im_model=[{**model, "apc": "stress25"}], **kept).report[0].margin

    worst = np.sort(-1e9 * returns)[-6:].mean()
    assert plain == pytest.approx(worst)
    level = 3.0 * np.sqrt((returns**2).mean()) / 0.01
    assert floored.report[0].margin == pytest.approx(worst * level)
    assert floored.platform.groups.anchor[0] < floored.platform.groups.start[1]
    assert plain * 0.75 < stressed < plain * 1.25


def test_a_book_with_other_exposures_learns_anew_what_they_change_and_is_as_by_itself():
    model = {"im_model_id": "H", "family": "FHS_ES", "alpha": 0.98, "lambda": 0.97}
    rows = one_set(
        {"generator": "history"},
        im_model=[model],
        netting_set=[{**SET, "ns_id": name, "im_model_id": "H"} for name in ("NS1", "NS2")],
        exposure=[{**EXPOSURE, "ns_id": "NS1"}, {**EXPOSURE, "ns_id": "NS2"}],
        factor_history=history(np.random.default_rng(4).normal(0.0, 0.01, 300), hours=False),
    )
    held = built(rows)
    twice = rows["exposure"].with_columns(pl.Series("delta", [1e9, 2e9]))
    moved = rows | {"exposure": twice}

    anew, alike = built(moved), built(moved, like=held)

    assert repr(alike.platform) == repr(anew.platform)
    for name in ("w", "w2"):
        assert np.array_equal(getattr(alike.platform.cuts, name), getattr(anew.platform.cuts, name))
    assert len(anew.market.learnt) == 2
    # Of three, the set that stayed was learnt once.
    assert len(held.market.learnt) == 3
    (first, second), (stayed, doubled) = held.report, alike.report
    assert (stayed.margin, doubled.margin) == (first.margin, pytest.approx(2 * second.margin))


def test_without_a_history_a_historical_model_is_the_normal_shortfall(tmp_path: Path):
    model = {"im_model_id": "H", "family": "FHS_ES", "alpha": 0.99, "mpor_days": 4, "lambda": 0.97}
    held = book(tmp_path, QUIET, im_model=[model], netting_set={"im_model_id": "H"})

    # Density at 2.3263 over 1%, times sigma, times the root of four days.
    assert held.report[0].margin == pytest.approx(2.665214 * 1e7 * 2.0, rel=1e-6)
    assert "no history" in held.report[0].note


def test_a_scenario_of_the_table_shocks_its_hour_and_holds_the_rest_from_it_on():
    row = {"scenario_id": "two", "factor_id": "*", "hour": 5}
    rows = [
        {**row, "return_shock": -0.01, "vol_multiplier": 3.0, "haircut_add": 0.1},
        {**row, "hour": 9, "factor_id": "BOND", "vol_multiplier": 2.0, "facility_available": False},
    ]
    held = made(
        risk_factor=[FACTOR, BOND],
        exposure=[EXPOSURE, {**EXPOSURE, "factor_id": "BOND"}],
        scenario=rows,
    )

    found = scenario_of(held, "two")

    assert found.shock[0, 5].tolist() == [-0.01, -0.01]
    assert np.count_nonzero(found.shock) == 2
    assert found.volatility[0, [4, 5, 9, 239]].tolist() == [[1, 1], [3, 3], [3, 2], [3, 2]]
    assert found.haircut[0, [4, 5, 239]].tolist() == [0.0, 0.1, 0.1]
    assert found.lines[0, [8, 9]].tolist() == [1.0, 0.0]
