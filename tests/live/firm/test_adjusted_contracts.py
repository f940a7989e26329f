"""Adjusted contracts in the live session: from their day on, by every route, through a restart."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from margin_assets.cli.account.story import story
from margin_assets.desk.account_document import account_document
from margin_assets.lake.ledger.moment import sealed_moment
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.live.past.replay import replay
from margin_assets.whatif import answer
from tests.support.live_driver import Firm, Row, at, price, text
from tests.support.option_books import CALL, HELD, PUT, assert_history_agrees, everything, usd

TUESDAY = at(days=1)


def adjustment(symbol: str, deliverable: str, day: str = "2020-03-10") -> Row:
    return {"symbol": symbol, "effective_on": day, "deliverable": deliverable}


ADJUSTED = [adjustment(CALL, "12 X + 9240.00 cash"), adjustment(PUT, "50 X + 5 T")]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[pl.DataFrame, Firm]:
    """Groups on the day of the announcement, and the firm on the day after."""
    made = Firm(tmp_path_factory.mktemp("adjusted"))
    made.run(**everything(), option_adjustments=ADJUSTED)
    before = made.table("reg_t_requirements")
    made.restart()
    made.run(prices=[price("X", "100", TUESDAY)])
    return before, made


@pytest.fixture
def firm(both: tuple[pl.DataFrame, Firm]) -> Firm:
    """For tests that leave it as it is."""
    return both[1]


def strategies(rows: pl.DataFrame, account: str) -> set[str]:
    return set(rows.filter(pl.col("account_id") == account)["strategy"])


def test_an_adjustment_counts_from_its_day_on(both: tuple[pl.DataFrame, Firm]) -> None:
    before, firm = both
    assert "short_strangle" in strategies(before, "NAKED")
    after = strategies(firm.table("reg_t_requirements"), "NAKED")
    assert {"naked_call", "naked_put"} <= after
    reasons = firm.table("margin_summary").filter(pl.col("account_id") == "NAKED")["reasons"]
    assert "deliverable_unmodelled" in reasons.item().split(";")


def test_tables_keep_the_listed_terms_and_the_value(firm: Firm) -> None:
    row = firm.table("positions").row(
        by_predicate=(pl.col("account_id") == "COVERED") & (pl.col("symbol") == CALL), named=True
    )
    assert (row["strike"], row["multiplier"], row["market_value"]) == (105, 100, -750)


def test_live_history_and_replay_agree(firm: Firm) -> None:
    assert_history_agrees(firm)
    report = replay(firm.lake)
    assert (report.cycles, report.difference) == (2, None)


def test_the_document_of_an_account_has_its_deliverables(firm: Firm) -> None:
    sealed = firm.session.ledger.last_sealed()
    tables = SealedTables(firm.lake, sealed)
    for name in HELD:
        found = answer(account_document(tables, name))
        kind = "portfolio_margin" if HELD[name][0] == "portfolio_margin" else "reg_t"
        part = "requirement" if kind == "portfolio_margin" else "maintenance_requirement"
        if HELD[name][0] != "cash":
            assert found[kind][part] == float(usd(firm, name, f"{kind}_requirement"))


def test_explain_tells_the_adjustment_and_when_trades_settle(firm: Firm) -> None:
    told = story(sealed_moment(firm.lake, firm.session.ledger.last_sealed()), "PAID")

    # Monday's trades, T+2.
    assert {row["settles_on"] for row in told["fills"]} == {date(2020, 3, 11)}
    assert not told["cash_account"]["free_riding"]
    assert told["cash_account"]["free_rides"] == []
    (call,) = [row for row in told["marks"] if row["symbol"] == CALL]
    assert call["adjustment"]["deliverable"] == "12 X + 9240.00 cash"
    assert call["adjustment"]["path"].startswith("option_adjustments/")


def test_what_lands_late_counts_from_the_next_point(firm: Firm, tmp_path: Path) -> None:
    late = firm.copied(tmp_path)
    late.run(
        option_adjustments=[adjustment(PUT, "100 X")],
        prices=[price("X", "100", TUESDAY + timedelta(seconds=5))],
    )
    assert "deliverable_unmodelled" not in "".join(late.table("margin_summary")["reasons"])
    assert text(TUESDAY) < text(late.session.ledger.last_sealed().as_of)


@pytest.mark.parametrize(
    ("deliverable", "reason"),
    [("-12 X", "deliverable_malformed"), ("12", "deliverable_malformed")],
)
def test_what_says_no_deliverable_is_quarantined(
    deliverable: str, reason: str, tmp_path: Path
) -> None:
    firm = Firm(tmp_path)
    firm.run(option_adjustments=[adjustment(CALL, deliverable)])
    assert firm.table("quarantine")["reasons"].to_list() == [reason]
