"""Busts and corrections restate the memorandum account as if the fill had never been otherwise.

The expected values come from a second route: a twin account that has the corrected fill from the
beginning (or none, of a bust). The first case is a public report of a busted trade, by hand.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest
from polars.testing import assert_frame_equal

from margin_assets.assets.partitions import closes
from margin_assets.calendar import calendar
from margin_assets.kernels.history.sma_history import memoranda_at
from margin_assets.live.past.past import recomputed
from tests.support.live_driver import (
    Firm,
    Row,
    account,
    cash,
    everything_landed,
    fill,
    instrument,
    price,
)

MONDAY = datetime(2024, 6, 3, 14, 0, tzinfo=UTC)
LANDED = datetime(2025, 1, 1, tzinfo=UTC)
SMA, CALLS = "special_memorandum_accounts", "reg_t_calls"


def later(**more: float) -> datetime:
    return MONDAY + timedelta(**more)


class Wrong(NamedTuple):
    """A fill that is corrected (to quantity 0: busted) so long after Monday's 11:00."""

    quantity: str
    usd: str
    symbol: str
    becomes: tuple[tuple[str, str, timedelta], ...]


def bust(**after: float) -> tuple[str, str, timedelta]:
    return "0", "1", timedelta(**after)


def made(quantity: str, usd: str, **after: float) -> tuple[str, str, timedelta]:
    return quantity, usd, timedelta(**after)


STORIES = {
    "same second": Wrong("100", "80", "X", (bust(seconds=0.3),)),
    "same minute": Wrong("100", "80", "X", (bust(seconds=20),)),
    "same day": Wrong("100", "80", "X", (bust(hours=2),)),
    "after the close": Wrong("100", "80", "X", (bust(hours=6),)),
    "that night": Wrong("100", "80", "X", (bust(hours=12),)),
    "next day": Wrong("100", "80", "X", (bust(days=1),)),
    "two closes": Wrong("100", "80", "X", (bust(days=2),)),
    "after the calls": Wrong("300", "100", "X", (bust(days=4),)),
    "short": Wrong("-100", "140", "X", (bust(days=1),)),
    "price": Wrong("60", "80", "X", (made("60", "100", days=1),)),
    "quantity": Wrong("60", "100", "X", (made("20", "100", hours=11),)),
    "side": Wrong("60", "100", "X", (made("-60", "100", days=1),)),
    "what a sale closed": Wrong("60", "100", "Y", (bust(days=2),)),
    "larger": Wrong("20", "100", "X", (made("500", "100", days=1),)),
    "chain": Wrong(
        "100", "80", "X", (made("30", "80", hours=1), bust(days=1), made("50", "90", days=2))
    ),
    "option": Wrong("3", "1", "XC", (bust(days=1),)),
    "short option": Wrong("-2", "9", "XC", (made("-2", "6", days=1),)),
}


def told() -> list[tuple[datetime, str, Row]]:
    """Every story twice: as it was told, and as it should have been."""
    option = {"asset_class": "option", "underlying": "X", "right": "call", "style": "american"}
    option |= {"strike": Decimal(105), "expiry": "2024-08-16", "multiplier": Decimal(100)}
    start = MONDAY - timedelta(hours=1)
    events = [(start, "instruments", instrument(name, start)) for name in "XYZ"]
    events += [(start, "instruments", instrument("XC", start, **option))]
    marks = [(0, "100", "40", "6"), (3, "130", "44", "14"), (22, "118", "38", "9")]
    marks += [(28, "125", "41", "11"), (51, "101", "40", "5"), (98, "111", "42", "7")]
    for hours, *usd in marks:
        at = later(hours=hours)
        rows = zip(("X", "Y", "XC"), usd, strict=True)
        events += [(at, "prices", price(symbol, mark, at)) for symbol, mark in rows]
    for name, wrong in STORIES.items():
        events += shared(name, wrong.symbol) + shared(f"{name}'", wrong.symbol)
        events += as_told(name, wrong) + as_it_should_be(f"{name}'", wrong)
    return sorted(events, key=lambda event: event[0])


def shared(name: str, about: str) -> list[tuple[datetime, str, Row]]:
    """What both do: money, a purchase before and one after, a sale of Y; with options one more."""
    start = MONDAY - timedelta(hours=1)
    events = [(start, "accounts", account(name, "reg_t", start))]
    for n, (usd, kind, hours) in enumerate(
        [("9000", "deposit", 0), ("-500", "withdrawal", 25), ("700", "deposit", 49)]
    ):
        at = later(hours=hours)
        events += [(at, "cash_movements", cash(f"{name}-{n}", name, usd, at, kind))]
    trades = [("40", "100", "X", 0.5), ("-60", "42", "Y", 5.5), ("-10", "120", "X", 23)]
    trades += [("80", "110", "X", 50)] + [("1", "10", "XC", 26)] * (about == "XC")
    for n, (quantity, usd, symbol, when) in enumerate(trades):
        at = later(hours=when)
        row = fill(f"{name}.{n}", quantity, usd, at, account_id=name, symbol=symbol)
        events += [(at, "fills", row)]
    return events


