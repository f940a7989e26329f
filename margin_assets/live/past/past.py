"""The past computed again: the state tables as a cycle left them, in a scratch lake.

The plans of the ledger are run over the landed bytes, from the newest base at or before the
cycle, or from nothing; every cycle must come out with the hash that was sealed. The state at the
end is written once and kept, and is a base for later questions.
"""

import fcntl
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from margin_assets.lake.ledger import bases
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.moment import Moment
from margin_assets.lake.store.store import Lake
from margin_assets.live.past.rehearsal import Rehearsal, Start

_KEPT = 20
"""Moments of one lake that are kept for further questions."""
_SEAL = "seal.json"


class HistoryDiffers(RuntimeError):
    """A cycle came out other than it was sealed."""


@contextmanager
def recomputed(
    lake: Lake,
    sealed: Sealed,
    folder: Path,
    on_cycle: Callable[[int, int], None] = lambda _done, _all: None,
) -> Iterator[Moment]:
    """The moment of a sealed cycle, computed again; kept below `folder` for the next question.

    `on_cycle` is told how many cycles are computed, of how many.

    Raises:
        HistoryDiffers: a cycle came out with another hash than it was sealed with.
        FileNotFoundError: the landed bytes of a cycle are gone.
    """
    place = folder / _name(lake)
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (place / "lock").open("w") as lock:
        # Held until the answer is read: another process may want to throw the scratch lake away.
        fcntl.flock(lock, fcntl.LOCK_EX)
        ours = place / f"{sealed.cycle:012d}"
        if not _is_kept(ours, sealed):
            _compute(lake, sealed, place, on_cycle)
        _forget_others(place, ours)
        scratch = Lake(str(ours / "lake"))
        yield Moment(lake, sealed, scratch, {n: scratch.version(n) for n in bases.STATE_TABLES})


def start_of(lake: Lake, sealed: Sealed, folder: Path) -> int:
    """The cycle after which computing again begins; 0 for the first."""
    place = folder / _name(lake)
    known = [cycle for cycle in _kept(place) if cycle <= sealed.cycle]
    return max([*known, _base_of(lake, sealed.cycle)])


def _base_of(lake: Lake, cycle: int) -> int:
    return max((base for base in bases.kept(lake) if base <= cycle), default=0)


def _name(lake: Lake) -> str:
    where = lake.uri if "://" in lake.uri else str(Path(lake.uri).resolve())
    return hashlib.sha256(where.encode()).hexdigest()[:16]


def _kept(place: Path) -> list[int]:
    """Cycles whose moments are kept, whatever lake they are of, oldest first."""
    return sorted(int(seal.parent.name) for seal in place.glob(f"*/{_SEAL}"))


def _is_kept(ours: Path, sealed: Sealed) -> bool:
    seal = ours / _SEAL
    return seal.exists() and json.loads(seal.read_text("utf-8"))["hash"] == sealed.hash


def _compute(lake: Lake, to: Sealed, place: Path, on_cycle: Callable[[int, int], None]) -> None:
    start = _start(lake, to, place)
    rehearsal, first = Rehearsal(lake, start), 1 + (start.sealed.cycle if start else 0)
    for sealed in Ledger(lake).sealed_from(first, to.cycle):
        if rehearsal.run(sealed).sealed.hash != sealed.hash:
            raise HistoryDiffers(f"cycle {sealed.cycle} comes out other than it was sealed")
        on_cycle(sealed.cycle - first + 1, to.cycle - first + 1)
    _keep(place / f"{to.cycle:012d}", to, rehearsal.lake.states)


def _start(lake: Lake, to: Sealed, place: Path) -> Start | None:
    """The newest state to go on from: a moment kept here, or a base of the lake."""
    base, ledger = _base_of(lake, to.cycle), Ledger(lake)
    for cycle in reversed([kept for kept in _kept(place) if base < kept < to.cycle]):
        sealed, ours = ledger.sealed(cycle), place / f"{cycle:012d}"
        if _is_kept(ours, sealed):
            names = json.loads((ours / _SEAL).read_text("utf-8"))["tables"]
            scratch = Lake(str(ours / "lake"))
            return Start(sealed, {name: scratch.scan(name).collect() for name in names})
    if not base:
        return None
    sealed = ledger.sealed(base)
    return Start(sealed, bases.tables_of(lake, sealed))


def _keep(ours: Path, sealed: Sealed, states: Mapping[str, pl.DataFrame]) -> None:
    """Writes a moment's state tables; its seal last, without which it counts for nothing."""
    shutil.rmtree(ours, ignore_errors=True)
    scratch = Lake(str(ours / "lake"))
    scratch.create()
    scratch.write_all(states, sealed.cycle)
    seal = {"cycle": sealed.cycle, "hash": sealed.hash, "tables": sorted(states)}
    (ours / _SEAL).write_text(json.dumps(seal), "utf-8")


def _forget_others(place: Path, ours: Path) -> None:
    """Throws away the moments that were not asked for longest."""
    ours.touch()
    folders = sorted((p for p in place.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime)
    for folder in folders[:-_KEPT]:
        shutil.rmtree(folder, ignore_errors=True)
