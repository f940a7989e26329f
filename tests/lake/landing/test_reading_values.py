from datetime import datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from margin_assets.lake.landing.reading import COLUMN_WORDS
from margin_assets.lake.landing.reading.values import convert
from schemas import FEEDS, TABLES, landed_columns
from tests.support.reading_samples import (
    GOOD,
    LANDED_AT,
    Digits,
    csv_text,
    is_listed,
    json_line,
    ndjson,
    read,
    reasons,
)

BAD_VALUES = [
    ("option_adjustments", {"deliverable": "twelve of GE"}, "deliverable_malformed"),
    ("fills", {"quantity": Digits("1e10")}, "quantity_out_of_range"),
    ("fills", {"quantity": Digits("1000000000.1")}, "quantity_out_of_range"),
    ("fills", {"quantity": Digits("1e999999")}, "quantity_out_of_range"),
    ("fills", {"quantity": Digits("1e" + "9" * 40)}, "quantity_out_of_range"),
    ("fills", {"quantity": Digits("7" * 5000)}, "quantity_out_of_range"),
    ("fills", {"quantity": Digits("0.0000001")}, "quantity_too_many_decimals"),
    ("fills", {"quantity": Digits("1e-999999")}, "quantity_too_many_decimals"),
    ("fills", {"price": Digits("10000000.0000001")}, "price_out_of_range;price_too_many_decimals"),
    ("fills", {"quantity": 0}, "quantity_zero_corrects_nothing"),
    ("fills", {"quantity": Digits("-0")}, "quantity_zero_corrects_nothing"),
    ("fills", {"quantity": None}, "quantity_missing"),
    ("fills", {"price": -1}, "price_out_of_range"),
    ("fills", {"price": Digits("10000000.01")}, "price_out_of_range"),
    ("fills", {"fill_id": " F1"}, "fill_id_not_printable"),
    ("fills", {"fill_id": "F\u00e9"}, "fill_id_not_printable"),
    ("fills", {"fill_id": "F" * 129}, "fill_id_too_long"),
    ("fills", {"symbol": "S" * 33}, "symbol_too_long"),
    ("fills", {"symbol": None, "price": -1}, "price_out_of_range;symbol_missing"),
    ("fills", {"event_time": "2024-01-01T15:00:00"}, "event_time_without_zone"),
    ("fills", {"event_time": "2024-01-01"}, "event_time_not_a_time"),
    ("fills", {"event_time": "1704121200"}, "event_time_not_a_time"),
    ("fills", {"event_time": "2024-02-30T15:00:00Z"}, "event_time_not_a_time"),
    ("fills", {"event_time": "2024-01-01T24:00:00Z"}, "event_time_not_a_time"),
    ("fills", {"event_time": "2023-12-31T23:59:60Z"}, "event_time_leap_second"),
    ("fills", {"event_time": "2024-01-01T15:00:00.0000001Z"}, "event_time_below_microsecond"),
    ("fills", {"event_time": "1969-12-31T23:59:59.999999Z"}, "event_time_before_1970"),
    ("fills", {"event_time": "0000-01-01T00:00:00Z"}, "event_time_before_1970"),
    ("fills", {"event_time": "2024-01-02T00:05:00.000001Z"}, "event_time_in_future"),
    ("fills", {"event_time": "9999-12-31T23:59:59-23:59"}, "event_time_in_future"),
    ("cash_movements", {"amount": Digits("0.001")}, "amount_too_many_decimals"),
    ("cash_movements", {"amount": Digits("1000000000000.01")}, "amount_out_of_range"),
    ("cash_movements", {"amount": None}, "amount_missing"),
    ("cash_movements", {"amount": -1}, "amount_sign_against_kind"),
    ("cash_movements", {"amount": 0}, "amount_sign_against_kind"),
    ("cash_movements", {"kind": "withdrawal"}, "amount_sign_against_kind"),
    ("cash_movements", {"kind": "fee"}, "amount_sign_against_kind"),
    ("cash_movements", {"kind": "gift"}, "kind_unknown"),
    ("cash_movements", {"kind": "Deposit"}, "kind_unknown"),
    ("accounts", {"opened_on": "01/03/1965"}, "opened_on_not_a_date"),
    ("accounts", {"opened_on": "0000-01-01"}, "opened_on_not_a_date"),
    ("accounts", {"account_type": "margin"}, "account_type_unknown"),
    ("instruments", {"leverage": None}, "leverage_missing"),
    ("instruments", {"leverage": 0}, "leverage_zero"),
    ("instruments", {"leverage": Digits("1e400")}, "leverage_out_of_range"),
    ("instruments", {"leverage": -10.5}, "leverage_out_of_range"),
    ("instruments", {"marginable": None}, "marginable_missing"),
    ("instruments", {"strike": 0}, "strike_out_of_range"),
    ("instruments", {"frequency": 1.5}, "frequency_not_whole"),
    ("instruments", {"frequency": Digits("9" * 19)}, "frequency_out_of_range"),
    ("betas", {"beta": 20.5}, "beta_out_of_range"),
    ("betas", {"as_of_date": "1969-12-31"}, "as_of_date_before_1970"),
    ("betas", {"as_of_date": "2024-01-01T00:00:00Z"}, "as_of_date_not_a_date"),
    ("volatilities", {"volatility_annual": -0.1}, "volatility_annual_out_of_range"),
]
BAD_ONLY_IN_JSON = [
    ("fills", {"quantity": "5"}, "quantity_not_a_number"),
    ("fills", {"quantity": True}, "quantity_not_a_number"),
    ("fills", {"quantity": [1]}, "quantity_not_a_number"),
    ("fills", {"symbol": 5}, "symbol_not_text"),
    ("fills", {"symbol": ""}, "symbol_empty"),
    ("fills", {"symbol": "A\u0000"}, "symbol_not_printable"),
    ("fills", {"symbol": "A\ud800"}, "symbol_not_printable"),
    ("fills", {"symbol": "A\n"}, "symbol_not_printable"),
    ("fills", {"event_time": 1704121200}, "event_time_not_a_time"),
    ("instruments", {"marginable": "true"}, "marginable_not_a_boolean"),
    ("instruments", {"leverage": "2"}, "leverage_not_a_number"),
]
BAD_ONLY_IN_CSV = [
    ("fills", {"quantity": "1 000"}, "quantity_not_a_number"),
    ("fills", {"quantity": " 1"}, "quantity_not_a_number"),
    ("fills", {"quantity": "\u0661"}, "quantity_not_a_number"),
    ("fills", {"quantity": "NaN"}, "quantity_not_a_number"),
    ("fills", {"quantity": "Infinity"}, "quantity_not_a_number"),
    ("fills", {"quantity": "0x10"}, "quantity_not_a_number"),
    ("fills", {"quantity": '"1,000"'}, "quantity_not_a_number"),
    ("instruments", {"leverage": "inf"}, "leverage_not_a_number"),
    ("instruments", {"marginable": "yes"}, "marginable_not_a_boolean"),
]


