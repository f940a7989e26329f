"""Corporate actions in the live day: what acts when, on whom, and what it leaves as it was."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from margin_assets.assets.resources import LakeResource
from margin_assets.calendar import calendar
from margin_assets.checks.arrivals import actions_name_known_symbols
from margin_assets.cli.account.story import story
from margin_assets.desk.account_document import account_document
from margin_assets.kernels.history.accrued import with_accrued
from margin_assets.kernels.history.history import account_state_at, positions_at
from margin_assets.kernels.margin.margined import margined
from margin_assets.kernels.margin.requirements import margin_summary
from margin_assets.lake.ledger.moment import sealed_moment
from margin_assets.live.past.replay import replay
from margin_assets.monitoring.unknown_actions import unknown_actions
from margin_assets.whatif.answer import answer
from tests.support.live_driver import (
    Firm,
    Row,
    account,
    assert_a_process_takes_over,
    cash,
    everything_landed,
    fill,
    instrument,
    line,
    price,
    text,
)
from tests.support.telling import Event, assert_same, cut, deliver

FRIDAY = datetime(2014, 6, 6, 19, 0, tzinfo=UTC)
OPENING = datetime(2014, 6, 9, 13, 30, tzinfo=UTC)
MONDAY = datetime(2014, 6, 9, 14, 0, tzinfo=UTC)


def action(action_id: str, kind: str, day: str, *, when: datetime = FRIDAY, **terms: object) -> Row:
    row: Row = {"action_id": action_id, "symbol": "X", "kind": kind, "effective_on": day}
    numbers = ("new_units", "per_units", "cash_amount", "fraction_price", "to_price")
    told = {name: Decimal(str(t)) if name in numbers else t for name, t in terms.items()}
    return row | told | {"event_time": text(when)}


def split(units: str, per: str = "1", **more: object) -> Row:
    terms = {"new_units": units, "per_units": per} | more
    return action(str(terms.pop("action_id", "S")), "split", "2014-06-09", **terms)


def begun(folder: Path, *fills: Row, usd: str = "645.57") -> Firm:
    """A firm on the Friday: account A with a million, and its fills."""
    firm = Firm(folder)
    firm.run(
        accounts=[account("A", when=FRIDAY)],
        instruments=[instrument("X", FRIDAY)],
        cash_movements=[cash("M", "A", "1000000", FRIDAY)],
        prices=[price("X", usd, FRIDAY)],
        fills=list(fills),
    )
    return firm


def monday(firm: Firm, minutes: float = 0, **feeds: list[Row]) -> None:
    """Lets Monday come, by a word about another symbol, with other rows."""
    when = MONDAY + timedelta(minutes=minutes)
    firm.run(**({"prices": [price("OTHER", "1", when)]} | feeds))


BOUGHT = fill("F", "100", "600", FRIDAY)
SHORTED = fill("F", "-100", "600", FRIDAY)


@pytest.mark.parametrize(("bought", "sign"), [(BOUGHT, 1), (SHORTED, -1)])
def test_a_split_is_worth_what_it_was(tmp_path: Path, bought: Row, sign: int):
    firm = begun(tmp_path, bought)
    (before,) = firm.rows("margin_summary", "equity", "regulatory_requirement")

    monday(firm, corporate_actions=[split("7")])

    assert firm.position() == (700 * sign, Decimal(1_000_000 - 60_000 * sign))
    row = firm.rows("positions", "last_price", "last_fill_price")[0]
    assert row == (Decimal("92.224286"), Decimal("85.714286"))
    assert firm.rows("margin_summary", "equity", "regulatory_requirement") == [before]
    assert firm.table("enforcement_decisions").is_empty()
    assert_a_process_takes_over(firm)


def test_a_split_acts_at_the_opening_whether_or_not_anything_lands_then(tmp_path: Path):
    firm = begun(tmp_path, BOUGHT)
    firm.run(corporate_actions=[split("7")])
    assert firm.position()[0] == 100
    firm.restart()

    firm.run(prices=[price("X", "645", OPENING - timedelta(seconds=1))])
    assert firm.position()[0] == 100
    firm.restart()
    firm.run(prices=[price("X", "92.7", OPENING)])

    assert firm.position()[0] == 700
    assert firm.rows("positions", "last_price") == [(Decimal("92.7"),)]
    assert_a_process_takes_over(firm)


LATER = fill("L", "50", "93", MONDAY + timedelta(minutes=5))
BEFORE = fill("E", "-30", "640", FRIDAY + timedelta(minutes=5))


def in_time(folder: Path) -> Firm:
    firm = begun(folder, BOUGHT)
    firm.run(fills=[BEFORE], corporate_actions=[split("7")])
    monday(firm, 10, fills=[LATER])
    return firm


def action_late(folder: Path) -> Firm:
    firm = begun(folder, BOUGHT)
    firm.run(fills=[BEFORE])
    monday(firm, 10, fills=[LATER])
    firm.run(corporate_actions=[split("7")])
    return firm


def fill_late(folder: Path) -> Firm:
    firm = begun(folder, BOUGHT)
    firm.run(corporate_actions=[split("7")])
    monday(firm, 10, fills=[LATER])
    firm.run(fills=[BEFORE])
    return firm


@pytest.mark.parametrize("told", [action_late, fill_late])
def test_what_lands_late_ends_as_in_time(told: Callable[[Path], Firm], tmp_path: Path):
    firm, other = in_time(tmp_path / "in"), told(tmp_path / "late")

    assert firm.position() == (540, Decimal("954550"))
    assert other.position() == firm.position()
    columns = ("symbol", "quantity", "last_price", "last_fill_price")
    assert other.rows("positions", *columns) == firm.rows("positions", *columns)
    assert_a_process_takes_over(other)


def daily_equity(firm: Firm, when: datetime) -> Decimal:
    """Equity of the first account by date as of an instant, dividends among it."""
    landed, booked = everything_landed(firm)
    micros = round(when.timestamp() * 1e6)
    close = pl.DataFrame({"business_date": [when.date()], "as_of": [micros]})
    times = calendar().times
    accounts = with_accrued(account_state_at(booked, close, times), firm.table(DIVIDENDS))
    found = margin_summary(margined(positions_at(landed, close, times), accounts))
    return found.sort("account_id")["equity"].item(0)


def test_a_split_told_the_wrong_way_round_leaves_no_price(tmp_path: Path):
    firm = begun(tmp_path, SHORTED)

    monday(firm, corporate_actions=[split("1", "1000000", fractions="keep")])

    # A ten thousandth of a unit at 645,570,000 USD, which no price may be: it is carried at the
    # most that one may be, 10,000,000, x 1.5.
    shown = firm.rows("positions", "quantity", "last_price", "price_state", "market_value")
    assert shown == [(Decimal("-0.0001"), None, "missing", Decimal(-1500))]
    assert firm.rows("margin_summary", "status", "reasons") == [
        ("indeterminate", "price_missing;beta_missing")
    ]
    held, _ = daily(firm, EVENING)
    assert held == firm.table("positions").select(HELD).rows()
    assert_a_process_takes_over(firm)

    # A price of Monday is one of its own.
    monday(firm, 5, prices=[price("X", "646", MONDAY + timedelta(minutes=5))])
    assert firm.rows("positions", "price_state") == [("fresh",)]


DIVIDENDS = "accrued_dividends"


def daily(firm: Firm, when: datetime) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Positions and cash by date as of an instant, from everything landed."""
    landed, booked = everything_landed(firm)
    micros = round(when.timestamp() * 1e6)
    close = pl.DataFrame({"business_date": [when.date()], "as_of": [micros]})
    held = positions_at(landed, close, calendar().times).select(HELD)
    cash_held = account_state_at(booked, close, calendar().times).select("account_id", "cash")
    return held.rows(), cash_held.rows()


