import random
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from margin_assets.calendar import calendar
from margin_assets.kernels.history.pattern_history import pattern_day_traders_at
from margin_assets.live.past.replay import replay
from tests.support.live_driver import (
    CYCLE_TABLES,
    Firm,
    Row,
    account,
    cash,
    everything_landed,
    fill,
    instrument,
    price,
)
from tests.support.reg_t_stories import (
    LANDED,
    MONDAY,
    Told,
    becomes,
    cycle,
    later,
    lived,
    marks,
    of,
    pays,
    trades,
)

TABLE = "pattern_day_traders"
ASKED = ("minimum_equity_shortfall", "buying_power", "commitment", "special_call")


def there_and_back(times: int, units: int = 10, usd: str = "100", **when: float) -> Told:
    """Bought and sold so often: so many day trades."""
    hour = when.pop("hours", 1)
    return [
        trades(quantity, usd, hours=hour + n / 20, **when)
        for n, quantity in enumerate([str(units), str(-units)] * times)
    ]


def on(firm: Firm, name: str, day: str, *columns: str) -> tuple[object, ...]:
    (row,) = [row for row in of(firm, TABLE, name) if str(row["business_date"]) == day]
    return tuple(row[column] for column in columns)


def days_of(firm: Firm, name: str) -> list[str]:
    return [str(row["business_date"]) for row in of(firm, TABLE, name)]


# From Monday the 3rd to Tuesday the 4th: 30,000 and no position, so 120,000 to buy with.
PAID = pays("30000", hours=0.5)
DESIGNATED = [PAID, *there_and_back(4)]
FOURTH = "busted10[('hours', 1.3)]"
STORIES: dict[str, Told] = {
    "three": [PAID, *there_and_back(3)],
    "four": DESIGNATED,
    "over days": [
        PAID,
        *there_and_back(2),
        *there_and_back(1, days=1),
        *there_and_back(1, days=1, hours=3),
    ],
    "busted": [
        *DESIGNATED,
        ("fills", fill("", "0", "100", later(hours=3), symbol="", corrects=FOURTH)),
    ],
    "uses all": [*DESIGNATED, *there_and_back(1, units=1200, days=1)],
    "a cent more": [*DESIGNATED, *there_and_back(1, units=1200, days=1, usd="100.01")],
    "poor": [pays("24000", hours=0.5), *there_and_back(4)],
    "unpriced": [*DESIGNATED, trades("1", "1", "?", hours=3)],
    "cash": [("accounts", account("", "cash", MONDAY)), *DESIGNATED],
    "after hours": [PAID, *there_and_back(4, hours=7)],
    "last": [marks("100", days=1, hours=6)],
}


@pytest.fixture(scope="module")
def tuesday(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    """At four o'clock of the second day."""
    return lived(tmp_path_factory.mktemp("tuesday"), STORIES)


@pytest.mark.parametrize(
    ("name", "counted"),
    [("three", (3, 6, False)), ("four", (4, 8, True)), ("busted", (3, 6, False))],
)
def test_the_fourth_day_trade_designates(tuesday: Firm, name: str, counted: tuple[int, int, bool]):
    columns = ("day_trades", "trades", "is_pattern_day_trader")
    assert on(tuesday, name, "2024-06-03", *columns) == counted
    assert on(tuesday, name, "2024-06-03", *ASKED[:2]) == (None, None)


def test_days_of_the_window_count_together(tuesday: Firm):
    columns = ("day_trades", "window_day_trades", "pattern_since")
    assert on(tuesday, "over days", "2024-06-03", *columns) == (2, 2, None)
    assert on(tuesday, "over days", "2024-06-04", *columns) == (2, 4, date(2024, 6, 4))


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        pytest.param("four", (0, 120_000, 0, 0), id="who does not trade has a row too"),
        pytest.param("uses all", (0, 120_000, 120_000, 0), id="used whole"),
        pytest.param("a cent more", (0, 120_000, 120_012, 3), id="a quarter of what is beyond"),
        pytest.param("poor", (1_000, 96_000, 0, 0), id="below the minimum"),
        pytest.param("unpriced", (None, None, 0, None), id="equity that is not known"),
    ],
)
def test_what_is_asked_on_the_day_after(tuesday: Firm, name: str, asked: tuple[object, ...]):
    assert on(tuesday, name, "2024-06-04", *ASKED) == asked
    (is_determinate,) = on(tuesday, name, "2024-06-04", "is_determinate")
    assert is_determinate is (name != "unpriced")


