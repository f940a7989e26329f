"""Flows on a valuation day: what is still to come, as cash and as ratios of discount factors.

A floating rate to come is a ratio of two discount factors of its own curve, less one: every flow
is an amount times a discount factor, or times a ratio and a discount factor, and nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray, Int32Array, Int64Array
from margin_assets.kernels.rates.conventions import EPOCH_SERIAL, QlObject, of_ql, quantlib
from margin_assets.kernels.rates.fixings import OvernightPast, TermPast
from margin_assets.kernels.rates.flows import AVERAGED, COMPOUNDED, FIXED, TERM, Flows

Rows = BoolArray | Int64Array


class Cash(NamedTuple):
    """Known cash to come, a row each."""

    instrument: Int32Array
    amount: FloatArray
    pay_day: Int64Array

    def kept(self, rows: Rows) -> "Cash":
        """Those rows only, a mask or places."""
        return Cash(self.instrument[rows], self.amount[rows], self.pay_day[rows])


class Ratios(NamedTuple):
    """Growth to come, a row each.

    The amount times the discount factor of the first day over that of the last, on the pay day.
    """

    instrument: Int32Array
    amount: FloatArray
    pay_day: Int64Array
    index_number: Int32Array
    first_day: Int64Array
    last_day: Int64Array

    def kept(self, rows: Rows) -> "Ratios":
        """Those rows only, a mask or places."""
        return Ratios(
            self.instrument[rows],
            self.amount[rows],
            self.pay_day[rows],
            self.index_number[rows],
            self.first_day[rows],
            self.last_day[rows],
        )


class MissingFixing(NamedTuple):
    """A fixing that an instrument needs and that is not known."""

    instrument: int
    index_number: int
    day: int


class Open(NamedTuple):
    """What is still to come of all flows on a valuation day."""

    cash: Cash
    ratios: Ratios
    missing: tuple[MissingFixing, ...]
    """First missing fixing of each instrument; it has no flow here."""

    def without(self, instruments: Iterable[int]) -> "Open":
        """All but the flows of those instruments."""
        gone = np.array(sorted(instruments), np.int32)
        cash = self.cash.kept(~np.isin(self.cash.instrument, gone))
        return self._replace(
            cash=cash, ratios=self.ratios.kept(~np.isin(self.ratios.instrument, gone))
        )


class Past(NamedTuple):
    """What indices have fixed at, by their numbers."""

    term: Mapping[int, TermPast]
    overnight: Mapping[int, OvernightPast]
    calendars: Mapping[int, QlObject]
    """Business days of the overnight indices."""


def first_overnight_day(flows: Flows, index: int, valuation: int) -> int:
    """First day whose fixing counts for a flow that is not yet paid; the valuation day if none."""
    counts = (flows.index_number == index) & (flows.kind != TERM) & (flows.pay_day > valuation)
    return int(min(flows.start_day[counts].min(initial=valuation), valuation))


def still_to_come(flows: Flows, valuation: int, past: Past) -> Open:
    """The flows paid after the valuation day.

    A rate whose fixing day is past must have its fixing; one of the valuation day itself is taken
    where it is known, and forecast where not.
    """
    ahead = flows.pay_day > valuation
    parts = [_cash(flows, ahead & (flows.kind == FIXED))]
    ratios: list[Ratios] = []
    missing: list[MissingFixing] = []
    for index in np.unique(flows.index_number[ahead & (flows.kind != FIXED)]).tolist():
        of_index = ahead & (flows.index_number == index)
        for kind in (TERM, COMPOUNDED, AVERAGED):
            rows = Flows(*(column[of_index & (flows.kind == kind)] for column in flows))
            if not rows.rows:
                continue
            found = (
                _term(rows, valuation, past.term[index])
                if kind == TERM
                else _overnight(rows, past.overnight[index], past.calendars[index])
            )
            parts.append(found.cash)
            ratios.append(found.ratios)
            missing += found.missing
    first: dict[int, MissingFixing] = {}
    for one in sorted(missing):
        first.setdefault(one.instrument, one)
    return Open(_all_cash(parts), _all_ratios(ratios), tuple(first.values())).without(first)


def _cash(flows: Flows, kept: Rows) -> Cash:
    return Cash(flows.instrument[kept], flows.amount[kept], flows.pay_day[kept])


def _all_cash(parts: Sequence[Cash]) -> Cash:
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Cash(*columns).kept(np.argsort(columns[0], kind="stable"))


def _all_ratios(parts: Sequence[Ratios]) -> Ratios:
    days, numbers = np.empty(0, np.int64), np.empty(0, np.int32)
    none = Ratios(numbers, np.empty(0), days, numbers, days, days)
    columns = [np.concatenate(column) for column in zip(none, *parts, strict=True)]
    return Ratios(*columns).kept(np.argsort(columns[0], kind="stable"))


def _term(rows: Flows, valuation: int, past: TermPast) -> Open:
    """Term rates: fixed ones are cash, the others a ratio less one."""
    fixing = past.at(rows.fixing_day)
    is_today = (rows.fixing_day == valuation) & ~np.isnan(fixing)
    is_fixed = (rows.fixing_day < valuation) | is_today
    lost = is_fixed & np.isnan(fixing)
    missing = tuple(
        MissingFixing(*map(int, row))
        for row in zip(
            rows.instrument[lost], rows.index_number[lost], rows.fixing_day[lost], strict=True
        )
    )
    unit = rows.amount / rows.fraction
    known = np.where(is_fixed, np.nan_to_num(fixing) * rows.amount, -unit)
    cash = Cash(rows.instrument, known + rows.spread * rows.amount, rows.pay_day)
    return Open(cash, _ratios(rows, unit, ~is_fixed), missing)


def _ratios(rows: Flows, amount: FloatArray, kept: Rows) -> Ratios:
    return Ratios(
        rows.instrument[kept],
        amount[kept],
        rows.pay_day[kept],
        rows.index_number[kept],
        rows.start_day[kept],
        rows.end_day[kept],
    )


def _overnight(rows: Flows, past: OvernightPast, calendar: QlObject) -> Open:
    """Overnight rates: what has grown is known, the rest of a running period a ratio."""
    open_from = past.days[-1]
    place, end = past.place(rows.start_day), past.place(rows.end_day)
    end = np.where(rows.end_day >= open_from, past.days.size - 1, end)
    has_begun = rows.start_day < open_from
    lost = has_begun & (past.missing[end] > past.missing[place])
    missing = tuple(_first_missing(rows, int(i), past, int(place[i])) for i in np.flatnonzero(lost))
    grown = np.where(has_begun, past.grown[end] / past.grown[place], 1.0)
    summed = np.where(has_begun, past.summed[end] - past.summed[place], 0.0)
    is_open = rows.end_day > open_from
    unit = rows.amount / rows.fraction
    first = np.where(has_begun, open_from, rows.start_day)
    rest = rows._replace(start_day=first)
    spread = rows.spread * rows.amount
    if rows.kind[0] == AVERAGED:
        daily = _daily(rest, unit, is_open, calendar)
        ones = np.bincount(daily.owner, daily.ratios.amount, rows.rows)
        cash = Cash(rows.instrument, unit * summed - ones + spread, rows.pay_day)
        return Open(cash, daily.ratios, missing)
    known = np.where(is_open, -unit, unit * (grown - 1.0)) + spread
    cash = Cash(rows.instrument, known, rows.pay_day)
    return Open(cash, _ratios(rest, unit * grown, is_open), missing)


def _first_missing(rows: Flows, i: int, past: OvernightPast, place: int) -> MissingFixing:
    after = int(np.searchsorted(past.missing, past.missing[place], side="right"))
    return MissingFixing(
        int(rows.instrument[i]), int(rows.index_number[i]), int(past.days[after - 1])
    )


class _Daily(NamedTuple):
    ratios: Ratios
    owner: Int64Array


def _daily(rows: Flows, unit: FloatArray, is_open: BoolArray, calendar: QlObject) -> _Daily:
    """A ratio for each business day to come of an averaged period."""
    firsts, lasts, owner = [], [], []
    for i in np.flatnonzero(is_open).tolist():
        days = list(_business_days(int(rows.start_day[i]), int(rows.end_day[i]), calendar))
        firsts += days[:-1]
        lasts += days[1:]
        owner += [i] * (len(days) - 1)
    of = np.array(owner, np.int64)
    ratios = Ratios(
        rows.instrument[of],
        unit[of],
        rows.pay_day[of],
        rows.index_number[of],
        np.array(firsts, np.int64),
        np.array(lasts, np.int64),
    )
    return _Daily(ratios, of)


def _business_days(first: int, last: int, calendar: QlObject) -> Iterator[int]:
    """The first day, the business days between, the last day."""
    ql = quantlib()
    yield first
    span = calendar.businessDayList(ql.Date(first + EPOCH_SERIAL), ql.Date(last + EPOCH_SERIAL))
    yield from (day for day in map(of_ql, span) if first < day < last)
    yield last