HELD = ("account_id", "symbol", "quantity", "last_price", "last_fill_price", "price_time")
EVENING = datetime(2014, 6, 9, 20, tzinfo=UTC)


@pytest.mark.parametrize("told", [in_time, action_late, fill_late])
def test_the_daily_twins_agree(told: Callable[[Path], Firm], tmp_path: Path):
    firm = told(tmp_path)

    held, money = daily(firm, EVENING)

    assert held == firm.table("positions").select(HELD).rows()
    assert money == firm.rows("account_state", "account_id", "cash")


def opened(account_id: str, when: datetime = FRIDAY, **told: str) -> Row:
    numbers = {name: Decimal(t) if name != "symbol" else t for name, t in told.items()}
    return {"account_id": account_id} | numbers | {"as_of": text(when)}


SHORT = {"symbol": "X", "quantity": "-100", "cost": "600", "cash": "60000"}


def test_an_account_opens_with_what_it_brings_and_once(tmp_path: Path):
    firm = begun(tmp_path)
    rows = [opened("B", **SHORT), opened("B", cash="40000.50")]
    firm.run(accounts=[account("B", when=FRIDAY)], opening_balances=rows)

    assert firm.position("X", "B") == (-100, Decimal("100000.50"))
    (row,) = firm.rows("positions", "last_fill_price", "sale_quantity", "sale_proceeds")
    assert row == (600, 100, 60000)
    firm.restart()

    again = [*rows, opened("B", **(SHORT | {"cost": "601"}))]
    late = [opened("A", symbol="X", quantity="1", cost="1")]
    early = fill("E", "5", "1", FRIDAY - timedelta(days=1), account_id="B")
    firm.run(fills=[fill("F", "1", "645", FRIDAY), early], opening_balances=again)
    firm.run(opening_balances=late)

    assert firm.position("X", "B") == (-100, Decimal("100000.50"))
    assert firm.reasons() == ["fill_before_opening", "opening_after_fill", "opening_repeated"]
    # A correction of what was sold short tells the sales from the balance on.
    sold = fill("G", "-10", "640", MONDAY, account_id="B")
    firm.run(fills=[sold], corporate_actions=[split("7")])
    firm.run(fills=[fill("H", "-14", "91", at_minute(1), account_id="B", corrects="G")])
    assert firm.position("X", "B")[0] == -714
    assert firm.rows("positions", "sale_quantity")[-1] == (714,)
    assert firm.rows("positions", "sale_proceeds")[-1] == (61274,)
    held, money = daily(firm, EVENING)
    assert held == firm.table("positions").select(HELD).rows()
    assert money == firm.rows("account_state", "account_id", "cash")
    assert_a_process_takes_over(firm)


