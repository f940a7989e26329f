"""Options and bonds in the live session: the same figures by every route, however they land."""

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from tests.support.live_driver import (
    Firm,
    Row,
    account,
    assert_a_process_takes_over,
    at,
    beta,
    cash,
    fill,
    instrument,
    line,
    price,
    text,
)
from tests.support.option_books import (
    CALL,
    HELD,
    INDEX_PUT,
    LEAPS,
    PUT,
    T_BOND,
    assert_documents_agree,
    assert_history_agrees,
    everything,
    known,
    option,
    rate,
    summary,
    usd,
)
from tests.support.telling import Event, assert_same, cut, decisions, deliver


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    """For tests that leave it as it is."""
    made = Firm(tmp_path_factory.mktemp("opened"))
    made.run(**everything())
    return made


@pytest.fixture
def firm(tmp_path: Path) -> Firm:
    made = Firm(tmp_path)
    made.run(**everything())
    return made


# By history.


# By document.


def test_tables_history_and_documents_agree_to_the_cent(opened: Firm):
    assert set(opened.table("margin_summary")["status"]) == {"determinate"}
    assert opened.table("quarantine").is_empty()
    strategies = set(opened.table("reg_t_requirements")["strategy"])
    assert {
        "covered_call",
        "collar",
        "short_strangle",
        "long_bond",
        "protected_short",
    } <= strategies
    assert_history_agrees(opened)
    assert_documents_agree(opened)


