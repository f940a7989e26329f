import hashlib
import io
import tracemalloc

import pytest

from margin_assets.lake.landing.reading import LandedFile, read_landed
from tests.support.reading_samples import (
    GOOD,
    HEADER,
    LANDED_AT,
    LINE,
    csv_text,
    json_line,
    landed,
    ndjson,
    read,
    reasons,
)


@pytest.mark.parametrize(
    ("price", "shown"),
    [
        pytest.param(b"[1]", "[1]", id="a number in a list"),
        pytest.param(b'[1.50, "a", [true, null]]', "[1.50, 'a', [True, None]]", id="deeper"),
        pytest.param(b'{"usd": 1e3}', "{'usd': 1e3}", id="in an object"),
        pytest.param(b'"5"', "'5'", id="text"),
    ],
)
def test_a_value_of_another_kind_is_shown_as_it_landed(price: bytes, shown: str):
    line = b'{"symbol": "A", "event_time": "2024-01-01T15:00:00Z", "price": %s}' % price

    detail = read("prices/a.ndjson", line).quarantined["detail"].item()

    assert detail == f"price is {shown}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(b'{"symbol": "A"', "invalid_json", id="unclosed"),
        pytest.param(b"{} {}", "invalid_json", id="two documents"),
        pytest.param(b'{"price": NaN}', "invalid_json", id="NaN"),
        pytest.param(b'{"price": -Infinity}', "invalid_json", id="infinite"),
        pytest.param(b'{"price": 1,000}', "invalid_json", id="thousands separator"),
        pytest.param(b'{"symbol": "\x01"}', "invalid_json", id="control character"),
        pytest.param(b"[1]", "not_an_object", id="array"),
        pytest.param(b"null", "not_an_object", id="null"),
        pytest.param(b'{"a": 1, "a": 1}', "duplicate_key", id="key twice"),
        pytest.param(b'{"x": {"a": 1, "a": 1}}', "duplicate_key", id="key twice, nested"),
        pytest.param(b'{"symbol": "\xff"}', "not_utf8", id="invalid UTF-8"),
        pytest.param(b'{"symbol": "\x00"}', "nul_byte", id="NUL"),
        pytest.param(b"\xff\x00", "not_utf8;nul_byte", id="both"),
        pytest.param(b"[" * 500_000, "nested_too_deep", id="deep arrays"),
        pytest.param(b'{"a":' * 101 + b"1" + b"}" * 101, "nested_too_deep", id="deep objects"),
        pytest.param(b" " * 1_000_001, "line_too_long", id="over a million bytes"),
    ],
)
def test_a_line_that_is_no_row_is_quarantined_by_itself(line: bytes, expected: str):
    good = json_line(GOOD["prices"]).encode()

    result = read("prices/a.ndjson", b"\n".join([good, line, b"", b"  \r", good]))

    assert reasons(result) == {2: expected}
    assert result.rows["file_row"].to_list() == [1, 5]
    kept = result.quarantined.row(0, named=True)
    assert kept["raw"] == line[:65_536]
    assert kept["raw_bytes"] == len(line)
    assert kept["raw_sha256"] == hashlib.sha256(line).hexdigest()
    assert result.rows_read == 3


def test_brackets_in_a_string_are_no_nesting():
    result = read("prices/a.ndjson", ndjson(GOOD["prices"] | {"note": '[{\\"' * 200}))

    assert result.rows.height == 1
    assert result.extra_columns == ("note",)


