"""Landed files become typed rows and quarantined rows; nothing here knows history or storage."""

from margin_assets.lake.landing.reading.cuts import Piece, weight_of
from margin_assets.lake.landing.reading.files import (
    FileRead,
    Form,
    LandedFile,
    OpenRaw,
    Span,
    form_of,
)
from margin_assets.lake.landing.reading.landed import (
    Landed,
    LaterRefusal,
    late_quarantine,
    pieces,
    raw_row,
    read_landed,
    read_together,
)
from margin_assets.lake.landing.reading.quarantine import NO_QUARANTINE, ignored
from margin_assets.lake.landing.reading.reasons import COLUMN_WORDS, FILE_REASONS, LINE_REASONS

__all__ = [
    "COLUMN_WORDS",
    "FILE_REASONS",
    "LINE_REASONS",
    "NO_QUARANTINE",
    "FileRead",
    "Form",
    "Landed",
    "LandedFile",
    "LaterRefusal",
    "OpenRaw",
    "Piece",
    "Span",
    "form_of",
    "ignored",
    "late_quarantine",
    "pieces",
    "raw_row",
    "read_landed",
    "read_together",
    "weight_of",
]
