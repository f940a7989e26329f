"""Options that end, in the live day: reported in time, late, wrongly, or by nobody."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from margin_assets.cli.account.story import story
from margin_assets.desk.account_document import account_document
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.rules.rules import rules_in_force
from margin_assets.lake.ledger.moment import sealed_moment
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.live.checking.sealed_firm import sealed_firm
from margin_assets.live.past.replay import replay
from margin_assets.whatif import answer
from margin_assets.whatif.orders import parse_orders
from tests.support.live_driver import (
    Firm,
    account,
    assert_a_process_takes_over,
    cash,
    fill,
    instrument,
    price,
)
from tests.support.option_books import assert_history_agrees, option, summary
from tests.support.settlements import (
    BEFORE,
    C105,
    C110,
    EXPIRY,
    INDEX_CALL,
    LANDED,
    MONDAY,
    MORNING_CALL,
    RULED,
    opened,
    report,
    spread,
    ticked,
)

FIGURES = ("equity", "governing_requirement", "excess")
CHANGES = ("exercise_id", "outcome", "settled_by_rule", "contracts", "shares", "cash")
EVENING = EXPIRY + timedelta(hours=21.5)
NOON, AFTERNOON = MONDAY + timedelta(hours=16), MONDAY + timedelta(hours=17)


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    return opened(tmp_path_factory.mktemp("waiting"))


@pytest.fixture(scope="module")
def ruled(waiting: Firm, tmp_path_factory: pytest.TempPathFactory) -> Firm:
    firm = waiting.copied(tmp_path_factory.mktemp("ruled"))
    ticked(firm, NOON)
    return firm


def figures(firm: Firm) -> tuple[Decimal, ...]:
    return tuple(summary(firm, "A")[name] for name in FIGURES)


def held(firm: Firm) -> dict[str, Decimal]:
    return dict(firm.rows("positions", "symbol", "quantity"))


def test_until_somebody_settles_it_the_worse_outcome_counts(waiting: Firm):
    # Ten calls assigned: 10,000 + 105,000 - 125,000, and 30% of the short stock.
    assert figures(waiting) == (-10_000, 37_500, -47_500)
    assert "awaiting_settlement" in summary(waiting, "A")["reasons"].split(";")
    assert waiting.table("settlements").is_empty()


def test_what_nobody_reported_is_settled_by_the_close_of_the_last_day(ruled: Firm):
    assert ruled.rows("settlements", "symbol", *CHANGES, "settled_at", "settlement_value") == [
        (C105, None, "assigned", True, 10, -1000, 105_000, RULED, 106),
        (C110, None, "expired", True, -10, 0, 0, RULED, 106),
    ]
    assert held(ruled) == {"X": -1000}
    assert figures(ruled) == (-10_000, 37_500, -47_500)
    assert summary(ruled, "A")["status"] == "determinate"
    assert_history_agrees(ruled)
    assert_a_process_takes_over(ruled)


def test_what_left_the_money_since_its_last_day_waits_at_the_worse_outcome(
    waiting: Firm, tmp_path: Path
):
    firm = waiting.copied(tmp_path)
    ticked(firm, MONDAY + timedelta(hours=14), "104")

    # At 106 on Friday: assigned it leaves 10,000 + 105,000 - 104,000 and 30% of the stock.
    assert figures(firm) == (11_000, 31_200, -20_200)
    assert_history_agrees(firm)
    assert beside_the_tables(firm) == {-20_200}
    assert_a_process_takes_over(firm)

    # The last price of Friday lands: it was out of the money, and is.
    firm.cycle(LANDED, prices=[price("X", "104.5", EXPIRY + timedelta(hours=19.995))])
    assert figures(firm) == (10_000, 0, 10_000)
    assert beside_the_tables(firm) == {10_000}
    assert beside_the_tables(firm) == {10_000}
    assert_a_process_takes_over(firm)
    ticked(firm, NOON, "104")
    assert held(firm) == {}
    assert replay(firm.lake).difference is None


def beside_the_tables(firm: Firm) -> set[float]:
    """Excess as a document, a plan and an order's check are struck on."""
    sealed = firm.session.ledger.last_sealed()
    assert sealed is not None
    tables = SealedTables(firm.lake, sealed)
    frames = tables.delivered_positions(), tables("account_state")
    planned = Margined(*frames, rules_in_force(MONDAY.date())).governed.figures
    checked = sealed_firm(firm.lake, sealed).check("A", parse_orders(["BUY 1 X @ 104"]))
    return {
        answer(account_document(tables, "A"))["house"]["excess"],
        float(planned.equity[0] - planned.governing[0]) / 100,
        checked["excess"]["before"],
    }


