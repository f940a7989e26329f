"""The walk: session after session, the firm as the live monitor would have it at each close.

A session has the instants that the monitor would evaluate: its opening where a price ages there,
every deadline of the ladder, and its close. Between them owners and the firm act.
"""

import numpy as np

from margin_assets.backtest.book.plan import Plan
from margin_assets.backtest.engine import acts, house
from margin_assets.backtest.engine.ground import Ground, price_state
from margin_assets.backtest.engine.record import Recorder, Year, group_of
from margin_assets.backtest.engine.state import MARKET, NOBODY, TALLIES, State, book_of
from margin_assets.backtest.history.building import BEFORE
from margin_assets.backtest.policy import DayRules, Policy
from margin_assets.kernels.backtest.days import lowest_left_alone
from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.figures import Figures, empty_figures
from margin_assets.kernels.book.series import STALE, UNUSABLE, Series
from margin_assets.kernels.book.states import UNPRICED
from margin_assets.kernels.enforcement.ladder import climb
from margin_assets.kernels.enforcement.liquidation import liquidated
from margin_assets.kernels.enforcement.rungs import CALL, NEVER, Evaluated, Ladder
from margin_assets.kernels.margin.revaluation import revalue
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.rules.grid import day_of, grid_point

_NOBODY: Int64Array = np.zeros(0, dtype=np.int64)
_T = {name: place for place, name in enumerate(TALLIES)}


