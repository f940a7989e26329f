"""Groups of cuts of all sets joined into the arrays of the loop, and by manager."""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.avalanche.holdings import ManagerCuts
from margin_assets.kernels.avalanche.platform import Cuts, Groups
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array


class Rows(NamedTuple):
    """One group of cuts by row: cut of the group, unit, manager, and coefficients in USD."""

    cut: Int64Array
    unit: Int64Array
    manager: Int64Array
    w: FloatArray
    w2: FloatArray


class Group(NamedTuple):
    """One group as the loop is to have it."""

    rows: Rows
    estimator: int
    weight: FloatArray
    """[business day]."""
    is_anchor: bool = False


def joined(by_set: list[list[Group]], units: int) -> tuple[Groups, Cuts, ManagerCuts]:
    """The groups of every set, in their order, those of the model before the anchor's."""
    flat = [group for groups in by_set for group in groups]
    counts = [int(group.rows.cut.max(initial=-1)) + 1 for group in flat]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    rows = _stacked(flat, starts)
    first = np.concatenate([[0], np.cumsum([len(groups) for groups in by_set])]).astype(np.int64)
    of_model = [sum(not group.is_anchor for group in groups) for groups in by_set]
    groups = Groups(
        start=first,
        anchor=first[:-1] + np.array(of_model, np.int64),
        estimator=np.array([group.estimator for group in flat], np.int64),
        weight=np.array([group.weight for group in flat]).reshape(len(flat), -1),
    )
    return groups, _cuts(rows, starts, units), ManagerCuts(*rows)


def _stacked(flat: list[Group], starts: Int64Array) -> Rows:
    """All rows, numbered through, by cut, unit and manager."""
    if not flat:
        none = np.zeros(0, np.int64)
        return Rows(none, none, none, np.zeros(0), np.zeros(0))
    cut = np.concatenate([g.rows.cut + starts[number] for number, g in enumerate(flat)])
    rest = [np.concatenate([g.rows[field] for g in flat]) for field in range(1, 5)]
    unit, manager, w, w2 = rest
    order = np.lexsort((manager, unit, cut))
    return Rows(cut[order], unit[order], manager[order], w[order], w2[order])


def _cuts(rows: Rows, starts: Int64Array, units: int) -> Cuts:
    count = int(starts[-1])
    key = rows.cut * max(units, 1) + rows.unit
    unique, first = np.unique(key, return_index=True)
    cut = unique // max(units, 1)
    empty = np.zeros(0)
    return Cuts(
        start=starts,
        entries=np.searchsorted(cut, np.arange(count + 1)).astype(np.int64),
        constant=np.zeros(count),
        unit=unique % max(units, 1),
        w=np.add.reduceat(rows.w, first) if len(first) else empty,
        w2=np.add.reduceat(rows.w2, first) if len(first) else empty,
    )