def at_minute(minutes: float) -> datetime:
    return MONDAY + timedelta(minutes=minutes)


def dividend(usd: str = "0.47", **more: object) -> Row:
    name = str(more.pop("action_id", "D"))
    return action(name, "cash_dividend", "2014-06-09", cash_amount=usd, **more)


def equity(firm: Firm) -> Decimal:
    return firm.rows("margin_summary", "equity")[0][0]


def test_a_short_owes_its_dividend_until_it_is_paid(tmp_path: Path):
    firm = begun(tmp_path, SHORTED)
    was = equity(firm)
    firm.run(corporate_actions=[dividend(), dividend("0.5", action_id="R") | {"symbol": "Q"}])
    assert equity(firm) == was

    monday(firm)
    assert equity(firm) == daily_equity(firm, EVENING) == was - 47
    assert firm.position()[1] == 1_060_000
    firm.restart()

    monday(firm, 1, cash_movements=[cash("P", "A", "-30", at_minute(1), "dividend")])
    assert equity(firm) == was - 47
    monday(firm, 2, cash_movements=[cash("Q", "A", "-20", at_minute(2), "dividend")])
    assert equity(firm) == daily_equity(firm, EVENING) == was - 50
    assert firm.position()[1] == 1_059_950
    columns = ("kind", "action_id", "amount")
    assert firm.rows("accrued_dividends", *columns) == [
        ("due", "D", -47),
        ("met", "D", 30),
        ("met", "D", 17),
        ("ahead", "Q", -3),
    ]


def test_what_a_long_position_is_due_does_not_count(tmp_path: Path):
    firm = begun(tmp_path, BOUGHT)
    was = equity(firm)

    monday(firm, corporate_actions=[dividend()])

    assert equity(firm) == daily_equity(firm, EVENING) == was
    assert firm.rows("accrued_dividends", "amount") == [(47,)]


def test_a_late_fill_owes_the_dividend_too_and_a_withdrawal_takes_it_back(tmp_path: Path):
    firm = begun(tmp_path, SHORTED)
    was = equity(firm)
    monday(firm, corporate_actions=[dividend()])
    firm.run(fills=[fill("L", "-100", "645.57", FRIDAY)])
    assert equity(firm) == was - 94

    gone = action("W", "withdrawn", "2014-06-09", when=at_minute(1), corrects_action_id="D")
    firm.run(corporate_actions=[gone])

    assert equity(firm) == was


