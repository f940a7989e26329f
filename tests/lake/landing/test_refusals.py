import re
from collections.abc import Callable
from decimal import Decimal

import polars as pl
import pytest
from deltalake import write_deltalake
from deltalake.exceptions import DeltaError
from polars.testing import assert_frame_equal

from margin_assets.lake.store.declared import SchemaMismatch, is_sharded
from margin_assets.lake.store.store import Lake
from tests.support import ROOT
from tests.support.mini_session import rows

Change = Callable[[pl.DataFrame], pl.DataFrame]
NAN = float("nan")


BROKEN = [
    pytest.param("prices", "price", Decimal("-0.01"), id="price below 0"),
    pytest.param("prices", "price", Decimal("10000000.000001"), id="price above 1e7"),
    pytest.param("fills", "quantity", Decimal(-1_000_000_001), id="quantity below -1e9"),
    pytest.param("cash_movements", "amount", Decimal("1000000000000.01"), id="above 1e12"),
    pytest.param("betas", "beta", 20.5, id="beta above 20"),
    pytest.param("betas", "beta", NAN, id="beta NaN"),
    pytest.param("betas", "r_squared", NAN, id="nullable NaN"),
    pytest.param("betas", "window_days", 0, id="window of 0 days"),
    pytest.param("volatilities", "volatility_annual", -0.1, id="negative volatility"),
    pytest.param("positions", "beta", NAN, id="unbounded NaN"),
    pytest.param("positions", "beta", float("-inf"), id="unbounded infinity"),
    pytest.param("margin_summary", "governing_requirement", Decimal(-1), id="negative amount"),
    pytest.param("daily/margin_summary", "governing_requirement", Decimal(-1), id="daily twin"),
    pytest.param("fills", "cycle", -1, id="negative cycle"),
    pytest.param("fills", "symbol", None, id="null in a required column"),
]


@pytest.mark.parametrize(("table", "column", "value"), BROKEN)
def test_delta_itself_refuses(shared_lake: Lake, table: str, column: str, value: object):
    handle = shared_lake.held(table).open()

    with pytest.raises(DeltaError, match=r"failed validation|null"):
        write_deltalake(handle, stored(table, rows(table, **{column: value})), mode="append")


@pytest.mark.parametrize(
    ("table", "column", "value"), [case for case in BROKEN if "/" not in str(case.values[0])]
)
def test_a_commit_refuses_what_delta_refuses(
    shared_lake: Lake, table: str, column: str, value: object
):
    before = shared_lake.version(table)

    with pytest.raises(DeltaError, match=r"failed validation|null"):
        shared_lake.write(table, rows(table, **{column: value}), 1)

    assert shared_lake.version(table) == before


def stored(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame as Delta has it: rows of a state table with their shard."""
    return frame.with_columns(shard=pl.lit(0, pl.Int32)) if is_sharded(table) else frame


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        pytest.param("prices", "price", Decimal("10000000"), id="largest price"),
        pytest.param("prices", "price", Decimal("0.000001"), id="smallest price"),
        pytest.param("fills", "quantity", Decimal(-(10**9)), id="largest sale"),
        pytest.param("betas", "r_squared", None, id="null where allowed"),
        pytest.param("instruments", "strike", None, id="null amount where allowed"),
    ],
)
def test_delta_lets_the_bounds_pass(lake: Lake, table: str, column: str, value: object):
    lake.write(table, rows(table, **{column: value}), 1)

    assert lake.scan(table).collect()[column].to_list() == [value]


def test_append_tables_refuse_to_be_rewritten(lake: Lake):
    lake.write("fills", rows("fills"), 1)
    handle = lake.held("fills").open()

    with pytest.raises(DeltaError, match="append"):
        handle.delete()
    with pytest.raises(DeltaError, match="append"):
        write_deltalake(handle, rows("fills"), mode="overwrite")


def test_nothing_calls_restore():
    # It takes rows out of append-only tables, past the property that forbids it.
    root = ROOT
    sources = [
        file
        for folder in ("margin_assets", "jobs", "sensors", "schemas")
        for file in (root / folder).rglob("*.py")
    ]

    assert sources
    assert [file for file in sources if re.search(r"\.restore\(", file.read_text())] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda f: f.drop("price"), "missing columns price", id="missing column"),
        pytest.param(
            lambda f: f.with_columns(pl.col("price").cast(pl.Float64)),
            "price: Float64 would be rounded",
            id="float for money",
        ),
        pytest.param(
            lambda f: f.with_columns(pl.col("price").cast(pl.Decimal(38, 8))),
            "price: Decimal.* would be rounded",
            id="more decimals",
        ),
        pytest.param(
            lambda f: f.with_columns(file_row=pl.lit("one")),
            "file_row|conversion",
            id="not a number",
        ),
    ],
)
def test_a_frame_that_does_not_fit_is_refused(shared_lake: Lake, change: Change, message: str):
    before = shared_lake.version("prices")

    with pytest.raises(SchemaMismatch, match=message):
        shared_lake.write("prices", change(rows("prices")), 1)

    assert shared_lake.version("prices") == before


def test_a_frame_is_brought_to_the_declared_form(lake: Lake):
    frame = rows("prices").select(pl.lit("y").alias("undeclared"), pl.all().reverse())
    narrow = frame.with_columns(pl.col("file_row").cast(pl.UInt16), pl.col("price").cast(pl.Int8))

    lake.write("prices", narrow, 1)

    assert_frame_equal(lake.scan("prices").collect(), rows("prices"))


def test_unknown_tables_are_refused(shared_lake: Lake):
    for name in ("fill", "daily/fills", "../fills"):
        with pytest.raises(KeyError):
            shared_lake.scan(name)
