from datetime import date

import dagster as dg
import polars as pl
import pytest

from margin_assets.lake.io_manager import DailyIOManager
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.declared import SchemaMismatch
from margin_assets.lake.store.store import Lake
from tests.support.mini_session import rows, run_cycle

# Range backfills are how history is computed; dagster still calls their policy beta.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `backfill_policy`")

DAYS = dg.DailyPartitionsDefinition(start_date="2020-03-09", end_date="2020-03-14")
MONDAY, TUESDAY, WEDNESDAY = (date(2020, 3, day) for day in (9, 10, 11))


def daily(*days: date, cycle: int = 1) -> pl.DataFrame:
    return rows("daily/account_state", len(days), business_date=list(days), cycle=cycle)


def asset_of(frame: object) -> dg.AssetsDefinition:
    @dg.asset(
        name="account_state",
        partitions_def=DAYS,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def account_state() -> object:
        return frame

    return account_state


def materialize(
    lake: Lake, *assets: object, first: date = MONDAY, last: date | None = None
) -> dg.ExecuteInProcessResult:
    manager = DailyIOManager(lake_uri=lake.uri, storage_options=lake.storage_options or {})
    is_range = last is not None
    return dg.materialize(
        assets,
        resources={"io_manager": manager},
        partition_key=None if is_range else first.isoformat(),
        tags={
            "dagster/asset_partition_range_start": first.isoformat(),
            "dagster/asset_partition_range_end": last.isoformat(),
        }
        if is_range
        else None,
    )


def stored(lake: Lake) -> list[tuple[date, int]]:
    found = lake.scan("daily/account_state").select("business_date", "cycle")
    return found.sort("business_date").collect().rows()


@pytest.fixture
def three_days(lake: Lake) -> Lake:
    days = [MONDAY, TUESDAY, WEDNESDAY]
    lake.replace_days("account_state", daily(*days), days)
    return lake


def test_a_run_replaces_its_day_and_no_other(three_days: Lake):
    for _ in range(2):
        materialize(three_days, asset_of(daily(TUESDAY, cycle=2)), first=TUESDAY)

    assert stored(three_days) == [(MONDAY, 1), (TUESDAY, 2), (WEDNESDAY, 1)]


def test_a_range_replaces_its_days_in_one_commit(three_days: Lake):
    before = three_days.version("daily/account_state")
    made = asset_of(daily(TUESDAY, WEDNESDAY, cycle=2).lazy())

    materialize(three_days, made, first=TUESDAY, last=WEDNESDAY)

    assert stored(three_days) == [(MONDAY, 1), (TUESDAY, 2), (WEDNESDAY, 2)]
    assert three_days.version("daily/account_state") == before + 1


def test_a_day_without_rows_becomes_empty(three_days: Lake):
    materialize(three_days, asset_of(daily(MONDAY, cycle=2)), first=MONDAY, last=TUESDAY)

    assert stored(three_days) == [(MONDAY, 2), (WEDNESDAY, 1)]


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        pytest.param(daily(MONDAY, TUESDAY), SchemaMismatch, "1 rows outside", id="another day"),
        pytest.param(
            daily(MONDAY).with_columns(business_date=pl.lit(None, pl.Date)),
            SchemaMismatch,
            "1 rows outside the run's partitions, such as None",
            id="no day",
        ),
        pytest.param(
            daily(MONDAY).drop("business_date"), SchemaMismatch, "not missing", id="no column"
        ),
        pytest.param(
            daily(MONDAY).drop("cash"), SchemaMismatch, "missing columns cash", id="short"
        ),
        # dagster issue 34064: each of these types overwrote a whole table in silence.
        *(
            pytest.param(
                daily(MONDAY).with_columns(pl.col("business_date").cast(dtype)),
                SchemaMismatch,
                f"Date is expected, not {dtype}"[:30],
                id=f"day as {dtype}",
            )
            for dtype in (pl.String(), pl.Datetime("us"), pl.Int32())
        ),
        pytest.param([1, 2], TypeError, "a frame is expected, not list", id="not a frame"),
        pytest.param(None, TypeError, "a frame is expected, not NoneType", id="nothing"),
    ],
)
def test_what_does_not_belong_to_the_run_leaves_the_table_alone(
    three_days: Lake, frame: object, error: type[Exception], message: str
):
    before = three_days.version("daily/account_state")

    with pytest.raises(error, match=message):
        materialize(three_days, asset_of(frame))

    assert three_days.version("daily/account_state") == before
    assert stored(three_days) == [(MONDAY, 1), (TUESDAY, 1), (WEDNESDAY, 1)]


def test_a_run_says_what_it_wrote(lake: Lake):
    result = materialize(lake, asset_of(daily(MONDAY)))

    metadata = result.asset_materializations_for_node("account_state")[0].metadata
    declared = metadata["dagster/column_schema"]
    assert isinstance(declared, dg.TableSchemaMetadataValue)
    columns = {column.name: column for column in declared.schema.columns}
    assert metadata["dagster/row_count"].value == 1
    assert metadata["table_version"].value == lake.version("daily/account_state")
    assert metadata["last_close"].value == str(MONDAY)
    assert columns["cash"].type == "Decimal(precision=38, scale=2)"
    assert columns["cash"].description == "Cash; negative is a debit."
    assert not columns["cash"].constraints.nullable
    assert columns["business_date"].type == "Date"


def reader(seen: list[pl.LazyFrame], **ins: dg.AssetIn) -> dg.AssetsDefinition:
    @dg.asset(
        name="margin_summary",
        ins=ins,
        partitions_def=DAYS,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def margin_summary(**frames: pl.LazyFrame) -> pl.DataFrame:
        seen.extend(frames.values())
        return rows("daily/margin_summary", 0)

    return margin_summary


def external(
    name: str, partitions_def: dg.PartitionsDefinition | None = None
) -> dg.AssetsDefinition:
    spec = dg.AssetSpec(name, partitions_def=partitions_def).with_io_manager_key("io_manager")
    return dg.AssetsDefinition(specs=[spec])


@pytest.mark.parametrize(
    ("last", "expected"), [(None, [TUESDAY]), (WEDNESDAY, [TUESDAY, WEDNESDAY])]
)
def test_a_daily_input_is_the_days_of_the_run(
    three_days: Lake, last: date | None, expected: list[date]
):
    seen: list[pl.LazyFrame] = []
    upstream = external("account_state", DAYS)

    materialize(
        three_days, reader(seen, account_state=dg.AssetIn()), upstream, first=TUESDAY, last=last
    )

    assert isinstance(seen[0], pl.LazyFrame)
    assert sorted(seen[0].collect()["business_date"]) == expected


def test_a_landed_input_is_what_the_last_sealed_cycle_left(cycle_lake: Lake):
    lake, ledger = cycle_lake, Ledger(cycle_lake)
    run_cycle(lake, ledger)
    lake.write("fills", rows("fills", fill_id="unsealed"), 2)
    seen: list[pl.LazyFrame] = []

    materialize(lake, reader(seen, fills=dg.AssetIn()), external("fills"))

    assert sorted(seen[0].collect()["fill_id"]) == ["1-0", "1-1", "1-2"]


def test_a_landed_input_needs_a_sealed_cycle(lake: Lake):
    with pytest.raises(LookupError, match="fills: no cycle is sealed yet"):
        materialize(lake, reader([], fills=dg.AssetIn()), external("fills"))