def test_a_special_call_is_due_in_five_business_days(tuesday: Firm):
    columns = ("special_call_due", "special_call_paid", "special_call_status")
    assert on(tuesday, "a cent more", "2024-06-04", *columns) == (date(2024, 6, 11), 0, "open")
    assert on(tuesday, "four", "2024-06-04", *columns) == (None, None, None)


def test_figures_at_the_end_of_the_day_stand_on_its_row(tuesday: Firm):
    columns = ("equity", "maintenance_requirement")
    assert on(tuesday, "four", "2024-06-03", *columns) == (30_000, 0)
    assert on(tuesday, "four", "2024-06-04", *columns) == (None, None)


def test_trades_after_the_close_are_of_their_day(tuesday: Firm):
    assert on(tuesday, "after hours", "2024-06-03", "day_trades", "equity") == (4, 30_000)
    assert on(tuesday, "after hours", "2024-06-04", "buying_power") == (120_000,)


@pytest.mark.parametrize(
    ("name", "days"),
    [("cash", []), ("last", []), ("three", ["2024-06-03"]), ("four", ["2024-06-03", "2024-06-04"])],
)
def test_who_has_rows(tuesday: Firm, name: str, days: list[str]):
    assert days_of(tuesday, name) == days


CALLED = [*DESIGNATED, *there_and_back(1, units=1300, days=1)]
"""10,000 beyond the buying power on Tuesday the 4th: 2,500 are due on the 11th."""
PAYING: dict[str, tuple[Told, str, Decimal]] = {
    "unpaid": ([], "unmet", Decimal(0)),
    "paid": ([pays("2500", days=8, hours=6)], "met", Decimal(2_500)),
    "paid that day": ([pays("2500", days=1, hours=5)], "unmet", Decimal(0)),
    "taken back": (
        [pays("2500", days=2), pays("-2500", "withdrawal", days=2, hours=1)],
        "unmet",
        Decimal(0),
    ),
    "a cent less": ([pays("2499.99", days=3)], "unmet", Decimal("2499.99")),
}


