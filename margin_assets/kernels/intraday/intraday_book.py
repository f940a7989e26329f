"""The intraday book: every account's deficits, moved on by entries and by the ends of days."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import numpy as np
import polars as pl

from margin_assets.kernels.book.terms import first_instant
from margin_assets.kernels.intraday.deficit_tables import (
    Saved,
    account_frame,
    deficit_frame,
    register_of,
)
from margin_assets.kernels.intraday.deficits import end_day, measure, pass_time
from margin_assets.kernels.intraday.intraday import NO_RULE, intraday_rules
from margin_assets.kernels.intraday.intraday_register import (
    SATISFIED,
    Changes,
    Entries,
    Moment,
    Register,
    Today,
    empty_changes,
    empty_register,
    grown,
)
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.numeric.money import BEYOND, bounded, instants
from margin_assets.kernels.rules.instants import NEVER, UNSET
from margin_assets.kernels.rules.timelines import BusinessDays
from schemas.intraday import RULES

_LEAST_ROOM = 1024


class IntradayBook:
    """Deficits of all accounts, by place, up to an instant.

    `step` takes what accounts show after each transaction and each revaluation; `close_of_day`
    does what time alone does. Neither depends on how the same entries are cut into calls.
    """

    def __init__(self, days: BusinessDays) -> None:
        self.days = days
        self.next_deadline = NEVER
        """Next instant at which time alone may decide; `NEVER` if none."""
        self._register = empty_register(0, 0)
        self._passed = UNSET

    def grow(self, accounts: int) -> None:
        """Gives so many new accounts their places."""
        self._register = grown(self._register, accounts, 0)

    def step(self, entries: Entries) -> Changes:
        """Takes entries in order of application and returns what became of deficits.

        Days that ended before an entry's point are closed first; one that ends at its point, not.

        Raises:
            ValueError: If a point is not after the last one closed, or beyond the calendar.
        """
        found, start = [], 0
        level = np.clip(entries.level, -BEYOND, BEYOND)
        equity = np.clip(entries.equity, -BEYOND, BEYOND)
        entries = entries._replace(level=level, equity=equity)
        while start < len(entries.point):
            point = int(entries.point[start])
            if point <= self._passed:
                msg = f"an entry at {point} after the book was closed up to {self._passed}"
                raise ValueError(msg)
            found.append(self.close_of_day(point - 1))
            day = self._day_of(point)
            until = min(int(self.days.ends[day]), self.next_deadline)
            stop = int(np.searchsorted(entries.point, until, side="right"))
            found.append(self._measure(Entries._make(c[start:stop] for c in entries), day))
            start = stop
        return _joined(found)

    def close_of_day(self, until: int) -> Changes:
        """Ends days, expires deficits and releases freezes, up to and including an instant."""
        found = []
        while self.next_deadline <= until:
            found.append(self._pass(self.next_deadline))
        self._passed = max(self._passed, until)
        return _joined(found)

    def watched(self, point: int, of: Int64Array | slice = slice(None)) -> BoolArray:
        """Which accounts (or which of some) have to be seen at every revaluation and deposit."""
        register = self._register
        return (register.live[of] > 0) | (register.reduced_on[of] == self._day_of(point))

    def frozen(self) -> BoolArray:
        """Accounts that may not create or increase a short position or a debit, by place."""
        _, is_freezing = self._open_and_frozen()
        is_frozen = np.zeros(len(self._register.live), dtype=np.bool_)
        is_frozen[self._register.account[: len(is_freezing)][is_freezing]] = True
        return is_frozen

    @property
    def register(self) -> Register:
        """Every account's deficits, to be read."""
        return self._register

    def deficits(self, names: Sequence[str], of: Int64Array | None = None) -> pl.DataFrame:
        """The `intraday_deficits` frame (of some accounts), without `as_of` and cycle."""
        return deficit_frame(self._register, self.days, names, of)

    def accounts(self, names: Sequence[str], of: Int64Array | None = None) -> pl.DataFrame:
        """The `intraday_state` frame (of some accounts), without `as_of` and cycle."""
        return account_frame(self._register, self.days, names, of)

    def load(self, saved: Saved, place: Callable[[pl.Series], Int64Array], point: int) -> None:
        """Takes both frames as saved when everything up to a point had been taken and closed.

        The names in them must have their places.
        """
        accounts = len(self._register.live)
        self._register = register_of(saved, self.days, place, accounts)
        self._passed = point
        self.next_deadline = self._deadline()

    def _measure(self, entries: Entries, day: int) -> Changes:
        new = len(entries.point)
        if self._register.used[0] + new > len(self._register.account):
            room = max(new, len(self._register.account), _LEAST_ROOM)
            self._register = grown(self._register, 0, room)
        live = int(self._register.live[entries.account].sum())
        changes = empty_changes(3 * new + 2 * live)
        today = Today(day, intraday_rules(self.days.date_of(day)))
        measure(self._register, entries, today, changes)
        taken = _joined([changes])
        if len(taken.kind):
            is_settled = (taken.kind == SATISFIED).any()
            self.next_deadline = (
                self._deadline()
                if is_settled
                else min(self.next_deadline, int(self.days.ends[day]))
            )
        return taken

    def _pass(self, at: int) -> Changes:
        is_open, is_frozen = self._open_and_frozen()
        live = np.flatnonzero(is_open | is_frozen)
        changes = empty_changes(6 * len(live))
        day = self._day_of(at)
        on = self.days.date_of(day)
        rules = intraday_rules(on)
        free_on = pl.Series([on + timedelta(days=rules.frozen_days + 1)])
        window_from = int(np.searchsorted(self.days.days, self.days.days[day] - rules.window + 1))
        now = Moment(day, at, int(instants(first_instant(free_on))[0]), window_from, live)
        if self.days.ends[day] == at:
            end_day(self._register, now, rules, changes)
        pass_time(self._register, now, self.days.ends, changes)
        self._passed = at
        self.next_deadline = self._deadline()
        return _joined([changes])

    def _deadline(self) -> int:
        is_open, is_frozen = self._open_and_frozen()
        if not (is_open | is_frozen).any():
            return NEVER
        last_days = self.days.ends[self._register.fifteenth[: len(is_open)][is_open]]
        free_at = self._register.freeze_until[: len(is_open)][is_frozen]
        return min(
            int(self.days.ends[self._day_of(self._passed + 1)]),
            int(last_days.min(initial=NEVER - 1)) + 1,
            int(free_at.min(initial=NEVER)),
        )

    def _open_and_frozen(self) -> tuple[BoolArray, BoolArray]:
        register, used = self._register, int(self._register.used[0])
        is_open = (register.satisfied_at[:used] == UNSET) & (register.expired_at[:used] == UNSET)
        return is_open, register.is_frozen[:used]

    def _day_of(self, point: int) -> int:
        day = int(np.searchsorted(self.days.ends, point))
        if day == len(self.days.ends):
            msg = f"the business days given end before {point}"
            raise ValueError(msg)
        return day


