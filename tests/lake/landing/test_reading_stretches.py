"""A file that is too large for a cycle is read in stretches, which together are the file."""

import gzip
import io

import polars as pl
import pyarrow as pa
import pytest

from margin_assets.lake.landing.reading import (
    FileRead,
    Landed,
    cuts,
    pieces,
    read_landed,
    read_together,
)
from margin_assets.lake.landing.reading import landed as reading
from tests.support.reading_samples import GOOD, csv_text, landed, ndjson, parquet, read

ROWS = [
    GOOD["prices"] | {"symbol": f"S{n}", "price": -1 if n % 50 == 0 else 5} for n in range(4_000)
]
# Notes of two lines: a place behind a line feed need not be between records.
NOTED = csv_text(*[row | {"source": f'"bench\n{n}"'} for n, row in enumerate(ROWS)])
TEXT = ndjson(*[b"[" if n % 70 == 0 else row for n, row in enumerate(ROWS)])
FILES = {
    "prices/a.ndjson": TEXT,
    "prices/bom.ndjson": b"\xef\xbb\xbf" + TEXT,
    "prices/unended.ndjson": TEXT[:-1],
    "prices/a.ndjson.gz": gzip.compress(TEXT, 1, mtime=0),
    "prices/a.ndjson.zst": pa.compress(TEXT, codec="zstd", asbytes=True),
    "prices/a.csv": NOTED,
    "prices/bom.csv": b"\xef\xbb\xbf" + NOTED,
    "prices/a.csv.gz": gzip.compress(NOTED, 1, mtime=0),
    "prices/a.parquet": parquet({name: [row[name] for row in ROWS] for name in ROWS[0]}),
}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cuts, reading):
        monkeypatch.setattr(module, "READER_BYTES", 3_000_000)


def joined(parts: list[FileRead]) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    rows, refused = ([getattr(part, name) for part in parts] for name in ("rows", "quarantined"))
    return pl.concat(rows), pl.concat(refused), sum(part.rows_read for part in parts)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("path", "data"), FILES.items(), ids=FILES.keys())
def test_stretches_together_are_the_file(path: str, data: bytes):
    file, open_raw = landed(path, data)
    found = pieces(Landed(file, open_raw))

    parts = [read_landed(file, open_raw, piece.span) for piece in found]
    rows, refused, rows_read = joined(parts)
    whole = read(path, data)
    assert len(found) > 3
    assert max(piece.weight for piece in found) <= 3_000_000
    assert rows.equals(whole.rows)
    assert refused.equals(whole.quarantined)
    assert rows_read == whole.rows_read
    # A later session finds the same stretches behind one that it knows.
    assert pieces(Landed(file, open_raw, found[1].span)) == found[2:]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("prices/a.csv", NOTED + b'"unclosed,5,x'),
        ("prices/a.csv.gz", gzip.compress(NOTED + b"\x00", 1, mtime=0)),
        ("prices/a.ndjson.gz", gzip.compress(TEXT, 1, mtime=0)[:-5]),
    ],
    ids=["an open quote", "a NUL byte", "cut short"],
)
def test_a_large_file_that_its_end_refuses_is_one_piece(path: str, data: bytes):
    file, open_raw = landed(path, data)

    assert [piece.span for piece in pieces(Landed(file, open_raw))] == [None]
    assert read_landed(file, open_raw).status == "quarantined"


def test_files_read_together_come_out_as_read_alone():
    samples = [
        ("prices/0.ndjson", ndjson(GOOD["prices"], b"[")),
        ("prices/1.csv", csv_text(GOOD["prices"] | {"note": "x"})),
        ("prices/2.csv", b"symbol\nA\n"),
        ("prices/3.parquet", FILES["prices/a.parquet"]),
        ("prices/4.ndjson", b""),
        ("prices/5.ndjson", ndjson(GOOD["prices"] | {"price": 0})),
        ("prices/6.ndjson.gz", b"no gzip"),
        ("prices/7.ndjson", TEXT),
        ("prices/8.ndjson", b"\n"),
    ]
    files = [landed(path, data) for path, data in samples]

    together = read_together([Landed(*file) for file in files])

    for (path, data), result in zip(samples, together, strict=True):
        alone = read(path, data)
        assert result.rows.equals(alone.rows)
        assert result.quarantined.equals(alone.quarantined)
        told = ("status", "rows_read", "extra_columns")
        assert [getattr(result, name) for name in told] == [getattr(alone, name) for name in told]


def test_each_row_is_held_to_the_landing_time_of_its_own_file():
    line = ndjson(GOOD["prices"])
    file, _ = landed("prices/a.ndjson", line)
    early = type(file)(**vars(file) | {"landed_at": file.landed_at.replace(year=2023)})

    results = read_together([Landed(f, lambda: io.BytesIO(line)) for f in (file, early, file)])

    assert [result.rows.height for result in results] == [1, 0, 1]
    assert results[1].quarantined["reasons"].item() == "event_time_in_future"
