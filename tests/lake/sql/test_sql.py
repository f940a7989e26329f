from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from margin_assets.lake.sql.sql import SqlFailed, SqlRefused, query
from margin_assets.lake.store.store import Lake
from schemas import TABLES
from tests.support.mini_session import rows


@pytest.fixture
def lake(cycle_lake: Lake) -> Lake:
    return cycle_lake


@pytest.fixture
def sealed(lake: Lake) -> dict[str, int]:
    """Versions of a cycle; after it, a cycle that nobody sealed wrote more."""
    versions = {table.name: lake.version(table.name) for table in TABLES.values() if table.in_cycle}
    fills = rows("fills", 2, fill_id=["a", "b"], quantity=[Decimal(2), Decimal(-3)])
    versions |= lake.write_all({"fills": fills, "positions": rows("positions")}, 1)
    lake.write_all({"fills": rows("fills", fill_id="c"), "positions": rows("positions", 0)}, 2)
    return versions


def test_answers_are_of_the_versions_given(lake: Lake, sealed: dict[str, int]):
    found = query(lake, "select count(*) as n, sum(quantity) as q from fills", sealed)
    joined = query(lake, "select * from fills f join positions p on f.symbol = p.symbol", sealed)

    assert found.rows() == [(2, Decimal(-1))]
    assert joined.height == 2
    assert {"symbol", "symbol_2", "cycle", "cycle_2"} <= set(joined.columns)


def test_tables_that_cycles_do_not_write_are_read_at_their_newest(
    lake: Lake, sealed: dict[str, int]
):
    day = date(2020, 3, 9)
    lake.replace_days("positions", rows("daily/positions", business_date=day), [day])
    lake.write("validation_results", rows("validation_results"), 1)

    assert query(lake, "select business_date from daily_positions", sealed).rows() == [(day,)]
    assert query(lake, "select success from validation_results", sealed).rows() == [(True,)]


@pytest.mark.parametrize(
    "sql",
    [
        "select * from prices",
        "SELECT * FROM Prices;",
        "select p.symbol from prices as p where price > 1 order by 1 limit 3",
        'select * from "prices"',
        "-- a note\n/* another */ select * from prices -- the end",
        "with p as (select * from prices) select count(*) from p",
        "(select symbol from prices) union all select symbol from fills",
        "select symbol, row_number() over (partition by symbol order by event_time) from prices",
        "select sum(price) filter (where is_late) from prices",
        "select * exclude (price) from prices",
        "explain select * from prices",
        "explain analyze verbose select * from prices",
        "describe prices",
        "desc daily_positions;",
        "show tables",
        "select 'copy; drop table prices' as text",
        "select * from generate_series(1, 3)",
    ],
)
def test_questions_are_answered(shared_lake: Lake, sql: str):
    query(shared_lake, sql, {})


def test_show_tables_names_what_can_be_asked(shared_lake: Lake):
    names = query(shared_lake, "show tables", {})["table_name"].to_list()

    assert {"fills", "cycles", "daily_positions"} <= set(names)
    for name in names:
        query(shared_lake, f"select * from {name}", {})


@pytest.mark.parametrize(
    "sql",
    [
        "copy (select 1) to '{target}'",
        "copy prices to '{target}' stored as csv",
        "explain copy (select 1) to '{target}'",
        "explain analyze copy (select 1) to '{target}'",
        "EXPLAIN ANALYZE VERBOSE\nCOPY (select 1) to '{target}'",
        "explain explain analyze copy (select 1) to '{target}'",
        "/* x */ -- y\ncopy (select 1) to '{target}'",
        "/* x */ /* /* */ copy (select 1) to '{target}'",
        "describe copy (select 1) to '{target}'",
        "select 1; copy (select 1) to '{target}'",
        "with a as (copy (select 1) to '{target}') select * from a",
        "create external table t stored as csv location '/etc/passwd'",
        "create table t as select 1",
        "create view v as select 1",
        "create function f() returns int return 1",
        "insert into prices select * from prices",
        "with a as (select 1) insert into prices select * from prices",
        "with a as (delete from prices returning *) select * from a",
        "explain analyze insert into prices select * from prices",
        "select * into t from prices",
        "update prices set price = 1",
        "delete from prices",
        "merge into prices using fills on true when matched then delete",
        "truncate table prices",
        "drop table prices",
        "alter table prices add column x int",
        "set datafusion.execution.target_partitions = 1",
        "reset all",
        "show all",
        "prepare p as select 1",
        "execute p",
        "begin",
        "call f()",
        "select * from read_csv('/etc/passwd')",
        "select * from read_parquet('/etc/passwd')",
        "select * from parquet_metadata('/etc/passwd')",
        "values (1)",
        "",
        " ; ",
        "-- nothing",
    ],
)
def test_anything_but_one_question_is_refused(shared_lake: Lake, sql: str, tmp_path: Path):
    target = tmp_path / "out.csv"
    before = shared_lake.version("prices")

    with pytest.raises((SqlRefused, SqlFailed)) as caught:
        query(shared_lake, sql.format(target=target), {})

    assert "\n" not in str(caught.value)
    assert not target.exists()
    assert shared_lake.version("prices") == before


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select x from prices", "No field named x"),
        ("select * from nowhere", "table nowhere not found. There are account_state, accounts, "),
        ("select * from position", "table position not found: did you mean positions"),
        ("select * from public.FIL", "table FIL not found: did you mean fills"),
        ("select * from '/etc/passwd'", "not found"),
        ("select * from information_schema.nonsense", "not found"),
        ("select from where", r"\A[^\n]+"),
        ("select 1 / 0", "Divide by zero"),
        ("select 1 where 1 = $1", "Placeholder"),
        ("select interval '1 day' as step", "column step is an interval"),
        ("(" * 5000 + "select 1" + ")" * 5000, "nested too deeply"),
    ],
)
def test_a_bad_question_gets_one_line(shared_lake: Lake, sql: str, message: str):
    with pytest.raises(SqlFailed, match=message.replace("$", r"\$")) as caught:
        query(shared_lake, sql, {})

    assert "\n" not in str(caught.value)


def test_a_version_that_is_not_there_gets_one_line(shared_lake: Lake):
    with pytest.raises(SqlFailed, match=r"\A[^\n]+\Z"):
        query(shared_lake, "select * from prices", {"prices": 999})
