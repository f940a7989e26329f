"""A column that files may bring and their table has not: kept, listed, and no reason to refuse."""

from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from tests.support.reading_samples import GOOD, csv_text, ndjson, parquet, read, reasons

ORDER = "0123456789abcdef" * 2
AT = datetime(2024, 1, 1, 15, tzinfo=UTC)


def columns(order: pa.Array) -> dict[str, pa.Array]:
    plain = {"fill_id": "f", "account_id": "A", "symbol": "X"}
    numbers = {"quantity": Decimal(1), "price": Decimal(2), "event_time": AT}
    return {n: pa.array([value]) for n, value in (plain | numbers).items()} | {"order_id": order}


FORMS = {
    "ndjson": ndjson(GOOD["fills"] | {"order_id": ORDER}),
    "csv": csv_text(GOOD["fills"] | {"order_id": ORDER}),
    "parquet": parquet(columns(pa.array([ORDER]))),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_order_of_a_fill_is_read_and_listed(form: str):
    result = read(f"fills/a.{form}", FORMS[form])

    assert reasons(result) == {}
    assert result.rows["order_id"].to_list() == [ORDER]
    assert result.extra_columns == ("order_id",)


@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_a_fill_without_an_order_is_as_it_was(form: str):
    result = read(f"fills/a.{form}", {"ndjson": ndjson, "csv": csv_text}[form](GOOD["fills"]))

    assert result.rows["order_id"].to_list() == [None]
    assert result.extra_columns == ()


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        ({"order_id": 17}, "17"),
        ({"order_id": True}, "true"),
        ({"order_id": {"id": 1}}, None),
        ({"order_id": "x" * 900}, "x" * 64),
        ({"order_id": "\ud800"}, "\ufffd"),
        ({"order_id": None}, None),
    ],
)
def test_no_order_refuses_a_fill(data: dict[str, object], kept: str | None):
    result = read("fills/a.ndjson", ndjson(GOOD["fills"] | data))

    assert reasons(result) == {}
    assert result.rows["order_id"].to_list() == [kept]


@pytest.mark.parametrize("order", [pa.array([17]), pa.array([[{"id": 1}]])], ids=str)
def test_an_order_of_another_type_in_parquet_is_none(order: pa.Array):
    result = read("fills/a.parquet", parquet(columns(order)))

    assert reasons(result) == {}
    assert result.rows["order_id"].to_list() == [None]


def test_another_feed_has_no_such_column():
    result = read("prices/a.ndjson", ndjson(GOOD["prices"] | {"order_id": ORDER}))

    assert "order_id" not in result.rows.columns
    assert result.extra_columns == ("order_id",)