def intraday_deficits(steps: pl.DataFrame, days: BusinessDays, until: int) -> pl.DataFrame:
    """Deficits of a history of steps, as they stand once all is closed up to an instant.

    One row of `steps` is what an account shows after one transaction or revaluation: `account_id`,
    `event_time`, `level` and `equity` (USD), `net_deposit`, `is_reducing`, `rule` (null if none
    measures it) and `is_known`. Rows of one time are taken in the order given.

    Raises:
        ValueError: If anything but a rule is missing.
    """
    missing = [name for name in steps.columns if name != "rule" and steps[name].has_nulls()]
    if missing:
        msg = f"missing values in {', '.join(missing)}"
        raise ValueError(msg)
    ordered = steps.sort("event_time", maintain_order=True)
    names = ordered["account_id"].unique().sort()
    codes = ordered["rule"].replace_strict(
        list(RULES), list(range(len(RULES))), default=NO_RULE, return_dtype=pl.Int8
    )
    book = IntradayBook(days)
    book.grow(len(names))
    book.step(
        Entries(
            point=instants(ordered["event_time"]),
            account=names.search_sorted(ordered["account_id"]).to_numpy().astype(np.int64),
            level=bounded(ordered["level"], BEYOND),
            equity=bounded(ordered["equity"], BEYOND),
            net_deposit=bounded(ordered["net_deposit"], BEYOND),
            is_reducing=ordered["is_reducing"].to_numpy(),
            rule=codes.fill_null(NO_RULE).to_numpy().astype(np.int8),
            is_known=ordered["is_known"].to_numpy(),
        )
    )
    book.close_of_day(until)
    return book.deficits(names.to_list())


def _joined(found: Sequence[Changes]) -> Changes:
    """Changes of several calls as one, without the room left over."""
    parts = [[column[: part.taken[0]] for column in part[:-1]] for part in found]
    if not parts:
        return empty_changes(0)
    account, day, kind, at, amount = (np.concatenate(c) for c in zip(*parts, strict=True))
    return Changes(account, day, kind, at, amount, np.array([len(kind)]))
