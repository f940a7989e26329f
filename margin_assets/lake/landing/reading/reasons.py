"""The closed list of reasons why reading refuses a file, a line or a value."""

from collections.abc import Iterable

FILE_REASONS = {
    "decompression_bomb": "The file becomes larger than a file may.",
    "file_ignored": "The file is of no known feed or form, or not a plain file in its place.",
    "file_in_future": "The landing time lies beyond the calendar's last year.",
    "file_not_utf8": "The text is not UTF-8.",
    "file_unreadable": "The file is truncated, corrupt, encrypted or not what its name says.",
    "malformed_csv": "A quote is not closed, or stands where none may.",
    "column_type": "A Parquet column is of a type that the column cannot be read from.",
    "duplicate_column": "Two columns have one name.",
    "page_too_large": "Pages of a Parquet file, or its footer, are larger than memory allows.",
    "missing_column": "A required column is not there.",
}
LINE_REASONS = {
    "duplicate_key": "A JSON object names a key twice.",
    "field_count": "A CSV row has more or fewer fields than the header.",
    "invalid_json": "The line is not one JSON document.",
    "line_too_long": "A line, or a quoted CSV record, is longer than a line may be.",
    "nested_too_deep": "JSON nested deeper than anyone means.",
    "not_an_object": "The line is JSON, but not an object.",
    "not_utf8": "The line is not UTF-8.",
    "nul_byte": "The line, or the CSV file, holds a NUL byte.",
}
COLUMN_WORDS = {
    "before_1970": "earlier than 1970-01-01",
    "below_microsecond": "more than six digits of a second",
    "empty": "a text of no characters",
    "in_future": "later than the landing of its file plus five minutes",
    "leap_second": "a second 60",
    "malformed": "not written as the column is",
    "missing": "required, and absent or null",
    "not_a_boolean": "neither true nor false",
    "not_a_date": "not a day as YYYY-MM-DD",
    "not_a_number": "not a finite number, or a number written as text in JSON",
    "not_a_time": "not an RFC 3339 instant",
    "not_printable": "not printable ASCII, or a space at an end",
    "not_text": "a JSON value that is not a string",
    "not_whole": "not a whole number",
    "out_of_range": "outside the bounds of the column",
    "sign_against_kind": "of a sign that the kind of movement cannot have",
    "too_long": "more characters than the column takes",
    "too_many_decimals": "more decimals than the column takes",
    "unknown": "not a word of the closed list",
    "without_zone": "an instant without an offset",
    "zero": "zero where zero means nothing",
    "zero_corrects_nothing": "zero without naming what it busts",
}
"""Words that follow the name of a column: `quantity_not_a_number`."""


def joined(reasons: Iterable[str]) -> str:
    """Reasons as the quarantine stores them: each once, sorted, separated by `;`."""
    return ";".join(sorted(set(reasons)))
