"""What became of landed files, and of rows that could not be understood."""

import dataframely as dy

from schemas import columns


class LandedFiles(dy.Schema):
    """One landed file and what became of its rows."""

    file_id = columns.file_id()
    feed = dy.String(description="Feed folder, or empty for a file outside every feed.")
    path = dy.String(description="Path below the landing folder, as data.")
    bytes = columns.count("Size of the file.")
    landed_at = columns.instant("Its modification time in the store.")
    status = columns.code(
        "What became of it.", ("accepted", "redelivered", "quarantined", "ignored", "empty")
    )
    rows_read = columns.count("Rows or lines read.")
    rows_accepted = columns.count("Rows accepted.")
    rows_duplicate = columns.count("Rows seen before, dropped.")
    rows_quarantined = columns.count("Rows quarantined.")
    rows_late = columns.count("Accepted rows that were late.")
    extra_columns = dy.String(
        description="Columns that the table has not, comma-separated: kept beside it or ignored."
    )
    cycle = columns.cycle(key=True)
    file_number = dy.Int64(
        min=0, primary_key=True, description="Place in the plan, from 0.", metadata={"unit": "1"}
    )


class Quarantine(dy.Schema):
    """One row, or one whole file, that could not be understood, with every reason."""

    quarantine_id = columns.quarantine_id(key=True)
    feed = dy.String(description="Feed folder, or empty for a file outside every feed.")
    path = dy.String(description="Path below the landing folder, as data.")
    file_id = columns.file_id()
    file_row = dy.Int64(min=0, description="Line or row of the file; 0 for the whole file.")
    reasons = dy.String(description="Named reasons, sorted, separated by `;`.")
    detail = dy.String(description="What was seen, for a person.")
    raw = dy.Binary(description="The first 64 kB as landed.")
    raw_bytes = columns.count("Length of what was landed.")
    raw_sha256 = dy.String(description="SHA-256 of what was landed.")
    landed_at = columns.instant("When the file landed.")
    cycle = columns.cycle()