REPORTED = (
    report("a", "7", "assignment", EVENING),
    report("e", "3", "expiry", EVENING),
    report("l", "10", "expiry", EVENING, symbol=C110),
)


def in_time(firm: Firm) -> None:
    firm.cycle(LANDED, exercises=REPORTED)


def after_the_rule(firm: Firm) -> None:
    ticked(firm, NOON)
    firm.cycle(LANDED, exercises=REPORTED)


def corrected(firm: Firm) -> None:
    firm.cycle(LANDED, exercises=[report("a", "10", "assignment", EVENING)])
    ticked(firm, NOON)
    fewer = report("a2", "7", "assignment", NOON, corrects="a")
    firm.cycle(LANDED, exercises=[fewer, report("e", "3", "expiry", NOON)])
    firm.cycle(LANDED, exercises=[report("l", "10", "expiry", NOON, symbol=C110)])


def closed_by_hand(firm: Firm) -> None:
    ticked(firm, NOON)
    closes = [fill("c", "10", "0", NOON, symbol=C105), fill("d", "-10", "0", NOON, symbol=C110)]
    firm.cycle(LANDED, fills=[*closes, fill("x", "-700", "105", NOON)])


@pytest.mark.parametrize("tell", [in_time, after_the_rule, corrected, closed_by_hand])
def test_however_it_is_told_it_comes_to_what_was_reported(
    waiting: Firm, tmp_path: Path, tell: Callable[[Firm], None]
):
    firm = waiting.copied(tmp_path)
    tell(firm)
    ticked(firm, AFTERNOON)

    assert firm.reasons() == []
    assert held(firm) == {"X": -700}
    # 10,000 + 73,500 - 87,500, and 30% of 87,500.
    assert figures(firm) == (-4_000, 26_250, -30_250)
    by_rule = firm.table("settlements").filter("settled_by_rule")
    assert by_rule["contracts"].sum() + by_rule["shares"].sum() == 0
    assert_history_agrees(firm)
    assert_a_process_takes_over(firm)


def test_a_fill_that_lands_late_changes_what_the_rule_settled(ruled: Firm, tmp_path: Path):
    firm = ruled.copied(tmp_path)
    late = fill("more", "-2", "0.05", BEFORE + timedelta(hours=1), symbol=C105)
    firm.cycle(LANDED, fills=[late])

    assert held(firm) == {"X": -1200}
    rows = firm.table("settlements").filter(pl.col("symbol") == C105)
    assert rows.select("contracts", "shares", "cash").sum().row(0) == (12, -1200, 126_000)
    assert_history_agrees(firm)


