from pathlib import Path

from deltalake import DeltaTable

from margin_assets.lake.ledger.links import Walk
from tests.support.told_lake import ToldLake, at


def test_a_walk_goes_on_where_it_stopped(tmp_path: Path):
    told = ToldLake(tmp_path)
    walk = Walk(told.lake)
    assert walk.step() == (0, None)
    for minute in range(3):
        told.seal(at(minute))
    assert walk.step() == (3, None)
    told.seal(at(4))
    assert walk.step() == (4, None)


def test_a_walk_ends_at_the_first_link_that_does_not_hold(tmp_path: Path):
    told = ToldLake(tmp_path)
    for minute in range(3):
        told.seal(at(minute))
    ledger = DeltaTable(told.lake.held("cycles").uri)
    ledger.alter.set_table_properties({"delta.appendOnly": "false"})
    ledger.update(
        predicate="cycle = 2 AND state = 'sealed'", updates={"counts": "'{\"fills\": 1}'"}
    )

    cycle, broken = Walk(told.lake).step()

    assert (cycle, broken.cycle if broken else None) == (1, 2)
    assert "its hash does not follow from its plan" in (broken.what if broken else "")
