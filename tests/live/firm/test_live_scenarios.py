"""The scripted scenarios, against figures worked out by hand."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.scenarios import scenario, write_batch
from margin_assets.scenarios.seed_ladder import START
from tests.support.live_driver import Firm


def told(name: str, folder: Path) -> tuple[Firm, list[pl.DataFrame]]:
    """The scenario, a cycle a batch; also the summary after each cycle."""
    firm, summaries = Firm(folder), []
    for number, batch in enumerate(scenario(name).batches()):
        write_batch(batch, firm.landing, number)
        firm.session.cycle(LocalLanding(firm.landing))
        summaries.append(firm.table("margin_summary"))
    return firm, summaries


@pytest.fixture(scope="module")
def ladder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Firm, list[pl.DataFrame]]:
    return told("seed-ladder", tmp_path_factory.mktemp("ladder"))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    return told("sample-accounts", tmp_path_factory.mktemp("samples"))[0]


# 500 NVDA, beta 1.8, cash 70,000 - 200,000 = -130,000. Maintenance 25%; a warning below 5% of
# the value; SPY -6% takes 10.8%, SPY -8% takes 14.4%.
DECISIONS = [
    # T+0, at 400: equity 70,000, requirement 50,000; SPY -6% would take 21,600 of 20,000.
    (0, "restriction", "none", "close_only", "stress", "up", 70_000, 50_000, -8_800),
    # T+15, at 368: excess 8,000 is below 5% of 184,000 = 9,200.
    (
        15,
        "margin_status",
        "ok",
        "warning",
        "excess_below_warning_level",
        "up",
        54000,
        46000,
        -18496,
    ),
    # T+25, at 336: equity 38,000, requirement 42,000.
    (25, "margin_status", "warning", "call", "deficiency", "up", 38_000, 42_000, -28_192),
    # T+55: the call is 30 minutes old; a heartbeat at T+56 tells, the deadline counts.
    (55, "restriction", "close_only", "close_only", "overdue_call", "up", 38000, 42000, -28192),
    # T+85, an hour after the call, nothing: 4,000 is not half of 42,000.
    # T+95: 60,000 come in, equity 98,000; SPY -6% takes 18,144 of 56,000.
    (95, "margin_status", "call", "ok", "call_cured", "down", 98_000, 42_000, 31_808),
    (95, "restriction", "close_only", "close_only", "overdue_call", "down", 98000, 42000, 31808),
    # T+110: 15 minutes without stress.
    (110, "restriction", "close_only", "none", "stress", "down", 98_000, 42_000, 31_808),
]


def test_the_ladder_decides_at_the_stated_times_and_figures(
    ladder: tuple[Firm, list[pl.DataFrame]],
):
    decided = ladder[0].table("enforcement_decisions").sort("decided_at", "decision_number")

    found = decided.select(
        (pl.col("decided_at") - START).dt.total_minutes(),
        *("dimension", "from_state", "to_state", "reason", "direction"),
        *("equity", "requirement", "stress_excess"),
    )

    assert found.rows() == DECISIONS
    assert (decided["excess"] == decided["equity"] - decided["requirement"]).all()
    assert set(decided["stress_move"]) == {-0.08}
    assert set(decided["status"]) == {"determinate"}


def test_the_ladder_decides_in_the_cycle_that_passed_the_deadline(
    ladder: tuple[Firm, list[pl.DataFrame]],
):
    cycles = ladder[0].rows("enforcement_decisions", "decided_at", "cycle")

    # Batches: 0 5 10 15 20 25 30 56 90 95 115 minutes.
    minutes = [((when - START) / timedelta(minutes=1), cycle) for when, cycle in cycles]
    assert minutes == [(0, 1), (15, 4), (25, 6), (55, 8), (95, 10), (95, 10), (110, 11)]


def test_the_ladder_walks_down_the_excess_of_the_ledger(ladder: tuple[Firm, list[pl.DataFrame]]):
    excess = [int(summary["excess"].item()) for summary in ladder[1]]

    # 70,000 less what 500 NVDA lost, less 25% of their value, at 400 392 384 368 352 336.
    falling = [20_000, 17_000, 14_000, 8_000, 2_000, -4_000]
    assert excess == [*falling, -4_000, -4_000, -4_000, 56_000, 56_000]


def test_the_call_is_dated_from_its_opening_until_it_is_cured(
    ladder: tuple[Firm, list[pl.DataFrame]],
):
    decided = ladder[0].table("enforcement_decisions")

    opened = decided.filter(pl.col("call_opened_at").is_not_null())

    assert set(opened["call_opened_at"]) == {START + timedelta(minutes=25)}
    assert opened["reason"].to_list() == [
        "deficiency",
        "overdue_call",
        "call_cured",
        "overdue_call",
    ]
    assert ladder[0].rows("enforcement_state", "margin_status", "restriction", "liquidation") == [
        ("ok", "none", "none")
    ]


@pytest.mark.parametrize(
    ("account_id", "figures"),
    [
        # Ledger, section 8: value (long, short), beta-weighted exposure; 25% of long.
        ("CONSERVATIVE", (94_000, 0, 65_600, 23_500)),
        ("MODERATE", (111_500, 0, 117_500, 27_875)),
        ("AGGRESSIVE", (171_000, 0, 304_300, 42_750)),
        ("CONCENTRATED", (200_000, 0, 360_000, 50_000)),
        # 25% of 129,500 = 32,375 and 30% of 91,500 = 27,450.
        ("HEDGED", (129_500, 91_500, 49_550, 59_825)),
    ],
)
def test_the_sample_accounts_come_to_the_published_totals(
    samples: Firm, account_id: str, figures: tuple[int, ...]
):
    row = samples.table("margin_summary").row(
        by_predicate=pl.col("account_id") == account_id, named=True
    )

    columns = ("long_market_value", "short_market_value", "beta_weighted_exposure")
    assert tuple(row[name] for name in (*columns, "reg_t_requirement")) == figures
    assert row["status"] == "determinate"


def test_the_hedged_account_is_cheaper_under_portfolio_margin(samples: Firm):
    row = samples.table("margin_summary").row(
        by_predicate=pl.col("account_id") == "HEDGED", named=True
    )

    # 15% of 221,000: no offset across names.
    assert row["portfolio_margin_requirement"] == 33_150
    assert row["margin_savings"] == 59_825 - 33_150
    # 120,000 came in; 82,000 + 129,500 - 91,500 = 120,000.
    assert row["cash"] == Decimal(82_000)
    assert row["excess"] == 120_000 - 59_825
    assert row["margin_method"] == "portfolio_margin"
    assert samples.table("enforcement_decisions").is_empty()
