"""What has no usable price: its last fill's in that fill's session, then a bound (semantics 8.28).

Expected values are worked by hand. 9 March 2020 is a Monday; sessions open at 13:30 UTC.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from margin_assets.calendar import sessions
from margin_assets.cli.account.story import story
from margin_assets.kernels.history.history import positions_at
from margin_assets.lake.ledger.moment import sealed_moment
from margin_assets.live.past.replay import replay
from tests.support.live_driver import (
    NOON,
    Firm,
    Row,
    account,
    at,
    cash,
    everything_landed,
    fill,
    instrument,
    line,
    price,
)
from tests.support.telling import Event, assert_same, deliver

OPENING = datetime(2020, 3, 10, 13, 30, tzinfo=UTC)
BEFORE = datetime(2020, 3, 6, 20, 59, tzinfo=UTC)
"""Friday, the session before."""
Story = list[tuple[str, str, str, datetime]]
"""Fills of a symbol: id, quantity, price and time; an id with a colon corrects what follows it."""

MARKS: dict[str, tuple[Story, str, str]] = {
    # The fills of a symbol, its mark and the state of it.
    "ONE": ([("f1", "10", "20", at(0))], "20", "fill_price"),
    "LAST": ([("f1", "10", "20", at(0)), ("f2", "5", "21", at(5))], "21", "fill_price"),
    "SOLD": ([("f1", "10", "20", at(0)), ("f2", "-5", "22", at(5))], "22", "fill_price"),
    "SHORT": ([("f1", "-10", "20", at(0))], "20", "fill_price"),
    "RIGHT": ([("f1", "10", "20", at(0)), ("c1:f1", "10", "23", at(6))], "23", "fill_price"),
    "PLACE": (
        [("f1", "10", "20", at(0)), ("f2", "1", "21", at(5)), ("c1:f1", "10", "23", at(6))],
        "21",
        "fill_price",
    ),
    "BUST": (
        [("f1", "10", "20", at(0)), ("f2", "1", "30", at(5)), ("c1:f2", "0", "30", at(6))],
        "20",
        "fill_price",
    ),
    "BACK": (
        [("f1", "3", "19", at(0)), ("c1:f1", "0", "19", at(5)), ("c2:c1", "4", "18", at(6))],
        "18",
        "fill_price",
    ),
    "TIE": ([("f2", "1", "20", at(3)), ("f1", "1", "21", at(3))], "21", "fill_price"),
    "OLD": ([("f1", "-10", "20", BEFORE)], "30", "missing"),
    "OLDER": (
        [("f1", "-10", "20", BEFORE), ("f2", "-1", "40", at(1)), ("c1:f2", "0", "40", at(2))],
        "60",
        "missing",
    ),
}


def rows_of(symbol: str) -> list[Row]:
    found = []
    for name, quantity, usd, when in MARKS[symbol][0]:
        own, _, corrected = name.partition(":")
        row = fill(f"{symbol} {own}", quantity, usd, when, account_id=symbol, symbol=symbol)
        found.append(row | ({"corrects_fill_id": f"{symbol} {corrected}"} if corrected else {}))
    return found


@pytest.fixture(scope="module")
def told() -> list[Event]:
    """Everything that the symbols have, in order of time, and one price that is somebody else's."""
    known: list[tuple[str, Row]] = [("accounts", account(name, when=BEFORE)) for name in MARKS]
    known += [("instruments", instrument(name, BEFORE)) for name in MARKS]
    deposits = [cash(f"m {name}", name, "1000", BEFORE) for name in MARKS]
    known += [("cash_movements", row) for row in deposits]
    known += [("fills", row) for name in MARKS for row in rows_of(name)]
    known += [("prices", price("BEAT", "1", at(20)))]
    events = [
        (datetime.fromisoformat(str(row["event_time"])), feed, line(row)) for feed, row in known
    ]
    return sorted(events, key=lambda event: event[0])