def test_what_contradicts_itself_is_refused_by_name(ruled: Firm, tmp_path: Path):
    firm = ruled.copied(tmp_path)
    firm.cycle(LANDED, instruments=[option("X 240628C105", AFTERNOON, style="european")])
    firm.cycle(
        LANDED,
        exercises=[
            report("more", "11", "assignment", AFTERNOON),
            report("side", "1", "exercise", AFTERNOON),
            report("two", "6", "assignment", AFTERNOON),
            report("and", "5", "assignment", AFTERNOON + timedelta(seconds=1)),
            report("none", "1", "expiry", AFTERNOON, symbol="X 240621C999"),
            report("stock", "1", "expiry", AFTERNOON, symbol="X"),
            report("early", "1", "expiry", EXPIRY, symbol=C110),
            report("europe", "1", "exercise", AFTERNOON, symbol="X 240628C105"),
            report("what", "1", "assignment", AFTERNOON, corrects="nobody"),
            report("zero", "0", "assignment", AFTERNOON),
        ],
    )

    assert firm.reasons() == [
        "before_last_day",
        "before_last_day",
        "corrects_no_report",
        "more_than_held",
        "more_than_held",
        "more_than_held",
        "not_an_option",
        "not_an_option",
        "quantity_zero_corrects_nothing",
    ]
    assert "refused_rows" in summary(firm, "A")["reasons"].split(";")
    # One report was right: six of the ten that the rule had settled.
    assert held(firm) == {"X": -1000}
    assert firm.table("settlements").filter("settled_by_rule", symbol=C105)["contracts"].sum() == 4
    firm.check_nothing_lost()


def test_a_report_before_the_row_that_lists_its_option_lands_again(tmp_path: Path):
    firm, told = Firm(tmp_path), spread()
    stock, *options = told["instruments"]
    assigned = report("a", "10", "assignment", EVENING)
    firm.cycle(LANDED, **(told | {"instruments": [stock]}), exercises=[assigned])

    assert firm.reasons() == ["not_an_option"]
    assert "refused_rows" in summary(firm, "A")["reasons"].split(";")
    assert held(firm) == {C105: -10, C110: 10}

    rows = [assigned, report("l", "10", "expiry", EVENING, symbol=C110)]
    firm.cycle(LANDED, instruments=options, exercises=rows)
    assert held(firm) == {"X": -1000}
    # 10,000 + 105,000 - 106,000, and 30% of the short stock.
    assert figures(firm) == (9_000, 31_800, -22_800)
    firm.check_nothing_lost()


def test_without_a_close_it_waits_until_one_lands(tmp_path: Path):
    firm = Firm(tmp_path)
    told = spread()
    told["prices"] = told["prices"][:-1]
    firm.cycle(LANDED, **told)
    ticked(firm, NOON)
    assert firm.table("settlements").is_empty()
    assert "awaiting_settlement" in summary(firm, "A")["reasons"].split(";")

    firm.restart()
    firm.cycle(LANDED, prices=[price("X", "106", EXPIRY + timedelta(hours=19.9))])

    assert held(firm) == {"X": -1000}
    assert summary(firm, "A")["status"] == "determinate"


def test_an_index_pays_cash_by_the_value_of_its_hour(tmp_path: Path):
    firm = Firm(tmp_path)
    spx = instrument("SPX", BEFORE, asset_class="broad_index_high_cap")
    firm.cycle(
        LANDED,
        accounts=[account("A", when=BEFORE)],
        cash_movements=[cash("m", "A", "500000", BEFORE)],
        instruments=[
            instrument("X", BEFORE),
            spx,
            option(INDEX_CALL, BEFORE),
            option(MORNING_CALL, BEFORE),
        ],
        prices=[price("SPX", "5390", BEFORE - timedelta(minutes=10)), price("X", "100", BEFORE)],
        fills=[
            fill("x", "1", "100", BEFORE),
            fill("e", "-1", "10", BEFORE, symbol=INDEX_CALL),
            fill("o", "-2", "10", BEFORE, symbol=MORNING_CALL),
        ],
    )
    close, opening = BEFORE.replace(hour=19, minute=59), EXPIRY + timedelta(hours=13.51)
    usd = [("5412.35", close), ("5420.10", opening), ("5500", EXPIRY + timedelta(hours=19))]
    firm.cycle(LANDED, prices=[price("SPX", value, when) for value, when in usd])

    rows = firm.rows("settlements", "symbol", "contracts", "price", "shares", "cash")
    # 100 x 12.35 at the close of the 20th, 200 x 20.10 at the opening of the 21st.
    assert rows == [
        (INDEX_CALL, 1, Decimal("12.35"), 0, -1235),
        (MORNING_CALL, 2, Decimal("20.10"), 0, -4020),
    ]
    assert firm.position(INDEX_CALL)[1] == 500_000 - 100 + 3_000 - 1_235 - 4_020
    assert_history_agrees(firm)

    # The official value is another: the report states it.
    row = report("v", "2", "assignment", MONDAY, symbol=MORNING_CALL, value="5421.55")
    firm.cycle(LANDED, exercises=[row])
    assert firm.position(INDEX_CALL)[1] == 500_000 - 100 + 3_000 - 1_235 - 4_310
    assert_history_agrees(firm)