@pytest.fixture(scope="module")
def wednesday(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    """The day after the special call of the 4th was due; accounts that go on are followed."""
    stories = {name: [*CALLED, *told] for name, (told, _, _) in PAYING.items()}
    stories |= {"quiet": [PAID, *there_and_back(1)], "last": [marks("100", days=9)]}
    away = [becomes("cash", days=1), becomes("reg_t", days=2)]
    stories["returned"] = [*DESIGNATED, *away, *there_and_back(1, days=8)]
    return lived(tmp_path_factory.mktemp("wednesday"), stories)


@pytest.mark.parametrize("name", PAYING)
def test_what_becomes_of_a_special_call(wednesday: Firm, name: str):
    _, status, paid = PAYING[name]
    until = date(2024, 9, 9) if status == "unmet" else None

    assert on(wednesday, name, "2024-06-12", "cash_only_until") == (until,)
    if status == "unmet":
        columns = ("special_call", "special_call_status", "special_call_paid")
        assert on(wednesday, name, "2024-06-04", *columns) == (2_500, status, paid)


def test_old_days_leave_the_table(wednesday: Firm):
    five = [f"2024-06-{day:02}" for day in (6, 7, 10, 11, 12)]
    assert days_of(wednesday, "paid") == five
    assert days_of(wednesday, "unpaid") == ["2024-06-04", *five]
    assert days_of(wednesday, "quiet") == []


def test_who_left_margin_begins_anew(wednesday: Firm):
    assert days_of(wednesday, "returned") == ["2024-06-11"]
    assert on(wednesday, "returned", "2024-06-11", "pattern_since") == (None,)


def test_the_worked_example(tmp_path: Path):
    told = [*CALLED, pays("2000", days=2), pays("500", days=10), marks("100", days=11)]
    firm = lived(tmp_path, {"A": told})

    assert days_of(firm, "A") == [f"2024-06-{day:02}" for day in (10, 11, 12, 13, 14)]
    assert on(firm, "A", "2024-06-11", "window_day_trades", "buying_power") == (0, 128_000)
    until = [on(firm, "A", f"2024-06-{day}", "cash_only_until") for day in (11, 12, 13, 14)]
    assert until == [(None,), (date(2024, 9, 9),), (date(2024, 9, 9),), (None,)]


SWITCH = datetime(2026, 6, 8, 14, tzinfo=UTC)
"""Ten o'clock on a Monday of the phase-in."""
SWITCHED = SWITCH.replace(month=7)


@pytest.mark.parametrize(
    ("chosen", "days"),
    [
        pytest.param("2026-06-10", ["2026-06-08", "2026-06-09"], id="until its own switch"),
        pytest.param(None, [], id="nobody who chose no day"),
    ],
)
def test_the_switch_ends_it(tmp_path: Path, chosen: str | None, days: list[str]):
    moved = SWITCH - MONDAY
    firm, kind = Firm(tmp_path), account("A", "reg_t", SWITCH)
    fills = [
        row | {"event_time": f"{datetime.fromisoformat(row['event_time']) + moved:%FT%TZ}"}
        for day in range(3)
        for _, row in there_and_back(4, days=day)
    ]
    fills = [row | {"account_id": "A", "symbol": "X"} for row in fills]
    start: dict[str, list[Row]] = {
        "accounts": [kind if chosen is None else kind | {"intraday_margin_from": chosen}],
        "instruments": [instrument("X", SWITCH)],
        "cash_movements": [cash("C", "A", "30000", SWITCH)],
    }

    written = firm.cycle(SWITCHED, **start, prices=[price("X", "100", SWITCH)], fills=fills)

    assert written is not None
    assert (TABLE in written.frames) is (chosen is not None)
    assert days_of(firm, "A") == days
    firm.cycle(SWITCHED, prices=[price("X", "100", SWITCH.replace(day=11))])
    assert days_of(firm, "A") == []


def test_a_late_fill_counts_on_the_day_it_lands(tmp_path: Path):
    firm = lived(tmp_path, {"A": [PAID, trades("10", "100", hours=1), marks("100", days=1)]})

    firm.cycle(LANDED, fills=[fill("late", "-10", "100", later(hours=2), symbol="A")])

    assert [(row["day_trades"], row["trades"]) for row in of(firm, TABLE, "A")] == [(0, 1), (0, 1)]


def test_a_contract_costs_its_multiplier(tmp_path: Path):
    firm = lived(tmp_path, {"A": [*DESIGNATED, marks("100", days=1)]})
    bought = fill("C", "2", "3.50", later(days=1, hours=1), symbol="XC")

    firm.cycle(LANDED, fills=[bought])
    assert on(firm, "A", "2024-06-04", *ASKED[2:], "is_determinate") == (None, None, False)
    terms = {"asset_class": "option", "underlying": "A", "right": "call", "style": "american"}
    terms |= {"strike": 100, "expiry": "2024-08-16", "multiplier": 100}
    firm.cycle(LANDED, instruments=[instrument("XC", later(days=1, hours=2), **terms)])

    assert on(firm, "A", "2024-06-04", *ASKED[2:], "is_determinate") == (700, 0, True)


class Trader:
    """A random story of two weeks of quick trades, in event order: stock, options, cash, busts."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.done: list[Row] = []

    def tell(self) -> list[tuple[datetime, str, Row]]:
        option = {"asset_class": "option", "underlying": "X", "right": "call", "style": "american"}
        option |= {"strike": Decimal(105), "expiry": "2024-08-16", "multiplier": Decimal(100)}
        start = [("accounts", account(name, "reg_t", MONDAY)) for name in "ABCDE"]
        start += [("instruments", instrument(name, MONDAY)) for name in "XY"]
        start += [("instruments", instrument("XC", MONDAY, **option))]
        start += [("prices", price(name, usd, MONDAY)) for name, usd in USD.items()]
        start += [("cash_movements", cash(name, name, "31000", MONDAY)) for name in "ABCE"]
        told = [(MONDAY, feed, row) for feed, row in start]
        called = [*there_and_back(4), *there_and_back(1, units=1300, days=1)]
        for feed, row in called:
            when = datetime.fromisoformat(row["event_time"])
            told.append((when, feed, row | {"account_id": "E", "symbol": "X"}))
        for day in [day for day in range(14) if day % 7 < 5]:
            # Until two hours after the close.
            for minute in sorted(self.random.sample(range(480), 5)):
                told.extend(self._something(later(days=day, minutes=minute, seconds=30.5)))
        return sorted(told, key=lambda event: event[0])

    def _something(self, when: datetime) -> Iterable[tuple[datetime, str, Row]]:
        kinds = ("fill", "correct", "cash", "kind", "price")
        what = self.random.choices(kinds, (28, 8, 2, 3, 2))[0]
        who, name = self.random.choice("AABCD"), f"{self.random.randrange(10**9):09d}"
        symbol = self.random.choice(("X", "X", "Y", "XC"))
        if what == "fill":
            quantity = str(self.random.choice((-3, 3, 6) if symbol == "XC" else (-900, 900, 700)))
            self.done.append(fill(name, quantity, USD[symbol], when, account_id=who, symbol=symbol))
            yield when, "fills", self.done[-1]
        elif what == "correct" and self.done:
            old, quantity = self.random.choice(self.done[-9:]), self.random.choice(("0", "7"))
            place = {key: old[key] for key in ("account_id", "symbol")}
            self.done.append(
                fill(name, quantity, old["price"], when, corrects=old["fill_id"], **place)
            )
            yield when, "fills", self.done[-1]
        elif what == "cash":
            amount = self.random.choice(("2000", "9000", "-500"))
            kind = "withdrawal" if amount < "0" else "deposit"
            yield when, "cash_movements", cash(name, who, amount, when, kind)
        elif what == "kind":
            kind = self.random.choice(("cash", "reg_t"))
            yield when, "accounts", account(self.random.choice("BD"), kind, when)
        elif what == "price":
            usd = f"{float(USD[symbol]) * self.random.uniform(0.95, 1.05):.2f}"
            yield when, "prices", price(symbol, usd, when)


USD = {"X": "100.00", "Y": "40.00", "XC": "6.00"}


@pytest.fixture(scope="module")
def told() -> list[tuple[datetime, str, Row]]:
    return Trader(3).tell()


def by_day(firm: Firm, days: list[date]) -> pl.DataFrame:
    """The daily twin of business dates, from what has landed."""
    dates = pl.DataFrame({"business_date": days})
    return pattern_day_traders_at(*everything_landed(firm), dates, calendar())


def test_live_and_daily_agree(told: list[tuple[datetime, str, Row]], tmp_path: Path):
    firm, days, live = Firm(tmp_path), sorted({at.date() for at, _, _ in told}), []
    rest = list(told)
    for day in days:
        end = datetime(day.year, day.month, day.day + 1, tzinfo=UTC)
        # A price at eight in New York itself, so that the firm stands as of it.
        rest.append((end, "prices", price("Z", "1", end)))
        cycle(firm, [event for event in rest if event[0] <= end])
        rest = [event for event in rest if event[0] > end]
        live.append(firm.table(TABLE).filter(pl.col("business_date") == day))

    daily = by_day(firm, days)

    assert_frame_equal(
        daily.sort("business_date", "account_id"),
        pl.concat(live).drop("cycle").sort("business_date", "account_id"),
        check_dtypes=False,
        check_column_order=False,
        check_exact=True,
    )
    assert {*daily["special_call_status"]} == {None, "open"}
    assert daily["cash_only_until"].is_not_null().any()
    assert daily["window_day_trades"].max() > 4
    assert by_day(firm, days[8:9]).equals(daily.filter(pl.col("business_date") == days[8]))
    assert replay(firm.lake).difference is None


def remembered(firm: Firm) -> pl.DataFrame:
    """The table as the session would write it, whatever it has to count again."""
    return firm.session._ready().monitor.day_trades.frame(None)


def test_batches_and_restarts_change_nothing(told: list[tuple[datetime, str, Row]], tmp_path: Path):
    whole, parts = Firm(tmp_path / "whole"), Firm(tmp_path / "parts")
    cycle(whole, told)

    # What opens the story is of one second, so it stays together.
    begun = sum(at == MONDAY for at, _, _ in told)
    for start in (0, *range(begun, len(told), 17)):
        cycle(parts, told[start : start + 17] if start else told[:begun])
        was = remembered(parts)
        parts.restart()
        assert_frame_equal(remembered(parts), was)

    assert TABLE in CYCLE_TABLES
    one, other = (firm.table(TABLE).drop("cycle") for firm in (whole, parts))
    assert_frame_equal(one, other)
