from datetime import date

import numpy as np
import pytest

from margin_assets.kernels.rules.rules import rules_in_force
from margin_assets.kernels.securities.class_groups import (
    Scanned,
    clear_products,
    close_group,
    nothing_scanned,
    offset_groups,
)
from schemas.margin import RANGE_CLASSES

DAY = date(2020, 3, 9)
RULES = rules_in_force(DAY)
EQUITY, HIGH_CAP = (RANGE_CLASSES.index(name) for name in ("equity", "broad_index_high_cap"))


def scanned(*pnl: int) -> Scanned:
    """A class group with so much P&L at its first points, and none at the others."""
    found = nothing_scanned(RULES)
    found.group[: len(pnl)] = pnl
    return found


@pytest.mark.parametrize(
    ("pnl", "minimum", "required"),
    [
        pytest.param((-300, 500, -700), 0, 700, id="its worst point"),
        pytest.param((300, 500), 0, 0, id="nothing of one that gains everywhere"),
        pytest.param((-300,), 375, 375, id="at least the contracts' minimum"),
    ],
)
def test_a_class_group_alone(pnl: tuple[int, ...], minimum: int, required: int):
    found = scanned(*pnl)

    assert close_group(RULES, EQUITY, minimum, found) == required
    assert not found.group.any()
    assert offset_groups(found) == 0


def test_class_groups_of_a_product_group_offset_one_another_in_part():
    found = scanned(-1_000, 400)
    assert close_group(RULES, HIGH_CAP, 10, found) == 0
    found.group[:2] = 1_000, -400
    assert close_group(RULES, HIGH_CAP, 20, found) == 0

    product = RULES.product_group[HIGH_CAP]
    kept = 1_000_000 - RULES.product_offset[product]
    assert offset_groups(found) == 1_000 * kept // 1_000_000
    assert found.minimums[product] == 30

    clear_products(found)
    assert offset_groups(found) == 0


def test_a_product_group_needs_the_minimums_of_its_class_groups():
    found = scanned(-5)

    close_group(RULES, HIGH_CAP, 10, found)
    close_group(RULES, HIGH_CAP, 20, found)

    assert offset_groups(found) == 30
    assert np.count_nonzero(found.minimums) == 1
