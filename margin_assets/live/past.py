"""The past computed again: a scratch lake that holds the state tables as a cycle left them.

It starts from the newest base at or before the cycle, or from nothing, and runs the plans of the
ledger over the landed bytes. Every cycle must come out with the hash that was sealed. What was
computed stays in its folder: the next question about the same stretch goes on from there.
"""

import fcntl
import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from margin_assets.lake import bases, declared
from margin_assets.lake.ledger import Ledger, Sealed
from margin_assets.lake.moment import Moment, unreadable
from margin_assets.lake.store import Lake
from margin_assets.live.session import Session
from schemas import Mode

# Scratch lakes of one lake that are kept for further questions.
_KEPT = 3


class HistoryDiffers(RuntimeError):  # noqa: N818 (says what happened)
    """A cycle came out other than it was sealed."""


class ContinuedLake(Lake):
    """A scratch lake that goes on after a cycle of another lake.

    State tables are its own; what was appended up to that cycle is read in the other lake.
    """

    def __init__(self, uri: str, origin: Lake, base: int) -> None:
        super().__init__(uri)
        self._origin, self._base = origin, base

    def scan(self, name: str, version: int | None = None) -> pl.LazyFrame:
        """Rows of a table, those appended before the scratch lake began among them."""
        own = super().scan(name, version)
        table = declared.table_of(name)
        if table.mode is Mode.STATE or not table.in_cycle or name.startswith(declared.DAILY):
            return own
        before = self._origin.scan(name).filter(pl.col("cycle") <= self._base)
        return pl.concat([before, own])


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
        base = base_of(lake, sealed.cycle)
        scratch = _scratch(lake, base, sealed, place / f"{base:012d}")
        _run(lake, scratch, sealed, on_cycle)
        _forget_others(place, place / f"{base:012d}")
        found = Ledger(scratch).sealed(sealed.cycle)
        yield Moment(lake, sealed, scratch, found.table_versions)


def base_of(lake: Lake, cycle: int) -> int:
    """The newest kept base at or before a cycle; 0 for none."""
    return max((base for base in bases.kept(lake) if base <= cycle), default=0)


def _name(lake: Lake) -> str:
    where = lake.uri if "://" in lake.uri else str(Path(lake.uri).resolve())
    return hashlib.sha256(where.encode()).hexdigest()[:16]


def _scratch(lake: Lake, base: int, sealed: Sealed, place: Path) -> Lake:
    """The scratch lake of an earlier question, if it is of this history, or a new one."""
    scratch = ContinuedLake(str(place), lake, base)
    if place.exists() and _is_usable(lake, scratch, base, sealed):
        return scratch
    shutil.rmtree(place, ignore_errors=True)
    scratch = ContinuedLake(str(place), lake, base)
    scratch.create()
    if base:
        seed(lake, scratch, base)
    return scratch


def _is_usable(lake: Lake, scratch: Lake, base: int, sealed: Sealed) -> bool:
    if not scratch.is_created():
        return False
    ledger, origin = Ledger(scratch), Ledger(lake)
    last = ledger.last_sealed()
    if last is None:
        return base == 0 and ledger.open_plan() is None
    try:
        is_ours = origin.sealed(last.cycle).hash == last.hash
        if last.cycle < sealed.cycle:
            return is_ours
        found = ledger.sealed(sealed.cycle)
    except LookupError:
        return False
    return is_ours and not unreadable(scratch, found, bases.STATE_TABLES)


def seed(lake: Lake, scratch: Lake, base: int) -> None:
    """Makes a new lake one that has sealed a cycle of another, from its base."""
    sealed = Ledger(lake).sealed(base)
    tables = bases.tables_of(lake, sealed)
    written = {name: scratch.write(name, frame, base) for name, frame in tables.items()}
    others = {name: scratch.version(name) for name in sealed.table_versions.keys() - written.keys()}
    # Last: without it the scratch lake counts as not begun.
    Ledger(scratch).adopt(sealed, others | written)


def _run(lake: Lake, scratch: Lake, to: Sealed, on_cycle: Callable[[int, int], None]) -> None:
    last = Ledger(scratch).last_sealed()
    start = 0 if last is None else last.cycle
    if start >= to.cycle:
        return
    session = Session(scratch, open_archive=lake)
    recovered = session.recover()
    for sealed in Ledger(lake).sealed_from(start + 1, to.cycle):
        if recovered is not None and recovered.sealed.cycle == sealed.cycle:
            again = recovered.sealed
        else:
            again = session.run_plan(session.ledger.plan(sealed.manifest)).sealed
        if again.hash != sealed.hash:
            raise HistoryDiffers(f"cycle {sealed.cycle} comes out other than it was sealed")
        on_cycle(sealed.cycle - start, to.cycle - start)
    session.caretaker.settle()


def _forget_others(place: Path, ours: Path) -> None:
    """Throws away the scratch lakes that were not used for longest."""
    ours.touch()
    folders = sorted((p for p in place.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime)
    for folder in folders[:-_KEPT]:
        shutil.rmtree(folder, ignore_errors=True)