def as_told(name: str, wrong: Wrong) -> list[tuple[datetime, str, Row]]:
    at, place = later(hours=1), {"account_id": name, "symbol": wrong.symbol}
    events = [(at, "fills", fill(f"{name}:0", wrong.quantity, wrong.usd, at, **place))]
    for n, (quantity, usd, after) in enumerate(wrong.becomes):
        when, corrects = at + after, f"{name}:{n}"
        row = fill(f"{name}:{n + 1}", quantity, usd, when, corrects=corrects, **place)
        events += [(when, "fills", row)]
    return events


def as_it_should_be(name: str, wrong: Wrong) -> list[tuple[datetime, str, Row]]:
    at, place = later(hours=1), {"account_id": name, "symbol": wrong.symbol}
    quantity, usd, _ = wrong.becomes[-1]
    if quantity == "0":
        return []
    return [(at, "fills", fill(f"{name}:0", quantity, usd, at, **place))]


def run(firm: Firm, events: list[tuple[datetime, str, Row]]) -> None:
    feeds: dict[str, list[Row]] = {}
    for _, feed, row in events:
        feeds.setdefault(feed, []).append(row)
    firm.cycle(LANDED, **feeds)


@pytest.fixture(scope="module")
def friday(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    """The stories up to Friday's close, in one cycle."""
    firm, events = Firm(tmp_path_factory.mktemp("told")), told()
    close = datetime(2024, 6, 7, 20, tzinfo=UTC)
    run(firm, [*events, (close, "prices", price("Z", "1", close))])
    return firm


def net(firm: Firm, name: str) -> Decimal:
    row = firm.table(SMA).filter(account_id=name).row(0, named=True)
    return row["sma"] + row["toward_calls"] - row["shortfall"] - row["open_calls"]


@pytest.mark.parametrize("name", STORIES)
def test_an_account_is_as_if_the_fill_had_never_been_otherwise(friday: Firm, name: str):
    assert net(friday, name) == net(friday, f"{name}'")


def test_calls_of_a_trade_that_never_was_are_covered_at_once(friday: Firm):
    row = friday.table(SMA).filter(account_id="after the calls").row(0, named=True)

    # Its twin has no call; what was called is met when the day ends.
    assert row["open_calls"] > 0
    assert (row["sma"], row["toward_calls"]) == (net(friday, "after the calls'"), row["open_calls"])


def test_restarts_and_small_cycles_change_nothing(friday: Firm, tmp_path: Path):
    parts, events = Firm(tmp_path), told()
    close = datetime(2024, 6, 7, 20, tzinfo=UTC)
    events.append((close, "prices", price("Z", "1", close)))
    cuts = [later(hours=hours) for hours in (0.9, 1.003, 4, 13.5, 26.5, 51, 200)]
    for begun, until in zip([MONDAY - timedelta(days=1), *cuts], cuts, strict=False):
        run(parts, [event for event in events if begun < event[0] <= until])
        parts.restart()

    for name in (SMA, CALLS, "special_memorandum_days"):
        one, other = (firm.table(name).drop("cycle") for firm in (friday, parts))
        assert_frame_equal(one, other, check_row_order=False)
    last = parts.session.ledger.last_sealed()
    assert last is not None
    # Raises where a cycle comes out other than it was sealed.
    with recomputed(parts.lake, last, tmp_path / "again") as moment:
        assert moment.sealed.hash == last.hash


def test_the_daily_twin_agrees(friday: Firm):
    daily = memoranda_at(*everything_landed(friday), closes(["2024-06-07"]), calendar())

    live = friday.table(SMA).drop("cycle")
    assert_frame_equal(daily.drop("business_date"), live, check_dtypes=False, check_exact=True)


def test_a_busted_trade_leaves_no_excess(tmp_path: Path):
    """One BRK.A at 185.10 instead of 600,000 (3 June 2024), busted that night: by hand.

    5,000 are paid in; 400 shares at 40 take 8,000: 3,000 are called.
    """
    firm, bought = Firm(tmp_path), later(minutes=-9)
    night, next_day = later(hours=11), later(days=1)
    close, end = later(hours=5, minutes=59), later(hours=34.5)
    place = {"account_id": "A", "symbol": "B"}
    firm.cycle(
        LANDED,
        accounts=[account("A", "reg_t", bought)],
        instruments=[instrument(name, bought) for name in "BXZ"],
        cash_movements=[cash("m", "A", "5000", bought)],
        prices=[price("B", "185.1", bought), price("B", "631110", close)],
        fills=[fill("B1", "1", "185.1", bought, **place)],
    )
    firm.restart()
    firm.cycle(LANDED, fills=[fill("B1x", "0", "185.1", night, corrects="B1", **place)])
    assert firm.rows(SMA, "sma", "shortfall") == [(5_000, 0)]
    firm.cycle(
        LANDED,
        prices=[price("X", "40", next_day)],
        fills=[fill("f", "400", "40", next_day, account_id="A", symbol="X")],
    )
    assert firm.rows(SMA, "sma", "shortfall") == [(0, 3_000)]
    firm.cycle(LANDED, prices=[price("Z", "1", end)])
    (call,) = firm.rows(CALLS, "amount", "due_on", "status")
    assert (call[0], str(call[1]), call[2]) == (3_000, "2024-06-07", "open")