@pytest.mark.parametrize(("feed", "change", "expected"), BAD_VALUES + BAD_ONLY_IN_JSON)
def test_a_bad_value_in_ndjson_costs_its_row_alone(
    feed: str, change: dict[str, object], expected: str
):
    bad = GOOD[feed] | change

    result = read(f"{feed}/a.ndjson", ndjson(GOOD[feed], bad, GOOD[feed]))

    assert reasons(result) == {2: expected}
    assert result.rows["file_row"].to_list() == [1, 3]
    assert result.quarantined["raw"].to_list() == [json_line(bad).encode()]


@pytest.mark.parametrize(("feed", "change", "expected"), BAD_VALUES + BAD_ONLY_IN_CSV)
def test_a_bad_value_in_csv_costs_its_row_alone(
    feed: str, change: dict[str, object], expected: str
):
    data = csv_text(GOOD[feed], GOOD[feed] | change, GOOD[feed])

    result = read(f"{feed}/a.csv", data)

    assert reasons(result) == {3: expected}
    assert result.rows["file_row"].to_list() == [2, 4]
    assert result.quarantined["raw"].to_list() == [data.split(b"\n")[2]]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("1e2", "100.000000", id="exponent"),
        pytest.param("1.50000000000", "1.500000", id="zeros at the end are no decimals"),
        pytest.param("12345e-5", "0.123450", id="negative exponent"),
        pytest.param("-1000000000", "-1000000000.000000", id="the bound itself"),
        pytest.param("0.000001", "0.000001", id="six decimals"),
    ],
)
@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_numbers_are_exact(form: str, value: str, expected: str):
    row = GOOD["fills"] | {"quantity": Digits(value)}

    result = read(f"fills/a.{form}", {"ndjson": ndjson, "csv": csv_text}[form](row))

    assert result.rows["quantity"].to_list() == [Decimal(expected)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-01t15:00:00z", "15:00:00"),
        ("2024-01-01 15:00:00-00:00", "15:00:00"),
        ("2024-01-01T20:30:00.25+05:30", "15:00:00.250000"),
        ("2024-01-01T15:00:00.000001Z", "15:00:00.000001"),
        ("2024-01-02T00:05:00Z", None),
    ],
)
def test_times_are_utc_microseconds(text: str, expected: str | None):
    result = read("prices/a.ndjson", ndjson(GOOD["prices"] | {"event_time": text}))

    at = result.rows["event_time"].item()
    assert at.utcoffset() == timedelta(0)
    assert at == (
        LANDED_AT + timedelta(minutes=5)
        if expected is None
        else datetime.fromisoformat(f"2024-01-01T{expected}+00:00")
    )


