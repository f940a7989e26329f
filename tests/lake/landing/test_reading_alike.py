"""Lines that are written alike are taken apart at once: what comes of them is the parser's word."""

from io import BytesIO

import polars as pl
import pytest

from margin_assets.lake.landing.reading import ndjson
from margin_assets.lake.landing.reading.alike import alike
from margin_assets.lake.landing.reading.chunks import Chunk
from schemas import landed_columns

COLUMNS = landed_columns("fills")
LINE = (
    '{"fill_id": "F%d", "account_id": "A\u00e9", "symbol": "S", "quantity": -%d.50, '
    '"price": 1e2, "event_time": "2026-11-30T14:30:00Z"}'
)
MANY = 300


def lines(odd: bytes | None = None) -> list[bytes]:
    found = [(LINE % (number, number)).encode() for number in range(MANY)]
    return found if odd is None else [*found[:200], odd, *found[200:]]


def read(some: list[bytes]) -> Chunk:
    (chunk,) = ndjson.chunks(BytesIO(b"".join(line + b"\n" for line in some)), COLUMNS, 7)
    return chunk


def told(chunk: Chunk) -> tuple[object, ...]:
    absent = pl.Series([None] * len(chunk.file_rows), dtype=pl.String)
    texts = {name: chunk.columns.get(name, absent).to_list() for name in COLUMNS}
    raws = [chunk.raw(place) for place in range(len(chunk.file_rows))]
    rest = (chunk.size, chunk.faults, chunk.seen, chunk.refused, chunk.extra_columns)
    return list(chunk.file_rows), texts, raws, *rest


def parsed(some: list[bytes], monkeypatch: pytest.MonkeyPatch) -> Chunk:
    monkeypatch.setattr(ndjson, "alike", lambda *_: None)
    return read(some)


def test_plain_lines_are_not_parsed_one_by_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ndjson, "_parsed", None)
    chunk = read(lines())

    assert list(chunk.file_rows) == list(range(7, 7 + MANY))
    assert chunk.columns["quantity"].to_list()[:2] == ["-0.50", "-1.50"]
    assert chunk.columns["price"].to_list()[0] == "1e2"
    assert chunk.columns["account_id"].to_list()[0] == "A\u00e9"


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(None, id="none"),
        pytest.param(b'{"fill_id": "x", "price": 1}', id="fewer keys"),
        pytest.param(lines()[0].replace(b"F0", b'a\\"b'), id="escaped quote"),
        pytest.param(lines()[0].replace(b"F0", b"a\tb"), id="control character"),
        pytest.param(lines()[0].replace(b"F0", b"\xff"), id="not UTF-8"),
        pytest.param(lines()[0].replace(b'"F0"', b"12"), id="number for text"),
        pytest.param(lines()[0].replace(b"1e2", b'"100"'), id="text for number"),
        pytest.param(lines()[0].replace(b"1e2", b"01"), id="no number of JSON"),
        pytest.param(lines()[0].replace(b"1e2", b"NaN"), id="NaN"),
        pytest.param(lines()[0].replace(b"1e2", b"null"), id="null"),
        pytest.param(lines()[0].replace(b'"symbol"', b'"fill_id"'), id="key twice"),
        pytest.param(lines()[0][:-1] + b', "order_id": "o"}', id="key beside the table"),
        pytest.param(lines()[0] + b" ", id="blank behind"),
        pytest.param(lines()[0] + b"}", id="something behind"),
        pytest.param(b"", id="blank"),
        pytest.param(b"[" * 200, id="deep"),
    ],
)
def test_what_comes_of_lines_is_what_the_parser_says(
    odd: bytes | None, monkeypatch: pytest.MonkeyPatch
):
    both = (lines(odd), lines(odd) if odd is None else [odd] * MANY)
    for some in both:
        at_once = told(read(some)) if any(some) else None
        with monkeypatch.context() as patch:
            assert at_once is None or at_once == told(parsed(some, patch))


def test_keys_that_the_table_lacks_are_left_to_the_parser():
    kinds: dict[str, type] = {"fill_id": str}

    assert alike(lines(), kinds) is None
    assert alike([b'{"fill_id": "a"}'] * 255, kinds) is None
    assert alike([b'{"fill_id": "a"}'] * 256, kinds) is not None
