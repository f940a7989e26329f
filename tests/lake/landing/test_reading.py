import gzip
import hashlib
import io

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.lake.landing.reading import (
    FileRead,
    Landed,
    LaterRefusal,
    form_of,
    ignored,
    late_quarantine,
    limits,
    raw_row,
    read_landed,
)
from margin_assets.lake.landing.reading.rules import required_columns
from schemas import FEEDS, TABLES, feed_columns
from tests.support.reading_samples import (
    GOOD,
    HEADER,
    LINE,
    csv_text,
    is_listed,
    json_line,
    landed,
    ndjson,
    parquet,
    prices,
    read,
)

LATE = {
    "fills/a.ndjson": ndjson(b"", GOOD["fills"], GOOD["fills"] | {"fill_id": "F2"}),
    "fills/a.csv.gz": gzip.compress(
        csv_text(GOOD["fills"], GOOD["fills"] | {"fill_id": "F2"}), mtime=0
    ),
    "fills/a.parquet": parquet(
        {name: [value] * 3 for name, value in GOOD["fills"].items()}
        | {"fill_id": ["F0", "F", "F2"]}
    ),
}


@pytest.mark.parametrize(("path", "data"), LATE.items(), ids=LATE)
def test_a_later_stage_can_quarantine_rows_that_passed(path: str, data: bytes):
    file, open_raw = landed(path, data)
    assert read_landed(file, open_raw).rows.filter(file_row=3)["fill_id"].to_list() == ["F2"]

    late = late_quarantine(
        Landed(file, open_raw),
        [LaterRefusal(3, "id_reused", "seen"), LaterRefusal(2, "b;a", "")],
    )

    assert late.select("file_row", "reasons").rows() == [(2, "a;b"), (3, "id_reused")]
    assert b"F2" in late["raw"][1]
    assert late["raw"][1] == raw_row(file, open_raw, 3)
    assert late.schema == ignored(file, "").schema


def test_parquet_is_read_from_a_store_that_cannot_seek():
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    file, _ = landed("prices/a.parquet", prices())

    assert read_landed(file, lambda: Pipe(prices())).rows.height == 1


def test_an_ignored_file_is_one_row():
    file, _ = landed("notes/readme.txt", b"hello")

    row = ignored(file, "no feed of that name").row(0, named=True)

    assert (row["reasons"], row["raw"], row["raw_bytes"]) == ("file_ignored", b"", 5)


def test_the_id_of_a_quarantine_row_depends_on_path_file_row_and_reasons():
    file, _ = landed("prices/a.ndjson", b"[")
    expected = hashlib.sha256(
        "\0".join(("prices/a.ndjson", file.file_id, "1", "invalid_json")).encode()
    )

    result = read("prices/a.ndjson", b"[")

    assert result.quarantined["quarantine_id"].item() == expected.hexdigest()[:32]
    TABLES["quarantine"].schema.validate(result.quarantined.with_columns(cycle=pl.lit(0, pl.Int64)))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("prices/a.ndjson", ("ndjson", "")),
        ("prices/a.csv.gz", ("csv", "gzip")),
        ("prices/a.ndjson.zst", ("ndjson", "zstd")),
        ("prices/a.parquet", ("parquet", "")),
        ("prices/a.parquet.gz", None),
        ("prices/a.CSV", None),
        ("prices/a.txt", None),
    ],
)
def test_forms_by_name(path: str, expected: tuple[str, str] | None):
    form = form_of(path)

    assert (form and (form.text, form.compression)) == expected


def test_unknown_files_are_the_callers_error():
    with pytest.raises(ValueError, match="known feed"):
        read("notes/a.csv", b"x")


