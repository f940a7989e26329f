"""Landed files become typed rows and quarantined rows; nothing here knows history or storage."""

from margin_assets.lake.reading.files import FileRead, Form, LandedFile, OpenRaw, form_of
from margin_assets.lake.reading.landed import LaterRefusal, late_quarantine, raw_row, read_landed
from margin_assets.lake.reading.quarantine import ignored
from margin_assets.lake.reading.reasons import COLUMN_WORDS, FILE_REASONS, LINE_REASONS

__all__ = [
    "COLUMN_WORDS",
    "FILE_REASONS",
    "LINE_REASONS",
    "FileRead",
    "Form",
    "LandedFile",
    "LaterRefusal",
    "OpenRaw",
    "form_of",
    "ignored",
    "late_quarantine",
    "raw_row",
    "read_landed",
]
