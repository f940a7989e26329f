"""Accounts on an intraday desk: entries by New York time, and a second route to their deficits."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from margin_assets.calendar import sessions
from margin_assets.kernels.intraday import deficit_tables, intraday_book
from margin_assets.kernels.intraday.deficit_tables import Saved
from margin_assets.kernels.intraday.intraday import IntradayRules, intraday_rules
from margin_assets.kernels.intraday.intraday_book import IntradayBook
from margin_assets.kernels.intraday.intraday_register import CHANGES, Changes, Entries
from margin_assets.kernels.rules.timelines import business_days

NEW_YORK = ZoneInfo("America/New_York")
ON = date(2026, 6, 8)
RULES = intraday_rules(ON)
DAYS = business_days(sessions().days, sessions().closes, RULES.day_ends_after_close)


def at(moment: str) -> int:
    """New York time as microseconds, such as `2026-06-08 10:00`."""
    return round(datetime.fromisoformat(moment).replace(tzinfo=NEW_YORK).timestamp() * 1e6)


class Entry(NamedTuple):
    """What one account shows after one step; money in cents."""

    point: int
    level: int
    is_reducing: bool = False
    net_deposit: int = 0
    equity: int = 10_000_000
    rule: int = 0
    is_known: bool = True
    account: int = 0


def entries(rows: Sequence[Entry]) -> Entries:
    def column(name: str, kind: type) -> np.ndarray:
        return np.array([getattr(row, name) for row in rows], dtype=kind)

    return Entries(
        point=column("point", np.int64),
        account=column("account", np.int64),
        level=column("level", np.int64),
        equity=column("equity", np.int64),
        net_deposit=column("net_deposit", np.int64),
        is_reducing=column("is_reducing", np.bool_),
        rule=column("rule", np.int8),
        is_known=column("is_known", np.bool_),
    )


NAMES = ["A", "B", "C"]


def places(names: pl.Series) -> np.ndarray:
    return np.array([NAMES.index(name) for name in names], dtype=np.int64)


class Desk:
    """A book of three accounts and the words for what became of their deficits."""

    def __init__(self) -> None:
        self.book = IntradayBook(DAYS)
        self.book.grow(len(NAMES))

    def step(self, *rows: Entry) -> list[str]:
        return self._words(self.book.step(entries(rows)))

    def close(self, moment: str) -> list[str]:
        return self._words(self.book.close_of_day(at(moment)))

    def rows(self) -> list[dict[str, object]]:
        return self.book.deficits(NAMES).rows(named=True)

    def row(self) -> dict[str, object]:
        (row,) = self.rows()
        return row

    def frozen(self) -> list[str]:
        return self.book.accounts(NAMES).filter("is_frozen")["account_id"].to_list()

    @staticmethod
    def _words(changes: Changes) -> list[str]:
        return [CHANGES[kind] for kind in changes.kind]


def finished(book: IntradayBook, until: int) -> Saved:
    book.close_of_day(until)
    return Saved(book.deficits(NAMES), book.accounts(NAMES))


END = at("2026-07-31 23:00")


def after(walk: list[Entry], cuts: list[int]) -> Saved:
    desk = Desk()
    for start, stop in zip([0, *cuts], [*cuts, len(walk)], strict=True):
        desk.book.step(entries(walk[start:stop]))
    return finished(desk.book, END)


def assert_same(left: Saved, right: Saved):
    for one, other in zip(left, right, strict=True):
        assert_frame_equal(one, other)


RULE_WORDS = {0: "4210_d_2", 1: "4210_g_1_K", -1: None}


def history(rows: Entries) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "account_id": [NAMES[a] for a in rows.account],
            "event_time": pl.Series(rows.point).cast(pl.Datetime("us", "UTC")),
            "level": [Decimal(int(c)) / 100 for c in rows.level],
            "equity": [Decimal(int(c)) / 100 for c in rows.equity],
            "net_deposit": [Decimal(int(c)) / 100 for c in rows.net_deposit],
            "is_reducing": rows.is_reducing,
            "rule": [RULE_WORDS[code] for code in rows.rule],
            "is_known": rows.is_known,
        },
        schema_overrides=dict.fromkeys(("level", "equity", "net_deposit"), pl.Decimal(38, 2))
        | {"account_id": pl.String, "is_reducing": pl.Boolean, "is_known": pl.Boolean}
        | {"rule": pl.String},
    )


@contextmanager
def choosing(**choices: object) -> Iterator[None]:
    """Other choices than the rulebook's."""

    def chosen(on: date) -> IntradayRules:
        return intraday_rules(on)._replace(**choices)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intraday_book, "intraday_rules", chosen)
        patch.setattr(deficit_tables, "intraday_rules", chosen)
        yield


