"""Bounds of what is read, so that no landed file costs more than it may."""

from datetime import timedelta

from margin_assets.rulebooks import in_force, versions

# Time does not pass in a rulebook of bounds: the newest version is the one in use.
_BOUNDS = in_force("lake", versions("lake")[-1]).numbers

LINE_BYTES = 1_000_000
"""Longest line of a text form, without its line feed. Source: semantics 1.8."""
RAW_BYTES = 65_536
"""What is kept of a refused line or file. Source: semantics 1.8."""
DECOMPRESSED_BYTES = 4_000_000_000
"""Most a file may decompress to. Source: semantics 1.8."""
FREE_BYTES = 100_000_000
"""Up to here the ratio is not asked. Source: semantics 1.8."""
RATIO = 200
"""Most that one compressed byte may become. Source: semantics 1.8."""
CLOCK_GRACE = timedelta(minutes=_BOUNDS["rows"]["future_minutes"])
"""How far an event may lie after the landing of its file, and that after now. Semantics 1.3."""

READER_BYTES = int(_BOUNDS["memory"]["reader_bytes"])
"""Most memory that the landed files of a cycle may cost above the session. Semantics 8.26."""
PAGE_BYTES = READER_BYTES // 8
"""Largest pages of Parquet, those of all columns together, that are decoded at once."""
ROW_COST = int(_BOUNDS["memory"]["row_bytes"])
BYTE_COST = int(_BOUNDS["memory"]["raw_times"])

BLOCK_BYTES = 1 << 20
CHUNK_ROWS = 16_384
JSON_DEPTH = 100
EXTRA_COLUMNS = 100
SHOWN_CHARACTERS = 60


def is_bomb(decompressed: int, compressed: int) -> bool:
    """Whether a file becomes larger than it may."""
    if decompressed > DECOMPRESSED_BYTES:
        return True
    return decompressed > FREE_BYTES and decompressed > RATIO * compressed
