"""Every table, declared once. Storage, row rules, checks and the data dictionary follow from it.

A table that files land for is one whose schema is a `Landed`: its name is the feed's.
"""

from schemas.kinds import Mode, Table
from schemas.tables import (
    FEEDS,
    TABLES,
    empty,
    empty_feed,
    feed_columns,
    landed_columns,
)

__all__ = [
    "FEEDS",
    "TABLES",
    "Mode",
    "Table",
    "empty",
    "empty_feed",
    "feed_columns",
    "landed_columns",
]
