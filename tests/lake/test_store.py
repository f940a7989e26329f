import http.server
import os
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError
from mini_session import rows
from polars.testing import assert_frame_equal
from seaweed import S3Server

import margin_assets
from margin_assets.lake import declared, faults
from margin_assets.lake.declared import SchemaMismatch
from margin_assets.lake.objects import StoreRefused, StoreUnavailable
from margin_assets.lake.store import Lake
from schemas import TABLES, Mode

Change = Callable[[pl.DataFrame], pl.DataFrame]


def fills(cycle: int) -> pl.DataFrame:
    return rows("fills", 2, fill_id=[f"{cycle}a", f"{cycle}b"], cycle=cycle)


def fill_ids(lake: Lake, version: int | None = None) -> list[str]:
    return sorted(lake.scan("fills", version).collect()["fill_id"])


def rival_of(lake: Lake) -> Lake:
    return Lake(lake.uri, lake.storage_options)


def test_create_makes_every_table_once(lake_place: tuple[str, dict[str, str]]):
    lake = Lake(*lake_place)

    assert not lake.is_created()
    assert sorted(lake.create()) == sorted(declared.names())
    assert lake.is_created()
    assert lake.create() == []


def test_two_may_create_at_once(lake_place: tuple[str, dict[str, str]]):
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: Lake(*lake_place).create(), range(3)))

    lake = Lake(*lake_place)
    assert lake.is_created()
    for name in declared.names():
        known = lake.held(name).open().metadata().configuration
        assert {f"delta.constraints.{check}" for check in declared.constraints(name)} <= set(known)


def test_create_finishes_what_another_left(lake_place: tuple[str, dict[str, str]]):
    uri, options = lake_place
    DeltaTable.create(
        f"{uri}/prices", schema=TABLES["prices"].schema, storage_options=options or None
    )
    lake = Lake(uri, options)

    assert "prices" not in lake.create()

    known = lake.held("prices").open().metadata().configuration
    assert "delta.constraints.price_bounds" in known


def test_tables_carry_what_is_declared(shared_lake: Lake):
    for name in declared.names():
        table, found = declared.table_of(name), shared_lake.held(name).open()
        known = found.metadata()
        is_daily = name.startswith("daily/")
        assert known.description == table.grain
        assert known.partition_columns == (["business_date"] if is_daily else [])
        assert known.configuration["delta.logRetentionDuration"] == (
            f"interval {table.retention_days} days"
        )
        is_append_only = table.mode is Mode.APPEND and not is_daily
        assert (known.configuration.get("delta.appendOnly") == "true") is is_append_only
        nullable = {
            column for column, found in declared.schema_of(name).columns().items() if found.nullable
        }
        assert {field.name for field in found.schema().fields if field.nullable} == nullable


def test_a_cycle_written_again_changes_nothing(lake: Lake):
    first = lake.write("fills", fills(1), 1)
    second = lake.write("fills", fills(2), 2)

    assert second == first + 1
    assert lake.write("fills", fills(2), 2) == second
    assert lake.write("fills", fills(1), 1) == first
    assert rival_of(lake).write("fills", fills(1), 1) == first
    assert lake.version("fills") == second
    assert fill_ids(lake, first) == ["1a", "1b"]


def test_a_stale_handle_does_not_write_a_cycle_again(lake: Lake):
    stale = rival_of(lake)
    stale.write("fills", fills(1), 1)
    for cycle in (2, 3):
        lake.write("fills", fills(cycle), cycle)

    stale.write("fills", fills(2), 2)
    stale.write("fills", fills(3), 3)

    assert fill_ids(lake) == ["1a", "1b", "2a", "2b", "3a", "3b"]


def test_a_stale_handle_does_not_replace_a_newer_state(lake: Lake):
    stale = rival_of(lake)
    stale.write("positions", rows("positions", cycle=1), 1)
    for cycle in (2, 3):
        lake.write("positions", rows("positions", cycle=cycle), cycle)

    stale.write("positions", rows("positions", cycle=2), 2)

    assert lake.scan("positions").collect()["cycle"].to_list() == [3]


def test_rivals_that_both_write_every_cycle_write_each_once(lake: Lake):
    def write(writer: Lake) -> None:
        for cycle in range(1, 11):
            writer.write("fills", fills(cycle), cycle)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, [lake, rival_of(lake)]))

    assert fill_ids(lake) == sorted(f"{cycle}{row}" for cycle in range(1, 11) for row in "ab")


def test_a_handle_opened_anew_keeps_the_count(lake: Lake):
    rival = rival_of(lake)
    for cycle in range(1, 121):
        writer = rival if cycle % 40 == 0 else lake
        writer.write("fills", fills(cycle), cycle)
        lake.write("fills", fills(cycle), cycle)

    assert len(fill_ids(lake)) == 240


