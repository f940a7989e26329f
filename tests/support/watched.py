"""What a daemon test lands, and how it sees that all was sealed."""

import json
import time
from pathlib import Path
from typing import Any

from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.store import Lake


def land(folder: Path, number: int) -> tuple[str, float]:
    """Lands one file of fills, and now and then prices; its path and when it was renamed."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    rows = [
        {
            "fill_id": f"f-{number}-{k}",
            "account_id": f"A{(number * 7 + k) % 200:04d}",
            "symbol": "SPY",
            "quantity": 10 if k % 3 else -5,
            "price": 400 + number % 10,
            "event_time": at,
        }
        for k in range(20)
    ]
    return _put(folder, "fills", f"{number:06d}.ndjson", rows)


def land_reference(folder: Path) -> None:
    """An account row each, the instrument, a price and a beta."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    accounts = [
        {
            "account_id": f"A{k:04d}",
            "account_type": "reg_t",
            "opened_on": "2020-01-02",
            "event_time": at,
        }
        for k in range(200)
    ]
    instrument = {"symbol": "SPY", "asset_class": "broad_index", "marginable": True}
    _put(folder, "accounts", "0.ndjson", accounts)
    _put(folder, "instruments", "0.ndjson", [instrument | {"event_time": at}])
    _put(folder, "prices", "0.ndjson", [{"symbol": "SPY", "price": 400, "event_time": at}])
    _put(folder, "betas", "0.ndjson", [{"symbol": "SPY", "beta": 1, "as_of_date": "2020-01-02"}])


def _put(folder: Path, feed: str, name: str, rows: list[dict[str, Any]]) -> tuple[str, float]:
    landing = folder / "landing"
    staged = landing / ".staging" / f"{feed}-{name}"
    staged.parent.mkdir(parents=True, exist_ok=True)
    (landing / feed).mkdir(exist_ok=True)
    staged.write_text("".join(json.dumps(row) + "\n" for row in rows))
    staged.replace(landing / feed / name)
    return f"{feed}/{name}", time.time()


class Watch:
    """Reads the ledger over and over, and notes when each landed path is first seen sealed."""

    def __init__(self, folder: Path) -> None:
        self._lake = Lake(str(folder / "lake"))
        self._cycle = 0
        self.sealed: dict[str, float] = {}

    def look(self) -> None:
        """Notes what has been sealed since the last look."""
        if not (Path(self._lake.uri) / "cycles" / "_delta_log").is_dir():
            return
        ledger = Ledger(self._lake)
        ledger.refresh()
        try:
            last = ledger.last_sealed()
        except Exception:  # the table is being created
            return
        now = time.time()
        while last is not None and self._cycle < last.cycle:
            self._cycle += 1
            files = ledger.sealed(self._cycle).manifest["files"]
            self.sealed.update({file["path"]: now for file in files})
