from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest

from margin_assets.checks import expectations
from margin_assets.checks.expectations import Target, validate_tables, verdicts
from margin_assets.kernels.margin.consistency import broken_rules
from margin_assets.lake.store.declared import DAILY, schema_of
from schemas import TABLES
from tests.support.empty_lake import created
from tests.support.places import Place

SHA = "a" * 64
NOON = datetime(2020, 3, 9, 16, 0, tzinfo=UTC)
VALUES: dict[type[pl.DataType], object] = {
    pl.String: "x",
    pl.Boolean: True,
    pl.Int64: 1,
    pl.Float64: 0.5,
    pl.Decimal: Decimal(1),
    pl.Datetime: NOON,
    pl.Date: NOON.date(),
}
FILLS = {
    "file_id": SHA,
    "fill_id": ["1", "2", "3"],
    "price": Decimal("10.000001"),
    "corrects_fill_id": None,
}


def rows(table: str, count: int, **columns: object) -> pl.DataFrame:
    """Rows of a table, alike but for the columns given (a value, or one a row)."""
    schema = pl.Schema(schema_of(table))
    values = {name: columns.get(name, VALUES[dtype.base_type()]) for name, dtype in schema.items()}
    spread = {n: v if isinstance(v, list) else [v] * count for n, v in values.items()}
    return pl.DataFrame(spread, schema=schema)


def fills(**changed: object) -> pl.DataFrame:
    return rows("fills", 3, **(FILLS | changed))


def instruments(**changed: object) -> pl.DataFrame:
    good = {
        "file_id": SHA,
        "symbol": ["A", "B", "C"],
        "asset_class": "equity",
        "leverage": None,
        "right": None,
        "style": None,
        "settlement": None,
        "bond_class": None,
        "coupon": None,
    }
    return rows("instruments", 3, **(good | changed))


def stress(**changed: object) -> pl.DataFrame:
    good = {"scenario": ["a", "b", "c"], "account_id": "A", "move": [-0.08, 0.0, 0.04]}
    return rows("stress_results", 3, **(good | changed))


@pytest.mark.parametrize(
    ("table", "frame", "broken"),
    [
        pytest.param("fills", fills(), {}, id="good fills"),
        pytest.param("instruments", instruments(), {}, id="good instruments"),
        pytest.param("stress_results", stress(), {}, id="good stress"),
        pytest.param(
            "cash_movements",
            rows("cash_movements", 3, file_id=SHA, kind="deposit", movement_id=["1", "1", "3"]),
            {"primary_key": 2},
            id="a key twice",
        ),
        pytest.param(
            "stress_results",
            stress(scenario=["a", "a", "b"]),
            {"primary_key": 2},
            id="a pair twice",
        ),
        pytest.param(
            "fills",
            fills(symbol=["A", None, "B"]),
            {"symbol|nullability": 1},
            id="null where none may be",
        ),
        pytest.param(
            "fills",
            fills(account_id=["A ", "B\n", "C"]),
            {"account_id|regex": 2},
            id="a space or a line feed at the end",
        ),
        pytest.param(
            "fills",
            fills(symbol=["A" * 33, "", "B"]),
            {"symbol|max_length": 1, "symbol|min_length": 1, "symbol|regex": 1},
            id="too long and too short",
        ),
        pytest.param(
            "fills",
            fills(quantity=[Decimal("1000000000.000001"), Decimal("-1e9"), Decimal("1e9")]),
            {"quantity|max": 1},
            id="a millionth above the bound",
        ),
        pytest.param(
            "fills",
            fills(price=[Decimal("-0.000001"), Decimal(0), Decimal("1e7")]),
            {"price|min": 1},
            id="a price below nothing",
        ),
        pytest.param(
            "fills",
            fills(quantity=Decimal(0), corrects_fill_id=["0", None, None]),
            {"zero_quantity_corrects_something": 2},
            id="a bust of nothing",
        ),
        pytest.param(
            "instruments",
            instruments(asset_class=["equity", "etf", "moon"]),
            {"asset_class|regex": 1, "fund_names_its_leverage": 1},
            id="an unknown class and a fund without leverage",
        ),
        pytest.param(
            "instruments",
            instruments(leverage=[float("nan"), float("inf"), 11.0]),
            {"leverage|nan": 1, "leverage|inf": 1, "leverage|max": 3},
            id="numbers that are none",
        ),
        pytest.param(
            "stress_results",
            stress(requirement=[Decimal("-0.01"), Decimal(0), Decimal(1)]),
            {"requirement|min": 1},
            id="a cent below zero",
        ),
    ],
)
def test_great_expectations_and_polars_give_the_same_verdict(
    table: str, frame: pl.DataFrame, broken: dict[str, int]
):
    judged = verdicts([(Target(table, 1), frame)])

    found = dict(judged.filter(~pl.col("success")).select("expectation", "unexpected_rows").rows())
    assert found == broken
    assert broken_rules(frame, schema_of(table)) == broken


