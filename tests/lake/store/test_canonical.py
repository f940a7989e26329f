import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest

from margin_assets.lake.ledger.canonical import canonical_bytes, digest
from margin_assets.lake.store.declared import SchemaMismatch
from schemas import TABLES
from tests.support import ROOT
from tests.support.mini_session import rows

PRICES = TABLES["prices"]
MANY = 30_000
Change = Callable[[pl.DataFrame], pl.DataFrame]


def prices(count: int = MANY) -> pl.DataFrame:
    numbers = range(1, count + 1)
    return rows(
        "prices",
        count,
        file_row=list(numbers),
        symbol=[f"S{number % 97}" for number in numbers],
        price=[Decimal(number) / 1000 for number in numbers],
        source=[None if number % 3 else "" for number in numbers],
    )


def test_the_text_of_rows():
    moment = datetime(2020, 3, 9, 16, 0, 0, 5, tzinfo=UTC)
    frame = rows(
        "betas",
        4,
        file_row=[3, 1, 4, 2],
        symbol=['a,"b"', "B\nC", "", "D"],
        beta=[0.1 + 0.2, -0.0, 1e-7, 2.0],
        window_days=[None, 60, 60, 60],
        landed_at=moment,
    )

    text = canonical_bytes(frame, TABLES["betas"]).decode()

    assert text == (
        "file_id,file_row,landed_at,is_late,cycle,symbol,beta,as_of_date,window_days,r_squared\n"
        'x,1,2020-03-09T16:00:00.000005+00:00,true,1,"B\nC",0.0,2020-03-09,60,0.5\n'
        "x,2,2020-03-09T16:00:00.000005+00:00,true,1,D,2.0,2020-03-09,60,0.5\n"
        'x,3,2020-03-09T16:00:00.000005+00:00,true,1,"a,""b""",0.30000000000000004,'
        "2020-03-09,,0.5\n"
        'x,4,2020-03-09T16:00:00.000005+00:00,true,1,"",1e-7,2020-03-09,60,0.5\n'
    )


@pytest.mark.parametrize("shared", [1, 2, 5, MANY])
def test_instants_that_rows_share_are_written_as_each_would_be(shared: int):
    instants = [
        None
        if number % shared == 1
        else datetime(2020, 3, 9, 16, 0, 0, number % shared, tzinfo=UTC)
        for number in range(600)
    ]
    accounts = [f"A{number:03d}" for number in range(600)]
    frame = rows("enforcement_state", 600, account_id=accounts, call_opened_at=instants)

    table = TABLES["enforcement_state"]
    lines = canonical_bytes(frame, table).decode().splitlines()
    alone = [canonical_bytes(one, table).decode() for one in frame.iter_slices(1)]

    assert lines[1:] == [text.splitlines()[1] for text in alone]


def test_decimals_as_stored_and_bytes_in_hex():
    amount = canonical_bytes(
        rows("cash_movements", amount=Decimal("-12.5")), TABLES["cash_movements"]
    )
    raw = canonical_bytes(rows("quarantine", raw=b"\x00\xff,\n"), TABLES["quarantine"])

    assert b",-12.50," in amount
    assert b",00ff2c0a," in raw


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda f: f.sample(fraction=1, shuffle=True, seed=1), id="shuffled"),
        pytest.param(lambda f: f.reverse(), id="reversed"),
        pytest.param(
            lambda f: pl.concat([f[:7], f[7:20_000], f[20_000:]], rechunk=False), id="chunks"
        ),
        pytest.param(
            lambda f: f.select(pl.lit(1).alias("more"), *reversed(f.columns)), id="columns"
        ),
        pytest.param(lambda f: f.with_columns(pl.col("file_row").cast(pl.Int32)), id="narrower"),
    ],
)
def test_the_same_rows_have_the_same_digest(change: Change):
    assert digest(change(prices()), PRICES) == digest(prices(), PRICES)


def texts_beside_the_order(name: str) -> list[str]:
    types = rows(name).schema.items()
    return [c for c, t in types if t == pl.String and c not in TABLES[name].order]


@pytest.mark.parametrize("name", [name for name in TABLES if texts_beside_the_order(name)])
def test_rows_that_tie_in_the_order_of_the_table_have_one_text(name: str):
    column = texts_beside_the_order(name)[0]
    frame = rows(name, 4, **{column: ["b", "a", "d", "c"]})

    assert canonical_bytes(frame, TABLES[name]) == canonical_bytes(frame.reverse(), TABLES[name])


def test_zero_has_one_text_whatever_its_sign():
    frame = rows("betas", 2, file_row=1, beta=[0.0, -0.0])

    assert digest(frame, TABLES["betas"]) == digest(frame.reverse(), TABLES["betas"])


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"source": ""}, id="empty for null"),
        pytest.param({"price": Decimal("1.000001")}, id="last decimal"),
        pytest.param(
            {"event_time": datetime(2020, 3, 9, 16, 0, 0, 1, tzinfo=UTC)}, id="microsecond"
        ),
        pytest.param({"is_late": False}, id="flag"),
    ],
)
def test_other_rows_have_another_digest(change: dict[str, object]):
    frame = rows("prices", source=None)

    assert digest(rows("prices", **{"source": None, **change}), PRICES) != digest(frame, PRICES)


def test_no_rows_are_a_header():
    text = canonical_bytes(rows("prices", 0), PRICES)

    assert text.decode().splitlines() == [",".join(pl.Schema(PRICES.schema).names())]
    assert digest(rows("prices", 0), PRICES) == hashlib.sha256(text).hexdigest()


def test_a_missing_column_is_refused():
    with pytest.raises(SchemaMismatch, match="missing columns price"):
        digest(rows("prices").drop("price"), PRICES)


def test_the_number_of_threads_does_not_matter():
    program = (
        f"from {__name__} import *; print(pl.thread_pool_size(),"
        "digest(prices().sample(fraction=1, shuffle=True, seed=2), PRICES))"
    )

    found = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={
                **os.environ,
                "POLARS_MAX_THREADS": threads,
            },
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        for threads in ("1", "7")
    ]

    expected = digest(prices(), PRICES)
    assert found == [["1", expected], ["7", expected]]