def test_an_account_of_seventy_legs_is_grouped_alike_in_tables_and_document(tmp_path: Path):
    """They are too many for the exact search."""
    rows, fills = known(), []
    for n, (strike, right) in enumerate((k, r) for k in range(66, 136, 2) for r in "CP"):
        symbol, inside = f"X 200417{right}{strike}", (100 - strike) * (1 if right == "C" else -1)
        usd, count = str(max(inside, 0) + n % 5 + 1), (n % 7 + 1) * (-1) ** (n * n // 3)
        rows["instruments"].append(option(symbol))
        rows["prices"].append(price(symbol, usd))
        fills.append(fill(symbol, str(count), usd, account_id="LARGE", symbol=symbol))
    firm = Firm(tmp_path)
    firm.run(
        accounts=[account("LARGE", "reg_t")],
        cash_movements=[cash("m", "LARGE", "900000")],
        fills=fills,
        **rows,
    )

    assert "spread" in set(firm.table("reg_t_requirements")["strategy"])
    assert_documents_agree(firm, ["LARGE"])


def test_the_figures_of_a_naked_account_by_hand(opened: Firm):
    # 4,000 and 2 x 250 + 2 x 200 of premiums, less 1,400 of LEAPS and 19,900 of bonds.
    assert usd(opened, "NAKED", "cash") == 4_000 + 900 - 1_400 - 19_900
    # In equity the bonds, and the LEAPS that lend; not the short options.
    assert usd(opened, "NAKED", "reg_t_equity") == -16_400 + 19_900 + 1_400
    strangle = 2 * (250 + 2_000 - 500 + 200)
    # 75% of 1,400; ten years to the day: 5% of 19,900.
    assert usd(opened, "NAKED", "reg_t_requirement") == strangle + 1_050 + 995
    assert usd(opened, "NAKED", "net_liquidation") == 4_000
    row = opened.table("enforcement_state").row(
        by_predicate=pl.col("account_id") == "NAKED", named=True
    )
    assert row["margin_status"] == "call"


def test_a_tick_of_the_underlying_alone_margins_its_options_again(firm: Firm):
    before = {name: summary(firm, name) for name in HELD}

    firm.run(prices=[price("X", "104", at(60))])

    assert_history_agrees(firm)
    assert_documents_agree(firm)
    # NAKED holds no X: its calls are 400 nearer, its puts 400 further. A strangle of 250, 2,080
    # less 100, and 200; a put of 200 and 2,080 less 900; the other call is now better spread
    # against the LEAPS, which then lend nothing.
    assert usd(firm, "NAKED", "reg_t_requirement") == 2_430 + 1_380 + 995
    assert usd(firm, "NAKED", "reg_t_equity") == -16_400 + 19_900
    assert (
        summary(firm, "NAKED")["portfolio_margin_requirement"]
        != (before["NAKED"]["portfolio_margin_requirement"])
    )
    assert {k: v for k, v in summary(firm, "AWAY").items() if k not in ("as_of", "cycle")} == {
        k: v for k, v in before["AWAY"].items() if k not in ("as_of", "cycle")
    }


def test_a_tick_of_the_underlying_alone_calls_the_option_holder(tmp_path: Path):
    firm = Firm(tmp_path)
    firm.run(**(everything() | {"cash_movements": [cash("m", "NAKED", "6200")]}))
    assert ("NAKED", "ok") in firm.rows("enforcement_state", "account_id", "margin_status")

    firm.run(prices=[price("X", "160", at(60))])

    decided = firm.table("enforcement_decisions").filter(
        decided_at=at(60), account_id="NAKED", dimension="margin_status"
    )
    (row,) = decided.to_dicts()
    assert (row["from_state"], row["to_state"]) == ("ok", "call")
    # Strangle of 250, 20% of 16,000 and 200; put of 200 and 10% of 9,500; a call in a spread.
    assert float(row["requirement"]) == 3_650 + 1_150 + 995
    assert float(row["equity"]) == 6_200 - 500


def test_every_input_of_an_option_value_margins_its_holders_again(firm: Firm):
    told: tuple[dict[str, list[Row]], ...] = (
        {"rates": [rate("0.05", at(60))]},
        {"instruments": [instrument("X", at(120), dividend_yield=0.04)]},
        {"prices": [price(CALL, "3.25", at(180))]},
        {"betas": [beta("X", "0.7", "2020-03-02")]},
    )
    before = firm.table("stress_results").drop("as_of", "cycle")
    for number, rows in enumerate(told, 1):
        more = cash(f"more {number}", "AWAY", "1", at(60 * number))
        firm.run(**rows, cash_movements=[more])

        after = firm.table("stress_results").drop("as_of", "cycle")
        assert not before.equals(after), rows
        before = after
        assert_history_agrees(firm)
        assert_documents_agree(firm)


@pytest.mark.parametrize("restart", [False, True])
def test_a_fill_before_its_instrument_row_is_booked_again(tmp_path: Path, restart: bool):
    firm, rows = Firm(tmp_path), everything()
    late = {CALL, "T"}
    first = [row for row in rows["instruments"] if row["symbol"] not in late]
    firm.run(**(rows | {"instruments": first}))

    # A unit for a unit until the contract is known.
    assert firm.position(CALL, "COVERED")[0] == -3
    assert usd(firm, "COVERED", "cash") == 2_000 - 30_000 + 7.5 - 200
    assert summary(firm, "COVERED")["status"] == "indeterminate"
    assert "instrument_missing" in summary(firm, "COVERED")["reasons"]
    if restart:
        firm.restart()
    firm.run(instruments=[option(CALL, at(60)), instrument("T", at(60), **T_BOND)])

    assert usd(firm, "COVERED", "cash") == 2_000 - 30_000 + 750 - 200
    assert usd(firm, "AWAY", "cash") == 150_000 - 30 * 995
    assert summary(firm, "COVERED")["status"] == "determinate"
    values = firm.rows("positions", "account_id", "symbol", "market_value")
    assert ("AWAY", "T", 30 * 995) in values
    assert ("COVERED", CALL, -750) in values
    assert_history_agrees(firm)
    assert_documents_agree(firm)
    assert_a_process_takes_over(firm)


def test_fills_while_the_row_is_missing_are_booked_again_once(tmp_path: Path):
    firm, rows = Firm(tmp_path), everything()
    firm.run(**(rows | {"instruments": [instrument("X")], "fills": []}))
    place = {"account_id": "AWAY", "symbol": CALL}
    for n in range(3):
        firm.run(fills=[fill(f"f{n}", "-1", "2.5", at(n + 1), **place)])
        firm.restart()
    firm.run(fills=[fill("bust", "0", "1", at(10), corrects="f1", **place)])
    firm.restart()
    assert usd(firm, "AWAY", "cash") == 150_000 + 5

    firm.run(instruments=[option(CALL, at(20))])
    assert usd(firm, "AWAY", "cash") == 150_000 + 500
    firm.restart()
    firm.run(instruments=[option(CALL, at(30))], fills=[fill("f4", "1", "3", at(31), **place)])

    assert usd(firm, "AWAY", "cash") == 150_000 + 500 - 300
    assert firm.position(CALL, "AWAY")[0] == -1
    assert_history_agrees(firm)


def test_a_correction_of_an_option_fill_moves_its_contracts_value(firm: Firm):
    place = {"account_id": "AWAY", "symbol": CALL}
    firm.run(fills=[fill("f", "-2", "2.5", at(10), **place)])
    cash_before = usd(firm, "AWAY", "cash")

    firm.run(fills=[fill("c", "-3", "2.4", at(20), corrects="f", **place)])

    assert usd(firm, "AWAY", "cash") == cash_before - 500 + 720
    assert firm.position(CALL, "AWAY")[0] == -3
    assert_history_agrees(firm)


# The turn of the day in New York.


@pytest.mark.parametrize("restart", [False, True])
def test_the_next_day_in_new_york_values_options_again(firm: Firm, restart: bool):
    before = firm.table("positions").drop("as_of", "cycle")
    if restart:
        firm.restart()
    # Half past midnight in New York; the prices are those of the day before.
    firm.run(cash_movements=[cash("night", "AWAY", "1", at(hours=12, minutes=30))])

    after = firm.table("positions").drop("as_of", "cycle")
    options = pl.col("asset_class") == "option"
    volatility = [frame.filter(options)["implied_volatility"] for frame in (before, after)]
    # A day less to expiry at the same price.
    assert (volatility[1] > volatility[0]).all()
    # The bond has less than ten years: 4% of 19,900. The LEAPS have nine months and lend no more,
    # so that they better spread a call: a strangle and a put are left.
    assert usd(firm, "NAKED", "reg_t_requirement") == 1_950 + 1_700 + 796
    assert usd(firm, "NAKED", "reg_t_equity") == -16_400 + 19_900
    assert_history_agrees(firm)
    assert_documents_agree(firm)


def test_midnight_in_greenwich_is_no_turn_of_the_day(firm: Firm):
    before = firm.table("positions").drop("as_of", "cycle")

    firm.run(cash_movements=[cash("evening", "AWAY", "1", at(hours=10))])

    assert before.equals(firm.table("positions").drop("as_of", "cycle"))
    assert_history_agrees(firm)


def test_an_expired_option_makes_its_holder_indeterminate(firm: Firm):
    when = datetime(2020, 4, 20, 15, 0, tzinfo=UTC)
    fresh = [price(name, "100", when) for name in ("X", CALL, PUT, LEAPS, "SPX", INDEX_PUT, "T")]
    firm.run(prices=fresh)

    assert "awaiting_settlement" in summary(firm, "COVERED")["reasons"]
    assert summary(firm, "COVERED")["status"] == "indeterminate"
    assert summary(firm, "AWAY")["status"] == "determinate"
    assert_history_agrees(firm)


# However it is cut.


SYMBOLS = ("X", "SPX", CALL, PUT, LEAPS, INDEX_PUT, "T")
DAYS = (datetime(2020, 3, 9, 19, 50, tzinfo=UTC), datetime(2020, 3, 10, 13, 30, tzinfo=UTC))


def story(seed: int) -> list[Event]:
    """A seeded story of an option book, in event order, over the end of a day and the next."""
    rng, usd = random.Random(seed), {"X": 100.0, "SPX": 2750.0, "T": 99.5}
    rows: list[tuple[datetime, str, Row]] = []
    for feed, landed in everything().items():
        rows += [(DAYS[0], feed, row | _timed(row, DAYS[0])) for row in landed]
    for start in DAYS:
        for n, offset in enumerate(sorted(rng.randrange(4_800) / 4 for _ in range(90))):
            when = start + timedelta(seconds=1 + offset)
            rows.append((when, *_something(rng, usd, when, f"{seed}-{start:%d}-{n}")))
    rows = [
        (when, feed, row)
        for when, feed, row in rows
        # The put's contract becomes known on the second day.
        if not (feed == "instruments" and row["symbol"] == PUT and when.day == 9)
    ]
    rows.append(
        (DAYS[1] + timedelta(minutes=7), "instruments", option(PUT, DAYS[1] + timedelta(minutes=7)))
    )
    events = [(_first_instant(row, when), feed, line(row)) for when, feed, row in rows]
    return sorted(events, key=lambda event: event[0])


def _timed(row: Row, when: datetime) -> Row:
    return {"event_time": text(when)} if "event_time" in row else {}


def _first_instant(row: Row, when: datetime) -> datetime:
    day = row.get("as_of_date")
    return (
        when if day is None else datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
    )


def _something(
    rng: random.Random, usd: dict[str, float], when: datetime, name: str
) -> tuple[str, Row]:
    kind = rng.choices(("tick", "quote", "fill", "rate", "cash", "terms"), (30, 25, 25, 4, 10, 6))[
        0
    ]
    if kind == "tick":
        symbol = rng.choice(("X", "SPX", "T"))
        usd[symbol] *= rng.uniform(0.95, 1.05)
        return "prices", price(symbol, f"{usd[symbol]:.2f}", when)
    if kind == "quote":
        symbol = rng.choice((CALL, PUT, LEAPS, INDEX_PUT))
        return "prices", price(symbol, f"{_quote(rng, usd, symbol):.2f}", when)
    if kind == "fill":
        symbol, who = rng.choice(SYMBOLS), rng.choice(list(HELD))
        dear = usd.get(symbol) or _quote(rng, usd, symbol)
        quantity = str(rng.choice((-3, -1, 1, 2, 4)) * (100 if symbol == "X" else 1))
        return "fills", fill(name, quantity, f"{dear:.2f}", when, account_id=who, symbol=symbol)
    if kind == "rate":
        return "rates", rate(f"{rng.uniform(0, 0.03):.4f}", when)
    if kind == "cash":
        amount = rng.choice(("500", "4000", "20000"))
        return "cash_movements", cash(name, rng.choice(list(HELD)), amount, when)
    return "instruments", instrument("X", when, dividend_yield=round(rng.uniform(0, 0.03), 3))


def _quote(rng: random.Random, usd: dict[str, float], symbol: str) -> float:
    row = option(symbol)
    gap = usd[row["underlying"]] - float(row["strike"])
    inside = max(gap if row["right"] == "call" else -gap, 0.0)
    return inside + usd[row["underlying"]] * rng.uniform(0.01, 0.06)


@pytest.fixture(scope="module")
def told() -> list[Event]:
    return story(1)


@pytest.fixture(scope="module")
def told_at_once(told: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Firm:
    return deliver(tmp_path_factory.mktemp("once"), [told])


def test_the_story_of_an_option_book_is_decided_and_adds_up(told_at_once: Firm):
    reasons = set(told_at_once.table("enforcement_decisions")["reason"])

    assert told_at_once.table("quarantine").is_empty()
    assert len(decisions(told_at_once)) >= 8
    assert {"deficiency", "stress"} <= reasons
    assert_history_agrees(told_at_once)


@pytest.mark.parametrize(
    ("seconds", "singly", "restart"),
    [
        pytest.param(10**7, True, False, id="a row a file"),
        pytest.param(300, True, True, id="a row a file, short cycles and many processes"),
    ],
)
def test_an_option_book_is_decided_alike_however_it_lands(
    told_at_once: Firm,
    told: list[Event],
    tmp_path: Path,
    seconds: int,
    singly: bool,
    restart: bool,
):
    firm = deliver(tmp_path, cut(told, seconds), singly=singly, restart=restart)

    assert_same(told_at_once, firm)
    assert_a_process_takes_over(firm)
