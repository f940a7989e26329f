"""The walk: session after session, the firm as the live monitor would have it at each close.

A session has the instants that the monitor would evaluate: its opening where a price ages there,
every deadline of the ladder, the ends of its bars where there are some, and its close. Between them
owners and the firm act.
"""

import numpy as np

from margin_assets.backtest.book.plan import Plan
from margin_assets.backtest.engine import acts, house
from margin_assets.backtest.engine.ground import Ground, Moment
from margin_assets.backtest.engine.record import Recorder, Year, group_of
from margin_assets.backtest.engine.settling import counted, settle_contracts
from margin_assets.backtest.engine.state import MARKET, NOBODY, TALLIES, State, book_of
from margin_assets.backtest.policy import DayRules, Policy
from margin_assets.kernels.backtest.days import lowest_left_alone
from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.figures import Figures, empty_figures
from margin_assets.kernels.book.series import STALE, UNUSABLE
from margin_assets.kernels.book.states import UNPRICED
from margin_assets.kernels.enforcement.ladder import climb
from margin_assets.kernels.enforcement.liquidation import liquidated
from margin_assets.kernels.enforcement.rungs import CALL, Evaluated, Ladder
from margin_assets.kernels.margin.revaluation import revalue
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.rules.grid import day_of, grid_point
from margin_assets.kernels.rules.instants import NEVER

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
        self._order = ground.order
        first = policy.on(ground.history.days[0]).rules
        self._figures = empty_figures(plan.seats, first)
        self._now = self._close_of(0)
        """The instant that the figures are of."""
        self._is_fresh = True

    def part(self, places: range) -> Year:
        """Walks sessions of a year, and returns what they came to."""
        recorder = Recorder(self.ground, len(self.plan.tempers))
        if places.start and self._is_fresh:
            # As the close before left them, whoever walked up to it.
            self._value(self._close_of(places.start - 1))
        self._is_fresh = False
        for place in places:
            self._session(place, recorder)
        return recorder.year()

    def _session(self, place: int, recorder: Recorder) -> None:
        history, close = self.ground.history, self._close_of(place)
        self._bar_to_come = history.bars.of(place).start
        recorder.begin(place)
        if place:
            self._pass_time(int(history.opens[place]), recorder)
            self._open(place, recorder)
            for due in self._due(place):
                self._bars(place, due, recorder)
                self._pass_time(due, recorder)
                self._settle(place, due, recorder)
            self._bars(place, close.point, recorder)
            self._pass_time(close.point, recorder)
        self._act(acts.Session(place, close.series), recorder)
        self._value(close)
        seats = np.flatnonzero(self.state.life != NOBODY)
        self._missed(seats)
        self._climb(close.point, seats, recorder)
        groups = group_of(self.state, self.plan.lives.temper)
        recorder.close(self.state, self._held(), self._figures, groups)

    def _rules(self, point: int) -> DayRules:
        return self.policy.on(day_of(point))

    def _close_of(self, place: int) -> Moment:
        point = int(self.ground.history.closes[place])
        return self.ground.at_close(place, self._rules(point).rules)

    def _held(self) -> Book:
        if self._book is None:
            self._book = book_of(self.state, self._order)
        return self._book

    def _value(self, moment: Moment) -> None:
        """Values the book as of a moment, house add-ons included."""
        self._now, self._figures = moment, self._valued(moment)

    def _value_some(self, moment: Moment, seats: Int64Array) -> None:
        figures = self._valued(moment)
        for name in Figures._fields:
            getattr(self._figures, name)[seats] = getattr(figures, name)[seats]

    def _valued(self, moment: Moment) -> Figures:
        day_rules = self._rules(moment.point)
        book = counted(self._held(), moment.series, day_rules.rules)
        figures = revalue(book, moment.series, day_rules.rules)
        house.charge(self.ground, (moment, book), figures, day_rules)
        return figures

    def _open(self, place: int, recorder: Recorder) -> None:
        """What the opening itself does: shares split, dividends go, prices grow old."""
        state, history = self.state, self.ground.history
        paid, ratios = history.dividends.on(place), history.splits.on(place)
        if len(paid[0]):
            acts.pay_dividends(state, *paid)
        if len(ratios[0]):
            acts.split(state, *ratios, history.price[place])
            self._book = None
        point = int(history.opens[place])
        moment = self.ground.at_opening(place, self._rules(point).rules)
        turned = moment.series.price_state != self._now.series.price_state
        self._now = moment
        if not turned.any():
            return
        seats = np.flatnonzero((state.quantity[:, turned] != 0).any(axis=1))
        if not len(seats):
            return
        self._value_some(moment, seats)
        self._climb(point, seats, recorder)

    def _bars(self, place: int, until: int, recorder: Recorder) -> None:
        """Ends of bars before an instant."""
        instants = self.ground.history.bars.instant
        for number in range(self._bar_to_come, self.ground.history.bars.of(place).stop):
            if instants[number] >= until:
                return
            self._bar_to_come = number + 1
            self._pass_time(int(instants[number]), recorder)
            self._bar(number, recorder)

    def _due(self, place: int) -> list[int]:
        """Instants of a session at which contracts that ended are settled."""
        history, ends = self.ground.history, self.ground.ends
        if ends is None:
            return []
        within = (ends.due > history.opens[place]) & (ends.due < history.closes[place])
        return [int(due) for due in np.unique(ends.due[within])]

    def _settle(self, place: int, due: int, recorder: Recorder) -> None:
        """Contracts come to shares and cash, and who held them is evaluated."""
        ground, rules, passed = self.ground, self._rules(due).rules, self._bar_to_come - 1
        if ground.ends is None:
            return
        moment = (
            ground.at_bar(passed, rules, due)
            if passed in ground.history.bars.of(place)
            else ground.at_opening(place, rules, due)
        )
        known = (ground.history, ground.ends)
        seats = settle_contracts(self.state, known, moment.series, (place, due))
        if not len(seats):
            return
        self._book, self._now = None, moment
        self._value_some(moment, seats)
        self._climb(due, seats, recorder)

    def _bar(self, number: int, recorder: Recorder) -> None:
        """The end of a bar: who is to be liquidated is sold out at it, then all are valued."""
        point = int(self.ground.history.bars.instant[number])
        moment = self.ground.at_bar(number, self._rules(point).rules)
        self._sell(acts.Session(recorder.day["place"], moment.series), recorder)
        self._value(moment)
        seats = np.flatnonzero(self.state.life != NOBODY)
        self._missed(seats)
        self._climb(point, seats, recorder)

    def _pass_time(self, until: int, recorder: Recorder) -> None:
        """Deadlines of the ladder before an instant, at the figures of the last evaluation."""
        ladder = self.state.ladder
        while True:
            due = int(ladder.deadline.min(initial=NEVER))
            if due >= until:
                return
            point = grid_point(due, self._rules(due).rules.grid_interval)
            if point >= until:
                return
            self._climb(point, np.flatnonzero(ladder.deadline <= point), recorder)

    def _climb(self, point: int, seats: Int64Array, recorder: Recorder) -> None:
        state, book = self.state, self._held()
        kept = self._spared(point, seats)
        rules = self._rules(point).rules
        steps = climb(book, self._figures, rules, state.ladder, Evaluated(point, seats, kept))
        if not len(steps.account):
            return
        made = recorder.steps(state, steps, recorder.day["place"])
        if len(made):
            self._note_calls(made, recorder.day["place"])

    def _note_calls(self, made: Int64Array, place: int) -> None:
        """What would come of those who are called, were they left alone."""
        state = self.state
        state.called_on[made], state.met_by[made] = place, MARKET
        lowest = lowest_left_alone(self._held(), self._figures.equity, made, self._now.paths)
        state.lowest[made] = lowest
        state.tally[_T["false_calls"], made] += lowest >= 0

    def _spared(self, point: int, seats: Int64Array) -> Int64Array:
        """Who is not liquidated because only bounds say so, as the live monitor spares them."""
        figures, ladder, ground = self._figures, self.state.ladder, self.ground
        series = self._now.series
        rules = self._rules(point).rules
        on_bounds: Int64Array = seats[figures.states[seats] & UNPRICED != 0]
        if not len(on_bounds):
            return on_bounds
        due = liquidated(figures, rules, ladder, (point, on_bounds))
        if not len(due):
            return due
        aged = np.where(series.price_state == UNUSABLE, STALE, series.price_state)
        known = Figures._make(column.copy() for column in figures)
        last = ground.with_states(series, aged.astype(np.int8), rules)
        revalue(counted(self._held(), last, rules), last, rules, into=(due, known))
        still = liquidated(known, rules, Ladder._make(ladder), (point, due))
        return np.setdiff1d(due, still)

    def _missed(self, seats: Int64Array) -> None:
        """Accounts that owe more than they own, and nobody had called them."""
        called = self.state.ladder.margin_status[seats] == CALL
        negative = self._figures.equity[seats] < 0
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
        self._book = None
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
