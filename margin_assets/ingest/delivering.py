"""One delivery of rows as one landed file, once under its key."""

import hashlib
from typing import NamedTuple

from margin_assets.lake.landing.places import LandingPlace, content_at, put_new
from schemas import FEEDS

MOST_BYTES = 8 << 20
"""Of one delivery; what is larger lands as a file."""
_NAME_LENGTH = 32


class Delivered(NamedTuple):
    """What became of a delivery."""

    file_id: str
    """SHA-256 of its bytes, as in `landed_files`."""
    path: str
    """Below the landing place."""
    is_new: bool


class KeyReused(ValueError):
    """Another delivery came under that key."""


def deliver(place: LandingPlace, feed: str, content: bytes, key: str | None = None) -> Delivered:
    """Lands rows (NDJSON) of a feed; the same key, or without one the same bytes, lands once.

    Raises:
        KeyError: there is no such feed.
        KeyReused: other bytes came under the key.
        OSError: the landing place does not take it.
    """
    if feed not in FEEDS:
        raise KeyError(feed)
    file_id = hashlib.sha256(content).hexdigest()
    name = file_id if key is None else hashlib.sha256(key.encode()).hexdigest()
    path = f"{feed}/delivery-{name[:_NAME_LENGTH]}.ndjson"
    is_new = put_new(place, path, content)
    if not is_new and content_at(place, path) != content:
        raise KeyReused(f"other rows have come under this key: {path}")
    return Delivered(file_id, path, is_new)
