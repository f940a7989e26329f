"""Laws of the book of calls, over random demands."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.calendar import calendar
from margin_assets.kernels.calls.call_book import CallBook
from margin_assets.kernels.calls.call_frames import Extension, call_id
from margin_assets.kernels.calls.call_rules import (
    CALLERS,
    HOUSE,
    MAINTENANCE,
    MINIMUM_EQUITY,
    dues,
)
from margin_assets.kernels.calls.open_calls import Demand, demand

DAYS = calendar().days
NAMES = ["A", "B"]
START = 1_583_766_000_000_000
MINUTE = 60_000_000
KINDS = (MAINTENANCE, HOUSE, MINIMUM_EQUITY)


def places(names: pl.Series) -> np.ndarray:
    return np.array([NAMES.index(name) for name in names], dtype=np.int64)


def new_book() -> CallBook:
    book = CallBook(DAYS, NAMES)
    book.grow(len(NAMES))
    return book


@dataclass
class Step:
    """What one rule asks of one account some minutes later, or an extension."""

    minutes: int
    kind: int
    account: int
    owed: int
    deposits: int
    traded: bool
    known: bool
    extends: bool


steps = st.builds(
    Step,
    minutes=st.sampled_from([1, 20, 31, 600, 1440, 10_000]),
    kind=st.sampled_from(KINDS),
    account=st.integers(0, 1),
    owed=st.sampled_from([0, 0, 1, 900, 1_000, 1_050, 2_000, 10**17]),
    deposits=st.sampled_from([0, 0, 100, -50, 1_000]),
    traded=st.booleans(),
    known=st.sampled_from([True, True, True, False]),
    extends=st.sampled_from([False, False, True]),
)


def asked(book: CallBook, step: Step, at: int) -> Demand:
    places = np.array([step.account])
    opened = book.opened_at(step.kind, places, at)
    flag = np.array([step.traded])
    return demand(places, np.array([step.owed]), opened)._replace(
        house_due=opened + 30 * MINUTE,
        legal_due=dues(DAYS, step.kind, opened, book.extended(step.kind, places)),
        is_known=np.array([step.known]),
        deposits=np.array([step.deposits]),
        has_moved=flag | (step.deposits != 0),
        has_traded=flag,
    )


@dataclass
class Told:
    """A book told of steps; `cuts` are where another process takes over."""

    cuts: frozenset[int] = frozenset()
    pause: int = 0
    """Passes time in so many parts."""
    frames: list[pl.DataFrame] = field(default_factory=list)

    def tell(self, steps: list[Step]) -> pl.DataFrame:
        book, at, last = new_book(), START, {}
        for number, step in enumerate(steps):
            before, at = at, at + step.minutes * MINUTE
            for part in range(1, self.pause + 1):
                book.pass_time(before + (at - before) * part // (self.pause + 1))
            book.pass_time(at - 1)
            if step.extends:
                opened = book.opened_at(step.kind, np.array([step.account]), at)
                name = CALLERS[step.kind].call_type
                identity = call_id(NAMES[step.account], name, int(opened[0]))
                book.extend(identity, at, at + 90 * MINUTE, Extension("mary", str(number)))
            book.strike(step.kind, at, asked(book, step, at))
            last[step.kind, step.account] = step
            book.pass_time(at)
            self.frames.append(book.take())
            if number in self.cuts:
                book = self.taken_over(last, at)
        return pl.concat([*self.frames, book.take()])

    def taken_over(self, last: dict[tuple[int, int], Step], at: int) -> CallBook:
        book = new_book()
        book.load(pl.concat(self.frames), places, at)
        for (kind, _), step in last.items():
            book.refresh(kind, asked(book, step, at))
        return book


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=14))
def test_a_life_adds_up_and_is_told_in_order(story: list[Step]):
    told = Told().tell(story)

    split = pl.col("met_by_deposits") + pl.col("met_by_trades") + pl.col("met_by_market")
    assert told.filter(pl.col("first_amount") - split != pl.col("amount")).is_empty()
    for life in told.partition_by("call_id"):
        assert life["version"].to_list() == list(range(1, life.height + 1))
        assert life["change"][0] == "opened"
        assert life["is_open"].to_list()[:-1] == [True] * (life.height - 1)
        assert life["changed_at"].is_sorted()
        assert life.filter(pl.col("is_open") == pl.col("state").eq("met")).is_empty()
    # One call of a type is open at a time: the next begins when the one before has ended.
    for lives in told.partition_by("account_id", "call_type"):
        last = lives.group_by("call_id").agg(
            opened_at=pl.col("opened_at").first(),
            ended_at=pl.when(~pl.col("is_open").last()).then(pl.col("changed_at").last()),
        )
        ordered = last.sort("opened_at")
        ends = ordered["ended_at"].to_list()[:-1]
        assert all(end <= begin for end, begin in zip(ends, ordered["opened_at"][1:], strict=True))


@settings(max_examples=40, deadline=None)
@given(st.lists(steps, max_size=12), st.frozensets(st.integers(0, 11)), st.integers(0, 2))
def test_neither_restarts_nor_pauses_change_a_version(
    story: list[Step], cuts: frozenset[int], pause: int
):
    assert Told(cuts, pause).tell(story).equals(Told().tell(story))


def test_what_met_a_call_is_told_apart_and_struck_at_the_end_of_the_day():
    def asks(minutes: int, owed: int, deposits: int = 0, *, traded: bool = False) -> Step:
        return Step(minutes, MAINTENANCE, 0, owed, deposits, traded, known=True, extends=False)

    # Of the 300 less 200 were paid in; the rest is the trade's. Two small falls of what is owed
    # are struck at the deadline, half an hour after the call, and at the end of the day.
    story = [asks(1, 1000), asks(1, 700, 200, traded=True), asks(1, 670), asks(60, 650)]
    told = Told().tell([*story, asks(1440, 650)])

    cents = (pl.col("amount", "met_by_deposits", "met_by_trades", "met_by_market") * 100).cast(int)
    minutes = ((pl.col("changed_at").to_physical() - START) // MINUTE).alias("minute")
    assert told.select("change", minutes, cents).rows() == [
        ("opened", 1, 1000, 0, 0, 0),
        ("part_met", 2, 700, 200, 100, 0),
        ("overdue", 31, 670, 200, 100, 30),
        ("restruck", 540, 650, 200, 100, 50),
    ]
