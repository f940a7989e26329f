from decimal import Decimal

import polars as pl
import pytest

from margin_assets.kernels.overlays.overlays import (
    expected_range_stress,
    house_initial,
)
from margin_assets.kernels.rules.overlay_rules import with_enabled
from tests.support.overlay_books import (
    RULES,
    USD,
    Account,
    Position,
    accounts,
    addon,
    charges,
    option,
    positions,
)


@pytest.mark.parametrize(
    ("position", "charge", "reason"),
    [
        pytest.param(Position(price=5), 0, "", id="$5.00 is not low"),
        pytest.param(
            Position(price="4.999999", requirement=250), 750, "low_price", id="up to the value"
        ),
        pytest.param(
            Position(-1000, price=4, requirement=1000), 0, "", id="4210(c)(2) asks for it already"
        ),
        pytest.param(
            Position(-1000, price=4, requirement=300), 700, "low_price", id="a short one the same"
        ),
        pytest.param(
            Position(price=4), 1000, "low_price;requirement_missing", id="nothing known is held"
        ),
        pytest.param(
            Position(-1000, price=None, requirement=300),
            700,
            "low_price;price_missing",
            id="no price counts as low",
        ),
        pytest.param(option(300, 900, 1, price=4), 0, "", id="an option is no low-priced stock"),
        pytest.param(
            Position(price=4, requirement=0, asset_class=None),
            1000,
            "low_price",
            id="unknown class",
        ),
    ],
)
def test_low_price(position: Position, charge: int, reason: str):
    rows = charges("low_price", [position])

    assert [(a, why) for _, _, _, a, why in rows] == ([(charge, reason)] if charge else [])


def test_schwab_stresses_a_name_that_cannot_empty_the_account_at_the_tims_minimum():
    # F-SCHW-02: PNR 50%, EPR 30%.
    held, owner = [Position(100_000, expected_range=0.30)], Account(equity=50_000)

    row = expected_range_stress(positions(held), accounts(owner), RULES).row(0, named=True)

    assert (row["point_of_no_return"], row["expected_range"]) == (0.5, 0.3)
    assert (row["stress"], row["is_inside"]) == (0.15, False)


@pytest.mark.parametrize(
    ("value", "equity", "reach", "stress"),
    [
        pytest.param(100_000, 30_000, 0.40, 0.40, id="PNR 30% inside EPR 40%: the range"),
        pytest.param(100_000, 60_000, 0.50, 0.15, id="PNR 60% outside EPR 50%: the minimum"),
        pytest.param(-100_000, 30_000, 0.40, 0.40, id="upside the same"),
        pytest.param(100_000, 40_000, 0.40, 0.40, id="the account empties exactly"),
        pytest.param(100_000, 5_000, 0.10, 0.15, id="a range below the minimum"),
        pytest.param(100_000, 90_000, None, 1.00, id="no range is the whole price"),
        pytest.param(100_000, 100_001, None, 0.15, id="unless even that is survived"),
        pytest.param(100_000, -1, 0.40, 0.40, id="an account without equity is at zero"),
        pytest.param(100_000, None, 0.40, 0.40, id="unknown equity is none"),
        pytest.param(0, -1, 0.40, 0.15, id="nothing held has no range"),
    ],
)
def test_stress_of_an_issuer(value: int, equity: int | None, reach: float | None, stress: float):
    held = positions([Position(value, expected_range=reach)])

    assert expected_range_stress(held, accounts(Account(equity)), RULES)["stress"][0] == stress


