import random
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from margin_assets.assets.partitions import closes
from margin_assets.calendar import calendar
from margin_assets.kernels.history.sma_history import memoranda_at
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.reg_t.sma import special_memorandum_accounts
from margin_assets.kernels.rules.rules import rules_in_force
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

SMA, CALLS = "special_memorandum_accounts", "reg_t_calls"


def shown(firm: Firm, name: str, *columns: str) -> list[object]:
    (row,) = of(firm, SMA, name)
    return [row[column] for column in columns]


PAID = pays("9000", hours=1)
HALF = [pays("5000", hours=1), trades("100", "100", hours=2)]
ENTRIES: dict[str, tuple[Told, int]] = {
    "deposit": ([PAID], 9_000),
    "purchase": ([PAID, trades("100", "100", hours=2)], 4_000),
    "short sale": ([PAID, trades("-100", "100", hours=2)], 4_000),
    "cover": ([PAID, trades("-100", "100", hours=2), trades("100", "60", hours=3)], 7_000),
    "withdrawal": ([PAID, pays("-2000", "withdrawal", hours=2)], 7_000),
    "dividend": ([PAID, pays("70", "dividend", hours=2)], 9_070),
    "fee": ([PAID, pays("-70", "fee", hours=2)], 9_000),
    "restricted sale": ([*HALF, marks("80", hours=3), trades("-50", "80", hours=4)], 2_000),
    "through zero": ([*HALF, trades("-150", "100", hours=3)], 2_500),
    "prices": ([*HALF, marks("140", hours=3), marks("97", hours=4)], 0),
}


