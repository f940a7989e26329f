import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from margin_assets.lake.landing.reading import limits
from tests.support.reading_samples import AT, T0, parquet, prices, read, reasons


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        pytest.param({"price": pa.array([5, -1])}, "price_out_of_range", id="negative"),
        pytest.param({"price": pa.array([5, float("nan")])}, "price_not_a_number", id="NaN"),
        pytest.param({"price": pa.array([5, float("inf")])}, "price_not_a_number", id="infinite"),
        pytest.param({"price": pa.array([5, 0.1 + 0.2])}, "price_too_many_decimals", id="float"),
        pytest.param(
            {"price": pa.array([Decimal("5.0"), Decimal("1.0000001")])},
            "price_too_many_decimals",
            id="decimal",
        ),
        pytest.param({"price": pa.array([5, None])}, "price_missing", id="null"),
        pytest.param({"symbol": pa.array(["A", " A"])}, "symbol_not_printable", id="space"),
        pytest.param({"symbol": pa.array(["A", ""])}, "symbol_empty", id="empty text"),
        pytest.param({"symbol": pa.array(["A", "A" * 9_999])}, "symbol_too_long", id="long text"),
        pytest.param(
            {"event_time": pa.array([AT, "2024-01-01T15:00:00"])},
            "event_time_without_zone",
            id="time as text",
        ),
        pytest.param(
            {"event_time": pa.array([T0 * 10**9, T0 * 10**9 + 1]).cast(pa.timestamp("ns", "UTC"))},
            "event_time_below_microsecond",
            id="nanosecond",
        ),
        pytest.param(
            {"event_time": pa.array([T0 * 1000, 2**62]).cast(pa.timestamp("ms", "UTC"))},
            "event_time_in_future",
            id="beyond every calendar",
        ),
        pytest.param(
            {"event_time": pa.array([T0 * 1000, -(2**62)]).cast(pa.timestamp("ms", "UTC"))},
            "event_time_before_1970",
            id="before every calendar",
        ),
    ],
)
def test_a_bad_value_in_parquet_costs_its_row_alone(columns: dict[str, pa.Array], expected: str):
    result = read("prices/a.parquet", prices(2, **columns))

    assert reasons(result) == {2: expected}
    assert result.rows["file_row"].to_list() == [1]


def test_parquet_times_without_a_zone_are_quarantined_row_by_row():
    naive = pa.array([T0 * 10**6] * 2, pa.int64()).cast(pa.timestamp("us"))

    result = read("prices/a.parquet", prices(2, event_time=naive))

    assert reasons(result) == dict.fromkeys([1, 2], "event_time_without_zone")
    assert result.status == "accepted"


@pytest.mark.parametrize(
    "columns",
    [
        {"price": pa.array([500])},
        {"price": pa.array([500], pa.uint64())},
        {"price": pa.array([500], pa.float32())},
        {"price": pa.array([500], pa.float16())},
        {"price": pa.array([Decimal(500)], pa.decimal128(38, 10))},
        {"price": pa.array([Decimal(500)], pa.decimal256(60, 10))},
        {"symbol": pa.array(["NVDA"], pa.large_string())},
        {"symbol": pa.array(["NVDA"], pa.string_view())},
        {"symbol": pa.array(["NVDA"]).dictionary_encode()},
        {"source": pa.nulls(1)},
        {"event_time": pa.array([T0]).cast(pa.timestamp("s", "America/New_York"))},
        {"event_time": pa.array([T0 * 1000]).cast(pa.timestamp("ms", "+05:00"))},
        {"event_time": pa.array([T0 * 10**9]).cast(pa.timestamp("ns", "UTC"))},
        {"event_time": pa.array([AT]).dictionary_encode()},
        {"extra": pa.array([[{"nested": 1}]])},
    ],
    ids=lambda columns: str(next(iter(columns.values())).type),
)
def test_parquet_types_that_are_read(columns: dict[str, pa.Array]):
    result = read("prices/a.parquet", prices(**columns))

    assert reasons(result) == {}
    row = result.rows.row(0, named=True)
    assert row["symbol"] == "NVDA"
    assert row["price"] in {Decimal(500), Decimal("500.5")}
    assert row["event_time"] == datetime(2024, 1, 1, 15, tzinfo=UTC)


def test_parquet_dates_and_booleans():
    data = parquet(
        {
            "symbol": ["A", "B"],
            # No option: its row would need the whole contract.
            "asset_class": ["equity", "treasury"],
            "marginable": [True, False],
            "expiry": pa.array([date(1, 1, 1), None]),
            "maturity": pa.array([None, 10**7], pa.int32()).cast(pa.date32()),
            "event_time": [AT, AT],
        }
    )

    result = read("instruments/a.parquet", data)

    assert result.rows.select("marginable", "expiry").rows() == [(True, date(1, 1, 1))]
    assert reasons(result) == {2: "maturity_not_a_date"}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"PAR1 is all", "file_unreadable", id="not Parquet"),
        pytest.param(prices()[:-20], "file_unreadable", id="truncated"),
        pytest.param(prices(price=pa.array(["5"])), "column_type", id="number as text"),
        pytest.param(prices(price=pa.array([[5.0]])), "column_type", id="nested"),
        pytest.param(prices(event_time=pa.array([T0])), "column_type", id="epoch number"),
        pytest.param(prices(symbol=pa.array([b"A"])), "column_type", id="bytes for text"),
        pytest.param(parquet({"symbol": ["A"]}), "missing_column", id="columns missing"),
    ],
)
def test_a_broken_parquet_is_quarantined_whole(data: bytes, expected: str):
    result = read("prices/a.parquet", data)

    assert result.status == "quarantined"
    assert reasons(result) == {0: expected}


def test_parquet_with_a_column_twice_is_quarantined_whole():
    buffer = io.BytesIO()
    names = ["symbol", "symbol", "price", "event_time"]
    pq.write_table(pa.Table.from_arrays([pa.array(["A"])] * 4, names=names), buffer)

    assert reasons(read("prices/a.parquet", buffer.getvalue())) == {0: "duplicate_column"}


def test_parquet_with_invalid_text_is_quarantined_whole():
    offsets = pa.py_buffer((0).to_bytes(4, "little") + (2).to_bytes(4, "little"))
    text = pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(b"\xff\xfe")])

    assert reasons(read("prices/a.parquet", prices(symbol=text))) == {0: "file_not_utf8"}


def test_a_parquet_bomb_is_quarantined_whole(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "FREE_BYTES", 1_000_000)

    result = read("prices/a.parquet", prices(200_000))

    assert reasons(result) == {0: "decompression_bomb"}


def test_parquet_rows_are_numbered_across_batches():
    price = pa.array([5.0] * 40_000 + [-1.0] + [5.0] * 10)

    result = read("prices/a.parquet", prices(len(price), price=price))

    assert reasons(result) == {40_001: "price_out_of_range"}
    assert result.rows["file_row"].to_list()[-1] == 40_011


def test_a_refused_parquet_row_is_kept_as_ndjson_that_says_the_same():
    result = read("prices/a.parquet", prices(price=pa.array([-1.0])))

    raw = result.quarantined["raw"].item()
    assert raw == b'{"event_time":"2024-01-01T15:00:00Z","price":-1,"symbol":"NVDA"}'
    assert reasons(read("prices/b.ndjson", raw)) == {1: "price_out_of_range"}
