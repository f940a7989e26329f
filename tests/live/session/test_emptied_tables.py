"""A table of the state that was emptied, or lacks one account, breaks a rule between tables."""

from datetime import UTC, datetime

import polars as pl
import pytest

from margin_assets.checks.consistency import RULES
from tests.support.live_driver import Firm, account, beta, cash, fill, instrument, price

NEXT_DAY = datetime(2020, 3, 10, 16, 0, tzinfo=UTC)
HELD = {"CALLED": "reg_t", "SHORT": "reg_t", "PAID": "cash", "SCANNED": "portfolio_margin"}
STATE = (
    "positions",
    "account_state",
    "enforcement_state",
    "special_memorandum_accounts",
    "reg_t_calls",
    "reg_t_requirements",
    "tims_requirements",
    "stress_results",
    "margin_summary",
)
OF_THE_FIRM = ("firm_risk", "credit_exposures")
"""Rows a cycle, of no account."""
Frames = dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    """Every kind of account, one with a Regulation T call, one that holds nothing."""
    firm = Firm(tmp_path_factory.mktemp("firm"))
    firm.run(
        accounts=[account(name, kind) for name, kind in (HELD | {"IDLE": "reg_t"}).items()],
        instruments=[instrument("X"), instrument("Y")],
        betas=[beta(name, "1", "2020-01-02") for name in "XY"],
        cash_movements=[
            *(cash(f"m-{name}", name, "200000") for name in HELD if name != "CALLED"),
            cash("m", "CALLED", "4000"),
        ],
        prices=[price("X", "100"), price("Y", "50")],
        fills=[
            fill("f1", "100", "100", account_id="CALLED"),
            fill("f2", "-100", "100", account_id="SHORT"),
            fill("f3", "10", "50", account_id="SHORT", symbol="Y"),
            fill("f4", "100", "100", account_id="PAID"),
            fill("f5", "100", "100", account_id="SCANNED"),
        ],
    )
    firm.run(prices=[price(name, usd, NEXT_DAY) for name, usd in (("X", "101"), ("Y", "51"))])
    # Whatever any rule reads, so that a new one needs nothing here.
    read = {name for rule in RULES for name in rule.inputs}
    found = {name: firm.table(name) for name in sorted(read.union(STATE, OF_THE_FIRM))}
    last = pl.col("cycle") == pl.col("cycle").max()
    return found | {name: found[name].filter(last) for name in OF_THE_FIRM}


def broken(frames: Frames) -> set[str]:
    return {rule.name for rule in RULES if not rule.result(frames).passed}


def test_a_sound_lake_breaks_no_rule(frames: Frames):
    assert all(not frames[name].is_empty() for name in STATE)
    assert broken(frames) == set()


def test_a_lake_without_accounts_breaks_no_rule(frames: Frames):
    assert broken({name: frame.clear() for name, frame in frames.items()}) == set()


@pytest.mark.parametrize("name", STATE)
def test_an_emptied_table_is_seen(frames: Frames, name: str):
    assert broken(frames | {name: frames[name].clear()})


@pytest.mark.parametrize("name", STATE)
def test_an_account_that_is_gone_from_a_table_is_named(frames: Frames, name: str):
    gone = frames[name]["account_id"][-1]
    spoiled = frames | {name: frames[name].filter(pl.col("account_id") != gone)}

    of_accounts = [rule for rule in RULES if not set(rule.inputs) & set(OF_THE_FIRM)]
    found = [rule.kernel(*(spoiled[n] for n in rule.inputs)) for rule in of_accounts]

    named = [rows.select("account_id") for rows in found if "account_id" in rows.columns]
    assert set(pl.concat(named)["account_id"]) == {gone}


@pytest.mark.parametrize(
    ("spoiled", "rule"),
    [
        pytest.param({"market_value": pl.col("market_value") + 1}, "positions_add_up", id="value"),
        pytest.param({"class_group": pl.lit("Z")}, "every_class_group_has_positions", id="group"),
        pytest.param({"asset_class": pl.lit("option")}, "positions_add_up", id="stock as option"),
    ],
)
def test_positions_that_are_not_those_of_the_summary_are_seen(
    frames: Frames, spoiled: dict[str, pl.Expr], rule: str
):
    positions = frames["positions"].with_columns(**spoiled)

    assert broken(frames | {"positions": positions}) == {rule}


def test_charges_that_the_summary_does_not_have_are_seen(frames: Frames):
    charged = frames["margin_summary"].with_columns(house_addons=pl.lit(1, pl.Decimal(38, 2)))

    assert broken(frames | {"margin_summary": charged}) == {"house_charges_add_up"}


def test_positions_beyond_the_exact_range_are_not_compared(frames: Frames):
    positions = frames["positions"].with_columns(market_value=pl.col("market_value") + 1)
    summary = frames["margin_summary"].with_columns(reasons=pl.lit("beyond_range;beta_missing"))

    assert broken(frames | {"positions": positions, "margin_summary": summary}) == set()
