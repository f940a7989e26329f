"""Options on their last day and after it in the live session: hours turn, what has ended counts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tests.support.live_driver import (
    Firm,
    Row,
    account,
    assert_a_process_takes_over,
    beta,
    cash,
    fill,
    instrument,
    line,
    price,
)
from tests.support.option_books import (
    CALL,
    HELD,
    PUT,
    assert_documents_agree,
    assert_history_agrees,
    everything,
    option,
    rate,
    summary,
    usd,
)
from tests.support.telling import Event, assert_same, cut, decisions, deliver

THURSDAY, FRIDAY = (datetime(2020, 4, day, tzinfo=UTC) for day in (16, 17))
MONDAY, MAY = datetime(2020, 4, 20, tzinfo=UTC), datetime(2020, 5, 1, tzinfo=UTC)
QUOTES = {"X": "100", CALL: "2.5", PUT: "2", "X 201210C100": "14", "SPX": "2750", "T": "99.5"}
QUOTES |= {"SPX 200619P2700 E": "130"}


def at(day: datetime, hours: float) -> datetime:
    return day + timedelta(hours=hours)


def quoted(when: datetime, **usd_of: str) -> list[Row]:
    return [price(name, dear, when) for name, dear in (QUOTES | usd_of).items()]


def volatility(firm: Firm, symbol: str = CALL) -> float | None:
    held = firm.table("positions").filter(pl.col("symbol") == symbol)["implied_volatility"]
    assert held.n_unique() == 1
    return held[0]


def test_hours_turn_on_the_last_day_whether_or_not_anything_happens(tmp_path: Path):
    firm = Firm(tmp_path)
    firm.run(**everything())
    firm.run(prices=quoted(at(THURSDAY, 19)))
    seen = [volatility(firm)]
    # 8:00 in New York, the moment that a document of that day stands for; then half past ten.
    for n, hours in enumerate((12, 14.5)):
        firm.run(cash_movements=[cash(f"m{n}", "AWAY", "1", at(FRIDAY, hours))])
        seen.append(volatility(firm))
        assert {row["status"] for row in firm.table("margin_summary").to_dicts()} == {"determinate"}
        assert_history_agrees(firm)
        assert_a_process_takes_over(firm)
        if hours == 12:
            assert_documents_agree(firm)
    # A day, 8 hours and 6 hours: the same price takes a volatility that grows about as the root.
    assert seen[1] == pytest.approx(seen[0] * 3**0.5, rel=0.1)
    assert seen[2] == pytest.approx(seen[1] * (8 / 6) ** 0.5, rel=0.1)
    firm.run(cash_movements=[cash("m3", "AWAY", "1", at(FRIDAY, 20))])
    assert volatility(firm) is None
    assert "awaiting_settlement" in summary(firm, "COVERED")["reasons"].split(";")
    assert_history_agrees(firm)
    assert_a_process_takes_over(firm)


def story() -> list[Event]:
    """The option book over its last day and the Monday after it, in event order."""
    rows: list[tuple[datetime, str, Row]] = []
    for feed, landed in everything().items():
        rows += [(datetime(2020, 3, 9, 16, tzinfo=UTC), feed, row) for row in landed]
    timed = [
        (at(THURSDAY, 19), "prices", quoted(at(THURSDAY, 19))),
        (at(FRIDAY, 12.3), "cash_movements", [cash("a", "NAKED", "9", at(FRIDAY, 12.3))]),
        (at(FRIDAY, 15), "prices", [price("X", "104", at(FRIDAY, 15))]),
        (at(FRIDAY, 15.4), "prices", [price(CALL, "4.2", at(FRIDAY, 15.4))]),
        (at(FRIDAY, 19.9), "prices", [price("X", "106", at(FRIDAY, 19.9))]),
        (at(FRIDAY, 22), "cash_movements", [cash("b", "AWAY", "9", at(FRIDAY, 22))]),
        (at(MONDAY, 13.6), "prices", [price("X", "125", at(MONDAY, 13.6))]),
    ]
    close = at(MONDAY, 15)
    rows += [(when, feed, row) for when, feed, landed in timed for row in landed]
    away = {"account_id": "PORTFOLIO", "symbol": CALL}
    rows.append((close, "fills", fill("settled", "8", "0", close, **away)))
    return [(when, feed, line(row)) for when, feed, row in rows]


@pytest.fixture(scope="module")
def told() -> list[Event]:
    return story()


@pytest.fixture(scope="module")
def at_once(told: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Firm:
    return deliver(tmp_path_factory.mktemp("once"), [told], landed=MAY)


def test_decisions_of_the_last_day_fall_at_hours_and_at_the_close(at_once: Firm):
    assert at_once.table("quarantine").is_empty()
    assert_history_agrees(at_once)
    # The three calls are delivered from the 300 shares at 105.
    covered = summary(at_once, "COVERED")
    assert covered["long_market_value"] == covered["short_market_value"] == 0
    assert covered["reasons"] == "awaiting_settlement"
    assert decisions(at_once)


def test_how_the_last_day_is_cut_changes_nothing(told: list[Event], at_once: Firm, tmp_path: Path):
    # A process runs two cycles: one on what it loaded, one on its memory.
    parts = deliver(tmp_path, cut(told, 3_600), restart=True, landed=MAY)
    assert_same(parts, at_once)


# Public reports of expirations gone wrong, retold.

SPX_DAY = datetime(2024, 6, 26, tzinfo=UTC)
CONDOR = {"C5050": -10, "C5055": 10, "P4950": -10, "P4945": 10}


def contract(name: str, underlying: str, expiry: str, style: str, when: datetime) -> Row:
    terms = {"underlying": underlying, "strike": Decimal(name[1:]), "expiry": expiry}
    terms |= {"right": "call" if name[0] == "C" else "put", "style": style, "multiplier": 100}
    return instrument(name, when, asset_class="option", **terms)


def test_a_condor_on_its_last_morning_is_not_called(tmp_path: Path):
    # Ten SPX condors, five points wide, sold for 1,600: it can lose 3,400.
    firm, eve = Firm(tmp_path), at(SPX_DAY, -10)
    spx = instrument("SPX", eve, asset_class="broad_index_high_cap", dividend_yield=0.014)
    first = {"C5050": "2", "C5055": "1.2", "P4950": "2.1", "P4945": "1.3", "SPX": "5000"}
    second = {"C5050": "1", "C5055": "0.6", "P4950": "1.05", "P4945": "0.65", "SPX": "5000"}
    options = [contract(name, "SPX", "2024-06-26", "european", eve) for name in CONDOR]
    later = {"account_id": "PM"}
    firm.cycle(
        landed_at(SPX_DAY),
        accounts=[account("PM", "portfolio_margin", eve)],
        instruments=[spx, *options],
        betas=[beta("SPX", "1", "2024-06-01")],
        rates=[rate("0.05", eve)],
        cash_movements=[cash("m", "PM", "200000", eve)],
        fills=[fill(n, str(q), first[n], eve, symbol=n, **later) for n, q in CONDOR.items()],
        prices=[price(n, dear, eve) for n, dear in first.items()],
    )
    firm.cycle(landed_at(SPX_DAY), prices=[price("SPX", "5000", at(SPX_DAY, 13.5014))])
    morning = summary(firm, "PM")
    firm.cycle(landed_at(SPX_DAY), prices=[price(n, d, at(SPX_DAY, 14)) for n, d in second.items()])

    assert firm.table("enforcement_decisions").is_empty()
    assert morning["status"] == summary(firm, "PM")["status"] == "determinate"
    # Worth its strikes' difference at the worst point, and 1,600 or 800 now.
    assert float(morning["governing_requirement"]) == pytest.approx(3_400, abs=5)
    assert usd(firm, "PM", "governing_requirement") == pytest.approx(4_200, abs=5)
    assert_history_agrees(firm)


def landed_at(day: datetime) -> datetime:
    return at(day, 30 * 24)


def spreads(folder: Path) -> Firm:
    """Ten call spreads 105/110 that end on Friday with the stock at 106."""
    firm, start = Firm(folder), datetime(2024, 6, 20, 14, tzinfo=UTC)
    last = datetime(2024, 6, 21, 19, 59, 59, tzinfo=UTC)
    calls = [contract(name, "X", "2024-06-21", "american", start) for name in ("C105", "C110")]
    firm.cycle(
        landed_at(start),
        accounts=[account("A", "reg_t", start)],
        instruments=[instrument("X", start), *calls],
        cash_movements=[cash("m", "A", "10000", start)],
        prices=[
            *(price(name, "0.05", start) for name in ("C105", "C110")),
            *(price(n, d, last) for n, d in {"X": "106", "C105": "1", "C110": "0.01"}.items()),
        ],
        fills=[
            fill("f2", "-10", "0.05", start, symbol="C105"),
            fill("f3", "10", "0.05", start, symbol="C110"),
        ],
    )
    firm.cycle(
        landed_at(start), prices=[price("X", "125", datetime(2024, 6, 24, 13, 31, tzinfo=UTC))]
    )
    return firm


def test_what_expired_is_assigned_until_a_row_settles_it(tmp_path: Path):
    firm = spreads(tmp_path)

    row = summary(firm, "A")
    # Short 1,000 at 105, now 125: 10,000 + 105,000 - 125,000; 30% of 125,000.
    figures = (row["equity"], row["governing_requirement"], row["excess"])
    assert tuple(map(float, figures)) == (-10_000, 37_500, -47_500)
    assert "awaiting_settlement" in row["reasons"].split(";")
    assert row["status"] == "indeterminate"
    state = firm.table("enforcement_state").row(0, named=True)
    assert (state["margin_status"], state["liquidation"]) == ("call", "triggered")
    groups = firm.rows("reg_t_requirements", "symbol", "strategy", "quantity", "market_value")
    assert groups == [("X", "short_stock", -1_000, -125_000)]
    # What is held is what landed: the options, worth nothing.
    held = firm.rows("positions", "symbol", "quantity", "price", "market_value")
    assert held == [("C105", -10, None, 0), ("C110", 10, None, 0)]
    assert_history_agrees(firm)
    assert_a_process_takes_over(firm)

    # The broker's rows: both options closed at 0, the stock sold at the strike.
    when = datetime(2024, 6, 24, 15, tzinfo=UTC)
    firm.cycle(
        landed_at(when),
        fills=[
            fill("s1", "10", "0", when, symbol="C105"),
            fill("s2", "-10", "0", when, symbol="C110"),
            fill("s3", "-1000", "105", when),
        ],
    )
    settled = summary(firm, "A")
    assert firm.table("quarantine").is_empty()
    assert (settled["equity"], settled["governing_requirement"]) == (-10_000, 37_500)
    assert "awaiting_settlement" not in settled["reasons"]
    assert_history_agrees(firm)


# Price 0.


@pytest.mark.parametrize("cycles", [1, 2])
def test_price_0_is_of_options_and_in_what_closes_them(tmp_path: Path, cycles: int):
    firm, known = Firm(tmp_path), everything()
    when, later = at(THURSDAY, 15), at(THURSDAY, 16)
    zero = {
        "prices": [price(CALL, "0", when), price("X", "0", when), price("UNKNOWN", "0", when)],
        "fills": [
            fill("closes", "3", "0", when, symbol=CALL, account_id="COVERED"),
            fill("opens", "1", "0", later, symbol=CALL, account_id="COVERED"),
            fill("too-many", "9", "0", when, symbol=CALL, account_id="PORTFOLIO"),
            fill("wrong-way", "-1", "0", when, symbol=CALL, account_id="PORTFOLIO"),
            fill("stock", "-100", "0", when, account_id="COVERED"),
        ],
    }
    if cycles == 1:
        firm.run(**{feed: known.get(feed, []) + zero.get(feed, []) for feed in {**known, **zero}})
    else:
        firm.run(**known)
        firm.run(**zero)
        firm.run(fills=zero["fills"][:1], cash_movements=[cash("m", "AWAY", "1", later)])

    assert firm.reasons() == ["price_out_of_range"] * 6
    assert firm.position(CALL, "COVERED")[0] == 0
    assert firm.position(CALL, "PORTFOLIO")[0] == HELD["PORTFOLIO"][1][CALL]
    marks = firm.table("positions").filter(pl.col("symbol") == CALL)
    assert set(marks["price"]) == {Decimal(0)}
    assert set(marks["price_state"]) == {"fresh"}
    assert_history_agrees(firm)
    assert_a_process_takes_over(firm)


def test_an_option_on_itself_is_quarantined(tmp_path: Path):
    firm = Firm(tmp_path)
    firm.run(
        instruments=[option(CALL) | {"underlying": CALL}, instrument("X") | {"underlying": "X"}]
    )

    assert firm.reasons() == ["underlying_is_itself"]