@pytest.mark.parametrize(
    ("held", "owner", "charge", "reason"),
    [
        pytest.param(
            [Position(100_000, expected_range=0.40)],
            Account(30_000, 25_000),
            15_000,
            "inside_expected_range",
            id="loss of 40,000 beyond a requirement of 25,000",
        ),
        pytest.param(
            [Position(100_000, expected_range=0.40)],
            Account(30_000, 41_000),
            0,
            "",
            id="a requirement beyond the loss",
        ),
        pytest.param(
            [Position(100_000, expected_range=0.40)],
            Account(40_001, 10_000),
            0,
            "",
            id="the account survives the range",
        ),
        pytest.param(
            [Position(100_000, expected_range=None)],
            Account(40_000, 25_000),
            75_000,
            "inside_expected_range;range_missing",
            id="no range: all of it",
        ),
        pytest.param(
            [Position(100_000, expected_range=0.40), option(-900, -30_000, -10)],
            Account(30_000, 25_000),
            15_000,
            "inside_expected_range",
            id="a written call pays nothing when the stock falls",
        ),
        pytest.param(
            [option(-900, 0, -10, expected_range=0.40)],
            Account(30_000, 25_000),
            15_000,
            "inside_expected_range",
            id="a written option has no side at a delta of zero: its units, either way",
        ),
        pytest.param(
            [Position(100_000, expected_range=0.40), option(900, -30_000, 10)],
            Account(20_000, 25_000),
            3_000,
            "inside_expected_range",
            id="a long put pays at least its delta",
        ),
    ],
)
def test_expected_range(held: list[Position], owner: Account, charge: int, reason: str):
    rows = charges("expected_range", held, owner)

    assert [(a, why) for _, _, _, a, why in rows] == ([(charge, reason)] if charge else [])


@pytest.mark.parametrize(
    ("position", "charge", "reason"),
    [
        pytest.param(
            Position(-1000, is_hard_to_borrow=True, borrow_rate=0.25),
            100,
            "hard_to_borrow",
            id="listed",
        ),
        pytest.param(
            Position(-1000, is_hard_to_borrow=True, borrow_rate=0.26),
            200,
            "hard_to_borrow",
            id="a fee above 25%",
        ),
        pytest.param(
            Position(-1000, is_hard_to_borrow=True, borrow_rate=1.01),
            500,
            "hard_to_borrow",
            id="a fee above 100%",
        ),
        pytest.param(
            Position(-1000, is_hard_to_borrow=True),
            500,
            "hard_to_borrow;borrow_rate_missing",
            id="no fee known is the highest",
        ),
        pytest.param(Position(-1000, borrow_rate=2.0), 0, "", id="no flag is not listed"),
        pytest.param(
            Position(1000, is_hard_to_borrow=True, borrow_rate=2.0), 0, "", id="a long one"
        ),
    ],
)
def test_hard_to_borrow(position: Position, charge: int, reason: str):
    rows = charges("hard_to_borrow", [position])

    assert [(a, why) for _, _, _, a, why in rows] == ([(charge, reason)] if charge else [])


@pytest.mark.parametrize(
    ("held", "requirement", "charge"),
    [
        # 30% of 50,000 and 30,000, 5% of 20,000: 25,000.
        pytest.param([50_000, 30_000, 20_000], 20_000, 5_000, id="the two largest at 30%"),
        pytest.param([50_000, -30_000, 20_000], 20_000, 5_000, id="each against its holder"),
        pytest.param([50_000, 30_000, 20_000], 25_000, 0, id="covered by the requirement"),
        pytest.param([10_000] * 10, 9_000, 1_000, id="ties: two of them, whichever"),
        pytest.param([10_000], 2_500, 500, id="one issuer"),
    ],
)
def test_concentration_scan(held: list[int], requirement: int, charge: int):
    book = [Position(value, f"S{i}") for i, value in enumerate(held)]

    assert addon("concentration_scan", book, Account(requirement=requirement)) == charge


def test_initial_requirement_is_a_multiple_of_maintenance():
    # F-IBKR-02: 110% of maintenance for US securities, 125% for others.
    rows = pl.DataFrame(
        {"requirement": [Decimal(100_000)] * 3, "is_us": [True, False, None]},
        schema={"requirement": USD, "is_us": pl.Boolean},
    )

    on, off = (house_initial(rows, with_enabled(RULES, names)) for names in (["initial"], []))

    assert on["house_initial_requirement"].to_list() == [110_000, 125_000, 125_000]
    assert off["house_initial_requirement"].to_list() == [100_000] * 3