def test_state_is_replaced_whole(lake: Lake):
    lake.write("positions", rows("positions", 3, symbol=["A", "B", "C"]), 1)
    version = lake.write("positions", rows("positions", 1, symbol=["B"]), 2)

    assert lake.scan("positions").collect()["symbol"].to_list() == ["B"]
    assert lake.scan("positions", version - 1).collect()["symbol"].to_list() == ["A", "B", "C"]

    lake.write("positions", rows("positions", 0), 3)
    assert lake.scan("positions").collect().is_empty()


def test_rows_come_back_as_written(lake: Lake):
    written = {name: rows(name) for name in TABLES if TABLES[name].in_cycle}

    lake.write_all(written, 1)

    for name, frame in written.items():
        assert_frame_equal(lake.scan(name).collect(), frame)


def test_write_all_leaves_an_append_table_without_rows_alone(lake: Lake):
    before = lake.version("quarantine")

    versions = lake.write_all(
        {"fills": fills(1), "quarantine": rows("quarantine", 0), "positions": rows("positions", 0)},
        1,
    )

    assert versions.keys() == {"fills", "positions"}
    assert lake.version("quarantine") == before
    assert lake.write_all({}, 2) == {}


def test_write_all_finishes_the_others_when_one_fails(lake: Lake):
    broken = rows("prices", price=Decimal(-1))

    with pytest.raises(DeltaError, match="failed validation"):
        lake.write_all({"prices": broken, "fills": fills(1)}, 1)

    assert fill_ids(lake) == ["1a", "1b"]
    assert lake.scan("prices").collect().is_empty()


def test_write_all_passes_its_points(lake: Lake):
    seen = []
    faults.arm(seen.append)

    lake.write_all({"fills": fills(1), "quarantine": rows("quarantine", 0)}, 1)

    assert seen == ["before_write:fills", "written:fills"]


NAN = float("nan")


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        pytest.param("prices", "price", Decimal(0), id="price of 0"),
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
    ],
)
def test_delta_itself_refuses(shared_lake: Lake, table: str, column: str, value: object):
    handle = shared_lake.held(table).open()

    with pytest.raises(DeltaError, match=r"failed validation|null"):
        write_deltalake(handle, rows(table, **{column: value}), mode="append")


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
    lake.write("fills", fills(1), 1)
    handle = lake.held("fills").open()

    with pytest.raises(DeltaError, match="append"):
        handle.delete()
    with pytest.raises(DeltaError, match="append"):
        write_deltalake(handle, fills(2), mode="overwrite")


def test_nothing_calls_restore():
    # It takes rows out of append-only tables, past the property that forbids it.
    root = Path(margin_assets.__file__).parents[1]
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


def test_replace_days_takes_only_those_days(lake: Lake):
    days = [date(2020, 3, day) for day in (9, 10, 11)]
    whole = rows("daily/positions", 3, business_date=days, quantity=Decimal(1))
    lake.replace_days("positions", whole, days)
    changed = rows("daily/positions", 1, business_date=days[1], quantity=Decimal(2))

    lake.replace_days("positions", changed, days[1:2])

    found = lake.scan("daily/positions").sort("business_date").collect()
    assert found["quantity"].to_list() == [1, 2, 1]
    with pytest.raises(ValueError, match="no business dates"):
        lake.replace_days("positions", changed, [])


def test_days_may_be_replaced_at_once(lake: Lake):
    days = [date(2020, 3, day) for day in range(2, 7)]

    with ThreadPoolExecutor(len(days)) as pool:
        list(
            pool.map(
                lambda day: rival_of(lake).replace_days(
                    "positions", rows("daily/positions", business_date=day), [day]
                ),
                days,
            )
        )

    assert sorted(lake.scan("daily/positions").collect()["business_date"]) == days


def test_tidy_keeps_rows_versions_and_the_count_of_cycles(lake: Lake):
    versions = [lake.write("fills", fills(cycle), cycle) for cycle in range(1, 6)]

    lake.tidy("fills")
    tidied = lake.version("fills")
    lake.tidy("fills")

    assert lake.version("fills") == tidied
    assert len(lake.held("fills").open().file_uris()) == 1
    assert fill_ids(lake, versions[0]) == ["1a", "1b"]
    assert lake.write("fills", fills(5), 5) == versions[-1]
    lake.write("fills", fills(6), 6)
    assert len(fill_ids(lake)) == 12


