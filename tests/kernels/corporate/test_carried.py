from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from margin_assets.calendar import sessions
from margin_assets.kernels.corporate.actions import register_of
from margin_assets.kernels.corporate.carried import Traded
from margin_assets.kernels.numeric.money import instants
from schemas import TABLES

ACTION = {
    "action_id": "S",
    "symbol": "X",
    "kind": "split",
    "effective_on": date(2014, 6, 9),
    "new_units": Decimal(7),
    "per_units": Decimal(1),
}
CHANGE = {"kind": "symbol_change", "to_symbol": "Y", "new_units": None, "per_units": None}
TWENTIETH = {"new_units": Decimal(1), "per_units": Decimal(20), "fractions": "cash"}
SPUN_OFF = {"kind": "spin_off", "to_symbol": "Y", "new_units": Decimal(1), "per_units": Decimal(4)}


def in_use(volumes: list[tuple[str, str, date]], on: date, **terms: object) -> dict[str, Decimal]:
    schema = {"symbol": pl.String, "average_daily_volume": pl.Decimal(38, 6), "as_of_date": pl.Date}
    rows = [(symbol, Decimal(units), day) for symbol, units, day in volumes]
    actions = TABLES["corporate_actions"].schema.columns()
    none = pl.DataFrame(schema={name: column.dtype for name, column in actions.items()})
    told = pl.DataFrame([ACTION | terms], schema_overrides={"new_units": pl.Decimal(38, 6)})
    dated = told.with_columns(event_time=pl.datetime(2014, 6, 1, time_zone="UTC"))
    register = register_of(pl.concat([none, dated], how="diagonal_relaxed"), sessions().opens)
    noon = int(instants(pl.Series([on]).cast(pl.Datetime("us", "UTC")))[0]) + 18 * 3_600_000_000
    found = Traded(pl.DataFrame(rows, schema=schema, orient="row"), register).at(noon)
    return dict(found.select("symbol", "average_daily_volume").iter_rows())


FRIDAY, MONDAY = date(2014, 6, 6), date(2014, 6, 9)


@pytest.mark.parametrize(
    ("terms", "volumes", "on", "known"),
    [
        pytest.param({}, [("X", "90", FRIDAY)], FRIDAY, {"X": 90}, id="announced, not acted"),
        pytest.param({}, [("X", "90", FRIDAY)], MONDAY, {"X": 630}, id="seven for one"),
        pytest.param({}, [("X", "90", MONDAY)], MONDAY, {"X": 90}, id="told on the ex date"),
        pytest.param({}, [("Z", "5", FRIDAY)], MONDAY, {"Z": 5}, id="another's"),
        pytest.param(TWENTIETH, [("X", "90", FRIDAY)], MONDAY, {"X": Decimal("4.5")}, id="reverse"),
        pytest.param(CHANGE, [("X", "90", FRIDAY)], MONDAY, {"X": 90, "Y": 90}, id="new symbol"),
        pytest.param(
            CHANGE, [("X", "9", FRIDAY), ("Y", "8", MONDAY)], MONDAY, {"X": 9, "Y": 8}, id="own one"
        ),
        pytest.param(SPUN_OFF, [("X", "90", FRIDAY)], MONDAY, {"X": 90}, id="what is spun off"),
    ],
)
def test_a_volume_is_in_units_of_its_day_until_a_new_one_lands(
    terms: dict[str, object],
    volumes: list[tuple[str, str, date]],
    on: date,
    known: dict[str, int],
) -> None:
    assert in_use(volumes, on, **terms) == known


def test_no_volume_is_made_of_none() -> None:
    assert in_use([], MONDAY) == in_use([], MONDAY, **CHANGE) == {}
