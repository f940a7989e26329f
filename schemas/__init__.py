"""Every table, declared once. Storage, row rules, checks and the data dictionary follow from it."""

from schemas.tables import FEEDS, TABLES, Mode, Table, empty, feed_columns

__all__ = ["FEEDS", "TABLES", "Mode", "Table", "empty", "feed_columns"]