@pytest.mark.parametrize(
    ("terms", "expected", "money"),
    [
        pytest.param(
            {"kind": "symbol_change", "to_symbol": "Y"}, {"Y": "100"}, "940000", id="a new symbol"
        ),
        pytest.param(
            {"kind": "merger", "cash_amount": "650"}, {}, "1005000", id="a merger for cash"
        ),
        pytest.param(
            {"kind": "merger", "to_symbol": "Y", "cash_amount": "10"}
            | {"new_units": "0.333", "per_units": "1", "fractions": "cash", "fraction_price": "90"},
            {"Y": "33"},
            "941027",
            id="a merger for stock and cash",
        ),
        pytest.param(
            {"kind": "spin_off", "to_symbol": "Y", "new_units": "1", "per_units": "4"}
            | {"fractions": "up"},
            {"X": "100", "Y": "25"},
            "940000",
            id="a spin-off",
        ),
        # 25 and a half of another symbol: the half is paid at 8.
        pytest.param(
            {"kind": "spin_off", "to_symbol": "Y", "new_units": "51", "per_units": "200"}
            | {"fractions": "cash", "fraction_price": "8"},
            {"X": "100", "Y": "25"},
            "940004",
            id="a spin-off with a fraction",
        ),
        pytest.param(
            {"kind": "rights", "to_symbol": "X RT", "new_units": "1", "per_units": "1"},
            {"X": "100", "X RT": "100"},
            "940000",
            id="rights",
        ),
        pytest.param(
            {"kind": "stock_dividend", "new_units": "0.05", "per_units": "1"},
            {"X": "105"},
            "940000",
            id="a stock dividend",
        ),
        pytest.param(
            {"kind": "delisting", "cash_amount": "0"}, {}, "940000", id="cancelled for nothing"
        ),
        pytest.param({"kind": "delisting"}, {"X": "100"}, "940000", id="delisted, and held"),
    ],
)
def test_what_else_happens(
    terms: dict[str, object], expected: dict[str, str], money: str, tmp_path: Path
):
    firm = begun(tmp_path, BOUGHT)
    told = {name: term for name, term in terms.items() if name != "kind"}

    monday(firm, corporate_actions=[action("C", str(terms["kind"]), "2014-06-09", **told)])

    found = dict(firm.rows("positions", "symbol", "quantity"))
    assert found == {symbol: Decimal(quantity) for symbol, quantity in expected.items()}
    assert firm.rows("account_state", "cash") == [(Decimal(money),)]
    held, cash_held = daily(firm, EVENING)
    assert held == firm.table("positions").select(HELD).rows()
    assert cash_held == firm.rows("account_state", "account_id", "cash")
    assert_a_process_takes_over(firm)


def test_terms_that_say_nothing_are_refused_by_name(tmp_path: Path):
    firm = begun(tmp_path)

    rows = [
        split("0", action_id="1"),
        dividend("-1", action_id="2"),
        split("2", "3", action_id="3"),
        action("4", "merger", "2014-06-09"),
        action("5", "symbol_change", "2014-06-09"),
        action("6", "withdrawn", "2014-06-09"),
        split("3", "2", action_id="7", fractions="cash"),
    ]
    firm.run(corporate_actions=rows)

    assert firm.reasons() == [
        "cash_amount_missing",
        "cash_amount_out_of_range",
        "corrects_action_id_missing",
        "fraction_price_missing",
        "fractions_missing",
        "new_units_out_of_range",
        "to_symbol_against_kind",
    ]


def test_a_second_split_of_a_day_and_a_correction_of_another_symbol_are_refused(tmp_path: Path):
    firm = begun(tmp_path, BOUGHT)
    firm.run(corporate_actions=[split("7")])

    second = split("2", action_id="T")
    other = split("2", action_id="U", corrects_action_id="S") | {"symbol": "Q"}
    firm.run(corporate_actions=[second, other])
    monday(firm)

    assert firm.reasons() == ["action_repeated", "correction_mismatch"]
    assert firm.position()[0] == 700


def test_a_split_that_was_traded_on_is_corrected(tmp_path: Path):
    firm = begun(tmp_path, BOUGHT)
    monday(firm, corporate_actions=[split("7")])
    firm.run(fills=[fill("L", "-200", "92", at_minute(1))])

    firm.run(corporate_actions=[split("2", action_id="T", corrects_action_id="S")])

    assert firm.position() == (0, Decimal("958400"))
    assert firm.table("positions").is_empty()


