"""The whole-number program of a part: which choices, how often, save most.

A spread's maximum potential loss is a loss column, held down by its netted intrinsic value at
every strike; each leg and stock is used as often as it is there. What is held both ways is boxed
to begin with, and what a group's use of its shares unboxes is a loss column too.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from margin_assets.kernels.numeric.arrays import Int32Array, Int64Array, Int64Table
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.money import MICRO
from margin_assets.kernels.optimize.program import NO_LOSS, Program
from margin_assets.kernels.strategies.choices import Choices
from margin_assets.kernels.strategies.grouping_parts import Part
from margin_assets.kernels.strategies.spreads import Layout, may_join
from margin_assets.kernels.strategies.strategies import NONE, box_gain, contract_value, payoff


class _Rows(NamedTuple):
    """Rows as they are written."""

    rows: Int64Table
    bound: Int64Array
    loss_of: Int32Array
    count: Int64Array  # type: ignore[assignment]  # hides tuple.count, which is not used


@njit(**BORROWS)
def common_lot(a: int, b: int) -> int:
    """Largest lot that both are whole numbers of."""
    while b:
        a, b = b, a % b
    return a


@inner(**OWNS)
def _leg_rows(part: Part, choices: Choices, out: _Rows) -> None:
    """No leg is used more often than there are contracts."""
    row_of = np.full(len(part.ids), NONE, dtype=np.int64)
    for j in range(choices.count[0]):
        for m in range(4):
            p = choices.members[j, m]
            if p == NONE:
                continue
            if row_of[p] == NONE:
                row_of[p] = out.count[0]
                out.bound[row_of[p]] = abs(part.legs[part.ids[p]].contracts)
                out.count[0] += 1
            out.rows[row_of[p], j] = 1


@inner(**BORROWS)
def _stock_rows(part: Part, choices: Choices, out: _Rows) -> None:
    """No stock is used beyond its shares, counted in the largest lot that all uses share."""
    for s in part.stock_ids:
        lot = 0
        for j in range(choices.count[0]):
            if choices.stock[j] == s:
                lot = common_lot(choices.shares[j], lot)
        if lot == 0:
            continue
        r = out.count[0]
        out.bound[r] = part.shares[s] // lot
        out.count[0] += 1
        for j in range(choices.count[0]):
            if choices.stock[j] == s:
                out.rows[r, j] = choices.shares[j] // lot


@inner(**BORROWS)
def _balance_rows(
    part: Part, layout: Layout, is_call: bool, places: tuple[int, int], out: _Rows
) -> None:
    """A spread has as many units of long options of a right as of short ones."""
    legs, choices, r, lot = part.legs, layout.choices, out.count[0], 0
    for j in range(places[0], places[1]):
        i = part.ids[choices.members[j, 0]]
        if legs[i].is_call == is_call:
            lot = common_lot(legs[i].units, lot)
    if lot == 0:
        return
    for j in range(places[0], places[1]):
        i = part.ids[choices.members[j, 0]]
        if legs[i].is_call == is_call:
            lots = legs[i].units // lot
            out.rows[r, j] = lots if legs[i].contracts < 0 else -lots
            out.rows[r + 1, j] = -out.rows[r, j]
    out.count[0] += 2


@inner(**BORROWS)
def _wipe(out: _Rows, r: int) -> None:
    out.bound[r] = 0
    out.loss_of[r] = NO_LOSS
    for j in range(out.rows.shape[1]):
        out.rows[r, j] = 0


@inner(**BORROWS)
def _point_row(part: Part, layout: Layout, k: int, price: int, out: _Rows) -> None:
    """The loss of a spread is no less than what it is worth against the account at a price."""
    legs, choices, r = part.legs, layout.choices, out.count[0]
    is_needed = False
    for j in range(layout.begins[k], layout.begins[k + 1]):
        i = part.ids[choices.members[j, 0]]
        value = payoff(legs[i], price)
        is_short = legs[i].contracts < 0
        out.rows[r, j] = value if is_short else -value
        is_needed = is_needed or (is_short and value > 0)
    if not is_needed:
        _wipe(out, r)
        return
    out.loss_of[r] = choices.count[0] + k
    out.rows[r, choices.count[0] + k] = -1
    out.count[0] += 1


@inner(**BORROWS)
def _are_whole(part: Part) -> bool:
    for i in part.ids:
        if part.legs[i].units % MICRO != 0:
            return False
    return True


@inner(**OWNS)
def _spread_rows(part: Part, layout: Layout, out: _Rows) -> None:
    """Rows of each spread; its loss is greatest at 0 or at the strike of a long leg.

    Between strikes netted intrinsic value is linear, and only a long leg bends the loss downward.
    Where contracts are of broken shares, rounding may bend it elsewhere: every strike counts.
    """
    legs, is_whole = part.legs, _are_whole(part)
    seen = np.empty(len(part.ids), dtype=np.int64)
    for k in range(len(layout.spreads)):
        threshold, places = part.ids[layout.spreads[k]], (layout.begins[k], layout.begins[k + 1])
        _balance_rows(part, layout, True, places, out)
        _balance_rows(part, layout, False, places, out)
        _point_row(part, layout, k, 0, out)
        count = 0
        for i in part.ids:
            is_bend = legs[i].contracts > 0 or not is_whole
            if not is_bend or legs[i].strike == 0 or not may_join(legs, i, threshold):
                continue
            is_new = True
            for o in range(count):
                is_new = is_new and seen[o] != legs[i].strike
            if is_new:
                seen[count] = legs[i].strike
                count += 1
                _point_row(part, layout, k, legs[i].strike, out)


@njit(**BORROWS)
def boxes_of(part: Part) -> int:
    """Securities that are held long and short."""
    count = 0
    for s in part.stock_ids:
        if part.stocks[s].other != 0 and part.stocks[s].shares > 0:
            count += 1
    return count


@inner(**BORROWS)
def _box_rows(part: Part, choices: Choices, first: int, out: _Rows) -> None:
    """What is held both ways is boxed; a group that takes of its shares loses what that saves."""
    column = first
    for s in part.stock_ids:
        if part.stocks[s].other == 0 or part.stocks[s].shares < 0:
            continue
        o, gain = s + part.stocks[s].other, max(box_gain(part.stocks, s), 0)
        matched = min(part.shares[s], part.shares[o])
        for side in (np.int64(s), np.int64(o)):
            r = out.count[0]
            for j in range(choices.count[0]):
                if choices.stock[j] == side:
                    out.rows[r, j] = contract_value(gain, choices.shares[j])
            out.bound[r] = contract_value(gain, part.shares[side] - matched)
            out.loss_of[r] = column
            out.rows[r, column] = -1
            out.count[0] += 1
        column += 1


@inner(**OWNS)
def _sums(part: Part, layout: Layout, columns: int) -> tuple[Int32Array, int]:
    """Numbers the legs that have places in several spreads: their places are branched on as one."""
    choices = layout.choices
    part_of = np.full(columns, NONE, dtype=np.int32)
    places = np.zeros(len(part.ids), dtype=np.int32)
    for j in range(layout.begins[0], choices.count[0]):
        places[choices.members[j, 0]] += 1
    count = 0
    for p in range(len(part.ids)):
        if places[p] > 1:
            for j in range(layout.begins[0], choices.count[0]):
                if choices.members[j, 0] == p:
                    part_of[j] = count
            count += 1
    return part_of, count


@inner(**OWNS)
def _most(columns: int, whole: int, out: _Rows) -> Int64Array:
    """Largest count of each column: what the hard rows leave it, and what its loss may come to."""
    most = np.zeros(columns, dtype=np.int64)
    for j in range(whole):
        most[j] = np.int64(1) << 60
    for r in range(out.count[0]):
        loss = out.loss_of[r]
        if loss == NO_LOSS:
            is_limit = True
            for j in range(whole):
                is_limit = is_limit and out.rows[r, j] >= 0
            for j in range(whole):
                if is_limit and out.rows[r, j] > 0:
                    most[j] = min(most[j], out.bound[r] // out.rows[r, j])
    for r in range(out.count[0]):
        loss = out.loss_of[r]
        if loss != NO_LOSS:
            total = -out.bound[r]
            for j in range(whole):
                total += max(out.rows[r, j], 0) * most[j]
            most[loss] = max(most[loss], total)
    return most


@njit(**OWNS)
def program_of(part: Part, layout: Layout) -> Program:
    """The program of a part whose choices are laid out."""
    choices = layout.choices
    whole, spreads, count = choices.count[0], len(layout.spreads), len(part.ids)
    columns = whole + spreads + boxes_of(part)
    room = count + 3 * len(part.stock_ids) + spreads * (count + 5)
    out = _Rows(
        rows=np.zeros((room, columns), dtype=np.int64),
        bound=np.zeros(room, dtype=np.int64),
        loss_of=np.full(room, NO_LOSS, dtype=np.int32),
        count=np.zeros(1, dtype=np.int64),
    )
    _leg_rows(part, choices, out)
    _stock_rows(part, choices, out)
    _spread_rows(part, layout, out)
    _box_rows(part, choices, whole + spreads, out)
    saving = np.full(columns, -1, dtype=np.int64)
    for j in range(whole):
        saving[j] = choices.saving[j]
    part_of, sums = _sums(part, layout, columns)
    rows = out.count[0]
    return Program(
        saving=saving,
        most=_most(columns, whole, out),
        part_of=part_of,
        sums=sums,
        whole=whole,
        rows=out.rows[:rows],
        bound=out.bound[:rows],
        loss_of=out.loss_of[:rows],
    )
