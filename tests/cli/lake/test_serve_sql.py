"""The endpoint of BI tools, asked by the drivers that they use."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import adbc_driver_manager
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import flight

from margin_assets.serving.limits import Limits
from margin_assets.serving.messages import packed, unpacked
from margin_assets.serving.workers import Stopped, Workers
from tests.support import ROOT
from tests.support.margin_command import Margin, land, live, place
from tests.support.served import TOKEN, Served, serving

FOREVER = (
    "select count(*) from generate_series(1, 1000000) a(x), generate_series(1, 1000000) b(y) "
    "where a.x * b.y % 7 = 3"
)
HUGE = "select x from generate_series(1, 1000000000) a(x) order by x % 7"


@pytest.fixture(scope="module")
def served(told: Path) -> Iterator[Served]:
    with serving(told / "lake", "--timeout", "6", "--memory", "600MB") as made:
        yield made


def test_an_answer_is_that_of_margin_sql(margin: Margin, told: Path, served: Served) -> None:
    sql = "select * from margin_summary"
    with served.connected() as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        found = pl.DataFrame(cursor.fetch_arrow_table())
    file = told / "answer.parquet"
    margin("sql", sql, *place(told), "--format", "parquet", "--output", file)

    assert found.height > 0
    assert found.equals(pl.read_parquet(file))


def test_many_rows_come_whole(served: Served) -> None:
    sql = "select count(*), sum(length(t)) from (select repeat('x', 500) t from fills f, "
    many = "generate_series(1, 50000) n(x))"
    with served.connected() as connection, connection.cursor() as cursor:
        cursor.execute(f"select n.x, repeat('x', 500) as t from fills, {many[:-1]}")
        table = cursor.fetch_arrow_table()

    [(rows, letters)] = served.ask(sql + many)
    assert (table.num_rows, rows, letters) == (50_000, 50_000, 25_000_000)


@pytest.mark.parametrize(
    "options",
    [
        *(
            pytest.param({"username": name, "password": TOKEN}, id=f"as the password of {name}")
            for name in ("a", "ab", "abc")
        ),
        pytest.param({"adbc.flight.sql.authorization_header": f"Bearer {TOKEN}"}, id="as bearer"),
    ],
)
def test_with_the_token(served: Served, options: dict[str, str]) -> None:
    assert served.ask("select 1", **options) == [(1,)]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"username": TOKEN, "password": "nope"}, id="wrong password"),
        pytest.param({"adbc.flight.sql.authorization_header": "Bearer nope"}, id="wrong bearer"),
        pytest.param({"adbc.flight.sql.authorization_header": TOKEN}, id="no scheme"),
        pytest.param({"adbc.flight.sql.authorization_header": "Basic %%%"}, id="no base64"),
        pytest.param({"adbc.flight.sql.rpc.call_header.x-other": TOKEN}, id="elsewhere"),
    ],
)
def test_without_the_token(served: Served, options: dict[str, str]) -> None:
    with pytest.raises(adbc_driver_manager.Error, match="wrong or missing token"):
        served.ask("select 1", **options)


def test_what_a_tool_lists(served: Served) -> None:
    with served.connected() as connection:
        info = connection.adbc_get_info()
        [listed] = (
            connection.adbc_get_objects(depth="tables", table_name_filter="daily%")
            .read_all()
            .to_pylist()
        )
        types = connection.adbc_get_table_types()
        schema = connection.adbc_get_table_schema("margin_summary")
        with connection.cursor() as cursor:
            cursor.execute("select * from datafusion.public.margin_summary")
            answered = cursor.fetch_arrow_table().schema

    [public] = listed["catalog_db_schemas"]
    names = [table["table_name"] for table in public["db_schema_tables"]]
    assert info["vendor_name"] == "Margin Lakehouse"
    assert (listed["catalog_name"], public["db_schema_name"]) == ("datafusion", "public")
    assert "daily_positions" in names
    assert all(name.startswith("daily") for name in names)
    assert types == ["TABLE"]
    assert schema == answered


def client(served: Served) -> tuple[flight.FlightClient, flight.FlightCallOptions]:
    bearer = [(b"authorization", f"Bearer {served.token}".encode())]
    return flight.connect(served.uri), flight.FlightCallOptions(headers=bearer)


def test_keys_of_a_table(served: Served) -> None:
    connection, options = client(served)
    for command, rows in (
        ("CommandGetPrimaryKeys", ["movement_id"]),
        ("CommandGetImportedKeys", []),
    ):
        asked = flight.FlightDescriptor.for_command(packed(command, table="cash_movements"))
        info = connection.get_flight_info(asked, options)
        table = connection.do_get(info.endpoints[0].ticket, options).read_all()

        assert table.schema == info.schema
        names = table.column_names
        assert table[names[3]].to_pylist() == rows


def test_a_prepared_statement(served: Served) -> None:
    connection, options = client(served)
    request = packed("ActionCreatePreparedStatementRequest", query="select 1 as one")
    [result] = connection.do_action(("CreatePreparedStatement", request), options)
    _, made = unpacked(result.body.to_pybytes())
    handle = made.prepared_statement_handle
    command = packed("CommandPreparedStatementQuery", prepared_statement_handle=handle)
    info = connection.get_flight_info(flight.FlightDescriptor.for_command(command), options)
    table = connection.do_get(info.endpoints[0].ticket, options).read_all()
    close = packed("ActionClosePreparedStatementRequest", prepared_statement_handle=handle)

    assert table.to_pylist() == [{"one": 1}]
    assert pa.ipc.read_schema(pa.py_buffer(made.dataset_schema)) == table.schema
    assert list(connection.do_action(("ClosePreparedStatement", close), options)) == []


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("insert into fills select * from fills", "only one SELECT"),
        ("copy fills to '{target}'", "only one SELECT"),
        ("explain analyze copy fills to '{target}'", "only one SELECT"),
        ("create external table t stored as csv location '/etc/passwd'", "only one SELECT"),
        ("select * from '/etc/passwd'", "not found"),
        ("select * from read_csv('/etc/passwd')", "not a table of the lake"),
        ("set datafusion.execution.target_partitions = 1", "only one SELECT"),
        ("select nothing from fills", "No field named nothing"),
        ("select 1 / 0", "Divide by zero"),
        ("select * from fills where fill_id = ?", "Placeholder"),
    ],
)
def test_refused(served: Served, tmp_path: Path, sql: str, reason: str) -> None:
    target = tmp_path / "out.csv"
    with pytest.raises(adbc_driver_manager.Error, match=reason) as caught:
        served.ask(sql.format(target=target))

    assert "Traceback" not in str(caught.value)
    assert not target.exists()


def test_a_forged_ticket_meets_the_same_gate(served: Served, tmp_path: Path) -> None:
    connection, options = client(served)
    copy = f"[\"copy fills to '{tmp_path}/out.csv'\", null]".encode()
    forged = [
        packed("TicketStatementQuery", statement_handle=handle)
        for handle in (copy, b'["select 1", 999]', b"[1, 2]", b"nonsense")
    ]
    forged += [b"nonsense", b"", packed("CommandStatementQuery", query="select 1")]
    for ticket in forged:
        with pytest.raises(flight.FlightError) as caught:
            connection.do_get(flight.Ticket(ticket), options).read_all()
        assert "Traceback" not in str(caught.value)
    writer = flight.FlightDescriptor.for_command(packed("CommandStatementQuery", query="select 1"))
    with pytest.raises(flight.FlightUnauthorizedError, match="read-only"):
        connection.do_put(writer, pa.schema([]), options)[0].close()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("sql", "reason"), [(FOREVER, "stopped after 6 s"), (HUGE, "stopped a")], ids=["time", "memory"]
)
def test_a_runaway_is_stopped_and_the_rest_goes_on(served: Served, sql: str, reason: str) -> None:
    before = served.workers()
    caught: list[str] = []

    def run() -> None:
        with pytest.raises(adbc_driver_manager.Error) as raised:
            served.ask(sql)
        caught.append(str(raised.value))

    runaway = threading.Thread(target=run)
    runaway.start()
    beside = served.ask("select count(*) from fills")
    runaway.join()

    assert beside == [(1,)]
    assert reason in caught[0]
    assert served.ask("select 1") == [(1,)]
    end = time.monotonic() + 60
    # The next process may still be on its way.
    while not served.workers() - before:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_readers_that_stall_keep_nobody_out(served: Served) -> None:
    connection, options = client(served)
    endless = "select x, repeat('x', 1000) as t from generate_series(1, 1000000000) a(x)"
    command = packed("CommandStatementQuery", query=endless)
    info = connection.get_flight_info(flight.FlightDescriptor.for_command(command), options)
    # As many as there are processes; none of them is read.
    stalled = [connection.do_get(info.endpoints[0].ticket, options) for _ in range(2)]

    assert served.ask("select 1") == [(1,)]
    for stream in stalled:
        with pytest.raises(flight.FlightError, match="stopped after 6 s"):
            stream.read_all()


def test_an_asker_waits_until_what_broke_the_limit_is_replaced(told: Path) -> None:
    class Slow(Workers):
        def _add(self) -> None:
            time.sleep(1)
            super()._add()

    workers = Slow(str(told / "lake"), Limits(2, 10**9), 1)
    try:
        stalled = workers.ask("select x from generate_series(1, 1000000000) a(x)")
        answer = workers.ask("select 1 as one")

        assert answer.schema.names == ["one"]
        with pytest.raises(Stopped):
            list(stalled.batches())
    finally:
        workers.close()


def test_readers_that_stall_keep_no_server_from_ending(told: Path) -> None:
    endless = "select x, repeat('x', 1000) as t from generate_series(1, 1000000000) a(x)"
    command = packed("CommandStatementQuery", query=endless)
    with serving(told / "lake", "--timeout", "600") as served:
        connection, options = client(served)
        info = connection.get_flight_info(flight.FlightDescriptor.for_command(command), options)
        # Its columns have come. Nobody reads the rows, and nobody lets go of them.
        stalled = connection.do_get(info.endpoints[0].ticket, options)
        assert stalled.schema.names == ["x", "t"]
        _wait_until_idle(served)

        served.process.terminate()

        assert served.process.wait(30) == 0


@pytest.fixture(scope="module")
def patient(told: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Served]]:
    """A lake of its own, served one statement at a time, each for as long as it takes."""
    folder = shutil.copytree(told, tmp_path_factory.mktemp("patient") / "told")
    with serving(folder / "lake", "--timeout", "600", "--workers", "1", token=None) as made:
        yield folder, made


def test_a_token_is_made_and_shown(patient: tuple[Path, Served]) -> None:
    _, served = patient
    bearer = {"adbc.flight.sql.authorization_header": f"Bearer {TOKEN}"}

    assert len(served.token) > 30
    assert served.ask("select 1") == [(1,)]
    with pytest.raises(adbc_driver_manager.Error, match="wrong or missing token"):
        served.ask("select 1", **bearer)


def test_whoever_hangs_up_has_cancelled(patient: tuple[Path, Served]) -> None:
    _, served = patient
    asker = (
        "import sys; from tests.support.served import Served\n"
        f"Served(sys.argv[1], sys.argv[2], None).ask({FOREVER!r})"
    )
    assert served.ask("select 1") == [(1,)]
    [worker] = served.workers()
    gone = subprocess.Popen(
        [sys.executable, "-c", asker, served.uri, served.token],
        cwd=ROOT,
    )
    # At work for a while: the statement runs, and nobody else can be answered.
    start = _busy_seconds(worker)
    while _busy_seconds(worker) - start < 0.5:
        time.sleep(0.05)
    gone.kill()
    gone.wait()

    assert served.ask("select 2") == [(2,)]
    assert worker not in served.workers()


def _wait_until_idle(served: Served) -> None:
    """Until what answers stands still: the ways to the reader are full."""
    before = -1.0
    while (now := sum(map(_busy_seconds, served.workers()))) > before:
        before = now
        time.sleep(0.3)


def _busy_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_each_statement_sees_the_newest_sealed_cycle(
    margin: Margin, patient: tuple[Path, Served]
) -> None:
    folder, served = patient
    sql = "select count(*) as n, max(cycle) as cycle from cycles where state = 'sealed'"
    cash = "select cash from account_state where account_id = 'NVDA-SEED'"
    row = '{"movement_id":"m","account_id":"NVDA-SEED","amount":5,"kind":"deposit",'
    row += '"event_time":"2020-03-09T16:30:00Z"}\n'
    seen = []
    with served.connected() as connection, connection.cursor() as cursor:
        for lands in (True, False):
            cursor.execute(sql)
            [sealed] = cursor.fetchall()
            cursor.execute(cash)
            [(held,)] = cursor.fetchall()
            seen.append((sealed, held))
            if lands:
                land(folder, "cash_movements/later.ndjson", row)
                live(margin, folder)

    (before, held), (after, more) = seen
    assert (before, after) == ((11, 11), (12, 12))
    assert more - held == Decimal(5)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        pytest.param(["--host", "0.0.0.0"], "other machines: give --tls-cert", id="no TLS"),
        pytest.param(["--token-file", "short"], "is not 16 printable", id="short token"),
        pytest.param(["--token-file", "nowhere"], "No such file", id="no token file"),
    ],
)
def test_does_not_start(
    margin: Margin,
    told: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("short").write_text("short")
    said = margin("serve", "sql", *place(told), *words)

    assert said.code == 1
    assert reason in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    "words", [["--memory", "much"], ["--timeout", "0"], ["--tls-cert", "c.pem"]]
)
def test_wrong_usage(margin: Margin, told: Path, words: list[str]) -> None:
    assert margin("serve", "sql", *place(told), *words).code == 2


def test_a_process_that_answers_can_write_no_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    program = "import sys; from margin_assets.serving.worker import forbid_files; forbid_files()\n"
    program += "open(sys.argv[1], 'wb', buffering=0).write(b'x')"
    ended = subprocess.run(
        [sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=False
    )

    assert "File too large" in ended.stderr
    assert file.stat().st_size == 0
