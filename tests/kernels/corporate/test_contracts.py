"""Contracts of which nobody has said what they deliver after a split."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from margin_assets.calendar import sessions
from margin_assets.kernels.corporate.contracts import unadjusted_contracts
from schemas import TABLES

EX = date(2014, 6, 9)
BEFORE, AFTER = datetime(2014, 6, 6, 20, tzinfo=UTC), datetime(2014, 6, 9, 20, tzinfo=UTC)


def rows(table: str, **told: object) -> pl.DataFrame:
    """One row of a table, what is not told null."""
    empty = TABLES[table].schema.create_empty()
    return pl.DataFrame({name: [told.get(name)] for name in empty.columns}, schema=empty.schema)


def action(kind: str = "split", **terms: object) -> pl.DataFrame:
    named = {"action_id": "S", "symbol": "X", "kind": kind, "effective_on": EX}
    return rows("corporate_actions", **(named | terms), event_time=BEFORE)


SPLIT = action(new_units=Decimal(7), per_units=Decimal(1))
NONE = TABLES["option_adjustments"].schema.create_empty()


def found(
    actions: pl.DataFrame,
    adjustments: pl.DataFrame = NONE,
    *,
    as_of: datetime = AFTER,
    listed: datetime = BEFORE,
) -> list[tuple[str, str]]:
    held = {"account_id": "A", "symbol": "X C", "underlying": "X", "strike": Decimal(645)}
    positions = rows("positions", **held, as_of=as_of)
    instruments = rows("instruments", symbol="X C", event_time=listed)
    opens = sessions().opens
    return unadjusted_contracts(positions, instruments, actions, adjustments, opens).rows()


def test_a_contract_from_before_a_split_is_named():
    assert found(SPLIT) == [("A", "X C")]


@pytest.mark.parametrize(
    "told",
    [
        pytest.param({"as_of": BEFORE}, id="before it acts"),
        pytest.param({"listed": AFTER}, id="listed anew"),
        pytest.param(
            {"adjustments": rows("option_adjustments", symbol="X C", effective_on=EX)},
            id="adjusted",
        ),
    ],
)
def test_what_is_known_is_not(told: dict):
    assert found(SPLIT, **told) == []


def test_a_dividend_changes_no_contract():
    assert found(action("cash_dividend", cash_amount=Decimal("0.47"))) == []
