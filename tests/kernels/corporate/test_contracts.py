"""What contracts deliver after actions on what they are written on, by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from margin_assets.calendar import sessions
from margin_assets.kernels.corporate.contracts import (
    Told,
    delivered_at,
    differing_adjustments,
    in_force_at,
)
from margin_assets.kernels.corporate.contracts import unadjusted_contracts as unadjusted
from margin_assets.kernels.numeric.money import instants
from schemas import TABLES

EX = date(2014, 6, 9)
BEFORE, AFTER = datetime(2014, 6, 6, 20, tzinfo=UTC), datetime(2014, 6, 9, 20, tzinfo=UTC)
MUCH_LATER = datetime(2014, 7, 9, 20, tzinfo=UTC)
OPENS = sessions().opens
LATE = {"event_time": AFTER}


def rows(table: str, *told: dict[str, object]) -> pl.DataFrame:
    """Rows of a table, what is not told null."""
    empty = TABLES[table].schema.create_empty()
    columns = {name: [row.get(name) for row in told] for name in empty.columns}
    return pl.DataFrame(columns, schema=empty.schema)


def action(kind: str = "split", ratio: str = "", **terms: object) -> dict[str, object]:
    """An action of X; `ratio` as in `7:1`."""
    named = {"action_id": "S", "symbol": "X", "kind": kind, "effective_on": EX}
    new, _, per = ratio.partition(":")
    units = {"new_units": Decimal(new), "per_units": Decimal(per)} if ratio else {}
    return named | units | {"event_time": BEFORE} | terms


LATER = {"action_id": "L", "effective_on": date(2014, 7, 9)}
CALL = {"symbol": "X C", "underlying": "X", "strike": Decimal(645), "multiplier": Decimal(100)}


def told(
    *actions: dict, listed: datetime = BEFORE, adjusted: tuple[date, str] | None = None
) -> Told:
    adjustments = (
        [] if adjusted is None else [{"effective_on": adjusted[0], "deliverable": adjusted[1]}]
    )
    return Told(
        rows("instruments", CALL | {"event_time": listed}),
        rows("corporate_actions", *actions),
        rows("option_adjustments", *({"symbol": "X C"} | row for row in adjustments)),
    )


def delivers(known: Told, at: datetime = AFTER) -> str | None:
    found = in_force_at(known, OPENS, int(instants(pl.Series([at]))[0]))
    assert found.height <= 1
    return found["deliverable"].item() if found.height else None


IN_CASH = {"fractions": "cash", "fraction_price": Decimal("20.50")}


@pytest.mark.parametrize(
    ("acts", "deliverable"),
    [
        pytest.param([action(ratio="7:1")], "700 X", id="seven for one"),
        pytest.param([action(ratio="1:20")], "5 X", id="one for twenty"),
        pytest.param([action(ratio="3:2")], "150 X", id="three for two"),
        pytest.param([action(ratio="1:8")], "unknown", id="half a share of no price"),
        pytest.param([action(ratio="1:8", fractions="up")], "unknown", id="rounded for whom?"),
        pytest.param(
            [action(ratio="1:8", **IN_CASH)], "12 X + 10.25 cash", id="half a share in cash"
        ),
        pytest.param([action(ratio="1:200", **IN_CASH)], "10.25 cash", id="less than a share"),
        pytest.param([action(ratio="2:1"), action(ratio="3:2", **LATER)], "300 X", id="two splits"),
        pytest.param([action("stock_dividend", "1:20")], "105 X", id="a stock dividend"),
        pytest.param([action("spin_off", "1:4", to_symbol="Y")], "100 X + 25 Y", id="a spin-off"),
        pytest.param(
            [action("merger", "1:2", to_symbol="Y", cash_amount=Decimal("25.5"))],
            "50 Y + 2550 cash",
            id="a merger",
        ),
        pytest.param([action("merger", cash_amount=Decimal("31.25"))], "3125 cash", id="for cash"),
        pytest.param([action("delisting", cash_amount=Decimal(0))], "0 cash", id="for nothing"),
        pytest.param([action("delisting")], None, id="delisted, and held on"),
        pytest.param([action("symbol_change", "1:1", to_symbol="Y")], "100 Y", id="a new name"),
        pytest.param([action("cash_dividend", cash_amount=Decimal("0.47"))], None, id="a dividend"),
    ],
)
def test_a_contract_delivers_what_its_units_became(acts: list[dict], deliverable: str | None):
    assert delivers(told(*acts), MUCH_LATER) == deliverable
    assert delivers(told(*acts), BEFORE) is None


def test_each_action_counts_from_its_opening():
    two = told(action(ratio="2:1"), action(ratio="3:2", **LATER))

    assert delivers(two, AFTER) == "200 X"
    assert delivers(two, datetime(2014, 7, 9, 13, 29, 59, tzinfo=UTC)) == "200 X"
    assert delivers(two, datetime(2014, 7, 9, 13, 30, tzinfo=UTC)) == "300 X"


def test_a_contract_listed_on_the_ex_date_is_as_it_says():
    assert delivers(told(action(ratio="7:1"), listed=datetime(2014, 6, 9, 4, tzinfo=UTC))) is None
    assert (
        delivers(told(action(ratio="7:1"), listed=datetime(2014, 6, 9, 3, tzinfo=UTC))) == "700 X"
    )


@pytest.mark.parametrize(
    ("again", "deliverable"),
    [
        pytest.param({}, "700 X", id="the same terms tell nothing"),
        pytest.param({"class_group": "TECH"}, "700 X", id="another class group is none of them"),
        pytest.param({"strike": Decimal("92.15")}, None, id="another strike is a new contract"),
    ],
)
def test_old_terms_that_land_again_take_back_no_adjustment(
    again: dict[str, object], deliverable: str | None
):
    known = told(action(ratio="7:1"))
    rows_after = rows(
        "instruments", *(CALL | row for row in ({"event_time": BEFORE}, again | LATE))
    )
    assert delivers(known._replace(instruments=rows_after), MUCH_LATER) == deliverable


@pytest.mark.parametrize(
    ("adjusted", "deliverable"),
    [
        pytest.param((EX, "700 X"), "700 X", id="told on the ex date"),
        pytest.param((date(2014, 6, 6), "50 X + 5.00 cash"), "350 X + 5 cash", id="told before"),
        pytest.param((date(2014, 6, 6), "30 Z"), "30 Z", id="delivers another since"),
        pytest.param((date(2014, 6, 10), "1 X"), "700 X", id="told of a later day"),
    ],
)
def test_what_is_told_stands_until_the_next_action(adjusted: tuple[date, str], deliverable: str):
    assert delivers(told(action(ratio="7:1"), adjusted=adjusted)) == deliverable


def test_a_withdrawn_action_changes_nothing():
    gone = action("withdrawn", action_id="W", corrects_action_id="S", effective_on=None)

    assert delivers(told(action(ratio="7:1"), gone)) is None


def positions(as_of: datetime) -> pl.DataFrame:
    return rows("positions", {"account_id": "A", "as_of": as_of} | CALL)


def test_positions_of_a_split_are_on_seven_times_the_units():
    found = delivered_at(positions(AFTER), told(action(ratio="7:1")), OPENS)

    assert found.select("delivered", "delivered_strike").row(0) == (700, Decimal("92.142857"))
    before = positions(BEFORE)
    assert "delivered" not in delivered_at(before, told(action(ratio="7:1")), OPENS).columns
    assert delivered_at(before, told(), OPENS) is before


@pytest.mark.parametrize(
    ("known", "accounts"),
    [
        pytest.param(told(action(ratio="7:1")), [], id="it follows"),
        pytest.param(told(), [], id="nothing happened"),
        pytest.param(told(action(ratio="1:8")), [("A", "X C")], id="part of a share"),
        pytest.param(
            told(action("spin_off", "1:4", to_symbol="Y")), [("A", "X C")], id="two securities"
        ),
        pytest.param(told(action(ratio="1:8"), adjusted=(EX, "12 X")), [], id="told"),
    ],
)
def test_contracts_that_no_model_follows_are_named(known: Told, accounts: list[tuple[str, str]]):
    assert unadjusted(positions(AFTER), known, OPENS).rows() == accounts


@pytest.mark.parametrize(
    ("says", "differs"),
    [
        pytest.param((EX, "700 X"), False, id="as follows"),
        pytest.param((EX, "700.000000 X"), False, id="as follows, written otherwise"),
        pytest.param((date(2014, 6, 6), "100 X"), False, id="told for a day before"),
        pytest.param((EX, "70 X"), True, id="a digit is lost"),
        pytest.param((EX, "700 X + 1.00 cash"), True, id="cash that nothing told"),
    ],
)
def test_what_lands_otherwise_than_it_follows_is_named(says: tuple[date, str], differs: bool):
    found = differing_adjustments(told(action(ratio="7:1"), adjusted=says), OPENS)
    assert found.rows() == ([("X C", says[1], "700 X")] if differs else [])


def test_what_follows_of_nothing_is_not_compared():
    spun = told(action("split", "1:8"), adjusted=(EX, "12 X + 52.00 cash"))
    assert differing_adjustments(spun, OPENS).is_empty()
