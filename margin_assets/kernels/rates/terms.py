"""Flows on a valuation day: what is still to come, as cash and as ratios of discount factors.

A floating rate to come is a ratio of two discount factors of its own curve, less one: every flow
is an amount times a discount factor, or times a ratio and a discount factor, and nothing else.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray, Int32Array, Int64Array
from margin_assets.kernels.rates.conventions import EPOCH_SERIAL, of_ql, quantlib
from margin_assets.kernels.rates.fixings import OvernightPast, TermPast
from margin_assets.kernels.rates.flows import AVERAGED, COMPOUNDED, FIXED, TERM, Flows

_CURVE_BITS = 32


class Cash(NamedTuple):
    """Known cash to come, a row each."""

    instrument: Int32Array
    amount: FloatArray
    pay_day: Int64Array


class Ratios(NamedTuple):
    """Growth to come, a row each: the amount times the discount factor of the first day over that
    of the last, paid on the pay day."""

    instrument: Int32Array
    amount: FloatArray
    pay_day: Int64Array
    index: Int32Array
    first_day: Int64Array
    last_day: Int64Array


class MissingFixing(NamedTuple):
    """A fixing that an instrument needs and that is not known."""

    instrument: int
    index: int
    day: int


class Open(NamedTuple):
    """What is still to come of all flows on a valuation day."""

    cash: Cash
    ratios: Ratios
    missing: tuple[MissingFixing, ...]
    """First missing fixing of each instrument; it has no flow here."""


class Past(NamedTuple):
    """What indices have fixed at, by their numbers."""

    term: Mapping[int, TermPast]
    overnight: Mapping[int, OvernightPast]
    calendars: Mapping[int, Any]
    """Business days of the overnight indices."""


def first_overnight_day(flows: Flows, index: int, valuation: int) -> int:
    """First day whose fixing counts for a flow that is not yet paid; the valuation day if none."""
    counts = (flows.index == index) & (flows.kind != TERM) & (flows.pay_day > valuation)
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
    for index in np.unique(flows.index[ahead & (flows.kind != FIXED)]).tolist():
        of_index = ahead & (flows.index == index)
        for kind in (TERM, COMPOUNDED, AVERAGED):
            rows = Flows(*(column[of_index & (flows.kind == kind)] for column in flows))
            if not rows.rows:
                continue
            found = (
                _term(rows, valuation, past.term[index])
                if kind == TERM
                else _overnight(rows, valuation, past.overnight[index], past.calendars[index])
            )
            parts.append(found.cash)
            ratios.append(found.ratios)
            missing += found.missing
    return _without_missing(_stacked(Cash, parts), _stacked(Ratios, ratios), missing)


def _cash(flows: Flows, kept: Any) -> Cash:
    return Cash(flows.instrument[kept], flows.amount[kept], flows.pay_day[kept])


def _stacked(kind: Any, parts: Sequence[Any]) -> Any:
    if not parts:
        none = np.empty(0, np.int64)
        return Ratios(none.astype(np.int32), np.empty(0), none, none.astype(np.int32), none, none)
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return kind(*(column[order] for column in columns))


def _without_missing(cash: Cash, ratios: Ratios, missing: Sequence[MissingFixing]) -> Open:
    first: dict[int, MissingFixing] = {}
    for one in sorted(missing):
        first.setdefault(one.instrument, one)
    gone = np.fromiter(first, np.int32, len(first))
    cash = Cash(*(column[~np.isin(cash.instrument, gone)] for column in cash))
    ratios = Ratios(*(column[~np.isin(ratios.instrument, gone)] for column in ratios))
    return Open(cash, ratios, tuple(first.values()))


def _term(rows: Flows, valuation: int, past: TermPast) -> Open:
    """Term rates: fixed ones are cash, the others a ratio less one."""
    fixing = past.at(rows.fixing_day)
    is_today = (rows.fixing_day == valuation) & ~np.isnan(fixing)
    is_fixed = (rows.fixing_day < valuation) | is_today
    lost = is_fixed & np.isnan(fixing)
    missing = tuple(
        MissingFixing(*map(int, row))
        for row in zip(
            rows.instrument[lost], rows.index[lost], rows.fixing_day[lost], strict=True
        )
    )
    unit = rows.amount / rows.fraction
    known = np.where(is_fixed, np.nan_to_num(fixing) * rows.amount, -unit)
    cash = Cash(rows.instrument, known + rows.spread * rows.amount, rows.pay_day)
    return Open(cash, _ratios(rows, unit, ~is_fixed), missing)


def _ratios(rows: Flows, amount: FloatArray, kept: Any) -> Ratios:
    return Ratios(
        rows.instrument[kept],
        amount[kept],
        rows.pay_day[kept],
        rows.index[kept],
        rows.start_day[kept],
        rows.end_day[kept],
    )


def _overnight(rows: Flows, valuation: int, past: OvernightPast, calendar: Any) -> Open:
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
    return MissingFixing(int(rows.instrument[i]), int(rows.index[i]), int(past.days[after - 1]))


class _Daily(NamedTuple):
    ratios: Ratios
    owner: Int64Array


def _daily(rows: Flows, unit: FloatArray, is_open: Any, calendar: Any) -> _Daily:
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
        rows.index[of],
        np.array(firsts, np.int64),
        np.array(lasts, np.int64),
    )
    return _Daily(ratios, of)


def _business_days(first: int, last: int, calendar: Any) -> Iterator[int]:
    """The first day, the business days between, the last day."""
    ql = quantlib()
    yield first
    span = calendar.businessDayList(ql.Date(first + EPOCH_SERIAL), ql.Date(last + EPOCH_SERIAL))
    yield from (day for day in map(of_ql, span) if first < day < last)
    yield last


class Grid(NamedTuple):
    """The days on which curves are read: a row for each curve and day."""

    curve: Int64Array
    day: Int64Array


class Walk(NamedTuple):
    """Terms in order of instruments, each pointing to rows of the grid: what the loop reads."""

    cash_first: Int64Array
    """First row of each instrument's cash, and the end of the last one's."""
    cash_amount: FloatArray
    cash_pay: Int64Array
    ratio_first: Int64Array
    ratio_amount: FloatArray
    ratio_pay: Int64Array
    ratio_start: Int64Array
    ratio_end: Int64Array


def walk(
    found: Open, discounts: Int64Array, projections: Mapping[int, int]
) -> tuple[Walk, Grid]:
    """Terms and the grid that they share.

    Args:
        found: what is still to come.
        discounts: number of the discount curve of each instrument.
        projections: number of the projection curve by index.
    """
    cash, ratios = found.cash, found.ratios
    of = np.zeros(max(projections, default=-1) + 1, np.int64)
    for index, curve in projections.items():
        of[index] = curve
    own = of[ratios.index]
    keys = np.concatenate(
        [
            _key(discounts[cash.instrument], cash.pay_day),
            _key(discounts[ratios.instrument], ratios.pay_day),
            _key(own, ratios.first_day),
            _key(own, ratios.last_day),
        ]
    )
    unique, rows = np.unique(keys, return_inverse=True)
    cuts = np.cumsum([cash.amount.size, ratios.amount.size, ratios.amount.size])
    cash_pay, pay, start, end = np.split(rows.astype(np.int64), cuts)
    terms = Walk(
        _firsts(cash.instrument, discounts.size),
        cash.amount,
        cash_pay,
        _firsts(ratios.instrument, discounts.size),
        ratios.amount,
        pay,
        start,
        end,
    )
    return terms, Grid(unique >> _CURVE_BITS, unique & ((1 << _CURVE_BITS) - 1))


def _key(curve: Int64Array, day: Int64Array) -> Int64Array:
    return (curve.astype(np.int64) << _CURVE_BITS) + day


def _firsts(instrument: Int32Array, count: int) -> Int64Array:
    return np.searchsorted(instrument, np.arange(count + 1)).astype(np.int64)
