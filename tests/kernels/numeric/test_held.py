"""Records that loops take by one pointer."""

from typing import NamedTuple

import numpy as np
from numba import njit

from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray, Int64Array
from margin_assets.kernels.numeric.held import canonical, hold


class Inner(NamedTuple):
    grid: FloatArray
    names: Int64Array
    flags: BoolArray


class Outer(NamedTuple):
    column: FloatArray
    inner: Inner
    rate: float
    times: int


@njit
def summed(held: Outer):
    total = held.rate * held.times + held.column.sum()
    for row in range(held.inner.grid.shape[0]):
        if held.inner.flags[row]:
            total += held.inner.grid[row, held.inner.names[row]]
        held.inner.grid[row, 0] = -1.0
    return total


def record() -> Outer:
    grid = np.arange(6.0).reshape(2, 3)
    inner = Inner(grid, np.array([2, 1]), np.array([True, False]))
    return Outer(np.array([10.0, 20.0]), inner, 0.5, 4)


def test_a_loop_reads_a_held_record_as_the_record_and_writes_into_its_arrays():
    plain, other = record(), record()
    held = hold(other)

    assert summed(held) == summed(plain) == 0.5 * 4 + 30.0 + 2.0
    assert other.inner.grid.tolist() == plain.inner.grid.tolist()
    assert other.inner.grid[:, 0].tolist() == [-1.0, -1.0]


def test_records_of_the_same_fields_are_compiled_once():
    small, large = hold(record()), record()
    summed(small)
    before = len(summed.signatures)

    longer = large._replace(column=np.ones(99))
    assert summed(hold(longer)) == 0.5 * 4 + 99.0 + 2.0
    assert len(summed.signatures) == before


def test_canonical_arrays_are_as_declared_whole_and_writable():
    grid = np.broadcast_to(np.array([1, 2, 3]), (2, 3))
    inner = canonical(Inner(grid, np.array([2.0, 1.0]), np.array([1, 0])))

    assert inner.grid.dtype == np.float64
    assert inner.grid.flags.c_contiguous
    assert inner.grid.flags.writeable
    assert inner.names.tolist() == [2, 1]
    assert inner.flags.dtype == np.bool_