@pytest.mark.parametrize("odd", ["2026-06-05T14:30:00.5+02:00", "2026-06-05T14:30:60Z", None, "x"])
@pytest.mark.parametrize("place", [0, 7, 19])
def test_a_time_among_equal_ones_is_read_as_it_is_alone(odd: str | None, place: int):
    texts = ["2026-06-05T14:30:00Z"] * 20
    column = landed_columns("fills")["event_time"]
    together = [*texts[:place], odd, *texts[place:]]

    found = convert(column, pl.Series("event_time", together, pl.String))

    alone = [convert(column, pl.Series("event_time", [text], pl.String)) for text in together]
    assert found.values.to_list() == [one.values[0] for one in alone]
    words = {n: one.words[0] for n, one in enumerate(alone) if one.words}
    assert found.words == words


@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_rows_are_typed_as_declared(feed: str, form: str):
    result = read(f"{feed}/a.{form}", {"ndjson": ndjson, "csv": csv_text}[form](GOOD[feed]))

    declared = TABLES[feed].schema.columns()
    assert result.status == "accepted"
    assert result.rows.columns == [*landed_columns(feed), "file_id", "file_row", "landed_at"]
    kinds = declared | landed_columns(feed)
    assert all(kinds[name].dtype == dtype for name, dtype in result.rows.schema.items())
    full = result.rows.with_columns(is_late=pl.lit(value=False), cycle=pl.lit(0, pl.Int64))
    TABLES[feed].schema.validate(full.select(*declared))


@pytest.mark.parametrize("value", ["true", "TRUE", "False"])
def test_csv_booleans_in_any_case(value: str):
    result = read("instruments/a.csv", csv_text(GOOD["instruments"] | {"marginable": value}))

    assert result.rows["marginable"].to_list() == [value.lower() == "true"]


def test_a_negative_zero_is_zero():
    result = read("betas/a.ndjson", ndjson(GOOD["betas"] | {"beta": Digits("-0.0")}))

    assert str(result.rows["beta"].item()) == "0.0"


TABLE = BAD_VALUES + BAD_ONLY_IN_JSON + BAD_ONLY_IN_CSV


def test_every_word_of_a_column_is_in_the_closed_list_and_tested():
    seen = {reason for *_, expected in TABLE for reason in expected.split(";")}

    assert all(is_listed(reason) for reason in seen)
    assert {word for word in COLUMN_WORDS if any(r.endswith(word) for r in seen)} == set(
        COLUMN_WORDS
    )
