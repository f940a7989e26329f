from decimal import Decimal

import pytest

from margin_assets.lake.sql.sql import SqlFailed, query
from margin_assets.lake.sql.sums import with_exact_sums
from margin_assets.lake.store.store import Lake
from tests.support.empty_lake import created
from tests.support.mini_session import rows


@pytest.fixture(scope="module")
def four_fills(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, dict[str, int]]:
    """Four fills of 70,000 at 101: each squared notional is 4.99849e13."""
    lake = created(Lake(str(tmp_path_factory.mktemp("sums") / "lake")))
    fills = rows(
        "fills",
        4,
        fill_id=list("abcd"),
        quantity=[Decimal(70_000)] * 4,
        price=[Decimal(101)] * 4,
        file_row=[1, 2, 3, 4],
    )
    return lake, lake.write_all({"fills": fills}, 1)


SQUARE = "quantity * price * quantity * price"
WRAPS = [
    f"SELECT SUM({SQUARE}) AS s FROM fills",
    f'select "sum"({SQUARE}) from fills',
    f"select sum(all {SQUARE}) filter (where file_row > 0) from fills",
    f"select sum({SQUARE}) over (order by file_row) from fills",
    f"select sum({SQUARE}) over w from fills window w as (partition by symbol)",
    f"select sum(distinct {SQUARE} + file_row) from fills",
    f"select -sum(-{SQUARE}) from fills",
    f"select coalesce(sum({SQUARE}), 0) from fills",
    f"with t as (select sum({SQUARE}) as s from fills) select s from t",
    f"select symbol from fills group by symbol having sum({SQUARE}) > 0",
    f"select symbol from fills group by symbol order by sum({SQUARE})",
    f"select * from (select symbol, sum({SQUARE}) as s from fills group by symbol) x where s > 0",
    f"select sum(s) from (select sum({SQUARE}) as s from fills group by fill_id) x",
    "select sum(file_row + 4611686018427387904) from fills",
]


@pytest.mark.parametrize("sql", WRAPS)
def test_a_sum_that_leaves_its_type_is_an_error(four_fills: tuple[Lake, dict[str, int]], sql: str):
    with pytest.raises(SqlFailed, match="a SUM leaves the range of its type"):
        query(four_fills[0], sql, four_fills[1])


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (f"select sum({SQUARE}) from fills where file_row < 4", Decimal(149_954_700_000_000)),
        (f"select sum({SQUARE}) - sum({SQUARE}) from fills where file_row < 4", Decimal(0)),
        # In range at the end, though it was not on the way.
        (
            f"select sum(case when file_row > 2 then -{SQUARE} else {SQUARE} end) from fills",
            Decimal(0),
        ),
        ("select sum(quantity) from fills", Decimal(280_000)),
        ("select sum(file_row) from fills", 10),
        ("select sum(quantity) from fills where false", None),
        ("select sum(cast(price as double)) from fills", 404.0),
        ("select symbol, sum(quantity) from fills group by 1 order by 2", "S"),
        ("select 'sum(x)' from fills limit 1", "sum(x)"),
        ("with sum as (select 1 as sum) select sum from sum", 1),
    ],
)
def test_all_other_sums_are_what_they_were(
    four_fills: tuple[Lake, dict[str, int]], sql: str, expected: object
):
    found = query(four_fills[0], sql, four_fills[1]).row(0)[0]

    assert found == expected or (expected == "S" and isinstance(found, str))


def test_columns_keep_the_names_that_the_engine_gives(four_fills: tuple[Lake, dict[str, int]]):
    sql = "select sum(quantity), sum(price) as p, sum(file_row) + 1 from fills"

    names = query(four_fills[0], sql, four_fills[1]).columns

    assert names == ["sum(fills.quantity)", "p", "sum(fills.file_row) + Int64(1)"]


def test_sums_within_sums_within_sums_are_refused_before_they_fill_the_memory():
    nested = "select " + "sum(" * 30 + "1" + ")" * 30

    with pytest.raises(ValueError, match="too deeply"):
        with_exact_sums(nested)


def test_the_schema_of_the_schemas_lists_every_table_and_column(
    four_fills: tuple[Lake, dict[str, int]],
):
    lake, versions = four_fills
    tables = query(lake, "select table_name from information_schema.tables", versions)
    columns = query(
        lake,
        "select column_name, data_type, is_nullable from information_schema.columns "
        "where table_name = 'fills' order by ordinal_position",
        versions,
    )

    assert {"fills", "cycles", "daily_positions"} <= set(tables["table_name"])
    assert ("quantity", "DECIMAL(38, 6)", "NO") in columns.rows()
    assert ("corrects_fill_id", "VARCHAR", "YES") in columns.rows()
