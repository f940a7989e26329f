"""Bounds of what is read, so that no landed file costs more than it may."""

from datetime import timedelta

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
CLOCK_GRACE = timedelta(minutes=5)
"""How far an event may lie after the landing of its file. Source: semantics 1.3."""

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