class Life(NamedTuple):
    """One deficit by the second route: day, amount, and the days on which things happened."""

    day: date
    amount: int
    satisfied_on: date | None
    expired_on: date | None
    failed_on: date | None
    frozen_on: date | None


def lives(rows: Sequence[Entry], until: date, rules: IntradayRules) -> list[Life]:
    """Deficits of one account, day by day from its definition, for tests at day ends only."""
    days = [d for d in sessions().days if date(2026, 6, 1) <= d <= until + timedelta(days=60)]
    by_day: dict[int, list[Entry]] = {}
    for row in rows:
        day = days.index(DAYS.date_of(int(np.searchsorted(DAYS.ends, row.point))))
        by_day.setdefault(day, []).append(row)
    last = days.index(until)
    level_at_end: dict[int, int | None] = {}
    for day in range(last + 1):
        level_at_end[day] = by_day[day][-1].level if day in by_day else level_at_end.get(day - 1)
    found = []
    for day, amount, is_small in _amounts(by_day, rules):
        satisfied = None
        for later in range(day + 1, last + 1):
            deposits = sum(
                e.net_deposit for d in range(day + 1, later + 1) for e in by_day.get(d, [])
            )
            if max(deposits, level_at_end[later] - level_at_end[day]) >= amount:
                satisfied = later
                break
        found.append((day, amount, is_small, satisfied))
    return [_life(found, deficit, days, last, rules) for deficit in found]


def _amounts(by_day: dict[int, list[Entry]], rules: IntradayRules) -> list[tuple[int, int, bool]]:
    found = []
    for day, rows in sorted(by_day.items()):
        first = next((i for i, row in enumerate(rows) if row.is_reducing), len(rows))
        counting = rows[first:] if rules.price_falls_count else [r for r in rows if r.is_reducing]
        amount = max([-row.level for row in counting], default=0)
        if amount > 0:
            equity = min(row.equity for row in counting if -row.level == amount)
            is_small = amount <= rules.de_minimis and amount * 20 <= equity
            found.append((day, amount, is_small))
    return found


def _life(
    every: list[tuple[int, int, bool, int | None]],
    deficit: tuple[int, int, bool, int | None],
    days: list[date],
    last: int,
    rules: IntradayRules,
) -> Life:
    def is_unmet(one: tuple[int, int, bool, int | None], end: int) -> bool:
        return end <= last and (one[3] is None or one[3] > end)

    def failed(one: tuple[int, int, bool, int | None]) -> int | None:
        end = one[0] + 5
        return end if is_unmet(one, end) and not one[2] else None

    day, amount, _, satisfied = deficit
    fifth, fifteenth = day + 5, day + 15
    year_ago = days[fifth] - timedelta(days=365)
    failures = [f for one in every if (f := failed(one)) is not None and f <= fifth]
    practice = sum(days[f] > year_ago for f in failures) >= rules.failures
    is_frozen = is_unmet(deficit, fifth) and practice
    has_expired = is_unmet(deficit, fifteenth)
    if has_expired and not is_frozen:
        satisfied = None

    def named(place: int | None) -> date | None:
        return None if place is None else days[place]

    return Life(
        day=days[day],
        amount=amount,
        satisfied_on=named(satisfied),
        expired_on=named(fifteenth if has_expired else None),
        failed_on=named(failed(deficit)),
        frozen_on=named(fifth if is_frozen else None),
    )
