"""Every encoding that writers use, and pages that no memory holds."""

import io
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from margin_assets.lake.landing.reading import Landed, pages, pieces
from margin_assets.lake.landing.reading.pages import batch_rows, read_footer
from margin_assets.lake.landing.reading.streams import Source
from tests.support.reading_samples import landed, read, reasons

AT = datetime(2024, 1, 1, 15, tzinfo=UTC)
FILLS = {
    "fill_id": pa.array([f"trade-{n:04}" for n in range(300)]),
    "account_id": pa.array(["A"] * 300),
    "symbol": pa.array(["S", "R", "S"] * 100),
    "quantity": pa.array(range(1, 301), pa.int64()),
    "price": pa.array([10.25] * 300),
    "event_time": pa.array([AT] * 300, pa.timestamp("us", "UTC")),
}


def written(columns: dict[str, pa.Array], **how: object) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, **how)
    return buffer.getvalue()


def assert_all_read(data: bytes) -> None:
    result = read("fills/f.parquet", data)
    assert reasons(result) == {}
    assert result.rows["fill_id"].to_list() == [f"trade-{n:04}" for n in range(300)]
    assert result.rows["symbol"].to_list() == ["S", "R", "S"] * 100
    assert result.rows["quantity"].to_list() == list(range(1, 301))
    assert set(result.rows["price"]) == {Decimal("10.25")}
    assert set(result.rows["event_time"]) == {AT}


# The first two are a public report: what Parquet v2 writers use for texts of many values.
TEXT_ENCODINGS = ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY", "PLAIN"]


@pytest.mark.parametrize(("encoding", "version"), list(product(TEXT_ENCODINGS, ["1.0", "2.0"])))
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_every_encoding_of_text_is_read(encoding: str, version: str, kind: pa.DataType):
    columns = FILLS | {"fill_id": FILLS["fill_id"].cast(kind)}
    how = {"use_dictionary": False, "column_encoding": {"fill_id": encoding}}

    assert_all_read(written(columns, data_page_version=version, **how))


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "brotli", "lz4", "zstd"])
def test_every_codec_is_read(codec: str, version: str):
    assert_all_read(written(FILLS, compression=codec, data_page_version=version))


@pytest.mark.parametrize(
    ("column", "encoding"),
    [
        ("quantity", "DELTA_BINARY_PACKED"),
        ("event_time", "DELTA_BINARY_PACKED"),
        ("quantity", "BYTE_STREAM_SPLIT"),
        ("price", "BYTE_STREAM_SPLIT"),
    ],
)
def test_every_encoding_of_numbers_is_read(column: str, encoding: str):
    assert_all_read(written(FILLS, use_dictionary=False, column_encoding={column: encoding}))


def test_a_dictionary_that_is_given_up_half_way_is_read():
    assert_all_read(written(FILLS, dictionary_pagesize_limit=500, data_page_size=200))


def test_small_row_groups_and_nulls_are_read():
    columns = FILLS | {"corrects_fill_id": pa.nulls(300, pa.string())}

    assert_all_read(written(columns, row_group_size=7))


@pytest.mark.parametrize("how", [{}, {"use_dictionary": False}], ids=["dictionary", "plain"])
def test_a_page_that_no_memory_holds_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, how: dict[str, object]
):
    monkeypatch.setattr(pages, "PAGE_BYTES", 5_000)
    data = written(FILLS, compression="none", **how)
    result = read("fills/f.parquet", data)

    assert (result.status, reasons(result)) == ("quarantined", {0: "page_too_large"})
    assert pieces(Landed(*landed("fills/f.parquet", data)))[0].span is None


def test_a_large_row_group_of_small_pages_is_read(monkeypatch: pytest.MonkeyPatch):
    # Six columns of pages of some 300 bytes, as they are and decoded.
    monkeypatch.setattr(pages, "PAGE_BYTES", 8_000)
    how = {"use_dictionary": False, "data_page_size": 200, "write_batch_size": 10}

    assert_all_read(written(FILLS, **how))


@pytest.mark.parametrize(
    ("how", "most"),
    [
        # One long text, said once and repeated by pointers or by a shared prefix.
        pytest.param({}, 10, id="dictionary"),
        pytest.param(
            {"use_dictionary": False, "column_encoding": {"symbol": "DELTA_BYTE_ARRAY"}},
            10,
            id="prefix",
        ),
        # Each is there in full: as many as the bound holds.
        pytest.param(
            {"use_dictionary": False, "data_page_size": 1_000, "write_batch_size": 1},
            10,
            id="plain",
        ),
    ],
)
def test_a_repeated_text_is_decoded_few_at_a_time(
    monkeypatch: pytest.MonkeyPatch, how: dict[str, object], most: int
):
    monkeypatch.setattr(pages, "PAGE_BYTES", 1_000_000)
    columns = FILLS | {"symbol": pa.array(["x" * 100_000] * 300)}
    data = written(columns, **how)
    source = Source(io.BytesIO(data))

    rows = batch_rows(source, 0, read_footer(source)[0], list(columns))
    assert 1 <= rows <= most
    result = read("fills/f.parquet", data)
    assert set(reasons(result).values()) == {"symbol_too_long"}
    assert result.quarantined.height == 300


def test_a_footer_of_lists_in_lists_is_refused():
    # Each byte opens a list of one list: as deep as the footer is long.
    footer = b"\x19" * 5_000
    data = b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1"

    assert reasons(read("fills/f.parquet", data)) == {0: "file_unreadable"}
    assert len(pieces(Landed(*landed("fills/f.parquet", data)))) == 1
