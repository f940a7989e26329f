"""Landed bytes kept below the lake before a plan names them, and how much of them a plan takes."""

import hashlib
import json
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO

from margin_assets.lake.landing.cut import Cut, turn
from margin_assets.lake.landing.landing import Landing, Pending, PlannedFile
from margin_assets.lake.landing.reading import Landed, Piece, form_of, pieces, weight_of
from margin_assets.lake.landing.reading.limits import READER_BYTES as _MOST
from margin_assets.lake.objects.slices import open_range
from margin_assets.lake.store.store import Lake

BEGUN = "begun"
"""In a manifest: the file of which later plans take what is left, and its stretch taken last."""
_CHUNK = 1 << 20
_IN_MEMORY = 1 << 24


def archive(lake: Lake, landing: Landing, cut: Cut, cycle: int) -> tuple[dict[str, Any], Cut]:
    """Copies the bytes that a cut takes below the lake, one object for all.

    From then on the plan does not depend on the landing folder. An entry that vanished meanwhile
    is left out; if all did, nothing is archived. What may cost more memory than the rulebook of
    the lake allows a cycle is left, at most all but one stretch of one file.

    Returns:
        The manifest's part, and the cut as it became: what the manifest has of it, and what is
        left, of a file that is begun the rest.
    """
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
        taking = _Taking(lake, landing, spool)
        for entry in sorted(cut.taken, key=turn):
            taking.take(entry)
        files = [file.to_json() for file in sorted(taking.planned, key=_order)]
        # Named by what it holds: a rival that archives other bytes cannot overwrite ours.
        name = hashlib.sha256(json.dumps(files).encode()).hexdigest()[:16]
        path = f"landed/{cycle:012d}-{name}.bin"
        if any(not file.get("archive") for file in files):
            lake.access.keep("archiving", lambda: _put(lake, path, spool))
        else:
            path = ""
    manifest: dict[str, Any] = {"archive": path, "files": files}
    left = [_archived(entry, path) for entry in taking.left]
    begun = [entry.begun for entry in left if entry.begun is not None]
    manifest |= {BEGUN: begun[0].to_json()} if begun else {}
    return manifest, Cut(taking.taken, [*left, *cut.left])


def begun_entry(manifest: dict[str, Any]) -> Pending | None:
    """The file that a sealed or planned cycle has begun and not ended; None if there is none."""
    if BEGUN not in manifest:
        return None
    file = PlannedFile(**manifest[BEGUN])
    at = datetime.fromisoformat(file.landed_at)
    return Pending(file.feed, file.path, "", file.bytes, at, begun=file)


def opened_in(lake: Lake, manifest: dict[str, Any], file: PlannedFile) -> BinaryIO:
    """The landed bytes of a planned file.

    Raises:
        FileNotFoundError: the archive is gone.
    """
    return lake.open_object(file.archive or manifest["archive"], file.offset, file.bytes)


def copied(lake: Lake, to: Lake, path: str) -> None:
    """Puts the landed bytes of a cycle into another lake: with them it is whole, to be audited."""
    if path:
        with lake.open_object(path) as kept:
            to.put_object(path, iter(partial(kept.read, _CHUNK), b""))


def _order(file: PlannedFile) -> tuple[bool, str, str]:
    return not file.archive, file.landed_at, file.path


def _archived(entry: Pending, path: str) -> Pending:
    """A begun file with the object that its bytes are in."""
    if entry.begun is None or entry.begun.archive:
        return entry
    return replace(entry, begun=replace(entry.begun, archive=path))


def _put(lake: Lake, path: str, spool: "SpooledTemporaryFile[bytes]") -> None:
    """Writes all of the spool, from its beginning however often it is asked."""
    spool.seek(0)
    lake.put_object(path, iter(lambda: spool.read(_CHUNK), b""))