class Walk:
    """One book under one policy, moved through a history in place."""

    def __init__(self, ground: Ground, plan: Plan, policy: Policy, state: State) -> None:
        """Takes the state as of the close before the first session to come."""
        self.ground, self.plan, self.policy, self.state = ground, plan, policy, state
        self._ends = np.argsort(plan.lives.closes, kind="stable").astype(np.int64)
        self._closes = plan.lives.closes[self._ends]
        self._book: Book | None = None
        first = policy.on(ground.history.days[0]).rules
        self._figures = empty_figures(plan.seats, first)
        self._at = 0
        """Session of whose close the figures are."""
        self._is_fresh = True

    def year(self, places: range) -> Year:
        """Walks the sessions, and returns what they came to."""
        recorder = Recorder(self.ground, len(self.plan.tempers))
        if places.start and self._is_fresh:
            # As the close before left them, whoever walked up to it.
            self._at, self._figures = places.start - 1, self._valued(places.start - 1)[2]
        self._is_fresh = False
        for place in places:
            self._session(place, recorder)
        return recorder.year()

    def _session(self, place: int, recorder: Recorder) -> None:
        history = self.ground.history
        recorder.begin(place)
        if place:
            self._pass_time(int(history.opens[place]), place, recorder)
            self._open(place, recorder)
            self._pass_time(int(history.closes[place]), place, recorder)
        series = self._series(place, history.age[place])
        self._act(acts.Session(place, series), recorder)
        book, series, figures = self._valued(place)
        self._at, self._figures = place, figures
        seats = np.flatnonzero(self.state.life != NOBODY)
        self._missed(figures, seats)
        self._climb(int(history.closes[place]), seats, (book, series), recorder)
        recorder.close(self.state, book, figures, group_of(self.state, self.plan.lives.temper))

    def _rules(self, point: int) -> DayRules:
        return self.policy.on(day_of(point))

    def _series(self, place: int, age: np.ndarray) -> Series:
        rules = self._rules(int(self.ground.history.closes[place])).rules
        return self.ground.on(place, age, rules)

    def _held(self) -> Book:
        if self._book is None:
            self._book = book_of(self.state)
        return self._book

    def _valued(self, place: int) -> tuple[Book, Series, Figures]:
        """The book at the close of a session, house add-ons included."""
        history = self.ground.history
        book, series = self._held(), self._series(place, history.age[place])
        day_rules = self._rules(int(history.closes[place]))
        figures = revalue(book, series, day_rules.rules)
        house.charge(self.ground, (place, book, series), figures, day_rules)
        return book, series, figures

    def _open(self, place: int, recorder: Recorder) -> None:
        """What the opening itself does: shares split, dividends go, prices grow old."""
        state, history = self.state, self.ground.history
        paid, ratios = history.dividends.on(place), history.splits.on(place)
        if len(paid[0]):
            acts.pay_dividends(state, *paid)
        if len(ratios[0]):
            acts.split(state, *ratios, history.price[place])
            self._book = None
        age = history.age[place - 1]
        older = np.where(age == BEFORE, BEFORE, age + 1)
        point = int(history.opens[place])
        rules = self._rules(point).rules
        turned = price_state(older, rules) != price_state(age, rules)
        if not turned.any():
            return
        seats = np.flatnonzero((state.quantity[:, turned] != 0).any(axis=1))
        if not len(seats):
            return
        book, series = self._held(), self.ground.on(place - 1, older, rules)
        figures = revalue(book, series, rules)
        house.charge(self.ground, (place - 1, book, series), figures, self._rules(point))
        for name in Figures._fields:
            getattr(self._figures, name)[seats] = getattr(figures, name)[seats]
        self._climb(point, seats, (book, series), recorder)

    def _pass_time(self, until: int, place: int, recorder: Recorder) -> None:
        """Deadlines of the ladder before an instant, at the figures of the last evaluation."""
        ladder = self.state.ladder
        while True:
            due = int(ladder.deadline.min(initial=NEVER))
            if due >= until:
                return
            point = grid_point(due, self._rules(due).rules.grid_interval)
            if point >= until:
                return
            seats = np.flatnonzero(ladder.deadline <= point)
            series = self._series(place - 1, self.ground.history.age[place - 1])
            self._climb(point, seats, (self._held(), series), recorder)

    def _climb(
        self, point: int, seats: Int64Array, at: tuple[Book, Series], recorder: Recorder
    ) -> None:
        state, place = self.state, recorder.day["place"]
        kept = self._spared(point, seats, at)
        rules = self._rules(point).rules
        steps = climb(at[0], self._figures, rules, state.ladder, Evaluated(point, seats, kept))
        if not len(steps.account):
            return
        made = recorder.steps(state, steps, place)
        if len(made):
            self._note_calls(made, at[0], place)

    def _note_calls(self, made: Int64Array, book: Book, place: int) -> None:
        """What would come of those who are called, were they left alone."""
        state, window = self.state, (self._at, self.ground.counting.left_alone)
        state.called_on[made], state.met_by[made] = place, MARKET
        equity = self._figures.equity
        lowest = lowest_left_alone(book, equity, made, self.ground.paths, window)
        state.lowest[made] = lowest
        state.tally[_T["false_calls"], made] += lowest >= 0

    def _spared(self, point: int, seats: Int64Array, at: tuple[Book, Series]) -> Int64Array:
        """Who is not liquidated because only bounds say so, as the live monitor spares them."""
        figures, ladder, (book, series) = self._figures, self.state.ladder, at
        rules = self._rules(point).rules
        on_bounds = seats[figures.states[seats] & UNPRICED != 0]
        due = liquidated(figures, rules, ladder, (point, on_bounds))
        if not len(due):
            return due
        aged = np.where(series.price_state == UNUSABLE, STALE, series.price_state)
        known = Figures._make(column.copy() for column in figures)
        last = series._replace(price_state=aged.astype(np.int8))
        revalue(book, last, rules, into=(due, known))
        still = liquidated(known, rules, Ladder._make(ladder), (point, due))
        return np.setdiff1d(due, still)

    def _missed(self, figures: Figures, seats: Int64Array) -> None:
        """Accounts that owe more than they own, and nobody had called them."""
        called = self.state.ladder.margin_status[seats] == CALL
        negative = figures.equity[seats] < 0
        self.state.tally[_T["missed_sessions"], seats] += negative & ~called

    def _act(self, at: acts.Session, recorder: Recorder) -> None:
        """What is done at a close before it is evaluated."""
        state, ground, place = self.state, self.ground, at.place
        ended = np.flatnonzero(ground.settled == place)
        if len(ended):
            acts.settle(state, ended, ground.history.worth)
        self._sell(at, recorder)
        acts.answer_calls(state, self.plan, self._figures, at)
        if place and ground.history.month[place] != ground.history.month[place - 1]:
            rate = ground.history.rate[place]
            yearly = self.plan.debit_spread + (0.0 if np.isnan(rate) else float(rate))
            acts.charge_interest(state, yearly)
        self._end_lives(at, recorder)
        acts.take_seats(state, self.plan, place)
        acts.trade(state, self.plan, place)
        self._book = None

    def _sell(self, at: acts.Session, recorder: Recorder) -> None:
        state = self.state
        due = state.ladder.is_liquidating & (state.quantity != 0).any(axis=1)
        if not due.any():
            return
        before = {
            int(seat): recorder.held(state, int(seat), max(at.place - 1, 0))
            for seat in np.flatnonzero(due)
        }
        empty, lost = acts.sell_liquidated(state, at)
        recorder.day["sold_out"] += len(empty)
        recorder.day["lost"] += int(lost.sum())
        for seat, amount in zip(empty.tolist(), lost.tolist(), strict=True):
            recorder.lost(state, (seat, at.place), amount, before[seat])

    def _end_lives(self, at: acts.Session, recorder: Recorder) -> None:
        first, end = np.searchsorted(self._closes, [at.place, at.place + 1])
        lives = self._ends[first:end]
        seats = self.plan.lives.seat[lives]
        if not len(seats):
            return
        state = self.state
        lost = acts.end_lives(state, seats, at)
        recorder.day["lost"] += int(lost.sum())
        recorder.end_lives(state, seats, at.place)
        acts.vacate(state, seats)