def events() -> list[Event]:
    """A Friday and a Monday of two accounts, in event order, with all kinds of rows."""
    told: list[tuple[str, Row]] = [
        ("accounts", account("A", when=FRIDAY)),
        ("accounts", account("B", when=FRIDAY)),
        ("instruments", instrument("X", FRIDAY)),
        ("instruments", instrument("Y", FRIDAY)),
        ("opening_balances", opened("B", **SHORT)),
        ("opening_balances", opened("B", cash="9000")),
        ("cash_movements", cash("M", "A", "40000", FRIDAY)),
        ("prices", price("X", "645.57", FRIDAY)),
        ("prices", price("Y", "50", FRIDAY)),
        ("fills", fill("F", "150", "640", FRIDAY)),
        ("corporate_actions", split("5", when=FRIDAY + timedelta(seconds=2))),
        ("corporate_actions", dividend()),
        ("corporate_actions", action("T", "spin_off", "2014-06-10", **SPUN)),
        ("fills", fill("G", "-20", "645", FRIDAY + timedelta(seconds=30))),
        (
            "corporate_actions",
            split("7", when=FRIDAY + timedelta(minutes=1), action_id="R", corrects_action_id="S"),
        ),
        ("prices", price("X", "645.57", OPENING - timedelta(minutes=5))),
        ("fills", fill("H", "-10", "640", OPENING - timedelta(seconds=0.5))),
        ("prices", price("Y", "51", OPENING)),
        ("prices", price("X", "94", at_minute(0))),
        ("fills", fill("I", "70", "94", at_minute(1), account_id="B")),
        ("fills", fill("J", "-20", "646", at_minute(2), corrects="G")),
        ("cash_movements", cash("P", "B", "-47", at_minute(3), "dividend")),
        ("prices", price("X", "120", at_minute(40))),
        ("prices", price("Y", "49", at_minute(60 * 24))),
        ("prices", price("X", "101", at_minute(60 * 24 + 1))),
    ]
    happened = [
        (datetime.fromisoformat(r.get("event_time") or r["as_of"]), f, line(r)) for f, r in told
    ]
    return sorted(happened, key=lambda event: event[0])


SPUN = {"to_symbol": "Y", "new_units": "1", "per_units": "4", "fractions": "up", "to_price": "49"}


def test_however_it_is_cut_the_same_is_decided(tmp_path: Path):
    landed = datetime(2014, 7, 1, tzinfo=UTC)

    once = deliver(tmp_path / "once", [events()], landed=landed)
    apart = deliver(tmp_path / "apart", cut(events(), 60), restart=True, landed=landed)

    assert once.table("quarantine").is_empty()
    assert once.table("enforcement_decisions").height > 1
    assert_same(once, apart)
    dividends = [f.table("accrued_dividends").drop("cycle").rows() for f in (once, apart)]
    assert dividends[0] == dividends[1]
    assert once.position("X") == (840, Decimal("-36680"))
    assert once.position("Y") == (210, Decimal("-36680"))


def test_explain_tells_them_with_their_lines(tmp_path: Path):
    firm = in_time(tmp_path)
    firm.run(corporate_actions=[dividend() | {"effective_on": "2014-06-10"}])
    firm.run(opening_balances=[opened("B", **SHORT)], accounts=[account("B", when=FRIDAY)])
    sealed = firm.session.ledger.last_sealed()
    assert sealed is not None

    found = story(sealed_moment(firm.lake, sealed), "A")

    told_of = [(a["action_id"], a["path"], a["file_row"]) for a in found["books"]["actions"]]
    assert told_of == [
        ("S", "corporate_actions/000007.ndjson", 1),
        ("D", "corporate_actions/000010.ndjson", 1),
    ]


def test_a_document_of_the_account_owes_the_dividend(tmp_path: Path):
    firm = begun(tmp_path, SHORTED)
    monday(firm, corporate_actions=[dividend()])
    sealed = firm.session.ledger.last_sealed()
    assert sealed is not None

    document = account_document(sealed_moment(firm.lake, sealed), "A")

    assert document.account.accrued_dividends == -47
    assert Decimal(str(answer(document)["equity"])) == equity(firm)


def test_a_replay_comes_to_the_same(tmp_path: Path):
    firm = fill_late(tmp_path)

    assert replay(firm.lake).difference is None


def test_an_action_on_a_symbol_that_nobody_knows_is_named_from_its_ex_date_on(tmp_path: Path):
    firm = begun(tmp_path, BOUGHT)
    firm.run(corporate_actions=[split("7", symbol="Y"), split("7", action_id="X")])
    assert nobodys(firm) == []

    monday(firm)
    assert nobodys(firm) == ["S"]
    assert verdict(firm) == (False, 1)

    monday(firm, 1, prices=[price("Y", "1", MONDAY + timedelta(minutes=1))])
    assert nobodys(firm) == []
    assert verdict(firm) == (True, 0)


def verdict(firm: Firm) -> tuple[bool, object]:
    told = actions_name_known_symbols(LakeResource(uri=firm.lake.uri))
    assert isinstance(told, dg.AssetCheckResult)
    return told.passed, told.metadata["actions"].value


def nobodys(firm: Firm) -> list[str]:
    return unknown_actions(firm.lake, firm.session.ledger.last_sealed())["action_id"].to_list()
