"""What covers the options that a cash account has written, and what they require beyond that.

Source: 4210(f)(2), cash accounts; Regulation T 220.8.
"""

import numpy as np

from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.series import Series
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.optimize.branching import most_saving
from margin_assets.kernels.optimize.program import NO_LOSS, Program
from margin_assets.kernels.strategies.group_lines import to_cents
from margin_assets.kernels.strategies.grouping import WORK
from margin_assets.kernels.strategies.grouping_program import common_lot
from margin_assets.kernels.strategies.problems import Problems
from margin_assets.kernels.strategies.spreads import call_slope, loss_points, losses_at
from margin_assets.kernels.strategies.strategies import NONE, Record, Records, contract_value


@inner(**OWNS)
def cash_requirement(book: Book, series: Series, problems: Problems, p: int) -> int:
    """What a cash account's short options require beyond its securities' value, cents.

    Long stock covers calls, those first that cost most uncovered; an uncovered call takes the
    shares' value, on an index the aggregate strike; a put the aggregate strike. Index options that
    settle in cash on one day cover each other.
    """
    first, end = problems.leg_offsets[p], problems.leg_offsets[p + 1]
    legs, is_settled = problems.legs[first:end], np.empty(end - first, dtype=np.bool_)
    alone = np.zeros(end - first, dtype=np.int64)
    total = 0
    for i in range(len(legs)):
        s = book.series[problems.leg_position[first + i]]
        is_settled[i] = series.is_cash_settled[s]
        if legs[i].is_call and legs[i].contracts < 0 and not is_settled[i]:
            alone[i] = _uncovered(legs[i], series.rate_class[s] == 0)
    for i in range(len(legs)):
        if legs[i].contracts >= 0:
            continue
        if is_settled[i]:
            total += _settled_requirement(legs, is_settled, i)
        elif not legs[i].is_call:
            total += contract_value(legs[i].strike, legs[i].units) * -legs[i].contracts
        elif _is_first_call(legs, alone, i):
            shares = _long_shares(problems, p, legs[i].underlying)
            total += _calls_requirement(legs, alone, i, shares)
    return to_cents(total)


@inner(**BORROWS)
def _uncovered(call: Record, is_stock: bool) -> int:
    return contract_value(call.spot if is_stock else call.strike, call.units)


@inner(**BORROWS)
def _is_first_call(legs: Records, alone: Int64Array, i: int) -> bool:
    for o in range(i):
        if alone[o] > 0 and legs[o].underlying == legs[i].underlying:
            return False
    return True


@inner(**BORROWS)
def _long_shares(problems: Problems, p: int, underlying: int) -> int:
    shares = np.int64(0)
    for n in range(problems.stock_offsets[p], problems.stock_offsets[p + 1]):
        if problems.stocks[n].underlying == underlying:
            shares += max(problems.stocks[n].shares, 0)
    return shares


@inner(**OWNS)
def _calls_requirement(legs: Records, alone: Int64Array, first: int, shares: int) -> int:
    """What short calls on one underlying require where its shares cover what saves most."""
    calls, count = np.empty(len(legs), dtype=np.int64), 0
    total, lot = np.int64(0), np.int64(0)
    for i in range(first, len(legs)):
        if alone[i] > 0 and legs[i].underlying == legs[first].underlying:
            calls[count] = i
            count += 1
            total -= alone[i] * legs[i].contracts
            lot = common_lot(legs[i].units, lot)
    saving, most = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
    lots = np.empty(count, dtype=np.int64)
    for n in range(count):
        leg = legs[calls[n]]
        saving[n], lots[n] = alone[calls[n]], leg.units // lot
        most[n] = min(-leg.contracts, shares // leg.units)
    return total - most_saving(_covers(saving, most, lots, shares // lot), WORK).saving


@inner(**OWNS)
def _covers(saving: Int64Array, most: Int64Array, lots: Int64Array, shares: int) -> Program:
    """The program of covers: each call as often as it is written, all within the shares."""
    count = len(saving)
    rows, bound = np.zeros((count + 1, count), dtype=np.int64), np.empty(count + 1, dtype=np.int64)
    for n in range(count):
        rows[n, n], bound[n] = 1, most[n]
        rows[count, n] = lots[n]
    bound[count] = shares
    return Program(
        saving=saving,
        most=most,
        part_of=np.full(count, NONE, dtype=np.int32),
        sums=0,
        whole=count,
        rows=rows,
        bound=bound,
        loss_of=np.full(count + 1, NO_LOSS, dtype=np.int32),
    )


@inner(**BORROWS)
def _settles_with(legs: Records, i: int, o: int) -> bool:
    same = legs[i].underlying == legs[o].underlying and legs[i].is_listed == legs[o].is_listed
    return same and legs[i].expiry == legs[o].expiry and legs[i].units == legs[o].units


@inner(**OWNS)
def _settled_requirement(legs: Records, is_settled: BoolArray, i: int) -> int:
    """What the cash-settled options that expire with leg i may lose together, micro-dollars.

    Told once a set, at its first short leg. More short calls than long ones: those of the lowest
    strikes stay uncovered, since they would lose most.
    """
    held = np.zeros(len(legs), dtype=np.int64)
    for o in range(len(legs)):
        if is_settled[o] and _settles_with(legs, i, o):
            if o < i and legs[o].contracts < 0:
                return 0
            held[o] = abs(legs[o].contracts)
    total, slope = 0, call_slope(legs, held)
    for o in range(len(legs)):
        if slope < 0 and held[o] > 0 and legs[o].is_call and legs[o].contracts < 0:
            bare = min(held[o], -slope // legs[o].units)
            held[o] -= bare
            slope += bare * legs[o].units
            total += contract_value(legs[o].strike, legs[o].units) * bare
    return total + max(losses_at(legs, held, loss_points(legs, held)).max(), 0)
