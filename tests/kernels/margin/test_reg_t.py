from decimal import Decimal

import pytest

from margin_assets.kernels.margin.margined import margined
from margin_assets.kernels.margin.reg_t_groups import reg_t_requirements
from tests.support.portfolios import Number, Term, fund, one

NOT_MARGINABLE = Term(price=75, marginable=False)


@pytest.mark.parametrize(
    ("quantity", "term", "requirement", "rule"),
    [
        pytest.param(1000, Term(price=60), "15000", "(c)(1)", id="long stock: 25%"),
        pytest.param(-50000, Term(price=1), "125000", "(c)(2)", id="short at $1: $2.50 a share"),
        pytest.param(
            -10000, Term(price="2.50"), "25000", "(c)(2)", id="short at $2.50: both are equal"
        ),
        pytest.param(-10000, Term(price="4.50"), "45000", "(c)(2)", id="short at $4.50: 100%"),
        pytest.param(-100, Term(price="4.999999"), "500", "(c)(2)", id="short just under $5: 100%"),
        pytest.param(
            -10000, Term(price=5), "50000", "(c)(3)", id="short at $5 exactly: $5 a share"
        ),
        pytest.param(
            -1000, Term(price="16.66"), "5000", "(c)(3)", id="short under $16.67: $5 a share"
        ),
        pytest.param(-1000, Term(price="16.67"), "5001", "(c)(3)", id="short from $16.67: 30%"),
        pytest.param(-220, Term(price=100), "6600", "(c)(3)", id="short stock: 30%"),
        pytest.param(100, fund(1.5), "3750", "(c)(1); RN 09-53", id="long 1.5x fund: 37.5%"),
        pytest.param(100, fund(2), "5000", "(c)(1); RN 09-53", id="long 2x fund: 50%"),
        pytest.param(100, fund(3), "7500", "(c)(1); RN 09-53", id="long 3x fund: 75%"),
        pytest.param(100, fund(4), "10000", "(c)(1); RN 09-53", id="long 4x fund: 100%"),
        pytest.param(100, fund(5), "10000", "(c)(1); RN 09-53", id="long 5x fund: capped"),
        pytest.param(100, fund(-3), "7500", "(c)(1); RN 09-53", id="long inverse 3x fund: 75%"),
        pytest.param(100, fund(-1), "2500", "(c)(1)", id="long inverse fund: 25%"),
        pytest.param(-100, fund(1.5), "4500", "(c)(3); RN 09-53", id="short 1.5x fund: 45%"),
        pytest.param(-100, fund(2), "6000", "(c)(3); RN 09-53", id="short 2x fund: 60%"),
        pytest.param(-100, fund(3), "9000", "(c)(3); RN 09-53", id="short 3x fund: 90%"),
        pytest.param(-100, fund(4), "12000", "(c)(3); RN 09-53", id="short 4x fund: 120%"),
        pytest.param(-100, fund(5), "15000", "(c)(3); RN 09-53", id="short 5x fund: 150%, no cap"),
        pytest.param(
            -100, fund(2, "5.50"), "500", "(c)(3); RN 09-53", id="the $5 floor is not multiplied"
        ),
        pytest.param(-100, fund(2, 4), "800", "(c)(2); RN 09-53", id="short 2x fund at $4: 200%"),
        pytest.param(
            -100, fund(2, 1), "250", "(c)(2); RN 09-53", id="the $2.50 floor is not multiplied"
        ),
        pytest.param(100, NOT_MARGINABLE, "7500", "(c)(6)", id="non-marginable long: 100%"),
        pytest.param(
            -100,
            NOT_MARGINABLE,
            "7500",
            "house",
            id="non-marginable short: 100% on top of the value",
        ),
        pytest.param(
            -100,
            Term(price=1, marginable=False),
            "250",
            "house",
            id="non-marginable short at $1: the floor",
        ),
        pytest.param(
            "0.5", Term(price="0.02"), "0", "(c)(1)", id="a quarter of a cent rounds to nothing"
        ),
        pytest.param(1, Term(price="0.02"), "0.01", "(c)(1)", id="half a cent rounds up"),
    ],
)
def test_maintenance(quantity: Number, term: Term, requirement: str, rule: str):
    row = reg_t_requirements(margined(*one(quantity, term))).row(0, named=True)

    assert row["maintenance_requirement"] == Decimal(requirement)
    assert rule in row["rule"]


@pytest.mark.parametrize(
    ("quantity", "term", "requirement"),
    [
        pytest.param(200, Term(price=50), "5000", id="long: half"),
        pytest.param(-500, Term(price=40), "10000", id="short: half"),
        pytest.param(-10000, Term(price=2), "25000", id="short at $2: maintenance is greater"),
        pytest.param(100, fund(3), "7500", id="long 3x fund: maintenance is greater"),
        pytest.param(100, NOT_MARGINABLE, "7500", id="non-marginable long: all"),
        pytest.param(-100, NOT_MARGINABLE, "7500", id="non-marginable short: all"),
        pytest.param(1, Term(price="0.01"), "0.01", id="half a cent rounds up"),
    ],
)
def test_initial(quantity: Number, term: Term, requirement: str):
    row = reg_t_requirements(margined(*one(quantity, term))).row(0, named=True)

    assert row["initial_requirement"] == Decimal(requirement)
