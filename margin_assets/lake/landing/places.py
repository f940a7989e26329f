"""Where files land, by its name: a folder, or `s3://bucket/prefix`."""

import os
import uuid
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from margin_assets.lake.landing.landing import STAGING, Landing, LocalLanding
from margin_assets.lake.landing.remote import S3Landing
from margin_assets.lake.landing.watching import WatchedLanding
from margin_assets.lake.objects.access import Access
from margin_assets.lake.objects.s3_objects import S3Objects

LandingPlace = Path | str
"""A folder, or `s3://bucket/prefix` with the store of the `AWS_*` variables."""


def is_remote(place: LandingPlace) -> bool:
    """Whether files land in a bucket."""
    return str(place).startswith("s3://")


def is_there(place: LandingPlace) -> bool:
    """Whether files can land there; a prefix needs no making."""
    return is_remote(place) or Path(place).is_dir()


def landing_at(place: LandingPlace) -> Landing:
    """What lands there, for a look or two; a folder may not exist yet."""
    return S3Landing(str(place)) if is_remote(place) else LocalLanding(Path(place))


def watched_at(place: LandingPlace, queue: str = "") -> AbstractContextManager[Landing]:
    """What lands there, for who stays.

    Args:
        place: Where files land.
        queue: URL of an SQS queue that the bucket tells of new objects; none is needed.
    """
    if is_remote(place):
        return nullcontext(S3Landing(str(place), queue))
    return WatchedLanding(Path(place))


def put_new(place: LandingPlace, path: str, content: bytes | Iterable[bytes]) -> bool:
    """Puts a file or an object where none is, whole and to stay; False where there is one.

    Returns only when what is there would outlive the machine, whoever put it.
    """
    chunks = [content] if isinstance(content, bytes) else content
    if is_remote(place):
        access, whole = Access(str(place).rstrip("/"), None), b"".join(chunks)
        return access.keep("landing a file", lambda: S3Objects(access).create(path, whole))
    is_new = _linked_new(Path(place), path, chunks)
    # The folder of a feed may be new as well. Where a file was there already, who put it may have
    # died before this.
    for folder in ((Path(place) / path).parent, Path(place)):
        _sync(folder)
    return is_new


def _linked_new(place: Path, path: str, chunks: Iterable[bytes]) -> bool:
    target, staged = place / path, place / STAGING / uuid.uuid4().hex
    for folder in (target.parent, staged.parent):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with staged.open("xb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        # A link and no rename: what is there stays.
        target.hardlink_to(staged)
    except FileExistsError:
        return False
    finally:
        staged.unlink(missing_ok=True)
    return True


def content_at(place: LandingPlace, path: str) -> bytes | None:
    """What lies at a path below a landing place; None if nothing does."""
    if not is_remote(place):
        try:
            return (Path(place) / path).read_bytes()
        except FileNotFoundError:
            return None
    objects = S3Objects(Access(str(place).rstrip("/"), None))
    size = objects.size(path)
    return None if size is None else objects.read(path, 0, size) if size else b""


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
