"""What is compiled ahead is what a first cycle calls, at the types it is called with."""

from itertools import islice
from pathlib import Path

import pytest
from numba import types

from margin_assets.kernels.numeric.arrays import BoolArray, Int64Table
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.store.store import Lake
from margin_assets.live.session.session import Session
from margin_assets.machine_code import ahead
from margin_assets.scenarios import scenario, write_batch
from tests.support.empty_lake import created


def test_declared_types_are_numbas():
    def loop(count: int, share: float, flags: BoolArray, cents: Int64Table) -> float:
        return count * share if flags.any() else cents.sum()

    assert ahead.signature(loop) == (
        types.int64,
        types.float64,
        types.Array(types.boolean, 1, "C"),
        types.Array(types.int64, 2, "C"),
    )


def test_a_kind_without_a_type_is_refused():
    def loop(name: str) -> int:
        return len(name)

    with pytest.raises(TypeError, match="no type of Numba"):
        ahead.signature(loop)


def test_the_first_cycles_call_what_is_compiled_ahead(tmp_path: Path):
    session = Session(created(Lake(str(tmp_path / "lake"))))
    landing = LocalLanding(tmp_path / "landing")
    for number, batch in enumerate(islice(scenario("covid-2020").batches(), 2), 1):
        write_batch(batch, tmp_path / "landing", number)
        assert session.cycle(landing) is not None

    loops = [ahead.named(loop) for loop in ahead.LOOPS]

    assert len(loops) > 10
    assert [
        loop.__name__ for loop in loops if ahead.signature(loop.py_func) not in loop.overloads
    ] == []