@pytest.fixture(scope="module")
def monday(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    stories = {name: told for name, (told, _) in ENTRIES.items()}
    stories |= {kind: [PAID, becomes(kind, hours=3)] for kind in ("cash", "portfolio_margin")}
    return lived(tmp_path_factory.mktemp("monday"), stories)


@pytest.mark.parametrize("name", ENTRIES)
def test_entries_of_the_day(monday: Firm, name: str):
    assert shown(monday, name, "sma", "shortfall") == [ENTRIES[name][1], 0]


@pytest.mark.parametrize("kind", ["cash", "portfolio_margin"])
def test_what_an_account_has_stays_on_its_row_until_the_day_ends(monday: Firm, kind: str):
    assert shown(monday, kind, "sma") == [9_000]


def test_figures_are_those_of_the_what_if(monday: Firm):
    mine = monday.table(SMA).filter(~pl.col("account_id").is_in(["cash", "portfolio_margin"]))
    accounts = monday.table("account_state").join(mine.select("account_id", "sma"), on="account_id")
    positions = monday.table("positions")
    rules = rules_in_force(MONDAY.date())

    asked = special_memorandum_accounts(Margined(positions, accounts, rules))

    # The what-if counts an excess above the balance into its SMA; the table keeps them apart.
    excess = mine.select(pl.max_horizontal("sma", "reg_t_excess")).to_series()
    assert asked["sma"].to_list() == excess.to_list()
    for name in ("account_id", "reg_t_excess", "buying_power"):
        assert asked[name].to_list() == mine[name].to_list(), name


BOUGHT = [pays("5000", hours=1), trades("200", "100", hours=2)]
CALLED: dict[str, tuple[Told, tuple[str, int, int, int | None]]] = {
    "met": ([pays("5000", days=2)], ("met", 5_000, 0, None)),
    "partly": ([pays("2000", days=2)], ("liquidation_due", 2_000, 3_000, 3_000)),
    "sold": ([trades("-100", "100", days=2)], ("met", 5_000, 0, None)),
    "risen": ([marks("125", days=2)], ("liquidation_due", 0, 2_500, 2_500)),
    "far risen": ([marks("160", days=2)], ("lapsed", 0, 0, 0)),
}
LATER: dict[str, Told] = {
    "small": [PAID, trades("200", "100", hours=2)],
    "day trade": [*BOUGHT, trades("-200", "100", hours=4)],
    # Half past four in New York: after the close, and before the business day ends.
    "after hours": [trades("100", "100", hours=6.5)],
    "open": [trades("100", "100", days=2)],
    "two": [*BOUGHT, trades("100", "100", days=1), pays("6000", days=2)],
    "uncovered": [trades("100", "100", days=2), marks("250", days=2, hours=1)],
    "unpriced": [*BOUGHT, trades("1", "1", "?", hours=3), marks("160", hours=4)],
    "returned": [PAID, becomes("cash", days=1), becomes("reg_t", days=2)],
    "highest": [*HALF, marks("140", hours=3), marks("120", hours=5), marks("90", days=1, hours=1)],
}


@pytest.fixture(scope="module")
def friday(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    """Four days on, when what Monday called was due."""
    stories = {name: [*BOUGHT, *told] for name, (told, _) in CALLED.items()} | LATER
    stories["last"] = [marks("100", days=4)]
    return lived(tmp_path_factory.mktemp("friday"), stories)


@pytest.mark.parametrize("name", CALLED)
def test_a_call_through_its_payment_period(friday: Firm, name: str):
    (call,) = of(friday, CALLS, name)

    assert call["amount"] == 5_000
    assert [str(call[day]) for day in ("opened_on", "due_on")] == ["2024-06-03", "2024-06-06"]
    found = tuple(call[column] for column in ("status", "met", "outstanding", "to_liquidate"))
    assert found == CALLED[name][1]
    assert shown(friday, name, "open_calls") == [call["outstanding"]]


def test_a_small_call_needs_no_action(friday: Firm):
    (call,) = of(friday, CALLS, "small")

    assert (call["amount"], call["is_de_minimis"], call["status"]) == (1_000, True, "waived")


def test_transactions_of_a_day_are_combined(friday: Firm):
    assert of(friday, CALLS, "day trade") == []
    assert shown(friday, "day trade", "sma") == [5_000]


def test_trades_after_the_close_are_of_their_day(friday: Firm):
    assert [str(call["opened_on"]) for call in of(friday, CALLS, "after hours")] == ["2024-06-03"]


def test_the_oldest_call_is_met_first(friday: Firm):
    calls = of(friday, CALLS, "two")

    assert [(call["met"], call["status"]) for call in calls] == [(5_000, "met"), (1_000, "open")]


def test_no_excess_is_credited_while_a_call_is_not_covered(friday: Firm):
    assert shown(friday, "far risen", "sma", "reg_t_excess") == [0, 1_000]


def test_excess_at_the_close_leaves_nothing_to_call(friday: Firm):
    # 100 shares on credit, at 250 when the session closes: 15,000 of equity, 12,500 required.
    assert of(friday, CALLS, "uncovered") == []
    assert shown(friday, "uncovered", "sma") == [2_500]


def test_an_open_call_waits(friday: Firm):
    (call,) = of(friday, CALLS, "open")

    assert (call["amount"], call["status"], str(call["due_on"])) == (5_000, "open", "2024-06-10")


def test_a_price_that_is_missing_credits_nothing(friday: Firm):
    assert shown(friday, "unpriced", "is_determinate", "sma") == [False, 0]
    assert [call["amount"] for call in of(friday, CALLS, "unpriced")] == [5_001]


def test_who_left_margin_returns_without_the_balance(friday: Firm):
    # What is there as excess is credited at the close of the day of the return.
    assert shown(friday, "returned", "sma", "moved_by") == [9_000, "excess"]


def test_sma_keeps_the_highest_close_and_no_other_price(friday: Firm):
    # At Monday's close 100 shares at 120: equity 7,000, half of the value 6,000.
    asked = ("sma", "is_restricted", "reg_t_excess", "moved_at")
    closed = datetime(2024, 6, 3, 20, tzinfo=UTC)
    assert shown(friday, "highest", *asked) == [1_000, True, -500, closed]


class Dealer:
    """A random story of two weeks: stock, options, cash, corrections; seeded, in event order."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.usd = {"X": 100.0, "Y": 40.0, "XC": 6.0}
        self.done: list[Row] = []

    def tell(self) -> list[tuple[datetime, str, Row]]:
        option = {"asset_class": "option", "underlying": "X", "right": "call", "style": "american"}
        option |= {"strike": Decimal(105), "expiry": "2024-08-16", "multiplier": Decimal(100)}
        start = [("accounts", account(name, "reg_t", MONDAY)) for name in "ABCD"]
        start += [("instruments", instrument(name, MONDAY)) for name in "XY"]
        start += [("instruments", instrument("XC", MONDAY, **option))]
        start += [("prices", price(name, f"{usd:.2f}", MONDAY)) for name, usd in self.usd.items()]
        told = [(MONDAY, feed, row) for feed, row in start]
        days = [d for d in range(14) if MONDAY.weekday() + d % 7 < 5]
        for day in days:
            for minute in sorted(self.random.sample(range(600), 12)):
                told.extend(self._something(later(days=day, minutes=minute, seconds=30.5)))
        return told

    def _something(self, when: datetime) -> Iterable[tuple[datetime, str, Row]]:
        what = self.random.choices(("price", "fill", "correct", "cash", "kind"), (8, 8, 2, 4, 1))[0]
        who, name = self.random.choice("ABCD"), f"{self.random.randrange(10**9):09d}"
        symbol = self.random.choice(("X", "X", "Y", "XC"))
        usd = f"{self.usd[symbol]:.2f}"
        if what == "price":
            self.usd[symbol] *= self.random.uniform(0.9, 1.12)
            yield when, "prices", price(symbol, f"{self.usd[symbol]:.2f}", when)
        elif what == "fill":
            quantity = str(self.random.choice((-3, -1, 2, 4) if symbol == "XC" else (-60, 35, 90)))
            self.done.append(fill(name, quantity, usd, when, account_id=who, symbol=symbol))
            yield when, "fills", self.done[-1]
        elif what == "correct" and self.done:
            old = self.random.choice(self.done[-4:])
            place = {key: old[key] for key in ("account_id", "symbol")}
            self.done.append(fill(name, "7", old["price"], when, corrects=old["fill_id"], **place))
            yield when, "fills", self.done[-1]
        elif what == "cash":
            amount = self.random.choice(("4000", "900", "-1500"))
            kind = "withdrawal" if amount < "0" else "deposit"
            yield when, "cash_movements", cash(name, who, amount, when, kind)
        elif what == "kind":
            kind = self.random.choice(("cash", "reg_t", "reg_t"))
            yield when, "accounts", account(who, kind, when)


def by_day(firm: Firm, days: list[str]) -> pl.DataFrame:
    """The daily twin of business dates, from what has landed."""
    return memoranda_at(*everything_landed(firm), closes(days), calendar())


@pytest.fixture(scope="module")
def told() -> list[tuple[datetime, str, Row]]:
    return Dealer(1).tell()


def test_live_and_daily_agree_at_every_close(told: list[tuple[datetime, str, Row]], tmp_path: Path):
    firm, days, live = Firm(tmp_path), sorted({f"{at:%Y-%m-%d}" for at, _, _ in told}), []
    rest = list(told)
    for day in days:
        close = datetime.fromisoformat(f"{day}T20:00:00+00:00")
        # A price at the close itself, so that the firm stands as of it.
        rest.append((close, "prices", price("Z", "1", close)))
        cycle(firm, [event for event in rest if event[0] <= close])
        rest = [event for event in rest if event[0] > close]
        live.append(firm.table(SMA))
    cycle(firm, rest)

    daily = by_day(firm, days)

    found = daily.partition_by("business_date", maintain_order=True)
    for one, other in zip(found, live, strict=True):
        assert_frame_equal(
            one.drop("business_date"), other.drop("cycle"), check_dtypes=False, check_exact=True
        )
    assert {*daily["moved_by"]} >= {"cash", "trade", "excess"}
    assert daily["open_calls"].max() > 0


def test_batches_and_restarts_change_nothing(told: list[tuple[datetime, str, Row]], tmp_path: Path):
    whole, parts = Firm(tmp_path / "whole"), Firm(tmp_path / "parts")
    cycle(whole, told)

    # What opens the story is of one second, so it stays together.
    begun = sum(at == MONDAY for at, _, _ in told)
    for start in (0, *range(begun, len(told), 24)):
        cycle(parts, told[start : start + 24] if start else told[:begun])
        parts.restart()

    for name in (SMA, CALLS):
        assert name in CYCLE_TABLES
        one, other = (firm.table(name).drop("cycle") for firm in (whole, parts))
        assert_frame_equal(one, other)
