from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.store import Lake
from tests.support.empty_lake import created
from tests.support.mini_session import rows

FIRST, SECOND = "f" * 64, "0" * 64  # landed first, but last by their ids


def lands(lake: Lake, name: str, *columns: dict[str, object]) -> None:
    lake.write(name, pl.concat([rows(name, 1, **one) for one in columns]), 1)


def test_rows_come_as_they_landed_not_as_they_are_stored(tmp_path: Path) -> None:
    lake = created(Lake(str(tmp_path)))
    same = {"symbol": "X", "event_time": datetime(2020, 3, 9, tzinfo=UTC), "cycle": 1}
    lands(
        lake,
        "prices",
        same | {"file_id": SECOND, "file_row": 1, "source": "third"},
        same | {"file_id": FIRST, "file_row": 2, "source": "second"},
        same | {"file_id": FIRST, "file_row": 1, "source": "first"},
    )
    file = {"feed": "prices", "status": "accepted", "cycle": 1}
    lands(
        lake,
        "landed_files",
        file | {"file_id": SECOND, "file_number": 1},
        file | {"file_id": FIRST, "file_number": 0},
    )

    versions = {name: lake.version(name) for name in ("prices", "landed_files")}
    sealed = Sealed(1, {}, None, versions, {}, {}, "", "")
    found = SealedTables(lake, sealed).in_landing_order("prices").collect()

    assert found["source"].to_list() == ["first", "second", "third"]
