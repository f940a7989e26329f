"""Add-ons, units by regulation, and the schedule, each on figures that can be checked by hand."""

from datetime import date

import polars as pl
import pytest

from margin_assets.kernels.initial_margin.add_ons import ADD_ON_ROWS, add_ons, contradictions
from margin_assets.kernels.initial_margin.regulations import by_unit, units_of, worst
from margin_assets.kernels.initial_margin.schedule import TRADES, schedule_margins
from margin_assets.kernels.initial_margin.simm import PRODUCT_CLASS_MARGINS
from margin_assets.rulebooks import in_force, versions

MULTIPLIER, FACTOR = "Param_ProductClassMultiplier", "Param_AddOnNotionalFactor"
FIXED = "Param_AddOnFixedAmount"
SCHEDULE = in_force("schedule_im", versions("schedule_im")[-1]).numbers
TODAY = date(2026, 2, 1)

ADDED = [
    pytest.param([(MULTIPLIER, "RatesFX", 1.5)], 50.0, id="what a multiplier has above one"),
    pytest.param([(MULTIPLIER, "Equity", 1.5)], 0.0, id="a multiplier of what is not held"),
    pytest.param(
        [(FACTOR, "Alpha", 12.5), ("Notional", "Alpha", 80.0), ("Notional", "Alpha", -40.0)],
        15.0,
        id="a percentage of notionals, whichever way they point",
    ),
    pytest.param([("Notional", "Alpha", 80.0)], 0.0, id="a notional without a factor"),
    pytest.param([(FACTOR, "Alpha", 12.5)], 0.0, id="a factor without a notional"),
    pytest.param([(FIXED, "", 10.0), (FIXED, "", 20.0)], 30.0, id="fixed amounts add"),
]


def add_on_rows(rows: list[tuple[str, str, float]]) -> pl.DataFrame:
    return pl.DataFrame([(0, *row) for row in rows], schema=ADD_ON_ROWS, orient="row")


@pytest.mark.parametrize(("rows", "expected"), ADDED)
def test_add_on(rows: list[tuple[str, str, float]], expected: float):
    classes = pl.DataFrame([(0, "RatesFX", 100.0)], schema=PRODUCT_CLASS_MARGINS, orient="row")

    found = add_ons(add_on_rows(rows), classes)

    assert found["add_on"].sum() == expected


def test_two_multipliers_contradict_unless_they_agree():
    rows = [(MULTIPLIER, "Credit", 1.5), (MULTIPLIER, "Credit", 1.6), (FACTOR, "A", 2.0)]

    (found,) = contradictions(add_on_rows([*rows, (FACTOR, "A", 2.0)])).iter_rows(named=True)

    assert (found["qualifier"], found["least"], found["most"]) == ("Credit", 1.5, 1.6)


def regulated(*rows: tuple[int, list[str], list[str], bool]) -> pl.DataFrame:
    columns = {
        "portfolio": pl.Int64(),
        "collect": pl.List(pl.String()),
        "post": pl.List(pl.String()),
        "is_parameter": pl.Boolean(),
    }
    return pl.DataFrame(rows, schema=columns, orient="row").with_row_index("row")


def test_units_are_sides_and_regulations_and_one_where_none_is_named():
    rows = regulated((0, ["USPR", "ESA"], ["SEC"], False), (0, [], [], False), (1, [], [], False))

    found = units_of(rows).select("portfolio", "side", "regulation").rows()

    assert found == [
        (0, "collect", "ESA"),
        (0, "collect", "USPR"),
        (0, "post", "SEC"),
        (1, "collect", None),
    ]


def test_a_row_counts_where_it_names_a_regulation_and_a_silent_parameter_everywhere():
    rows = regulated(
        (0, ["USPR", "ESA"], [], False),
        (0, ["ESA"], ["SEC"], False),
        (0, [], [], False),
        (0, [], [], True),
        (1, [], [], False),
    )
    units = units_of(rows)

    found = by_unit(rows, units, is_parameter=pl.col("is_parameter"))

    counted = {unit: frame["row"].to_list() for (unit,), frame in found.group_by("unit")}
    named = dict(zip(units["regulation"], units["unit"], strict=True))
    assert counted[named["ESA"]] == [0, 1, 3]
    assert counted[named["USPR"]] == [0, 3]
    assert counted[named["SEC"]] == [1, 3]
    assert counted[named[None]] == [4]


def test_the_worst_is_the_largest_and_of_equals_what_is_collected():
    units = pl.DataFrame(
        {"unit": [0, 1, 2, 3], "portfolio": [0, 0, 0, 1], "total": [5.0, 7.0, 7.0, 0.0]}
    )

    assert worst(units)["unit"].to_list() == [1, 3]


def margin(*trades: tuple[str, str, date | None, float, float]) -> tuple[float, float]:
    """Total of a unit, and its ratio."""
    rows = [(0, name, kind, TODAY, ends, size, value) for name, kind, ends, size, value in trades]
    found = schedule_margins(pl.DataFrame(rows, schema=TRADES, orient="row"), SCHEDULE)
    return float(found["total"].sum()), float(found["net_to_gross_ratio"][0])


RATES = [
    pytest.param("Rates", date(2028, 2, 1), 0.01, id="rates, two years to the day"),
    pytest.param("Rates", date(2028, 2, 2), 0.02, id="rates, a day more"),
    pytest.param("Rates", date(2031, 2, 1), 0.02, id="rates, five years"),
    pytest.param("Rates", date(2031, 2, 2), 0.04, id="rates, beyond"),
    pytest.param("Credit", date(2027, 2, 1), 0.02, id="credit"),
    pytest.param("Credit", date(2030, 2, 1), 0.05, id="credit, four years"),
    pytest.param("Credit", date(2040, 2, 1), 0.10, id="credit, beyond"),
    pytest.param("FX", None, 0.06, id="currencies know no maturity"),
    pytest.param("Equity", None, 0.15, id="equity"),
    pytest.param("Commodity", None, 0.15, id="commodity"),
    pytest.param("Other", None, 0.15, id="what is left"),
]


@pytest.mark.parametrize(("kind", "ends", "rate"), RATES)
def test_rate_of_a_class(kind: str, ends: date | None, rate: float):
    assert margin(("T", kind, ends, -100.0, 1.0))[0] == pytest.approx(100 * rate)


def test_values_that_net_reduce_the_margin():
    # Gross 6 + 6; net value 60 over 100: 12 x (0.4 + 0.6 x 0.6).
    trades = [("A", "FX", None, 100.0, 100.0), ("B", "FX", None, 100.0, -40.0)]

    assert margin(*trades) == (pytest.approx(12 * 0.76), 0.6)


@pytest.mark.parametrize(
    ("values", "ratio"),
    [
        pytest.param((10.0, -50.0), 0.0, id="a net that is owed"),
        pytest.param((-10.0, -50.0), 1.0, id="nothing that is due"),
        pytest.param((0.0, 0.0), 1.0, id="no values"),
    ],
)
def test_ratio_at_its_ends(values: tuple[float, float], ratio: float):
    trades = [(f"T{n}", "FX", None, 100.0, value) for n, value in enumerate(values)]

    assert margin(*trades)[1] == ratio