@pytest.mark.parametrize("table", ["positions", "daily/positions"])
def test_tidy_between_writes_of_state_does_not_stop_them(lake: Lake, table: str):
    day = date(2020, 3, 9)
    for cycle in (1, 2, 3):
        if table == "positions":
            lake.write("positions", rows(table, cycle=cycle), cycle)
        else:
            lake.replace_days("positions", rows(table, cycle=cycle, business_date=day), [day])
        rival_of(lake).tidy(table)

    assert lake.scan(table).collect()["cycle"].to_list() == [3]


CONTENT = bytes(range(256)) * 40_000


def test_objects_come_back_by_ranges(lake: Lake):
    pieces = [CONTENT[start : start + 700_001] for start in range(0, len(CONTENT), 700_001)]
    lake.put_object("landed/ab/c d.csv", [b"", *pieces])

    with lake.open_object("landed/ab/c d.csv") as stream:
        assert stream.read() == CONTENT
        assert stream.read() == b""
    with lake.open_object("landed/ab/c d.csv", 100, 6_000_000) as stream:
        assert stream.read(10) == CONTENT[100:110]
        assert stream.seek(-5, os.SEEK_END) == 5_999_995
        assert stream.read(100) == CONTENT[6_000_095:6_000_100]
        assert stream.seek(3) == 3
        assert stream.read() == CONTENT[103:6_000_100]
    with lake.open_object("landed/ab/c d.csv", len(CONTENT) - 2, 10) as stream:
        assert stream.read() == CONTENT[-2:]
    with lake.open_object("landed/ab/c d.csv", len(CONTENT) + 5) as stream:
        assert stream.read() == b""


def test_objects_are_there_or_not(lake: Lake):
    lake.put_object("landed/empty", [])

    assert lake.has_object("landed/empty")
    assert lake.open_object("landed/empty").read() == b""
    assert not lake.has_object("landed/other")
    with pytest.raises(FileNotFoundError):
        lake.open_object("landed/other")


def test_an_object_whose_writer_fails_does_not_appear(lake: Lake):
    def half() -> Iterator[bytes]:
        yield CONTENT[:9_000_000]
        raise OSError("the source is gone")

    with pytest.raises(OSError, match="the source is gone"):
        lake.put_object("landed/half", half())

    assert not lake.has_object("landed/half")


def test_an_object_may_be_put_again(lake: Lake):
    for _ in range(2):
        lake.put_object("landed/a", [b"same"])

    assert lake.open_object("landed/a").read() == b"same"


@pytest.mark.parametrize("path", ["../a", "/a", "landed/../../a"])
def test_objects_stay_below_the_lake(shared_lake: Lake, path: str):
    with pytest.raises(ValueError, match="not a path below the lake"):
        shared_lake.put_object(path, [b"x"])


def test_a_good_store_passes_the_probe(shared_lake: Lake):
    shared_lake.check_store()


@pytest.mark.s3
def test_the_probe_leaves_nothing_behind(s3_server: S3Server):
    import boto3

    uri = s3_server.uri()
    Lake(uri, s3_server.storage_options).check_store()

    client = boto3.client(
        "s3",
        endpoint_url=s3_server.storage_options["AWS_ENDPOINT_URL"],
        aws_access_key_id=s3_server.access_key,
        aws_secret_access_key=s3_server.secret_key,
        region_name="us-east-1",
    )
    prefix = uri.removeprefix("s3://lake/")
    found = client.list_objects_v2(Bucket="lake", Prefix=f"{prefix}/").get("Contents", [])
    assert [entry["Key"] for entry in found if not entry["Key"].endswith("/")] == []


@pytest.mark.s3
@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"AWS_SECRET_ACCESS_KEY": "wrong"}, id="wrong secret"),
        pytest.param({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, id="nobody listens"),
    ],
)
def test_a_store_that_does_not_let_us_in_is_named_in_one_line(
    s3_server: S3Server, wrong: dict[str, str]
):
    lake = Lake(s3_server.uri(), {**s3_server.storage_options, **wrong})

    with pytest.raises(StoreUnavailable, match=r"\Acannot use s3://lake/[^\n]*Start the store"):
        lake.check_store()


class _AcceptsEverything(http.server.BaseHTTPRequestHandler):
    def _accept(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_PUT = do_DELETE = _accept  # noqa: N815 (named by http.server)

    def log_message(self, *_: object) -> None:
        pass


def test_a_store_that_ignores_conditions_is_refused():
    with http.server.HTTPServer(("127.0.0.1", 0), _AcceptsEverything) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        lake = Lake(
            "s3://lake/x",
            {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
                "AWS_ACCESS_KEY_ID": "a",
                "AWS_SECRET_ACCESS_KEY": "b",
                "AWS_REGION": "us-east-1",
            },
        )
        with pytest.raises(StoreRefused, match=r"\As3://lake/x ignores If-None-Match[^\n]*\Z"):
            lake.check_store()
        server.shutdown()