def test_a_line_of_200_mb_costs_little_memory():
    good = json_line(GOOD["prices"]).encode() + b"\n"

    class Endless(io.RawIOBase):
        left = 200_000_000

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            if self.left <= 0:
                return b""
            taken = min(size, self.left)
            self.left -= taken
            return good + b"x" * taken if self.left + taken == 200_000_000 else b"x" * taken

    file = LandedFile("prices", "prices/a.ndjson", "0" * 64, 200_000_000, LANDED_AT)
    tracemalloc.start()
    result = read_landed(file, Endless)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 10_000_000
    assert reasons(result) == {2: "line_too_long"}
    assert result.quarantined["raw_bytes"].item() == 200_000_000
    assert result.rows.height == 1


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_size_of_reads_changes_nothing(size: int):
    data = b"\xef\xbb\xbf" + ndjson(GOOD["prices"], b"x" * 1_000_001, GOOD["prices"], b"[")

    class Dribble(io.BytesIO):
        def read(self, asked: int = -1) -> bytes:
            return super().read(size if self.tell() < 2_000 else asked)

    file, _ = landed("prices/a.ndjson", data)
    result = read_landed(file, lambda: Dribble(data))

    whole = read("prices/a.ndjson", data)
    assert result.rows.equals(whole.rows)
    assert result.quarantined.equals(whole.quarantined)
    assert reasons(whole) == {2: "line_too_long", 4: "invalid_json"}


@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_a_byte_order_mark_and_carriage_returns_are_allowed(form: str):
    rows = {"ndjson": ndjson, "csv": csv_text}[form](GOOD["fills"], GOOD["fills"])

    result = read(f"fills/a.{form}", b"\xef\xbb\xbf" + rows.replace(b"\n", b"\r\n"))

    assert (result.rows.height, result.quarantined.height) == (2, 0)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"symbol,price\nA,1\n", "missing_column", id="no event_time"),
        pytest.param(b"Symbol,price,event_time\n", "missing_column", id="names are exact"),
        pytest.param(HEADER + b",price\n", "duplicate_column", id="a column twice"),
        pytest.param(HEADER + b",x,x\n", "duplicate_column", id="an extra column twice"),
        pytest.param(HEADER + b"\n" + LINE + b'\n"A,1\n', "malformed_csv", id="unclosed quote"),
        pytest.param(HEADER + b"\n" + LINE + b'\n"A"x,1\n', "malformed_csv", id="after a quote"),
        pytest.param(HEADER + b"\n" + LINE + b"\nA\x00,1\n", "nul_byte", id="NUL"),
        pytest.param(HEADER + b"\n" + LINE + b"\n\xff,1\n", "file_not_utf8", id="not UTF-8"),
        pytest.param(HEADER + b"\n" + b"x" * 1_000_001, "line_too_long", id="long line"),
        pytest.param(HEADER + b'\n"' + b"x\n" * 600_000, "line_too_long", id="long record"),
        pytest.param("symbol,price".encode("utf-16"), "file_not_utf8", id="UTF-16"),
    ],
)
def test_a_broken_csv_is_quarantined_whole(data: bytes, expected: str):
    result = read("prices/a.csv", data)

    kept = result.quarantined.row(0, named=True)
    assert (result.status, result.rows.height, result.quarantined.height) == ("quarantined", 0, 1)
    assert (kept["file_row"], kept["reasons"]) == (0, expected)
    assert (kept["raw"], kept["raw_bytes"]) == (data[:65_536], len(data))
    assert kept["raw_sha256"] == kept["file_id"]


def test_a_ragged_row_costs_itself_and_rows_are_named_by_their_first_line():
    lines = [HEADER + b",note", LINE + b',"two\nlines"', LINE, b"", LINE + b",", LINE + b",,"]

    result = read("prices/a.csv", b"\n".join(lines))

    assert result.rows["file_row"].to_list() == [2, 6]
    assert reasons(result) == {4: "field_count", 7: "field_count"}
    assert result.extra_columns == ("note",)


def test_a_long_field_costs_its_row_alone():
    long = b"N" * 900_000 + LINE[4:]

    result = read("prices/a.csv", b"\n".join([HEADER, LINE, long, LINE]))

    assert reasons(result) == {3: "symbol_too_long"}
    assert result.rows.height == 2
