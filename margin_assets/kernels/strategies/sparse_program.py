"""The whole-number program of a part by its entries other than 0: what a large one has room for.

Straddles are by far the most columns, each with two entries. They are written here; a dense
program of all else is small enough. Source: FINRA Rule 4210(f)(2).
"""

import numpy as np

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.optimize.program import NO_LOSS
from margin_assets.kernels.optimize.sparse import Sparse, SparseProgram, sparse_of
from margin_assets.kernels.strategies.choices import Choices
from margin_assets.kernels.strategies.grouping_parts import Part
from margin_assets.kernels.strategies.grouping_program import program_of
from margin_assets.kernels.strategies.spreads import Layout
from margin_assets.kernels.strategies.strategies import NONE, STRADDLE


def sparse_program_of(part: Part, layout: Layout) -> SparseProgram:
    """The program of a part whose choices are laid out, its columns as `program_of` has them."""
    choices = layout.choices
    is_pair = choices.kind[: choices.count[0]] == STRADDLE
    pairs, rest = np.flatnonzero(is_pair), np.flatnonzero(~is_pair)
    if len(pairs) == 0:
        return sparse_of(program_of(part, layout))
    fewer = _only(layout, rest)
    posed = sparse_of(program_of(part, fewer))
    return _with_pairs(part, choices, (pairs, rest), posed, _rows_of_legs(fewer.choices, part))


def _only(layout: Layout, kept: Int64Array) -> Layout:
    """The layout with some of its choices, in their order."""
    choices, count = layout.choices, np.array([len(kept)], dtype=np.int64)
    some = {name: getattr(choices, name)[kept] for name in Choices._fields if name != "count"}
    return layout._replace(
        choices=Choices(**some, count=count), begins=np.searchsorted(kept, layout.begins)
    )


def _rows_of_legs(choices: Choices, part: Part) -> Int64Array:
    """The row that `program_of` gives each leg: in the order in which choices name them."""
    members = choices.members.ravel()
    legs, first = np.unique(members[members != NONE], return_index=True)
    rows = np.full(len(part.ids), NONE, dtype=np.int64)
    rows[legs[np.argsort(first)]] = np.arange(len(legs))
    return rows


def _with_pairs(
    part: Part,
    choices: Choices,
    places: tuple[Int64Array, Int64Array],
    posed: SparseProgram,
    rows: Int64Array,
) -> SparseProgram:
    """The program with the columns of the pairs among the rest, and rows of legs that lack one."""
    pairs, rest = places
    members = choices.members[pairs, :2].astype(np.int64)
    held = np.abs(part.legs["contracts"][part.ids])
    new = np.setdiff1d(members, np.flatnonzero(rows != NONE))
    rows[new] = len(posed.bound) + np.arange(len(new))
    whole, losses = choices.count[0], len(posed.saving) - posed.whole
    place = np.concatenate([rest, whole + np.arange(losses)])
    saving, most = np.empty((2, whole + losses), dtype=np.int64)
    saving[place], most[place] = posed.saving, posed.most
    saving[pairs], most[pairs] = choices.saving[pairs], held[members].min(axis=1)
    loss_of = np.where(posed.loss_of == NO_LOSS, NO_LOSS, posed.loss_of - posed.whole + whole)
    more = np.full(len(new), NO_LOSS)
    return SparseProgram(
        saving=saving,
        most=most,
        whole=int(whole),
        bound=np.concatenate([posed.bound, held[new]]),
        loss_of=np.concatenate([loss_of, more]).astype(np.int32),
        entries=_joined(posed.entries, place, rows[members], pairs),
    )


def _joined(entries: Sparse, place: Int64Array, rows: Int64Array, pairs: Int64Array) -> Sparse:
    """Entries at their new columns and those of the pairs, in order."""
    row = np.concatenate([entries.row, rows.ravel()])
    column = np.concatenate([place[entries.column], np.repeat(pairs, 2)])
    value = np.concatenate([entries.value, np.ones(rows.size, dtype=np.int64)])
    order = np.lexsort((column, row))
    return Sparse(row[order], column[order], value[order])
