"""`source` of a price or rate is free text: it never costs the row (semantics 8.12)."""

import pyarrow as pa
import pytest

from tests.support.reading_samples import AT, GOOD, HEADER, ndjson, prices, read, reasons


@pytest.mark.parametrize(
    ("landed", "kept"),
    [
        pytest.param('"desk"', "desk", id="plain"),
        pytest.param('"\\u0007a\\tb\\u001b[31m\\u009b"', " a b [31m ", id="control characters"),
        pytest.param('"line\\nbreak\\r"', "line break ", id="line breaks"),
        pytest.param(f'"{"x" * 64}"', "x" * 64, id="as long as it may be"),
        pytest.param(f'"{"x" * 65}"', "x" * 64, id="longer is cut"),
        pytest.param(f'"{"é" * 500}"', "é" * 64, id="cut in characters"),
        pytest.param('" Börse Zürich "', " Börse Zürich ", id="any script and spaces"),
        pytest.param('"=1+1"', "=1+1", id="data all the same"),
        pytest.param('""', "", id="empty"),
        pytest.param("null", None, id="null"),
        pytest.param("12.50", "12.50", id="a number by its digits"),
        pytest.param("true", "true", id="a boolean by its word"),
        pytest.param('["a"]', None, id="what is no text at all"),
        pytest.param('{"a": 1}', None, id="nor an object"),
        pytest.param('"\\ud800"', "\ufffd", id="half a character"),
    ],
)
@pytest.mark.parametrize("feed", ["prices", "rates"])
def test_a_source_is_cleaned_and_the_row_counts(feed: str, landed: str, kept: str | None):
    line = ndjson(GOOD[feed])[:-2] + f', "source": {landed}}}\n'.encode()

    result = read(f"{feed}/a.ndjson", line)

    assert reasons(result) == {}
    assert result.rows["source"].to_list() == [kept]


def test_a_source_in_csv_may_hold_a_line_break():
    data = (
        HEADER + b",source\nNVDA,5," + AT.encode() + b',"two\nlines"\nNVDA,5,' + AT.encode() + b","
    )

    assert read("prices/a.csv", data).rows["source"].to_list() == ["two lines", None]


@pytest.mark.parametrize(
    "values",
    [pa.array([5]), pa.array([b"\xff"]), pa.array([[1.5]]), pa.nulls(1)],
    ids=lambda values: str(values.type),
)
def test_a_source_of_another_type_is_as_if_absent(values: pa.Array):
    result = read("prices/a.parquet", prices(source=values))

    assert reasons(result) == {}
    assert result.rows["source"].to_list() == [None]


def test_a_long_source_in_parquet_is_cut():
    assert read("prices/a.parquet", prices(source=pa.array(["y" * 9_999]))).rows[
        "source"
    ].to_list() == ["y" * 64]