def test_an_assignment_before_the_last_day_makes_stock_without_a_call_of_regulation_t(
    tmp_path: Path,
):
    firm = Firm(tmp_path)
    told = spread() | {"fills": [fill("put", "-10", "6", BEFORE, symbol="X 240621P105")]}
    told["instruments"] = [instrument("X", BEFORE), option("X 240621P105", BEFORE)]
    told["cash_movements"] = [cash("m", "A", "40000", BEFORE)]
    told["prices"] = [price("X", "100", BEFORE), price("X 240621P105", "6", BEFORE)]
    firm.cycle(LANDED, **told)
    early = BEFORE + timedelta(hours=2)
    row = report("a", "10", "assignment", early, symbol="X 240621P105")
    firm.cycle(LANDED, exercises=[row], prices=[price("X", "100", early)])

    # 40,000 + 6,000 - 105,000, and 1,000 shares of 100.
    assert held(firm) == {"X": 1000}
    assert figures(firm) == (41_000, 25_000, 16_000)
    assert firm.table("reg_t_calls").is_empty()
    assert_history_agrees(firm)


def test_intraday_margin_measures_an_exercise_and_no_assignment(tmp_path: Path):
    found = {}
    for who, quantity, kind in (("LONG", "10", "exercise"), ("SHORT", "-10", "assignment")):
        firm = Firm(tmp_path / who)
        # 17 June 2026, under the rule of intraday margin.
        now, landed = BEFORE + timedelta(days=727), BEFORE + timedelta(days=800)
        name = "X 260821C105" if quantity == "10" else "X 260821P105"
        firm.cycle(
            landed,
            accounts=[account("A", when=now - timedelta(minutes=5))],
            cash_movements=[cash("m", "A", "24000", now - timedelta(minutes=5))],
            instruments=[instrument("X", now), option(name, now)],
            prices=[price("X", "105", now), price(name, "1", now)],
            fills=[fill("f", quantity, "1", now, symbol=name)],
        )
        row = report("r", "10", kind, now + timedelta(days=1), symbol=name)
        firm.cycle(landed, exercises=[row])
        assert firm.position("X")[0] == 1000
        found[who] = firm.table("intraday_deficits").height
    # 25% of 105,000 is more than either has.
    assert found == {"LONG": 1, "SHORT": 0}


def test_the_story_of_an_account_tells_the_line_of_the_report(ruled: Firm, tmp_path: Path):
    firm = ruled.copied(tmp_path)
    firm.cycle(LANDED, exercises=[report("a", "10", "assignment", AFTERNOON)])
    sealed = firm.session.ledger.last_sealed()
    assert sealed is not None

    told = story(sealed_moment(firm.lake, sealed), "A")

    by_report = [row for row in told["settlements"] if not row["settled_by_rule"]]
    assert [(row["outcome"], row["landed"]["file_row"]) for row in by_report] == [("assigned", 1)]
    assert by_report[0]["landed"]["path"].startswith("exercises/")
    lines = [row["text"] for row in told["timeline"] if row["kind"] == "settlement"]
    assert "10 X 240621C105 assigned, -1,000 X, settled by rule" in lines