@pytest.fixture(scope="module")
def at_once(told: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Firm:
    return deliver(tmp_path_factory.mktemp("once"), [told])


def marks(firm: Firm) -> dict[str, tuple[Decimal, str]]:
    rows = firm.rows("positions", "symbol", "price", "price_state")
    return {symbol: (usd, state) for symbol, usd, state in rows}


def test_the_last_fill_marks_in_its_session(at_once: Firm):
    expected = {name: (Decimal(usd), state) for name, (_, usd, state) in MARKS.items()}

    assert marks(at_once) == expected
    reasons = dict(at_once.rows("margin_summary", "account_id", "reasons"))
    status = dict(at_once.rows("margin_summary", "account_id", "status"))
    for name, (_, _, state) in MARKS.items():
        is_filled = state == "fill_price"
        assert ("fill_price" in reasons[name].split(";")) == is_filled
        assert status[name] == ("determinate" if is_filled else "indeterminate")


def test_marks_are_the_same_however_they_are_cut_and_whoever_goes_on(
    told: list[Event], at_once: Firm, tmp_path: Path
):
    cycles: dict[datetime, list[Event]] = {}
    for event in told:
        cycles.setdefault(event[0], []).append(event)

    assert_same(deliver(tmp_path, list(cycles.values()), restart=True), at_once)


def test_the_daily_twin_and_a_replay_have_the_same_marks(at_once: Firm):
    landed, _ = everything_landed(at_once)
    live = at_once.table("positions").drop("cycle")
    day = pl.DataFrame({"business_date": [NOON.date()], "as_of": [at(20)]}).with_columns(
        pl.col("as_of").cast(pl.Datetime("us", "UTC")).cast(pl.Int64)
    )
    daily = positions_at(landed, day, sessions().times).select(live.columns)

    assert_frame_equal(daily.sort("symbol"), live.sort("symbol"), check_dtypes=False)
    assert replay(at_once.lake).difference is None


def test_explain_shows_the_line_of_the_fill_that_marks(at_once: Firm):
    sealed = at_once.session.ledger.last_sealed()
    assert sealed is not None
    moment = sealed_moment(at_once.lake, sealed)
    fills = at_once.table("fills")
    files = dict(at_once.rows("landed_files", "file_id", "path"))

    for name, of in (("ONE", "f1"), ("LAST", "f2"), ("BUST", "f1"), ("RIGHT", "c1")):
        (mark,) = story(moment, name)["marks"]
        row = fills.filter(pl.col("fill_id") == f"{name} {of}").row(0, named=True)
        assert mark["price_landed"]["path"] == files[row["file_id"]]
        assert mark["price_landed"]["file_row"] == row["file_row"]
        assert mark["last_price"] == mark["price"] == row["price"]
    (mark,) = story(moment, "OLD")["marks"]
    assert mark["price_landed"] is None


# One symbol for several accounts, prices that come and go.


@pytest.fixture
def firm(tmp_path: Path) -> Firm:
    return Firm(tmp_path)


def restarted(firm: Firm, **feeds: Any) -> None:
    firm.run(**feeds)
    firm.restart()


def test_a_mark_is_the_symbols_and_lasts_until_a_price_or_the_next_opening(firm: Firm):
    both = {"accounts": [account("A"), account("B")], "instruments": [instrument("X")]}
    restarted(firm, **both, fills=[fill("f1", "10", "20"), fill("f0", "7", "9", account_id="B")])
    assert firm.rows("positions", "price", "price_time") == [(9, NOON), (9, NOON)]
    restarted(firm, fills=[fill("f2", "1", "21", at(5), account_id="B")])
    # Late, and of an earlier time than the last: it is not the last.
    restarted(firm, fills=[fill("f3", "1", "25", at(2), account_id="B")])
    assert firm.rows("positions", "price", "price_time") == [(21, at(5)), (21, at(5))]

    restarted(firm, prices=[price("BEAT", "1", OPENING - timedelta(seconds=1))])
    assert set(firm.rows("positions", "price_state")) == {("fill_price",)}
    restarted(firm, prices=[price("BEAT", "1", OPENING)])
    assert set(firm.rows("positions", "price", "price_state")) == {(None, "missing")}
    # A fill of the session before that lands now is none of this session.
    restarted(firm, fills=[fill("f4", "1", "26", OPENING - timedelta(seconds=9))])
    assert set(firm.rows("positions", "price", "price_state")) == {(None, "missing")}
    restarted(firm, fills=[fill("f5", "1", "27", OPENING + timedelta(seconds=9))])
    assert set(firm.rows("positions", "price", "price_state")) == {(27, "fill_price")}
    restarted(firm, prices=[price("X", "28", OPENING + timedelta(seconds=10))])
    restarted(firm, fills=[fill("f6", "1", "29", OPENING + timedelta(seconds=11))])
    assert set(firm.rows("positions", "price", "price_state")) == {(28, "fresh")}


def test_a_book_that_lands_before_its_prices_is_not_called_for_it(firm: Firm):
    # 15,000 of stock on 10,000 of equity, of which 3,750 are required.
    firm.run(
        accounts=[account("A")],
        instruments=[instrument("X")],
        cash_movements=[cash("m1", "A", "10000")],
        fills=[fill("f1", "150", "100")],
    )
    firm.run(prices=[price("BEAT", "1", OPENING - timedelta(seconds=1))])

    assert firm.table("enforcement_decisions").is_empty()
    assert firm.rows("margin_summary", "equity", "excess", "status") == [
        (10_000, 6_250, "determinate")
    ]


def decided(firm: Firm) -> list[tuple[Any, ...]]:
    rows = firm.table("enforcement_decisions").sort("cycle", "decision_number")
    chosen = rows.filter(pl.col("dimension") != "minimum_equity", pl.col("reason") != "stress")
    return chosen.select("account_id", "to_state", "reason", "decided_at").rows()


def test_a_book_without_a_price_on_the_next_day_is_called_and_not_liquidated(firm: Firm):
    restarted(
        firm,
        accounts=[account("A")],
        instruments=[instrument("X")],
        cash_movements=[cash("m1", "A", "10000")],
        fills=[fill("f1", "150", "100")],
    )
    restarted(firm, prices=[price("BEAT", "1", OPENING + timedelta(hours=2))])
    # The bound: 10,000 - 15,000 + 0. At the last known value, the fill's, there is no deficiency.
    expected = [
        ("A", "call", "deficiency", OPENING),
        ("A", "close_only", "overdue_call", OPENING + timedelta(minutes=30)),
    ]
    assert decided(firm) == expected

    # With 9,999 less: 1 of equity against 3,750 at the last known value, and the call is old.
    withdrawn = OPENING + timedelta(hours=3)
    restarted(firm, cash_movements=[cash("m2", "A", "-9999", withdrawn, kind="withdrawal")])
    assert decided(firm) == [*expected, ("A", "triggered", "equity_exhausted", withdrawn)]


def test_an_unusable_price_liquidates_only_at_its_last_value(firm: Firm):
    """Ten short at 100, unusable from the 17th on: then carried at 150 and 450 required."""
    unusable = datetime(2020, 3, 17, 13, 30, tzinfo=UTC)
    restarted(
        firm,
        accounts=[account("A"), account("B")],
        instruments=[instrument("X")],
        prices=[price("X", "100")],
        cash_movements=[cash("m1", "A", "400"), cash("m2", "B", "301")],
        fills=[fill("f1", "-10", "100"), fill("f2", "-10", "100", account_id="B")],
    )
    hours = timedelta(hours=2)
    restarted(firm, prices=[price("BEAT", "1", unusable + hours)])
    warned = ("B", "warning", "excess_below_warning_level", NOON)
    both = [warned, *((name, "call", "deficiency", unusable) for name in ("A", "B"))]
    late = unusable + timedelta(minutes=30)
    # Equity 400 - 500 on the bound, 400 against 300 at 100 a share.
    calls = [*both, *((name, "close_only", "overdue_call", late) for name in ("A", "B"))]
    assert decided(firm) == calls

    # 301 - 151 against 300: a deficiency of exactly half. A dollar less is above it.
    then = unusable + 2 * hours
    restarted(firm, cash_movements=[cash("m3", "B", "-151", then, kind="withdrawal")])
    assert decided(firm) == calls
    after = then + hours
    restarted(firm, cash_movements=[cash("m4", "B", "-1", after, kind="withdrawal")])
    assert decided(firm) == [*calls, ("B", "triggered", "equity_exhausted", after)]


def test_an_option_without_a_price_is_known_by_its_last_fill(firm: Firm):
    """A naked call: 1,500 and its value required, the value on the bound half again as much."""
    call = {"asset_class": "option", "underlying": "X", "multiplier": 100, "right": "call"}
    call |= {"strike": Decimal(105), "expiry": "2020-04-17", "style": "american"}
    sold = OPENING - timedelta(seconds=10)
    restarted(
        firm,
        accounts=[account("A")],
        instruments=[instrument("X"), instrument("C", **call)],
        prices=[price("X", "100")],
        cash_movements=[cash("m1", "A", "50")],
        fills=[fill("f1", "-1", "2", sold, symbol="C")],
    )
    # Net liquidation is 250 - 200; from the opening on 250 - 300, at the last known value 50.
    restarted(firm, prices=[price("BEAT", "1", OPENING + timedelta(hours=2))])
    reasons = [(reason, when) for _, _, reason, when in decided(firm)]

    assert reasons == [
        ("deficiency", sold),
        ("overdue_call", sold + timedelta(minutes=30)),
        ("equity_exhausted", sold + timedelta(minutes=60)),
    ]