def test_a_table_without_rows_obeys_every_rule_and_the_library_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(expectations._Suites, "_worded", None)
    judged = verdicts([(Target("fills", 3, "2020-03-09"), fills().clear())])

    assert set(judged["expectation"]) == {*schema_of("fills")._validation_rules(with_cast=False)}
    assert judged.select("table_name", "table_version", "partition", "rows").unique().rows() == [
        ("fills", 3, "2020-03-09", 0)
    ]
    assert judged["success"].all()
    assert judged["unexpected_rows"].sum() == 0


@pytest.mark.parametrize("table", [t.name for t in TABLES.values()] + [f"{DAILY}positions"])
def test_every_rule_of_a_schema_is_an_expectation(table: str):
    schema = schema_of(table)
    rules = schema._validation_rules(with_cast=False)

    named = [e.rule for e in expectations.expectations_of(schema)]

    assert sorted(named) == sorted(rules)


@pytest.fixture
def stored(place: Place):
    created(place.lake)
    place.lake.write("fills", fills(), 1)
    place.lake.write("fills", fills(fill_id=["4", "5", "6"]), 2)
    return place


def test_a_table_version_is_validated_once(stored: Place):
    lake = stored.lake
    version = lake.version("fills")

    first = validate_tables(lake, [Target("fills", version)], stored.folder / "docs")
    again = validate_tables(lake, [Target("fills", version)])

    kept = lake.scan("validation_results").collect()
    assert kept.height == first.height == again.height > 30
    assert set(kept["table_version"]) == {version}
    assert set(kept["rows"]) == {6}
    assert kept["success"].all()
    assert (stored.folder / "docs" / "index.html").is_file()


def test_two_versions_have_verdicts_of_their_own(stored: Place):
    lake, version = stored.lake, stored.lake.version("fills")

    validate_tables(lake, [Target("fills", version - 1)])
    validate_tables(lake, [Target("fills", version)])

    kept = lake.scan("validation_results").select("table_version", "rows").unique().collect()
    assert sorted(kept.rows()) == [(version - 1, 3), (version, 6)]


def test_of_two_who_validate_at_once_neither_loses_a_verdict(
    stored: Place, monkeypatch: pytest.MonkeyPatch
):
    lake, version = stored.lake, stored.lake.version("fills")
    first, second = Target("fills", version - 1), Target("fills", version)

    def judged_while_a_rival_commits(*arguments: object) -> pl.DataFrame:
        monkeypatch.undo()
        validate_tables(stored.lake, [first])
        return verdicts(*arguments)

    monkeypatch.setattr(expectations, "verdicts", judged_while_a_rival_commits)
    found = validate_tables(lake, [first, second])

    kept = lake.scan("validation_results").collect()
    assert found.sort(kept.columns).equals(kept.sort(kept.columns))
    assert not kept.select("table_version", "expectation").is_duplicated().any()
    assert set(kept["table_version"]) == {version - 1, version}
