"""What adjusted contracts deliver: the text, the terms that follow, and when they hold."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from margin_assets.calendar import sessions
from margin_assets.kernels.book.deliverables import adjusted, parsed, terms_of
from margin_assets.kernels.book.delivered_terms import (
    as_listed,
    delivered_units,
    is_unmodelled,
    strike_a_unit,
)
from margin_assets.kernels.corporate.contracts import Told, delivered_at
from schemas import TABLES

HUNDRED = Decimal(100)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("100 GE", ("GE", "100", "13")),
        # 1,300 less 52 of cash for 12 shares: 104 each.
        ("12 GE + 52.00 cash", ("GE", "12", "104")),
        # A unit's strike has six decimals: 1,300 / 7, rounded half up.
        ("7 GE", ("GE", "7", "185.714286")),
        # The shares of a merger are another security's.
        ("50 NEW", ("NEW", "50", "26")),
    ],
)
def test_a_contract_is_one_on_what_it_delivers(text: str, terms: tuple[str, str, str]) -> None:
    found = parsed(text)
    assert found is not None
    made = terms_of(found, Decimal(13), HUNDRED)
    assert made[:3] == (terms[0], Decimal(terms[1]), Decimal(terms[2]))
    # All that is paid is 1,300 less the cash, whatever the strike a unit is rounded to.
    assert made.paid == 1_300 - found.cash


@pytest.mark.parametrize("text", ["12 GE + 5 WAB", "52.00 cash", "12 GE + 1300.00 cash"])
def test_what_has_no_strike_a_unit_has_no_model(text: str) -> None:
    found = parsed(text)
    assert found is not None
    assert terms_of(found, Decimal(13), HUNDRED).delivered == 0


@pytest.mark.parametrize(
    "text",
    ["", "GE", "12GE", "-1 GE", "0 GE", "12 GE + 3 GE", "1 cash + 1 cash", "1.005 cash", "1e3 GE"],
)
def test_what_contradicts_itself_is_no_deliverable(text: str) -> None:
    assert parsed(text) is None


def contracts(*symbols: str) -> pl.DataFrame:
    rows = {
        "symbol": list(symbols),
        "underlying": ["GE" if name != "GE" else None for name in symbols],
        "strike": [Decimal(13) if name != "GE" else None for name in symbols],
        "multiplier": [HUNDRED if name != "GE" else Decimal(1) for name in symbols],
    }
    types = {"strike": pl.Decimal(38, 6), "multiplier": pl.Decimal(38, 6)}
    return pl.DataFrame(rows, schema_overrides=types)


def adjustments(*rows: tuple[str, date, str]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, ["symbol", "effective_on", "deliverable"], orient="row")
    paid = pl.lit(None, pl.Decimal(38, 6))
    return frame.with_columns(strike_multiplier=paid)


def test_only_the_adjusted_contract_has_other_terms() -> None:
    on = date(2021, 8, 2)
    found = adjusted(
        contracts("GE", "GE1 C13", "GE C13"), adjustments(("GE1 C13", on, "12 GE + 52.00 cash"))
    )

    assert delivered_units(found).to_list() == [1, 12, 100]
    assert strike_a_unit(found).to_list() == [None, 104, 13]
    assert not is_unmodelled(found).any()
    assert as_listed(found).equals(contracts("GE", "GE1 C13", "GE C13"))


def test_without_an_adjustment_the_frame_is_the_same() -> None:
    held = contracts("GE", "GE C13")
    assert adjusted(held, adjustments().clear()) is held


def test_the_latest_of_the_days_that_have_come_is_in_force() -> None:
    rows = adjustments(
        ("GE1 C13", date(2021, 8, 2), "12.5 GE"),
        ("GE1 C13", date(2021, 8, 2), "12 GE"),
        ("GE1 C13", date(2021, 8, 4), "6 GE"),
        ("GE1 C13", date(2021, 8, 1), "99 GE"),
    )
    empty = [TABLES[name].schema.create_empty() for name in ("instruments", "corporate_actions")]
    days = [datetime(2021, 7, day, 20, tzinfo=UTC) for day in (30, 31)]
    days += [datetime(2021, 8, day, 20, tzinfo=UTC) for day in (2, 3, 4)]
    held = pl.concat([contracts("GE1 C13").with_columns(as_of=day) for day in days])

    found = delivered_at(held, Told(empty[0], empty[1], rows), sessions().opens)

    assert delivered_units(found).to_list() == [100, 100, 12, 12, 6]