class _Taking:
    """Files taken into one plan, as many as may be held."""

    def __init__(self, lake: Lake, landing: Landing, spool: "SpooledTemporaryFile[bytes]") -> None:
        self._lake, self._landing, self._spool = lake, landing, spool
        self.planned: list[PlannedFile] = []
        self.left: list[Pending] = []
        self.taken: list[Pending] = []
        self._end = self._weight = 0
        self._is_full = False

    def take(self, entry: Pending) -> None:
        """Takes an entry, a stretch of it, or leaves it."""
        is_large = entry.begun is None and not entry.problem and weight_of(0, entry.bytes) > _MOST
        if self._is_full or (self._weight and is_large):
            self._leave(entry)
            return
        if entry.begun is None:
            file, found = self._copied(entry)
        else:
            file, found = entry.begun, list(entry.pieces) or self._rest(entry.begun)
        if file is None:
            return
        if self._weight and self._weight + found[0].weight > _MOST:
            self._leave(entry)
            return
        first, *more = found
        stretch = None if first.span is None else asdict(first.span)
        file = replace(file, span=stretch)
        self.planned.append(file)
        self.taken.append(entry)
        self._weight, self._end = self._weight + first.weight, self._spool.tell()
        if more:
            self._is_full = True
            self.left.append(replace(entry, begun=file, pieces=tuple(more)))

    def _leave(self, entry: Pending) -> None:
        """Leaves an entry, and what landed with it if something else is taken."""
        if not self._is_full and self.taken[0].landed_at < entry.landed_at:
            while self.taken[-1].landed_at == entry.landed_at:
                self.left.append(self.taken.pop())
                self._end = self.planned.pop().offset
        self._is_full = True
        self.left.append(entry)
        self._spool.seek(self._end)
        self._spool.truncate()

    def _rest(self, file: PlannedFile) -> list[Piece]:
        opened = partial(opened_in, self._lake, {}, file)
        return pieces(Landed(file.landed(), opened, file.stretch()))

    def _copied(self, entry: Pending) -> tuple[PlannedFile | None, list[Piece]]:
        """The entry with its bytes in the spool; None if it vanished."""
        file = PlannedFile(
            feed=entry.feed,
            path=entry.path,
            file_id=hashlib.sha256(entry.path.encode()).hexdigest(),
            bytes=entry.bytes,
            landed_at=entry.landed_at.isoformat(),
            offset=self._end,
            problem=entry.problem,
        )
        nothing = [Piece(None, 0)]
        if entry.problem:
            return file, nothing
        try:
            source = self._landing.open(entry)
        except FileNotFoundError:
            return None, nothing
        except OSError as error:
            return replace(file, problem=f"cannot be read: {error.strerror}"), nothing
        digest, size, lines = hashlib.sha256(), 0, 1
        with source:
            for chunk in iter(lambda: source.read(_CHUNK), b""):
                digest.update(chunk)
                size, lines = size + len(chunk), lines + chunk.count(b"\n")
                self._spool.write(chunk)
        file = replace(file, file_id=digest.hexdigest(), bytes=size)
        return file, self._pieces(file, weight_of(lines, size))

    def _pieces(self, file: PlannedFile, weight: int) -> list[Piece]:
        """Stretches of a file just copied; `weight` is what it costs at most as plain text."""
        form = form_of(file.path)
        if form is not None and form.text != "parquet" and not form.compression and weight <= _MOST:
            return [Piece(None, weight)]
        end = self._spool.tell()
        try:
            return pieces(Landed(file.landed(), lambda: _region(self._spool, file)))
        finally:
            self._spool.seek(end)


class _Spooled:
    """The spool as `Slice` reads objects."""

    def __init__(self, spool: "SpooledTemporaryFile[bytes]") -> None:
        self._spool = spool

    def read(self, _path: str, start: int, length: int) -> bytes:
        self._spool.seek(start)
        return self._spool.read(length)


def _region(spool: "SpooledTemporaryFile[bytes]", file: PlannedFile) -> BinaryIO:
    return open_range(_Spooled(spool), "", (file.offset, file.bytes), _CHUNK)
