import gzip
import io
from collections.abc import Callable

import pyarrow as pa
import pytest

from margin_assets.lake.landing.reading import limits, read_landed
from tests.support.reading_samples import GOOD, HEADER, csv_text, landed, ndjson, read, reasons


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("prices/a.ndjson", b""),
        ("prices/a.parquet", b""),
        ("prices/a.csv.gz", b""),
        ("prices/a.ndjson", b"\n \n"),
        ("prices/a.csv", HEADER + b"\n"),
        ("prices/a.csv", b"\xef\xbb\xbf"),
        ("prices/a.ndjson.gz", gzip.compress(b"", mtime=0)),
    ],
)
def test_a_file_without_rows_is_empty(path: str, data: bytes):
    result = read(path, data)

    assert (result.status, result.rows_read) == ("empty", 0)
    assert (result.rows.height, result.quarantined.height) == (0, 0)


def zstd(data: bytes):
    return pa.compress(data, codec="zstd", asbytes=True)


@pytest.mark.parametrize(("suffix", "compress"), [("gz", gzip.compress), ("zst", zstd)])
@pytest.mark.parametrize("text", ["ndjson", "csv"])
def test_compressed_text_reads_as_plain(text: str, suffix: str, compress: Callable[[bytes], bytes]):
    rows = {"ndjson": ndjson, "csv": csv_text}[text]
    data = rows(*[GOOD["prices"]] * 50)
    half = len(data) // 2

    result = read(f"prices/a.{text}.{suffix}", compress(data[:half]) + compress(data[half:]))

    assert result.rows.drop("file_id").equals(read(f"prices/a.{text}", data).rows.drop("file_id"))


@pytest.mark.parametrize(("suffix", "compress"), [("gz", gzip.compress), ("zst", zstd)])
@pytest.mark.parametrize(
    "breaking",
    [
        pytest.param(lambda data: data[:-5], id="truncated"),
        pytest.param(lambda data: data[:6] + b"\xff" * 20 + data[26:], id="corrupt"),
        pytest.param(lambda data: data + b"garbage", id="garbage after the end"),
        pytest.param(lambda _: b"{}", id="not compressed"),
    ],
)
def test_a_broken_compressed_file_is_quarantined_whole(
    suffix: str, compress: Callable[[bytes], bytes], breaking: Callable[[bytes], bytes]
):
    rows = [GOOD["prices"] | {"price": price} for price in range(1, 500)]
    data = breaking(compress(ndjson(*rows)))

    result = read(f"prices/a.ndjson.{suffix}", data)

    assert result.status == "quarantined"
    assert reasons(result) == {0: "file_unreadable"}


@pytest.mark.parametrize(("suffix", "compress"), [("gz", gzip.compress), ("zst", zstd)])
def test_a_bomb_is_quarantined_whole(
    suffix: str, compress: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "FREE_BYTES", 1_000_000)

    result = read(f"prices/a.ndjson.{suffix}", compress(b"\n" * 20_000_000))

    assert reasons(result) == {0: "decompression_bomb"}


def test_the_size_limits_hold():
    assert not limits.is_bomb(100_000_000, 1)
    assert limits.is_bomb(100_000_001, 500_000)
    assert not limits.is_bomb(100_000_001, 500_001)
    assert limits.is_bomb(4_000_000_001, 3_000_000_000)


def test_a_failing_store_quarantines_nothing():
    class Failing(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise OSError("the store is down")

    file, _ = landed("prices/a.ndjson.gz", b"x")

    with pytest.raises(OSError, match="the store is down"):
        read_landed(file, Failing)