def test_optional_columns_are_those_of_the_semantics():
    optional = {
        name for feed in FEEDS for name in feed_columns(feed).keys() - required_columns(feed)
    }

    of_accounts = "is_exempt intraday_margin_from"
    of_derivatives = "underlying right strike expiry style multiplier is_listed settlement"
    of_underlyings = "is_broad_based dividend_yield"
    of_house = "expected_range is_hard_to_borrow borrow_rate"
    of_bonds = "bond_class coupon maturity frequency day_count principal"
    named = "corrects_fill_id source window_days r_squared leverage class_group"
    of_the_desk = "reason details subject amount"
    of_balances = "symbol quantity cost cash"
    of_actions = (
        "cash_amount corrects_action_id fraction_price fractions new_units pay_on per_units "
        "to_price to_symbol"
    )
    of_contracts = "strike_multiplier corrects_exercise_id settlement_value"
    of_rates = (
        "calendar clean_price convention cusip discount_curve ex_coupon_days first_coupon_date "
        "index_name isin issue_date outstanding rating redemption spread z_spread counterparty "
        "csa_currency first_date fixed_frequency floating_frequency notionals payment_lag start "
        "start_date tenor"
    )
    groups = (named, of_accounts, of_derivatives, of_underlyings, of_house, of_bonds, of_the_desk)
    of_books = (of_balances, of_actions, of_contracts, of_rates)
    assert optional == set(" ".join((*groups, *of_books)).split())


def test_extra_names_are_bounded_and_printable():
    row = GOOD["prices"] | {f"x{n:03}": n for n in range(500)} | {"\ud800\n": 1, "n" * 999: 1}

    result = read("prices/a.ndjson", ndjson(row))

    assert len(result.extra_columns) == limits.EXTRA_COLUMNS
    assert all(name.isascii() and name.isprintable() for name in result.extra_columns)


PIECES = st.sampled_from(
    [
        *[json_line(GOOD["prices"]).encode(), LINE, HEADER, b"\n", b"\r", b",", b'"', b"{", b"}"],
        *[b'{"symbol": 1}', b"\x00", b"\xff", b"\xef\xbb\xbf", b"[]", b"1e9", b'{"price": 1e99}'],
    ]
)
TEXTS = st.one_of(st.binary(max_size=300), st.lists(PIECES, max_size=30).map(b"".join))


def assert_sound(result: FileRead):
    if result.status == "quarantined":
        assert (result.rows.height, result.quarantined.height) == (0, 1)
    else:
        assert result.rows.height + result.quarantined.height == result.rows_read
    for joined in result.quarantined["reasons"]:
        assert all(is_listed(reason) for reason in joined.split(";"))


@settings(deadline=None)
@given(data=TEXTS, form=st.sampled_from(["ndjson", "csv", "ndjson.gz", "csv.zst", "parquet"]))
def test_no_bytes_make_it_fail(data: bytes, form: str):
    assert_sound(read(f"prices/a.{form}", data))


@settings(deadline=None)
@given(rows=TEXTS)
def test_no_rows_after_a_good_header_make_it_fail(rows: bytes):
    assert_sound(read("prices/a.csv", HEADER + b"\n" + rows))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(row=st.dictionaries(st.sampled_from([*GOOD["fills"], "x"]), JSON_VALUES))
def test_no_json_values_make_it_fail(row: dict[str, object]):
    assert_sound(read("fills/a.ndjson", ndjson(GOOD["fills"] | row)))


@pytest.mark.parametrize("flip", [0x42])
def test_no_flipped_byte_of_a_footer_ends_the_process(flip: int):
    # Asked of a column that is badly described, the Parquet library ends it.
    data = prices(50)
    length = int.from_bytes(data[-8:-4], "little")
    for place in range(len(data) - 8 - length, len(data) - 8):
        changed = bytearray(data)
        changed[place] ^= flip
        assert_sound(read("prices/a.parquet", bytes(changed)))


@settings(deadline=None)
@given(place=st.integers(0, len(prices(50)) - 1), byte=st.integers(0, 255))
def test_no_flipped_byte_of_parquet_makes_it_fail(place: int, byte: int):
    data = bytearray(prices(50))
    data[place] = byte
    assert_sound(read("prices/a.parquet", bytes(data)))
